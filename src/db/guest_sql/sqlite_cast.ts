/**
 * Values as SQLite stores them, made from texts, numbers and other stored values: what a cast, an
 * assignment to a column or a comparison with one does on Postgres by itself.
 *
 * @module
 */

import { instantText } from "../column_value.ts";
import { sqlFailed } from "./errors.ts";
import { jsonbText, parseArrayLiteral } from "./sqlite_json.ts";
import { intervalStored } from "./sqlite_interval.ts";
import type { SqlType } from "./sqlite_type.ts";

/** A value in SQLite. */
export type Stored = null | number | bigint | string | Uint8Array;

/** Whether a text that is too long is refused (assignment) or cut (explicit cast). */
export type CastMode = "assign" | "cast";

/** Types whose values are short in any notation, and the longest text that is read as one. */
const SCALARS: ReadonlySet<string> = new Set(
  "bool int2 int4 int8 numeric float4 float8 uuid timestamptz timestamp date time interval"
    .split(" "),
);
const MAX_SCALAR_UNITS = 1_000;
const INTEGER_BITS: Readonly<Record<string, number>> = { int2: 16, int4: 32, int8: 64 };
const TRUE = /^(?:t|tr|tru|true|y|ye|yes|on|1)$/i;
const FALSE = /^(?:f|fa|fal|fals|false|n|no|off|of|0)$/i;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const UUID_TEXT =
  /^\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/i;
const TIME_TEXT = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(\.\d{1,6})?)?$/;

/**
 * Makes a stored value of a type.
 *
 * @param type the type wanted.
 * @param value a stored value of any type, or a text in Postgres's notation.
 * @param mode what happens to texts that are too long.
 * @returns the value; null stays null.
 * @throws {KernelError} guest_sql.failed — it is none of that type; the message shows the guest's
 *   own value, as Postgres does.
 */
export function castValue(type: SqlType, value: Stored, mode: CastMode = "cast"): Stored {
  if (value === null) return null;
  refuseLong(type, value);
  switch (type.name) {
    case "bool":
      return toBoolean(value);
    case "int2":
    case "int4":
    case "int8":
      return toInteger(type.name, value);
    case "numeric":
      return toNumeric(type, value);
    case "float4":
    case "float8":
      return toFloat(type.name, value);
    case "varchar":
    case "bpchar":
      return toVarchar(type, textOf(value), mode);
    case "uuid":
      return toUuid(textOf(value));
    case "timestamptz":
    case "timestamp":
      return toInstant(type.name, value);
    case "date":
      return toInstant("date", value).slice(0, 10);
    case "time":
      return toTime(textOf(value));
    case "interval":
      return intervalStored(textOf(value));
    case "json":
      return checkedJson(textOf(value), "json");
    case "jsonb":
      return checkedJson(textOf(value), "jsonb");
    case "bytea":
      return toBytes(value);
    default:
      return type.name.startsWith("_") ? toArray(type, textOf(value)) : textOf(value);
  }
}

/** Patterns for these types take the square of a long text's length. */
function refuseLong(type: SqlType, value: Stored): void {
  if (typeof value !== "string" || value.length <= MAX_SCALAR_UNITS) return;
  if (SCALARS.has(type.name)) throw malformed(type.name, value);
}

/** The text of a stored value, as a cast to text gives it for types without a notation. */
export function textOf(value: Stored): string {
  if (value instanceof Uint8Array) return `\\x${value.toHex()}`;
  return String(value);
}

function malformed(type: string, value: Stored): Error {
  const shown = textOf(value);
  const cut = shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
  return sqlFailed(`invalid input for type ${type}: ${JSON.stringify(cut)}`, "22P02");
}

function toBoolean(value: Stored): bigint {
  if (typeof value === "bigint" || typeof value === "number") return value ? 1n : 0n;
  const text = textOf(value).trim();
  if (TRUE.test(text)) return 1n;
  if (FALSE.test(text)) return 0n;
  throw malformed("boolean", value);
}

function toInteger(name: string, value: Stored): bigint {
  const whole = wholeNumber(value);
  if (whole === undefined) throw malformed(name, value);
  if (BigInt.asIntN(INTEGER_BITS[name]!, whole) !== whole) {
    throw sqlFailed(`A value is out of range for type ${name}`, "22003");
  }
  return whole;
}

