/**
 * Types of values in guests' SQL on SQLite, by the names Postgres gives them. SQLite itself types
 * nothing: these say how a value is stored and how a result is written.
 *
 * @module
 */

import type { ColumnType } from "../schema/spec.ts";

/** A type: Postgres's own name of it, arrays with a leading `_`, and what its modifier says. */
export interface SqlType {
  readonly name: string;
  /** Digits after the point of a `numeric`. */
  readonly scale?: number;
  /** Digits of a `numeric`, characters of a `varchar`. */
  readonly size?: number;
}

/** Types that expressions give often. */
export const BOOL: SqlType = { name: "bool" };
export const INT4: SqlType = { name: "int4" };
export const INT8: SqlType = { name: "int8" };
export const FLOAT8: SqlType = { name: "float8" };
export const NUMERIC: SqlType = { name: "numeric" };
export const TEXT: SqlType = { name: "text" };
export const UUID: SqlType = { name: "uuid" };
export const DATE: SqlType = { name: "date" };
export const TIME: SqlType = { name: "time" };
export const TIMESTAMPTZ: SqlType = { name: "timestamptz" };
export const INTERVAL: SqlType = { name: "interval" };
export const JSONB: SqlType = { name: "jsonb" };

const NAMES = {
  uuid: "uuid",
  smallint: "int2",
  integer: "int4",
  bigint: "int8",
  real: "float4",
  double: "float8",
  boolean: "bool",
  timestamp: "timestamptz",
  date: "date",
  time: "time",
  json: "jsonb",
  bytes: "bytea",
} as const;
const ELEMENTS = { text: "_text", uuid: "_uuid", integer: "_int4", bigint: "_int8" } as const;

/**
 * The type of a column.
 *
 * @param type as the schema has it.
 * @returns the same by Postgres's name.
 */
export function columnSqlType(type: ColumnType): SqlType {
  switch (type.kind) {
    case "text":
      return type.maxLength === undefined ? TEXT : { name: "varchar", size: type.maxLength };
    case "numeric":
      return type.precision === undefined
        ? NUMERIC
        : { name: "numeric", size: type.precision, scale: type.scale ?? 0 };
    case "array":
      return { name: ELEMENTS[type.element] };
    default:
      return { name: NAMES[type.kind] };
  }
}

/** Families of types whose values compare with each other. */
export type Family =
  | "integer"
  | "decimal"
  | "text"
  | "bool"
  | "instant"
  | "date"
  | "time"
  | "interval"
  | "json"
  | "uuid"
  | "bytes"
  | "array"
  | "other";

const FAMILIES: Readonly<Record<string, Family>> = {
  int2: "integer",
  int4: "integer",
  int8: "integer",
  float4: "decimal",
  float8: "decimal",
  numeric: "decimal",
  text: "text",
  varchar: "text",
  bpchar: "text",
  bool: "bool",
  timestamptz: "instant",
  timestamp: "instant",
  date: "date",
  time: "time",
  interval: "interval",
  json: "json",
  jsonb: "json",
  uuid: "uuid",
  bytea: "bytes",
};

/**
 * The family of a type.
 *
 * @param type a type; undefined when nothing is known.
 * @returns its family, undefined when nothing is known.
 */
export function familyOf(type: SqlType | undefined): Family | undefined {
  if (type === undefined) return undefined;
  return type.name.startsWith("_") ? "array" : FAMILIES[type.name] ?? "other";
}

/**
 * The type that values of several branches get together (CASE, COALESCE, UNION).
 *
 * @param types of the branches.
 * @returns the widest number, the instant over the day, else the first that is known.
 */
export function commonType(types: readonly (SqlType | undefined)[]): SqlType | undefined {
  const known = types.filter((type) => type !== undefined);
  for (const name of ["float8", "float4", "numeric", "int8", "timestamptz"]) {
    const found = known.find((type) => type.name === name);
    if (found === undefined) continue;
    return name === "numeric" && known.some((type) => type.scale !== found.scale) ? NUMERIC : found;
  }
  return known[0];
}
