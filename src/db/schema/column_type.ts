/**
 * How column types relate: families, what may be converted without loss, and which values a type
 * admits as its size. Knows no engine.
 *
 * @module
 */

import { schemaError } from "./errors.ts";
import type { ColumnType } from "./spec.ts";

/** Longest `varchar` both engines declare, in characters (Postgres documentation, §8.3). */
const MAX_TEXT_LENGTH = 10_485_760;
/** Greatest declared precision of `numeric`, in digits (Postgres documentation, §8.1.2). */
const MAX_PRECISION = 1000;

/** Types that hold the same sort of value. */
export type TypeFamily =
  | "text"
  | "uuid"
  | "number"
  | "boolean"
  | "instant"
  | "time"
  | "json"
  | "bytes"
  | "array";

const FAMILIES: Readonly<Record<ColumnType["kind"], TypeFamily>> = {
  text: "text",
  uuid: "uuid",
  smallint: "number",
  integer: "number",
  bigint: "number",
  numeric: "number",
  real: "number",
  double: "number",
  boolean: "boolean",
  timestamp: "instant",
  date: "instant",
  time: "time",
  json: "json",
  bytes: "bytes",
  array: "array",
};

/**
 * The family of a type.
 *
 * @param type any column type.
 * @returns what sort of value it holds.
 */
export function typeFamily(type: ColumnType): TypeFamily {
  return FAMILIES[type.kind];
}

/**
 * A type in its one canonical form: `numeric(18)` is `numeric(18,0)`.
 *
 * @param type the type as given.
 * @param table logical name of the table, for the message.
 * @param column name of the column, for the message.
 * @returns the type with its scale written out.
 * @throws {KernelError} schema.invalid_type — a length, precision or scale out of range.
 */
export function canonicalType(type: ColumnType, table: string, column: string): ColumnType {
  const invalid = (what: string) =>
    schemaError("schema.invalid_type", `${table}.${column}: ${what}.`, { table, column });
  if (type.kind === "text") {
    if (type.maxLength === undefined) return { kind: "text" };
    if (isWhole(type.maxLength, 1, MAX_TEXT_LENGTH)) return type;
    throw invalid(`the length of a text must be 1 to ${MAX_TEXT_LENGTH}`);
  }
  if (type.kind !== "numeric") return type;
  if (type.precision === undefined) {
    if (type.scale === undefined) return { kind: "numeric" };
    throw invalid("a numeric with a scale needs a precision");
  }
  const scale = type.scale ?? 0;
  if (!isWhole(type.precision, 1, MAX_PRECISION) || !isWhole(scale, 0, type.precision)) {
    throw invalid(`a numeric has 1 to ${MAX_PRECISION} digits and a scale of 0 to that many`);
  }
  return { kind: "numeric", precision: type.precision, scale };
}

/**
 * Tells whether two canonical types are the same.
 *
 * @param left one type.
 * @param right another.
 * @returns true when they are.
 */
export function sameType(left: ColumnType, right: ColumnType): boolean {
  if (left.kind === "text") return right.kind === "text" && left.maxLength === right.maxLength;
  if (left.kind === "array") return right.kind === "array" && left.element === right.element;
  if (left.kind !== "numeric") return left.kind === right.kind;
  return right.kind === "numeric" && left.precision === right.precision &&
    left.scale === right.scale;
}

/**
 * Tells whether every value of one type is a value of another, unchanged.
 *
 * @param from canonical type.
 * @param to canonical type.
 * @returns true for a longer text, a larger integer, a numeric with room for more digits.
 */
export function isWidening(from: ColumnType, to: ColumnType): boolean {
  if (sameType(from, to)) return false;
  if (from.kind === "text" && to.kind === "text") {
    return to.maxLength === undefined ||
      (from.maxLength !== undefined && to.maxLength > from.maxLength);
  }
  if (from.kind === "smallint") return to.kind === "integer" || to.kind === "bigint";
  if (from.kind === "integer") return to.kind === "bigint";
  if (from.kind !== "numeric" || to.kind !== "numeric") return false;
  if (to.precision === undefined) return true;
  if (from.precision === undefined) return false;
  const [fromScale, toScale] = [from.scale ?? 0, to.scale ?? 0];
  return toScale >= fromScale && to.precision - toScale >= from.precision - fromScale;
}

const INTEGERS: ReadonlySet<string> = new Set(["smallint", "integer", "bigint"]);
const INEXACT: ReadonlySet<string> = new Set(["real", "double"]);

/**
 * Tells whether a migration may convert a column: both engines give the same values and no value
 * is cut or refused.
 *
 * @param from canonical type the column has.
 * @param to canonical type it is to have.
 * @returns true when the conversion is offered.
 */
export function isConvertible(from: ColumnType, to: ColumnType): boolean {
  if (sameType(from, to) || isWidening(from, to)) return true;
  if (to.kind === "text" && to.maxLength === undefined) {
    return from.kind === "uuid" || INTEGERS.has(from.kind);
  }
  if (INTEGERS.has(from.kind)) return to.kind === "double" || isPlainNumeric(to);
  if (INEXACT.has(from.kind)) return to.kind === "double" || isPlainNumeric(to);
  return from.kind === "date" && to.kind === "timestamp";
}

/**
 * A type in words, for messages and plans.
 *
 * @param type any column type.
 * @returns such as `varchar(50)` or `numeric(18,4)`.
 */
export function describeType(type: ColumnType): string {
  if (type.kind === "text") return type.maxLength === undefined ? "text" : varchar(type.maxLength);
  if (type.kind === "array") return `${type.element}[]`;
  if (type.kind !== "numeric" || type.precision === undefined) return type.kind;
  return `numeric(${type.precision},${type.scale ?? 0})`;
}

function varchar(length: number): string {
  return `varchar(${length})`;
}

function isPlainNumeric(type: ColumnType): boolean {
  return type.kind === "numeric" && type.precision === undefined;
}

function isWhole(value: number, least: number, greatest: number): boolean {
  return Number.isInteger(value) && value >= least && value <= greatest;
}