function wholeNumber(value: Stored): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") {
    return Number.isFinite(value) ? BigInt(roundAway(value)) : undefined;
  }
  const text = textOf(value).trim();
  return /^[+-]?\d{1,40}$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
}

function roundAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

function toNumeric(type: SqlType, value: Stored): number | bigint {
  const number = typeof value === "number" || typeof value === "bigint" ? value : parsed(value);
  if (number === undefined) throw malformed("numeric", value);
  if (type.size === undefined) return number;
  const scale = type.scale ?? 0;
  const rounded = roundTo(Number(number), scale);
  if (Math.abs(rounded) >= 10 ** (type.size - scale)) {
    throw sqlFailed(`A value is out of range for numeric(${type.size},${scale})`, "22003");
  }
  return typeof number === "bigint" ? number : rounded;
}

/**
 * Rounds half away from zero at a decimal place, by the digits that the number is written with.
 *
 * @param value any number.
 * @param digits after the point; negative ones round before it.
 * @returns the rounded number.
 */
export function roundTo(value: number, digits: number): number {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21) return value;
  const shifted = Number(`${Math.abs(value)}e${digits}`);
  if (!Number.isFinite(shifted)) return Number(value.toFixed(Math.min(Math.max(digits, 0), 100)));
  return Math.sign(value) * Number(`${Math.round(shifted)}e${-digits}`);
}

function parsed(value: Stored): number | bigint | undefined {
  const text = textOf(value).trim();
  if (/^[+-]?\d{1,18}$/.test(text)) return BigInt(text.replace(/^\+/, ""));
  return NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

function toFloat(name: string, value: Stored): number {
  const number = typeof value === "number" || typeof value === "bigint"
    ? Number(value)
    : parsed(value);
  if (number === undefined) throw malformed(name, value);
  return name === "float4" ? Math.fround(Number(number)) : Number(number);
}

function toVarchar(type: SqlType, text: string, mode: CastMode): string {
  if (type.size === undefined) return text;
  const characters = [...text];
  if (characters.length <= type.size) return text;
  const rest = characters.slice(type.size);
  if (mode === "assign" && rest.some((character) => character !== " ")) {
    throw sqlFailed(`A value is too long for type varchar(${type.size})`, "22001");
  }
  return characters.slice(0, type.size).join("");
}

function toUuid(text: string): string {
  const parts = UUID_TEXT.exec(text.trim());
  if (parts === null) throw malformed("uuid", text);
  return parts.slice(1).join("-").toLowerCase();
}

function toInstant(name: string, value: Stored): string {
  try {
    return instantText(typeof value === "string" ? value.trim() : textOf(value));
  } catch {
    throw malformed(name, value);
  }
}

function toTime(text: string): string {
  const parts = TIME_TEXT.exec(text.trim().replace(/^\d{4}-\d\d-\d\d[T ]/, "").replace(/Z$/i, ""));
  if (parts === null) throw malformed("time", text);
  const [, hours = "", minutes, seconds = "00", fraction = ""] = parts;
  return `${hours.padStart(2, "0")}:${minutes}:${seconds}${fraction.replace(/\.?0+$/, "")}`;
}

function checkedJson(text: string, name: "json" | "jsonb"): string {
  try {
    if (name === "jsonb") return jsonbText(text);
    JSON.parse(text);
    return text;
  } catch {
    throw malformed(name, text);
  }
}

function toBytes(value: Stored): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const text = textOf(value);
  if (!text.startsWith("\\x")) return new TextEncoder().encode(text);
  try {
    return Uint8Array.fromHex(text.slice(2));
  } catch {
    throw malformed("bytea", text);
  }
}

function toArray(type: SqlType, text: string): string {
  if (text.trimStart().startsWith("[")) return checkedJson(text, "json");
  const items = parseArrayLiteral(text);
  if (items === undefined) throw malformed(`${type.name.slice(1)}[]`, text);
  const isNumber = type.name.startsWith("_int");
  if (isNumber && items.some((item) => item !== null && !/^[+-]?\d{1,19}$/.test(item))) {
    throw malformed(`${type.name.slice(1)}[]`, text);
  }
  return JSON.stringify(items.map((item) => item !== null && isNumber ? Number(item) : item));
}
