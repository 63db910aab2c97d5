/**
 * Columns as SQLite SQL. Declared type names carry the type, for introspection; their words give
 * the storage affinity.
 *
 * @module
 */

import { quoteIdentifier } from "./names.ts";
import { numberSql, quoteText } from "./sql_text.ts";
import type { ColumnSpec, ColumnType } from "./spec.ts";

const TYPE_NAMES: Readonly<
  Record<Exclude<ColumnType["kind"], "text" | "numeric" | "array">, string>
> = {
  uuid: "UUID TEXT",
  smallint: "SMALLINT",
  integer: "INTEGER",
  bigint: "BIGINT",
  real: "REAL",
  double: "DOUBLE PRECISION",
  boolean: "BOOLEAN INTEGER",
  timestamp: "TIMESTAMP TEXT",
  date: "DATE TEXT",
  time: "TIME TEXT",
  json: "JSON TEXT",
  bytes: "BYTEA BLOB",
};

/** A new random UUID (version 4) as SQLite makes it. */
export const RANDOM_UUID_SQL =
  "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || " +
  "substr(hex(randomblob(2)), 2) || '-' || substr('89ab', (random() & 3) + 1, 1) || " +
  "substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))";

/** The current instant, day and time of day in UTC, by type. */
export const NOW_SQL = {
  timestamp: "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
  date: "(strftime('%Y-%m-%d', 'now'))",
  time: "(strftime('%H:%M:%f', 'now'))",
} as const;

/**
 * A type as SQLite declares it.
 *
 * @param type canonical type.
 * @returns such as `UUID TEXT` or `VARCHAR(50)`.
 */
export function sqliteType(type: ColumnType): string {
  if (type.kind === "text") {
    return type.maxLength === undefined ? "TEXT" : `VARCHAR(${type.maxLength})`;
  }
  if (type.kind === "array") return `ARRAY TEXT OF ${type.element.toUpperCase()}`;
  if (type.kind !== "numeric") return TYPE_NAMES[type.kind];
  return type.precision === undefined ? "NUMERIC" : `NUMERIC(${type.precision},${type.scale ?? 0})`;
}

/**
 * A column's default as SQLite SQL. The tenant has none there: every insert names it.
 *
 * @param column canonical column.
 * @returns the expression, or undefined when it has no default.
 */
export function sqliteDefault(column: ColumnSpec): string | undefined {
  const value = column.default;
  if (value === undefined || value.kind === "tenant") return undefined;
  if (value.kind === "uuid") return RANDOM_UUID_SQL;
  if (value.kind === "now") {
    const { kind } = column.type;
    return kind === "date" || kind === "time" ? NOW_SQL[kind] : NOW_SQL.timestamp;
  }
  if (typeof value.value === "string") return quoteText(value.value);
  return typeof value.value === "number" ? numberSql(value.value) : String(value.value);
}

/**
 * A column's definition.
 *
 * @param column canonical column.
 * @returns name, declared type, nullability and default.
 */
export function sqliteColumn(column: ColumnSpec): string {
  const value = sqliteDefault(column);
  return [
    quoteIdentifier(column.name),
    sqliteType(column.type),
    ...(column.nullable ? [] : ["not null"]),
    ...(value === undefined ? [] : [`default ${value}`]),
  ].join(" ");
}

/**
 * Tells whether SQLite can add a column to a table that holds rows.
 *
 * @param column canonical column.
 * @returns false when it is required without a constant default, or its default is computed.
 */
export function isAddableColumn(column: ColumnSpec): boolean {
  return column.default === undefined || column.default.kind === "tenant"
    ? column.nullable
    : column.default.kind === "literal";
}
