/**
 * Reads columns from the tokens of a SQLite table definition. What this room never writes is read
 * as the nearest thing it knows.
 *
 * @module
 */

import { canonicalColumn } from "./canonical.ts";
import { NOW_SQL, RANDOM_UUID_SQL } from "./sqlite_column.ts";
import { readExpression } from "./sqlite_expression_reading.ts";
import { inParentheses, isToken, type Token } from "./sqlite_tokens.ts";
import { TENANT_COLUMN, TENANT_COLUMN_SPEC } from "./tenant_rules.ts";
import type { ColumnDefault, ColumnSpec, ColumnType } from "./spec.ts";

const AFTER_TYPE: ReadonlySet<string> = new Set([
  "constraint",
  "primary",
  "not",
  "null",
  "unique",
  "check",
  "default",
  "collate",
  "references",
  "generated",
  "as",
]);

const TYPES: Readonly<Record<string, ColumnType>> = {
  "uuid text": { kind: "uuid" },
  smallint: { kind: "smallint" },
  integer: { kind: "integer" },
  int: { kind: "integer" },
  bigint: { kind: "bigint" },
  numeric: { kind: "numeric" },
  real: { kind: "real" },
  "double precision": { kind: "double" },
  "boolean integer": { kind: "boolean" },
  "timestamp text": { kind: "timestamp" },
  "date text": { kind: "date" },
  "time text": { kind: "time" },
  "json text": { kind: "json" },
  "bytea blob": { kind: "bytes" },
  blob: { kind: "bytes" },
  "array text of text": { kind: "array", element: "text" },
  "array text of uuid": { kind: "array", element: "uuid" },
  "array text of integer": { kind: "array", element: "integer" },
  "array text of bigint": { kind: "array", element: "bigint" },
};

const COMPUTED: ReadonlySet<string> = new Set([...Object.values(NOW_SQL)]);

/** A column and whether its definition makes it the primary key. */
export interface ReadColumn {
  readonly column: ColumnSpec;
  readonly isKey: boolean;
}

/**
 * Reads a column definition.
 *
 * @param tokens its tokens, the name first.
 * @param sql the text they were cut from.
 * @param table logical name of the table, for messages.
 * @returns the column in canonical form.
 */
export function readSqliteColumn(
  tokens: readonly Token[],
  sql: string,
  table: string,
): ReadColumn {
  const typeEnd = tokens.findIndex((token, position) =>
    position > 0 && token.kind === "word" && AFTER_TYPE.has(token.value)
  );
  const typeTokens = tokens.slice(1, typeEnd < 0 ? tokens.length : typeEnd);
  const rest = typeEnd < 0 ? [] : tokens.slice(typeEnd);
  const bare: ColumnSpec = {
    name: tokens[0]!.value,
    type: readType(typeTokens),
    nullable: !rest.some((token, i) => isToken(token, "not") && isToken(rest[i + 1], "null")),
  };
  const isKey = rest.some((token) => isToken(token, "primary"));
  const at = rest.findIndex((token) => isToken(token, "default"));
  const value = at < 0 ? undefined : readDefault(rest.slice(at + 1), sql);
  return { column: withDefault(bare, value, table), isKey };
}

function withDefault(
  column: ColumnSpec,
  value: ColumnDefault | undefined,
  table: string,
): ColumnSpec {
  const isTenant = column.name === TENANT_COLUMN && column.type.kind === "uuid" && !column.nullable;
  if (value === undefined) return isTenant ? TENANT_COLUMN_SPEC : column;
  try {
    return canonicalColumn({ ...column, default: value }, table);
  } catch {
    return column;
  }
}

function readType(tokens: readonly Token[]): ColumnType {
  const words = tokens.filter((token) => token.kind === "word").map((token) => token.value);
  const sizes = tokens.filter((token) => token.kind === "number")
    .map((token) => Number(token.value));
  const [first, second] = sizes;
  if (words[0] === "varchar" && first !== undefined) return { kind: "text", maxLength: first };
  if (words[0] === "numeric" && first !== undefined) {
    return { kind: "numeric", precision: first, scale: second ?? 0 };
  }
  return TYPES[words.join(" ")] ?? { kind: "text" };
}

function readDefault(tokens: readonly Token[], sql: string): ColumnDefault | undefined {
  const [first, second] = tokens;
  if (first === undefined) return undefined;
  if (isToken(first, "(")) {
    const inner = inParentheses(tokens, 0);
    const close = tokens[inner.length + 1];
    const text = sql.slice(first.start, close?.end);
    if (text === RANDOM_UUID_SQL) return { kind: "uuid" };
    if (COMPUTED.has(text)) return { kind: "now" };
    return literalDefault(tokens.slice(0, inner.length + 2));
  }
  if (isToken(first, "-") && second?.kind === "number") {
    return { kind: "literal", value: -Number(second.value) };
  }
  return literalDefault([first]);
}

function literalDefault(tokens: readonly Token[]): ColumnDefault | undefined {
  const expression = readExpression(tokens);
  return expression?.kind === "literal" && expression.value !== null
    ? { kind: "literal", value: expression.value }
    : undefined;
}
