/**
 * Literals and expressions as SQL text. Both engines read the same forms but for backslashes in
 * texts and for `like`, which a dialect gives.
 *
 * @module
 */

import { schemaError } from "./errors.ts";
import { likeToGlob } from "./like_pattern.ts";
import { quoteIdentifier } from "./names.ts";
import type { Expression } from "./spec.ts";

/** What differs between the engines in expressions. */
export interface ExpressionDialect {
  /** A text literal. */
  text(value: string): string;
  /** Case-sensitive pattern match; `pattern` is canonical. */
  like(operand: string, pattern: string): string;
}

/** Expressions for Postgres. */
export const POSTGRES_EXPRESSIONS: ExpressionDialect = {
  text: postgresText,
  like: (operand, pattern) => `(${operand} like ${postgresText(pattern)})`,
};

/** Expressions for SQLite, whose own `like` ignores case. */
export const SQLITE_EXPRESSIONS: ExpressionDialect = {
  text: quoteText,
  like: (operand, pattern) => `(${operand} glob ${quoteText(likeToGlob(pattern))})`,
};

/**
 * A text literal for Postgres; with backslashes in the escape form, so that it does not depend on
 * `standard_conforming_strings`.
 *
 * @param value any text without NUL.
 * @returns the quoted literal.
 * @throws {KernelError} schema.invalid_text — it holds NUL or is not well-formed Unicode.
 */
export function postgresText(value: string): string {
  return value.includes("\\") ? `E${quoteText(value.replaceAll("\\", "\\\\"))}` : quoteText(value);
}

/**
 * A text literal in single quotes, inner ones doubled.
 *
 * @param value any text without NUL.
 * @returns the quoted literal.
 * @throws {KernelError} schema.invalid_text — it holds NUL or is not well-formed Unicode.
 */
export function quoteText(value: string): string {
  if (value.includes("\0") || !value.isWellFormed()) {
    throw schemaError("schema.invalid_text", "A text must be well-formed Unicode without NUL.", {});
  }
  return `'${value.replaceAll("'", "''")}'`;
}

/**
 * An expression as SQL; everything compound is in parentheses.
 *
 * @param expression canonical expression.
 * @param dialect what differs.
 * @returns the text.
 */
export function expressionSql(expression: Expression, dialect: ExpressionDialect): string {
  const sql = (operand: Expression): string => expressionSql(operand, dialect);
  switch (expression.kind) {
    case "column":
      return quoteIdentifier(expression.name);
    case "literal":
      return literalSql(expression.value, dialect);
    case "compare": {
      const { operator, left, right } = expression;
      if (operator === "like" && right.kind === "literal") {
        return dialect.like(sql(left), String(right.value));
      }
      return `(${sql(left)} ${operator} ${sql(right)})`;
    }
    case "and":
    case "or":
      return `(${expression.operands.map(sql).join(` ${expression.kind} `)})`;
    case "not":
      return `(not ${sql(expression.operand)})`;
    case "isNull":
      return `(${sql(expression.operand)} is null)`;
    case "isNotNull":
      return `(${sql(expression.operand)} is not null)`;
    case "in":
      return `(${sql(expression.operand)} in (${expression.values.map(sql).join(", ")}))`;
    case "call":
      return `${expression.function}(${expression.arguments.map(sql).join(", ")})`;
  }
}

function literalSql(
  value: string | number | boolean | null,
  dialect: ExpressionDialect,
): string {
  if (typeof value === "string") return dialect.text(value);
  if (typeof value === "number") return numberSql(value);
  return String(value);
}

/**
 * A number as SQL of either engine; negative ones in parentheses.
 *
 * @param value a finite number.
 * @returns the text.
 * @throws {KernelError} schema.invalid_number — it is not finite.
 */
export function numberSql(value: number): string {
  if (!Number.isFinite(value)) {
    throw schemaError("schema.invalid_number", "Numbers must be finite.", {});
  }
  return value < 0 ? `(-${String(-value)})` : String(value);
}
