/**
 * Reads expressions from the tokens of SQLite definitions: exactly the fully parenthesised forms
 * that `sql_text.ts` writes. Anything else gives undefined.
 *
 * @module
 */

import { isFunction, isOperator } from "./expression_json.ts";
import { globToLike } from "./like_pattern.ts";
import { findOutside, inParentheses, isToken, splitAtCommas, type Token } from "./sqlite_tokens.ts";
import type { Expression } from "./spec.ts";

/**
 * Reads one expression.
 *
 * @param tokens all tokens of it.
 * @returns the expression, or undefined when it is not of the written forms.
 */
export function readExpression(tokens: readonly Token[]): Expression | undefined {
  const [first, second] = tokens;
  if (first === undefined) return undefined;
  if (isToken(first, "(")) {
    const inner = inParentheses(tokens, 0);
    return inner.length === tokens.length - 2 ? readCompound(inner) : undefined;
  }
  if (first.kind === "word" && isToken(second, "(")) return readCall(tokens);
  return tokens.length === 1 ? readSingle(first) : undefined;
}

function readSingle(token: Token): Expression | undefined {
  switch (token.kind) {
    case "name":
      return { kind: "column", name: token.value };
    case "text":
      return { kind: "literal", value: token.value };
    case "number":
      return { kind: "literal", value: Number(token.value) };
    case "word":
      if (token.value === "null") return { kind: "literal", value: null };
      if (token.value === "true") return { kind: "literal", value: true };
      return token.value === "false" ? { kind: "literal", value: false } : undefined;
    case "symbol":
      return undefined;
  }
}

function readCall(tokens: readonly Token[]): Expression | undefined {
  const name = tokens[0]!.value;
  const inner = inParentheses(tokens, 1);
  if (!isFunction(name) || inner.length !== tokens.length - 3) return undefined;
  const operands = readAll(splitAtCommas(inner));
  return operands && { kind: "call", function: name, arguments: operands };
}

/** What stands inside a pair of parentheses. */
function readCompound(tokens: readonly Token[]): Expression | undefined {
  const [first, second] = tokens;
  if (isToken(first, "-") && second?.kind === "number" && tokens.length === 2) {
    return { kind: "literal", value: -Number(second.value) };
  }
  if (isToken(first, "not")) {
    const operand = readExpression(tokens.slice(1));
    return operand && { kind: "not", operand };
  }
  for (const kind of ["and", "or"] as const) {
    if (findOutside(tokens, kind) < 0) continue;
    const operands = readAll(splitAtWord(tokens, kind));
    return operands && { kind, operands };
  }
  return readNullTest(tokens) ?? readIn(tokens) ?? readComparison(tokens);
}

function readNullTest(tokens: readonly Token[]): Expression | undefined {
  const at = findOutside(tokens, "is");
  if (at < 0) return undefined;
  const words = tokens.slice(at + 1).map((token) => token.value).join(" ");
  const operand = readExpression(tokens.slice(0, at));
  if (operand === undefined || (words !== "null" && words !== "not null")) return undefined;
  return { kind: words === "null" ? "isNull" : "isNotNull", operand };
}

function readIn(tokens: readonly Token[]): Expression | undefined {
  const at = findOutside(tokens, "in");
  if (at < 0 || !isToken(tokens[at + 1], "(")) return undefined;
  const operand = readExpression(tokens.slice(0, at));
  const values = readAll(splitAtCommas(inParentheses(tokens, at + 1)));
  return operand && values && { kind: "in", operand, values };
}

function readComparison(tokens: readonly Token[]): Expression | undefined {
  const glob = findOutside(tokens, "glob");
  const pattern = tokens[glob + 1];
  if (glob > 0 && pattern?.kind === "text" && glob + 2 === tokens.length) {
    const left = readExpression(tokens.slice(0, glob));
    const right = { kind: "literal", value: globToLike(pattern.value) } as const;
    return left && { kind: "compare", operator: "like", left, right };
  }
  const at = tokens.findIndex((token, position) =>
    isOperator(token.value) && findOutside(tokens, token.value) === position
  );
  const operator = tokens[at]?.value;
  if (!isOperator(operator)) return undefined;
  const left = readExpression(tokens.slice(0, at));
  const right = readExpression(tokens.slice(at + 1));
  return left && right && { kind: "compare", operator, left, right };
}

function splitAtWord(tokens: readonly Token[], word: string): readonly (readonly Token[])[] {
  const at = findOutside(tokens, word);
  if (at < 0) return [tokens];
  return [tokens.slice(0, at), ...splitAtWord(tokens.slice(at + 1), word)];
}

function readAll(parts: readonly (readonly Token[])[]): readonly Expression[] | undefined {
  const operands = parts.map(readExpression);
  return operands.every((operand) => operand !== undefined) ? operands : undefined;
}
