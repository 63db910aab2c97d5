/**
 * Intervals on SQLite, which has none: months, days and milliseconds in a text that no function but
 * these reads. Written and read in Postgres's notation.
 *
 * @module
 */

import { sqlFailed } from "./errors.ts";

/** A span of calendar and clock time. */
export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly milliseconds: number;
}

const UNITS: Readonly<Record<string, Interval>> = {
  microsecond: { months: 0, days: 0, milliseconds: 0.001 },
  millisecond: { months: 0, days: 0, milliseconds: 1 },
  second: { months: 0, days: 0, milliseconds: 1000 },
  sec: { months: 0, days: 0, milliseconds: 1000 },
  s: { months: 0, days: 0, milliseconds: 1000 },
  minute: { months: 0, days: 0, milliseconds: 60_000 },
  min: { months: 0, days: 0, milliseconds: 60_000 },
  m: { months: 0, days: 0, milliseconds: 60_000 },
  hour: { months: 0, days: 0, milliseconds: 3_600_000 },
  h: { months: 0, days: 0, milliseconds: 3_600_000 },
  day: { months: 0, days: 1, milliseconds: 0 },
  d: { months: 0, days: 1, milliseconds: 0 },
  week: { months: 0, days: 7, milliseconds: 0 },
  w: { months: 0, days: 7, milliseconds: 0 },
  month: { months: 1, days: 0, milliseconds: 0 },
  mon: { months: 1, days: 0, milliseconds: 0 },
  year: { months: 12, days: 0, milliseconds: 0 },
  yr: { months: 12, days: 0, milliseconds: 0 },
  y: { months: 12, days: 0, milliseconds: 0 },
  decade: { months: 120, days: 0, milliseconds: 0 },
  century: { months: 1200, days: 0, milliseconds: 0 },
};
const PART = /\s*([+-]?\d+(?:\.\d+)?)\s*([a-z]+)|\s*([+-]?)(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?/giy;
const STORED = /^interval:(-?[\d.e+-]+),(-?[\d.e+-]+),(-?[\d.e+-]+)$/;
const MAX_TEXT_UNITS = 1_000;
const DAY_MS = 86_400_000;

/**
 * Reads an interval.
 *
 * @param text as stored, or such as `7 days`, `1 year 2 mons 03:04:05`, `1 week ago`.
 * @returns the interval.
 * @throws {KernelError} guest_sql.failed — it is none.
 */
export function readInterval(text: string): Interval {
  const stored = STORED.exec(text);
  if (stored !== null) {
    return {
      months: Number(stored[1]),
      days: Number(stored[2]),
      milliseconds: Number(stored[3]),
    };
  }
  // The patterns below take the square of a text's length.
  if (text.length > MAX_TEXT_UNITS) throw notAnInterval(text);
  const isAgo = /\s+ago\s*$/i.test(text);
  const body = text.replace(/^\s*@/, "").replace(/\s+ago\s*$/i, "").trim();
  let sum: Interval = { months: 0, days: 0, milliseconds: 0 };
  PART.lastIndex = 0;
  while (PART.lastIndex < body.length) {
    const found = PART.exec(body);
    const part = found === null ? undefined : readPart(found);
    if (part === undefined) throw notAnInterval(text);
    sum = addIntervals(sum, part);
  }
  if (body === "") throw notAnInterval(text);
  return isAgo ? scaleInterval(sum, -1) : sum;
}

function readPart(found: RegExpExecArray): Interval | undefined {
  const [, amount, word = "", sign, hours, minutes, seconds = "0"] = found;
  if (amount === undefined) {
    const milliseconds = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
    return { months: 0, days: 0, milliseconds: sign === "-" ? -milliseconds : milliseconds };
  }
  const name = word.toLowerCase();
  const unit = UNITS[name] ?? UNITS[name.replace(/ies$/, "y")] ?? UNITS[name.replace(/s$/, "")];
  return unit && scaleInterval(unit, Number(amount));
}

function notAnInterval(text: string): Error {
  return sqlFailed(
    `invalid input for type interval: ${JSON.stringify(text.slice(0, 80))}`,
    "22007",
  );
}

/** The sum of two intervals. */
export function addIntervals(left: Interval, right: Interval): Interval {
  return {
    months: left.months + right.months,
    days: left.days + right.days,
    milliseconds: left.milliseconds + right.milliseconds,
  };
}

/** An interval times a number; fractions of months go to days, those of days to the clock. */
export function scaleInterval(interval: Interval, factor: number): Interval {
  const months = interval.months * factor;
  const days = interval.days * factor + (months - Math.trunc(months)) * 30;
  return {
    months: Math.trunc(months) + 0,
    days: Math.trunc(days) + 0,
    milliseconds: interval.milliseconds * factor + (days - Math.trunc(days)) * DAY_MS,
  };
}

/** Writes an interval as stored. */
export function intervalText(interval: Interval): string {
  return `interval:${interval.months},${interval.days},${interval.milliseconds}`;
}

/** Any notation of an interval, as stored. @throws {KernelError} guest_sql.failed */
export function intervalStored(text: string): string {
  return intervalText(readInterval(text));
}

/**
 * Adds an interval to an instant, months first, as the calendar has them.
 *
 * @param timeMs Unix time in milliseconds.
 * @param interval what is added.
 * @returns Unix time in milliseconds.
 */
export function addToInstant(timeMs: number, interval: Interval): number {
  const date = new Date(timeMs);
  if (interval.months !== 0) {
    const day = date.getUTCDate();
    date.setUTCDate(1);
    date.setUTCMonth(date.getUTCMonth() + interval.months);
    const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
    date.setUTCDate(Math.min(day, last));
  }
  return date.getTime() + interval.days * DAY_MS + interval.milliseconds;
}

/** Length in seconds, a month as 30 days and a year as 365.25. */
export function intervalSeconds(interval: Interval): number {
  const years = Math.trunc(interval.months / 12);
  const months = interval.months % 12;
  const days = years * 365.25 + months * 30 + interval.days;
  return days * 86_400 + interval.milliseconds / 1000;
}

/**
 * Writes an interval as Postgres prints it.
 *
 * @param text as stored.
 * @returns such as `1 year 2 mons 3 days 04:05:06`.
 */
export function printInterval(text: string): string {
  const { months, days, milliseconds } = readInterval(text);
  const years = Math.trunc(months / 12);
  const parts = [
    counted(years, "year"),
    counted(months % 12, "mon"),
    counted(days, "day"),
  ].filter((part) => part !== "");
  if (milliseconds !== 0 || parts.length === 0) parts.push(clockText(milliseconds));
  return parts.join(" ");
}

function counted(count: number, unit: string): string {
  if (count === 0) return "";
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function clockText(milliseconds: number): string {
  const total = Math.abs(milliseconds);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const seconds = (total % 60_000) / 1000;
  const whole = two(seconds);
  const fraction = (seconds % 1).toFixed(6).slice(1).replace(/\.?0+$/, "");
  const sign = milliseconds < 0 ? "-" : "";
  return `${sign}${two(total / 3_600_000)}:${two((total / 60_000) % 60)}:${whole}${fraction}`;
}
