/**
 * Values on their way into guests' statements on SQLite and out of their results, encoded as the
 * Postgres side does (`guest_value.ts`).
 *
 * @module
 */

import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import type { Json } from "../../base/json.ts";
import { rowLimit } from "./errors.ts";
import type { GuestArgument, GuestSqlLimits } from "./guest_sql.ts";
import { exactInteger } from "./guest_value.ts";
import { castValue, textOf } from "./sqlite_cast.ts";
import { printInterval } from "./sqlite_interval.ts";
import { arrayLiteral, jsonbText } from "./sqlite_json.ts";
import { familyOf, type SqlType, TIMESTAMPTZ, UUID } from "./sqlite_type.ts";

/** Length of `2026-11-21T08:50:59.123Z`. */
const INSTANT_UNITS = 24;

/**
 * The value of a placeholder.
 *
 * @param value an argument.
 * @returns what SQLite binds.
 * @throws {KernelError} guest_sql.failed — a uuid or timestamp that is none.
 */
export function sqliteArgument(value: GuestArgument): SQLInputValue {
  if (value === null) return null;
  switch (typeof value) {
    case "boolean":
      return value ? 1n : 0n;
    case "number":
      // The driver binds numbers as reals; whole ones are integers, as on Postgres.
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case "string":
    case "bigint":
      return value;
  }
  if (value.kind === "bytes") return value.bytes;
  return castValue(value.kind === "uuid" ? UUID : TIMESTAMPTZ, value.text);
}

/**
 * A stored value as guests get it.
 *
 * @param value what a row holds.
 * @param type what it is; undefined when nothing is known.
 * @returns the value for JSON.
 */
function encodeValue(value: SQLOutputValue, type: SqlType | undefined): Json {
  if (value === null) return null;
  switch (familyOf(type)) {
    case "bool":
      return Number(value) !== 0;
    case "integer":
      return typeof value === "number" ? value : exactInteger(textOf(value));
    case "decimal":
      return type?.name === "numeric" ? numericText(value, type) : Number(value);
    case "instant":
      return instantOf(textOf(value));
    case "date":
      return `${textOf(value).slice(0, 10)}T00:00:00Z`;
    case "interval":
      return printInterval(textOf(value));
    case "array":
      return arrayLiteral(textOf(value));
    case "json":
      return type?.name === "jsonb" ? jsonOf(textOf(value)) : textOf(value);
    case undefined:
    case "other":
      return untyped(value);
    default:
      return textOf(value);
  }
}

function instantOf(text: string): string {
  // A branch of another type may have given a text, on which the patterns would take its square.
  if (text.length > INSTANT_UNITS) return text;
  return text.replace(/\.?0+Z$/, (tail) => tail.startsWith(".") ? "Z" : tail)
    .replace(/(\.\d*?)0+Z$/, "$1Z");
}

function untyped(value: NonNullable<SQLOutputValue>): Json {
  if (typeof value === "bigint") return exactInteger(String(value));
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  return textOf(value);
}

function numericText(value: NonNullable<SQLOutputValue>, type: SqlType): string {
  if (type.scale === undefined || typeof value === "string") return plainDecimal(value);
  if (typeof value === "bigint" && type.scale === 0) return String(value);
  return Number(value).toFixed(Math.min(type.scale, 100));
}

/** Without an exponent, as Postgres writes a numeric. */
function plainDecimal(value: NonNullable<SQLOutputValue>): string {
  const text = textOf(value);
  if (typeof value !== "number" || !/e/i.test(text)) return text;
  return value.toLocaleString("en-US", { useGrouping: false, maximumFractionDigits: 100 });
}

function jsonOf(text: string): string {
  try {
    return jsonbText(text);
  } catch {
    return text;
  }
}

/** Collects a result's rows and refuses too many, before they are held. */
export class ResultRows {
  readonly rows: Json[][] = [];
  readonly #types: readonly (SqlType | undefined)[];
  readonly #limits: GuestSqlLimits;
  #bytes = 0;

  /**
   * Starts empty.
   *
   * @param types of the columns.
   * @param limits most rows and bytes.
   */
  constructor(types: readonly (SqlType | undefined)[], limits: GuestSqlLimits) {
    this.#types = types;
    this.#limits = limits;
  }

  /** Takes a row. @throws {KernelError} guest_sql.row_limit */
  add(values: readonly SQLOutputValue[]): void {
    if (this.rows.length >= this.#limits.rows) {
      throw rowLimit(`The result has more than ${this.#limits.rows} rows`);
    }
    const row = values.map((value, i) => encodeValue(value, this.#types[i]));
    this.#bytes += encodedBytes(row);
    if (this.#bytes > this.#limits.responseBytes) {
      throw rowLimit(`The result has more than ${this.#limits.responseBytes} bytes`);
    }
    this.rows.push(row);
  }
}

const encoder = new TextEncoder();

function encodedBytes(row: readonly Json[]): number {
  return encoder.encode(JSON.stringify(row)).length + 1;
}
