/**
 * Work on expression values: which columns they read, renaming, their canonical form and the rules
 * that make them mean the same on both engines. Rendering is in `expression_sql.ts`.
 *
 * @module
 */

import { schemaError, type SchemaPlace } from "./errors.ts";
import { canonicalPattern } from "./like_pattern.ts";
import type { Expression } from "./spec.ts";

/**
 * The expressions directly inside one.
 *
 * @param expression any expression.
 * @returns its operands in order; none for columns and literals.
 */
export function operandsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "column":
    case "literal":
      return [];
    case "compare":
      return [expression.left, expression.right];
    case "and":
    case "or":
      return expression.operands;
    case "in":
      return [expression.operand, ...expression.values];
    case "call":
      return expression.arguments;
    default:
      return [expression.operand];
  }
}

/**
 * The columns an expression reads.
 *
 * @param expression any expression.
 * @returns names without order.
 */
export function columnsOf(expression: Expression): ReadonlySet<string> {
  if (expression.kind === "column") return new Set([expression.name]);
  return new Set(operandsOf(expression).flatMap((operand) => [...columnsOf(operand)]));
}

/** Rebuilds an expression with every direct operand replaced. */
function mapOperands(
  expression: Expression,
  map: (operand: Expression) => Expression,
): Expression {
  switch (expression.kind) {
    case "column":
    case "literal":
      return expression;
    case "compare":
      return { ...expression, left: map(expression.left), right: map(expression.right) };
    case "and":
    case "or":
      return { kind: expression.kind, operands: expression.operands.map(map) };
    case "in":
      return { kind: "in", operand: map(expression.operand), values: expression.values.map(map) };
    case "call":
      return { ...expression, arguments: expression.arguments.map(map) };
    default:
      return { kind: expression.kind, operand: map(expression.operand) };
  }
}

/**
 * Renames a column wherever an expression reads it.
 *
 * @param expression any expression.
 * @param from name it has.
 * @param to name it gets.
 * @returns the expression over the new name.
 */
export function renameColumnIn(expression: Expression, from: string, to: string): Expression {
  if (expression.kind === "column") return expression.name === from ? column(to) : expression;
  return mapOperands(expression, (operand) => renameColumnIn(operand, from, to));
}

/**
 * The canonical form: `and`/`or` of one operand is that operand, patterns of `like` are written
 * with no needless escapes.
 *
 * @param expression any expression.
 * @returns an equal expression.
 */
export function canonicalExpression(expression: Expression): Expression {
  const result = mapOperands(expression, canonicalExpression);
  if ((result.kind === "and" || result.kind === "or") && result.operands.length === 1) {
    return result.operands[0]!;
  }
  if (
    result.kind === "compare" && result.operator === "like" && result.right.kind === "literal" &&
    typeof result.right.value === "string"
  ) {
    return { ...result, right: literal(canonicalPattern(result.right.value)) };
  }
  if (result.kind === "literal" && result.value === 0) return literal(0);
  return result;
}

/**
 * Refuses what would mean different things on the two engines, or nothing.
 *
 * @param expression a CHECK, an index key or the condition of an index.
 * @param place the object it belongs to.
 * @throws {KernelError} schema.invalid_expression — with the reason.
 */
export function checkExpression(expression: Expression, place: SchemaPlace): void {
  const reason = reasonAgainst(expression);
  if (reason !== undefined) {
    throw schemaError(
      "schema.invalid_expression",
      `${place.table}, ${place.object}: ${reason}.`,
      place,
    );
  }
  for (const operand of operandsOf(expression)) checkExpression(operand, place);
}

function reasonAgainst(expression: Expression): string | undefined {
  switch (expression.kind) {
    case "literal":
      return literalReason(expression.value);
    case "compare":
      return expression.operator === "like" && !isTextLiteral(expression.right)
        ? "the pattern of like must be a literal text"
        : undefined;
    case "and":
    case "or":
      return expression.operands.length === 0 ? `${expression.kind} needs an operand` : undefined;
    case "in":
      return expression.values.length === 0 ? "in needs a value" : undefined;
    case "call":
      return callReason(expression.function, expression.arguments.length);
    default:
      return undefined;
  }
}

function callReason(name: string, count: number): string | undefined {
  if (name === "now") return "constraints and indexes cannot depend on the time of day (now())";
  if (name === "coalesce") return count < 2 ? "coalesce needs two arguments" : undefined;
  return count === 1 ? undefined : `${name} takes one argument`;
}

function literalReason(value: string | number | boolean | null): string | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) return "numbers must be finite";
  if (typeof value !== "string" || (value.isWellFormed() && !value.includes("\0"))) {
    return undefined;
  }
  return "a text must be well-formed Unicode without NUL";
}

function isTextLiteral(expression: Expression): boolean {
  return expression.kind === "literal" && typeof expression.value === "string";
}

/**
 * A column as an expression.
 *
 * @param name the column.
 * @returns the expression that reads it.
 */
export function column(name: string): Expression {
  return { kind: "column", name };
}

function literal(value: string | number): Expression {
  return { kind: "literal", value };
}
