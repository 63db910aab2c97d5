/**
 * Text of a filter → value of a column's type. What does not fit is refused here, so that no engine
 * ever sees it.
 *
 * @module
 */

import type { ColumnType } from "../../db/schema/spec.ts";
import { isUuid } from "../../base/ids.ts";

/** A value that a statement binds. */
export type FilterValue = string | number | bigint | boolean;

/** What a column of a type expects, for error texts. */
const EXPECTED: Readonly<Record<ColumnType["kind"], string>> = {
  text: "a text",
  uuid: "a UUID",
  smallint: "an integer from -32768 to 32767",
  integer: "an integer from -2147483648 to 2147483647",
  bigint: "an integer of 64 bits",
  numeric: "a number",
  real: "a number",
  double: "a number",
  boolean: "true or false",
  timestamp: "a date or time such as 2026-01-31 or 2026-01-31T12:30:00Z",
  date: "a date such as 2026-01-31",
  time: "a time such as 12:30:00",
  json: "comparable: only NULL and NOT_NULL fit a JSON column",
  bytes: "comparable: only NULL and NOT_NULL fit a binary column",
  array: "comparable: only NULL and NOT_NULL fit an array column",
};

const INTEGER_LIMITS: Readonly<
  Record<"smallint" | "integer" | "bigint", readonly [bigint, bigint]>
> = {
  smallint: [-(2n ** 15n), 2n ** 15n - 1n],
  integer: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};

const TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,9})?\s*(Z|[+-]\d{2}:?\d{2})?$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/**
 * Says what fits a column of a type.
 *
 * @param type the column's type.
 * @returns words that complete `… is not`.
 */
export function expectedOf(type: ColumnType): string {
  return EXPECTED[type.kind];
}

/**
 * Reads a filter's text as a value of a type.
 *
 * @param text as sent, trimmed.
 * @param type the column's type.
 * @returns the value, or undefined when the text is none of this type. Timestamps come as RFC 3339
 *   in UTC, dates as `2026-01-31`.
 */
export function parseFilterValue(text: string, type: ColumnType): FilterValue | undefined {
  switch (type.kind) {
    case "text":
      return text.includes("\u0000") ? undefined : text;
    case "uuid":
      return isUuid(text) ? text.toLowerCase() : undefined;
    case "smallint":
    case "integer":
    case "bigint":
      return parseInteger(text, INTEGER_LIMITS[type.kind]);
    case "numeric":
    case "real":
    case "double":
      return parseNumber(text);
    case "boolean":
      return parseBoolean(text);
    case "timestamp":
      return parseTimestamp(text);
    case "date":
      return parseDate(text) ?? parseTimestamp(text)?.slice(0, 10);
    case "time":
      return /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$/.test(text) ? text : undefined;
    case "json":
    case "bytes":
    case "array":
      return undefined;
  }
}

/**
 * Reads a calendar date.
 *
 * @param text such as `2026-01-31`.
 * @returns the same text when the day exists, else undefined.
 */
export function parseDate(text: string): string | undefined {
  if (!DATE.test(text)) return undefined;
  const day = new Date(`${text}T00:00:00Z`);
  return Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== text ? undefined : text;
}

/**
 * Names the day after a date.
 *
 * @param date a date that exists.
 * @returns the next day as `2026-02-01`.
 */
export function nextDay(date: string): string {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + 1);
  return day.toISOString().slice(0, 10);
}

/**
 * Reads `true`, `false`, `1`, `0`.
 *
 * @param text as sent, in any letter case.
 * @returns the value, or undefined.
 */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (word === "true" || word === "1") return true;
  return word === "false" || word === "0" ? false : undefined;
}

function parseInteger(
  text: string,
  [least, greatest]: readonly [bigint, bigint],
): number | bigint | undefined {
  if (!/^[+-]?\d{1,20}$/.test(text)) return undefined;
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  if (value < least || value > greatest) return undefined;
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

function parseNumber(text: string): number | undefined {
  if (!/^[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})(e[+-]?\d{1,2})?$/i.test(text)) return undefined;
  return Number(text);
}

function parseTimestamp(text: string): string | undefined {
  const day = parseDate(text);
  if (day !== undefined) return `${day}T00:00:00.000Z`;
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [, date, minutes, seconds = ":00", fraction = "", zone = "Z"] = match;
  if (parseDate(date!) === undefined) return undefined;
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const instant = new Date(`${date}T${minutes}${seconds}${fraction.slice(0, 4)}${offset}`);
  if (Number.isNaN(instant.getTime())) return undefined;
  const micros = fraction.slice(4, 7);
  const iso = instant.toISOString();
  return micros === "" ? iso : `${iso.slice(0, -1)}${micros}Z`;
}
