/**
 * Columns as Postgres SQL: type and default. Literal defaults of types whose values Postgres
 * rewrites (JSON, times) stay texts that are cast, so that they read back as written.
 *
 * @module
 */

import { quoteIdentifier } from "./names.ts";
import { numberSql, postgresText } from "./sql_text.ts";
import type { ColumnSpec, ColumnType } from "./spec.ts";

/** The organization the connection acts for; NULL when there is none (decisions, tenant). */
export const CURRENT_TENANT_SQL = "nullif(current_setting('app.current_org', true), '')::uuid";

const TYPE_NAMES: Readonly<
  Record<Exclude<ColumnType["kind"], "text" | "numeric" | "array">, string>
> = {
  uuid: "uuid",
  smallint: "smallint",
  integer: "integer",
  bigint: "bigint",
  real: "real",
  double: "double precision",
  boolean: "boolean",
  timestamp: "timestamptz",
  date: "date",
  time: "time",
  json: "jsonb",
  bytes: "bytea",
};

/**
 * A type as Postgres SQL.
 *
 * @param type canonical type.
 * @returns such as `varchar(50)` or `timestamptz`.
 */
export function postgresType(type: ColumnType): string {
  if (type.kind === "text") {
    return type.maxLength === undefined ? "text" : `varchar(${type.maxLength})`;
  }
  if (type.kind === "array") return `${type.element}[]`;
  if (type.kind !== "numeric") return TYPE_NAMES[type.kind];
  return type.precision === undefined
    ? "numeric"
    : `numeric(${type.precision}, ${type.scale ?? 0})`;
}

/**
 * A column's default as Postgres SQL.
 *
 * @param column canonical column.
 * @returns the expression, or undefined when it has no default.
 */
export function postgresDefault(column: ColumnSpec): string | undefined {
  const value = column.default;
  if (value === undefined) return undefined;
  switch (value.kind) {
    case "uuid":
      return "gen_random_uuid()";
    case "tenant":
      return CURRENT_TENANT_SQL;
    case "now":
      return nowSql(column.type);
    case "literal":
      return literalSql(value.value, column.type);
  }
}

/**
 * A column's definition.
 *
 * @param column canonical column.
 * @returns name, type, nullability and default.
 */
export function postgresColumn(column: ColumnSpec): string {
  const value = postgresDefault(column);
  return [
    quoteIdentifier(column.name),
    postgresType(column.type),
    ...(column.nullable ? [] : ["not null"]),
    ...(value === undefined ? [] : [`default ${value}`]),
  ].join(" ");
}

/** Days and times are UTC's, whatever the session's time zone. */
function nowSql(type: ColumnType): string {
  if (type.kind === "timestamp") return "now()";
  return `(now() at time zone 'UTC')::${type.kind === "date" ? "date" : "time"}`;
}

function literalSql(value: string | number | boolean, type: ColumnType): string {
  if (typeof value === "number") return numberSql(value);
  if (typeof value === "boolean") return String(value);
  if (type.kind === "text") return `${postgresText(value)}::text`;
  const text = type.kind === "array" ? "{}" : value;
  return `(${postgresText(text)}::text)::${postgresType(type)}`;
}
