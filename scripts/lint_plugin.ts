/**
 * House rules that Deno's linter does not know: functions stay under 70 lines, and no parameter is a
 * bare boolean.
 *
 * @module
 */

const MAX_FUNCTION_LINES = 70;

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

function checkLength(context: Deno.lint.RuleContext, node: FunctionNode): void {
  const text = context.sourceCode.text.slice(node.range[0], node.range[1]);
  const lines = text.split("\n").length;
  if (lines > MAX_FUNCTION_LINES) {
    context.report({
      node,
      message: `Function has ${lines} lines, more than ${MAX_FUNCTION_LINES}`,
    });
  }
}

function checkBooleans(context: Deno.lint.RuleContext, node: FunctionNode): void {
  for (const parameter of node.params) {
    if (parameter.type !== "Identifier") continue;
    if (parameter.typeAnnotation?.typeAnnotation.type !== "TSBooleanKeyword") continue;
    context.report({
      node: parameter,
      message: `Parameter "${parameter.name}" is a bare boolean: name the two cases instead`,
    });
  }
}

function everyFunction(
  check: (context: Deno.lint.RuleContext, node: FunctionNode) => void,
): Deno.lint.Rule {
  return {
    create: (context) => ({
      FunctionDeclaration: (node) => check(context, node),
      FunctionExpression: (node) => check(context, node),
      ArrowFunctionExpression: (node) => check(context, node),
    }),
  };
}

const plugin: Deno.lint.Plugin = {
  name: "metacore",
  rules: {
    "function-length": everyFunction(checkLength),
    "no-boolean-parameter": everyFunction(checkBooleans),
  },
};

export default plugin;
