/**
 * Instants and days as clients send them. It knows no calendars but the Gregorian and no zones but
 * the offsets of RFC 3339.
 *
 * @module
 */

import { type Refusal, refusal } from "./refusal.ts";

const INSTANT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?([Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/;
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const NOT_INSTANT = refusal(
  "invalid_type",
  "must be a date and time such as 2026-01-31T10:00:00Z",
);
const NOT_DAY = refusal("invalid_type", "must be a date such as 2026-01-31");

/** `Date.UTC` reads years below 100 as 19xx. */
function utcMs(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime();
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isDay(year: number, month: number, day: number): boolean {
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}

function offsetMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === "Z" || zone === "z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = zone.length > 3 ? Number(zone.slice(-2)) : 0;
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

const FIRST_MS = utcMs(1, 1, 1);

/**
 * Reads a value of a `timestamp` column: RFC 3339, a date (its midnight), or a local time without a
 * zone, which is taken as UTC. Fractions beyond milliseconds are cut off.
 *
 * @param value anything; a `Date` of the host application is taken too.
 * @returns the instant as `2026-01-31T10:00:00.000Z`, or why not.
 */
export function coerceTimestamp(value: unknown): string | Refusal {
  if (value instanceof Date) return printInstant(value.getTime());
  if (typeof value !== "string" || value.length > 64) return NOT_INSTANT;
  const match = INSTANT.exec(value.trim());
  if (match === null) return NOT_INSTANT;
  const [, y, mo, d, h = "00", mi = "00", s = "00", fraction = "", zone] = match;
  const offset = offsetMinutes(zone);
  if (offset === undefined || !isDay(Number(y), Number(mo), Number(d))) return NOT_INSTANT;
  if (Number(h) > 23 || Number(mi) > 59 || Number(s) > 59) return NOT_INSTANT;
  const fractionMs = fraction.slice(0, 3).padEnd(3, "0");
  if (offset === 0) {
    return `${y}-${mo}-${d}T${h}:${mi}:${s}.${fractionMs}Z`;
  }
  const timeMs = ((Number(h) * 60 + Number(mi) - offset) * 60 + Number(s)) * 1000 +
    Number(fractionMs);
  return printInstant(utcMs(Number(y), Number(mo), Number(d)) + timeMs);
}

function printInstant(instantMs: number): string | Refusal {
  if (!(instantMs >= FIRST_MS && instantMs <= LAST_MS)) return NOT_INSTANT;
  return new Date(instantMs).toISOString();
}

/**
 * Reads a value of a `date` column: a date, or anything a timestamp may be, of which the day counts
 * as it is written: `2026-01-31T23:00:00-06:00` is the 31st.
 *
 * @param value anything; of a `Date` the day in UTC.
 * @returns the day as `2026-01-31`, or why not.
 */
export function coerceDate(value: unknown): string | Refusal {
  if (value instanceof Date) {
    const instant = printInstant(value.getTime());
    return typeof instant === "string" ? instant.slice(0, 10) : NOT_DAY;
  }
  if (typeof value !== "string" || typeof coerceTimestamp(value) !== "string") return NOT_DAY;
  return value.trim().slice(0, 10);
}
