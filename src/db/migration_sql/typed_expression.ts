/**
 * Expressions with what they give, so that a rule means the same on both engines: Postgres refuses
 * to compare a number with a text, SQLite does not.
 *
 * @module
 */

import { canonicalDefault } from "../schema/column_default.ts";
import { type TypeFamily, typeFamily } from "../schema/column_type.ts";
import type { ColumnType, Expression } from "../schema/spec.ts";
import type { LiteralValue } from "./literal.ts";

/** An expression and the type of what it gives; a bare NULL has none. */
export interface TypedExpression {
  readonly expression: Expression;
  readonly type?: ColumnType;
}

/** Families that both engines order and compare alike. */
const COMPARABLE: ReadonlySet<TypeFamily> = new Set([
  "text",
  "uuid",
  "number",
  "boolean",
  "instant",
  "time",
]);

/**
 * A literal as an expression.
 *
 * @param value the value.
 * @returns the expression, typed by how it was written.
 */
export function typedLiteral(value: LiteralValue): TypedExpression {
  const expression: Expression = { kind: "literal", value };
  if (value === null) return { expression };
  if (typeof value === "string") return { expression, type: { kind: "text" } };
  return { expression, type: { kind: typeof value === "number" ? "numeric" : "boolean" } };
}

/**
 * The family of what an expression gives.
 *
 * @param typed the expression.
 * @returns the family; undefined for a bare NULL.
 */
export function familyOf(typed: TypedExpression): TypeFamily | undefined {
  return typed.type === undefined ? undefined : typeFamily(typed.type);
}

/**
 * Brings two sides of a comparison to one family: a literal text takes the type of the other side,
 * in that type's canonical form.
 *
 * @param left one side.
 * @param right the other.
 * @returns both sides, or undefined when they cannot be compared on both engines.
 */
export function comparable(
  left: TypedExpression,
  right: TypedExpression,
): readonly [TypedExpression, TypedExpression] | undefined {
  const fittedRight = fit(right, left);
  const fittedLeft = fit(left, right);
  if (fittedLeft === undefined || fittedRight === undefined) return undefined;
  const [one, other] = [familyOf(fittedLeft), familyOf(fittedRight)];
  if (one === undefined || other === undefined) return [fittedLeft, fittedRight];
  return one === other && COMPARABLE.has(one) ? [fittedLeft, fittedRight] : undefined;
}

/** A literal text as a value of the other side's type; anything else as it is. */
function fit(typed: TypedExpression, other: TypedExpression): TypedExpression | undefined {
  const { expression } = typed;
  const isText = expression.kind === "literal" && typeof expression.value === "string";
  if (!isText || other.type === undefined || typeFamily(other.type) === "text") return typed;
  const type = unsized(other.type);
  const column = { name: "value", type, nullable: true } as const;
  try {
    const value = canonicalDefault(
      { ...column, default: { kind: "literal", value: expression.value } },
      "value",
    );
    return value?.kind === "literal"
      ? { expression: { kind: "literal", value: value.value }, type }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Comparing with a number or text that the column could not hold is no mistake. */
function unsized(type: ColumnType): ColumnType {
  return typeFamily(type) === "number" ? { kind: "numeric" } : type;
}
