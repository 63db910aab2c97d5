/**
 * Reads types and defaults of columns as the Postgres catalogs print them. What this room never
 * writes is read as the nearest thing it knows.
 *
 * @module
 */

import { canonicalColumn } from "./canonical.ts";
import type { CatalogColumn } from "./postgres_catalog.ts";
import type { ColumnDefault, ColumnSpec, ColumnType } from "./spec.ts";

const PLAIN_TYPES: Readonly<Record<string, ColumnType>> = {
  text: { kind: "text" },
  "character varying": { kind: "text" },
  uuid: { kind: "uuid" },
  smallint: { kind: "smallint" },
  integer: { kind: "integer" },
  bigint: { kind: "bigint" },
  numeric: { kind: "numeric" },
  real: { kind: "real" },
  "double precision": { kind: "double" },
  boolean: { kind: "boolean" },
  date: { kind: "date" },
  json: { kind: "json" },
  jsonb: { kind: "json" },
  bytea: { kind: "bytes" },
  "text[]": { kind: "array", element: "text" },
  "uuid[]": { kind: "array", element: "uuid" },
  "integer[]": { kind: "array", element: "integer" },
  "bigint[]": { kind: "array", element: "bigint" },
};
const SIZED_TEXT = /^character(?: varying)?\((\d+)\)$/;
const SIZED_NUMERIC = /^numeric\((\d+),(\d+)\)$/;

const FUNCTION_DEFAULTS: readonly (readonly [RegExp, ColumnDefault])[] = [
  [/^(?:gen_random_uuid|(?:\w+\.)?uuid_generate_v4)\(\)$/, { kind: "uuid" }],
  [/^\(NULLIF\(current_setting\('app\.current_org'::text, true\), ''::text\)\)::uuid$/, {
    kind: "tenant",
  }],
  [/^(?:now\(\)|CURRENT_TIMESTAMP|CURRENT_DATE|CURRENT_TIME|LOCALTIME|LOCALTIMESTAMP)$/, {
    kind: "now",
  }],
  [/^\(\(now\(\) AT TIME ZONE 'UTC'::text\)\)::(?:date|time without time zone)$/, { kind: "now" }],
  [/^\(timezone\('UTC'::text, now\(\)\)\)::(?:date|time without time zone)$/, { kind: "now" }],
];
const NUMBER = /^-?[\d.]+(?:e[+-]?\d+)?$/i;
const QUOTED = /^\(?(E?)'((?:[^']|'')*)'::[a-z][a-z ]*(?:\(\d+(?:,\d+)?\))?(?:\[\])?(?:\)::.+)?$/s;

/**
 * Reads a column.
 *
 * @param column what the catalogs say.
 * @param table logical name of its table, for messages.
 * @returns the column in canonical form; a default that no column of ours has is left out.
 */
export function readPostgresColumn(column: CatalogColumn, table: string): ColumnSpec {
  const bare: ColumnSpec = {
    name: column.name,
    type: readPostgresType(column.type),
    nullable: !column.required,
  };
  const value = column.default === null ? undefined : readDefault(column.default);
  if (value === undefined) return bare;
  try {
    return canonicalColumn({ ...bare, default: value }, table);
  } catch {
    return bare;
  }
}

/**
 * Reads a type.
 *
 * @param printed what `format_type` prints.
 * @returns the type; text for what this room does not know.
 */
export function readPostgresType(printed: string): ColumnType {
  const plain = PLAIN_TYPES[printed];
  if (plain !== undefined) return plain;
  const text = SIZED_TEXT.exec(printed);
  if (text !== null) return { kind: "text", maxLength: Number(text[1]) };
  const numeric = SIZED_NUMERIC.exec(printed);
  if (numeric !== null) {
    return { kind: "numeric", precision: Number(numeric[1]), scale: Number(numeric[2]) };
  }
  if (printed.startsWith("timestamp")) return { kind: "timestamp" };
  if (printed.startsWith("time")) return { kind: "time" };
  return { kind: "text" };
}

function readDefault(printed: string): ColumnDefault | undefined {
  for (const [pattern, value] of FUNCTION_DEFAULTS) {
    if (pattern.test(printed)) return value;
  }
  if (printed === "true" || printed === "false") {
    return { kind: "literal", value: printed === "true" };
  }
  if (NUMBER.test(printed)) return { kind: "literal", value: printed };
  const quoted = QUOTED.exec(printed);
  if (quoted === null) return undefined;
  const text = quoted[2]!.replaceAll("''", "'");
  return { kind: "literal", value: quoted[1] === "E" ? text.replaceAll("\\\\", "\\") : text };
}
