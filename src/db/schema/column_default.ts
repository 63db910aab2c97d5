/**
 * Defaults of columns in their one canonical form, so that what an author wrote, what is stored
 * and what is read back compare equal on both engines.
 *
 * @module
 */

import { isUuid } from "../../base/ids.ts";
import { typeFamily } from "./column_type.ts";
import { schemaError } from "./errors.ts";
import type { ColumnDefault, ColumnSpec, ColumnType } from "./spec.ts";

const NUMBER = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?$/;
const INSTANT =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?(?:Z|[+]00(?::?00)?)?$/;
/** Decimal digits that a JavaScript number always keeps. */
const EXACT_DIGITS = 15;
/** Most digits `Number.prototype.toFixed` gives. */
const MAX_FIXED_DIGITS = 100;
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  t: true,
  f: false,
  "1": true,
  "0": false,
};

type LiteralValue = string | number | boolean;

/**
 * The canonical form of a column's default.
 *
 * @param column a column whose type is canonical.
 * @param table logical name of its table, for the message.
 * @returns the default, or undefined when there is none.
 * @throws {KernelError} schema.invalid_default — no value of the column's type on both engines.
 */
export function canonicalDefault(column: ColumnSpec, table: string): ColumnDefault | undefined {
  const given = column.default;
  if (given === undefined) return undefined;
  if (given.kind !== "literal") {
    if (isFunctionFor(given.kind, column)) return { kind: given.kind };
    throw invalidDefault(table, column, given.kind);
  }
  const value = canonicalLiteral(given.value, column.type);
  if (value === undefined) throw invalidDefault(table, column, JSON.stringify(given.value));
  return { kind: "literal", value };
}

function isFunctionFor(kind: "now" | "uuid" | "tenant", column: ColumnSpec): boolean {
  if (kind === "tenant") return column.name === "organization_id" && column.type.kind === "uuid";
  if (kind === "uuid") return column.type.kind === "uuid";
  return column.type.kind === "timestamp" || column.type.kind === "date" ||
    column.type.kind === "time";
}

/** The value as the type holds it; undefined when it holds no such value. */
function canonicalLiteral(value: LiteralValue, type: ColumnType): LiteralValue | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) return undefined;
  switch (typeFamily(type)) {
    case "text":
      return canonicalText(String(value), type);
    case "number":
      return canonicalNumber(value, type);
    case "boolean":
      return BOOLEANS[String(value).toLowerCase()];
    case "instant":
      return type.kind === "date" ? matching(DATE, value) : canonicalInstant(String(value));
    case "time":
      return matching(TIME, value);
    case "uuid":
      return isUuid(value) ? value.toLowerCase() : undefined;
    case "json":
      return isJson(value) ? String(value) : undefined;
    case "array":
      return value === "{}" || value === "[]" ? "[]" : undefined;
    case "bytes":
      return undefined;
  }
}

function canonicalText(text: string, type: ColumnType): string | undefined {
  if (text.includes("\0") || !text.isWellFormed()) return undefined;
  const limit = type.kind === "text" ? type.maxLength : undefined;
  return limit !== undefined && [...text].length > limit ? undefined : text;
}

/** Numbers stay text where a JavaScript number would change them. */
function canonicalNumber(value: LiteralValue, type: ColumnType): LiteralValue | undefined {
  if (typeof value === "boolean" || !NUMBER.test(String(value))) return undefined;
  const number = Number(value) + 0;
  if (!Number.isFinite(number) || !isInRange(number, type)) return undefined;
  const isWholeType = type.kind === "smallint" || type.kind === "integer" || type.kind === "bigint";
  if (isWholeType && !/^-?\d+$/.test(String(value))) return undefined;
  if (typeof value === "number") return number;
  if (isWholeType && !Number.isSafeInteger(number)) {
    return type.kind === "bigint" ? BigInt(value).toString() : undefined;
  }
  const isExact = value.replace(/\D/g, "").length <= EXACT_DIGITS;
  return type.kind === "numeric" && !isExact ? value : number;
}

/** What Postgres would refuse at the first insert, and SQLite would store. */
function isInRange(number: number, type: ColumnType): boolean {
  if (type.kind === "smallint") return Math.abs(number + 0.5) < 2 ** 15;
  if (type.kind === "integer") return Math.abs(number + 0.5) < 2 ** 31;
  if (type.kind === "bigint") return number >= -(2 ** 63) && number < 2 ** 63;
  if (type.kind === "real") return Number.isFinite(Math.fround(number));
  if (type.kind !== "numeric" || type.precision === undefined) return true;
  const scale = type.scale ?? 0;
  const rounded = Number(Math.abs(number).toFixed(Math.min(scale, MAX_FIXED_DIGITS)));
  return rounded < 10 ** (type.precision - scale);
}

function canonicalInstant(text: string): string | undefined {
  const parts = INSTANT.exec(text);
  if (parts === null) return undefined;
  const instant = new Date(`${parts[1]}T${parts[2] ?? "00:00"}Z`);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}

function matching(pattern: RegExp, value: LiteralValue): string | undefined {
  return typeof value === "string" && pattern.test(value) ? value : undefined;
}

function isJson(value: LiteralValue): boolean {
  if (typeof value !== "string") return true;
  if (value.includes("\0") || !value.isWellFormed()) return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

function invalidDefault(table: string, column: ColumnSpec, given: string): Error {
  return schemaError(
    "schema.invalid_default",
    `${table}.${column.name}: ${given} is no default for a column of type ${column.type.kind}.`,
    { table, column: column.name },
  );
}
