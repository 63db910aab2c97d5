/**
 * Functions on instants, days and intervals as Postgres has them with the session in UTC. Instants
 * are RFC 3339 texts with milliseconds, the form in which SQLite's columns hold them.
 *
 * @module
 */

import { instantText } from "../column_value.ts";
import { sqlFailed } from "./errors.ts";
import { type Stored, textOf } from "./sqlite_cast.ts";
import {
  addIntervals,
  addToInstant,
  intervalSeconds,
  intervalText,
  readInterval,
  scaleInterval,
} from "./sqlite_interval.ts";
import type { GuestFunction } from "./sqlite_text_functions.ts";

const DAY_MS = 86_400_000;
const MONTHS =
  "January February March April May June July August September October November December"
    .split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

const text = (value: Stored | undefined): string => textOf(value ?? "");
const timeOf = (value: Stored | undefined): number => Date.parse(instantText(text(value)));
const isDay = (value: Stored | undefined): boolean => text(value).length === 10;

function outOfRange(): Error {
  return sqlFailed("timestamp out of range", "22008");
}

function instant(timeMs: number): string {
  try {
    return instantText(timeMs);
  } catch {
    throw outOfRange();
  }
}

function truncated(unit: string, timeMs: number): number {
  const date = new Date(timeMs);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (unit) {
    case "milliseconds":
    case "microseconds":
      return timeMs;
    case "second":
      return Math.floor(timeMs / 1000) * 1000;
    case "minute":
      return Math.floor(timeMs / 60_000) * 60_000;
    case "hour":
      return Math.floor(timeMs / 3_600_000) * 3_600_000;
    case "day":
      return Date.UTC(year, month, day);
    case "week":
      return Date.UTC(year, month, day - (date.getUTCDay() + 6) % 7);
    case "month":
      return Date.UTC(year, month, 1);
    case "quarter":
      return Date.UTC(year, month - month % 3, 1);
    case "year":
      return Date.UTC(year, 0, 1);
    case "decade":
      return Date.UTC(year - year % 10, 0, 1);
  }
  throw sqlFailed(`unit ${JSON.stringify(unit)} not recognized`, "22023");
}

function isoWeek(timeMs: number): { readonly week: number; readonly year: number } {
  const thursday = truncated("week", timeMs) + 3 * DAY_MS;
  const year = new Date(thursday).getUTCFullYear();
  return { week: Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * DAY_MS)) + 1, year };
}

function part(unit: string, timeMs: number): number {
  const date = new Date(timeMs);
  switch (unit) {
    case "epoch":
      return timeMs / 1000;
    case "milliseconds":
      return date.getUTCSeconds() * 1000 + date.getUTCMilliseconds();
    case "microseconds":
      return (date.getUTCSeconds() * 1000 + date.getUTCMilliseconds()) * 1000;
    case "second":
      return date.getUTCSeconds() + date.getUTCMilliseconds() / 1000;
    case "minute":
      return date.getUTCMinutes();
    case "hour":
      return date.getUTCHours();
    case "day":
      return date.getUTCDate();
    case "dow":
      return date.getUTCDay();
    case "isodow":
      return (date.getUTCDay() + 6) % 7 + 1;
    case "doy":
      return Math.floor((timeMs - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
    case "week":
      return isoWeek(timeMs).week;
    case "isoyear":
      return isoWeek(timeMs).year;
    case "month":
      return date.getUTCMonth() + 1;
    case "quarter":
      return Math.floor(date.getUTCMonth() / 3) + 1;
    case "year":
      return date.getUTCFullYear();
  }
  throw sqlFailed(`unit ${JSON.stringify(unit)} not recognized`, "22023");
}

function intervalPart(unit: string, value: string): number {
  const { months, days, milliseconds } = readInterval(value);
  const seconds = milliseconds / 1000;
  const parts: Readonly<Record<string, number>> = {
    epoch: intervalSeconds({ months, days, milliseconds }),
    year: Math.trunc(months / 12),
    month: months % 12,
    day: days,
    hour: Math.trunc(seconds / 3600),
    minute: Math.trunc(seconds % 3600 / 60),
    second: seconds % 60,
  };
  const found = parts[unit];
  if (found === undefined) throw sqlFailed(`unit ${JSON.stringify(unit)} not recognized`, "22023");
  return found;
}

/** Units as Postgres accepts them, in the one form used above. */
function unitOf(value: Stored | undefined): string {
  const unit = text(value).trim().toLowerCase();
  if (/^(?:milli|micro)second$/.test(unit)) return `${unit}s`;
  return /^(?:second|minute|hour|day|week|month|quarter|year|decade)s$/.test(unit)
    ? unit.slice(0, -1)
    : unit;
}

const FORMAT =
  /"([^"]*)"|YYYY|YY|MM|Month|MONTH|month|Mon|MON|mon|DDD|DD|Day|DAY|day|Dy|DY|dy|HH24|HH12|HH|MI|SS|MS|US|AM|PM|am|pm|IYYY|IW|Q|D|FM|TZ/g;

const MAX_FORMAT_UNITS = 1_000;

function formatInstant(timeMs: number, format: string): string {
  if (format.length > MAX_FORMAT_UNITS) throw sqlFailed("The format is too long", "54000");
  const date = new Date(timeMs);
  const two = (value: number) => String(value).padStart(2, "0");
  let isPlain = false;
  return format.replace(FORMAT, (token, quoted: string | undefined) => {
    if (quoted !== undefined) return quoted;
    if (token === "FM") {
      isPlain = true;
      return "";
    }
    const padded = (value: number, width = 2) =>
      isPlain ? String(value) : String(value).padStart(width, "0");
    const named = (name: string, width: number) => isPlain ? name : name.padEnd(width);
    const cased = (name: string) => {
      if (token === token.toUpperCase()) return name.toUpperCase();
      return token === token.toLowerCase() ? name.toLowerCase() : name;
    };
    switch (token.toUpperCase()) {
      case "YYYY":
        return padded(date.getUTCFullYear(), 4);
      case "YY":
        return padded(date.getUTCFullYear() % 100);
      case "MM":
        return padded(date.getUTCMonth() + 1);
      case "MONTH":
        return named(cased(MONTHS[date.getUTCMonth()]!), 9);
      case "MON":
        return cased(MONTHS[date.getUTCMonth()]!.slice(0, 3));
      case "DDD":
        return padded(part("doy", timeMs), 3);
      case "DD":
        return padded(date.getUTCDate());
      case "DAY":
        return named(cased(DAYS[date.getUTCDay()]!), 9);
      case "DY":
        return cased(DAYS[date.getUTCDay()]!.slice(0, 3));
      case "D":
        return String(date.getUTCDay() + 1);
      case "HH24":
        return padded(date.getUTCHours());
      case "HH12":
      case "HH":
        return padded((date.getUTCHours() + 11) % 12 + 1);
      case "MI":
        return padded(date.getUTCMinutes());
      case "SS":
        return padded(date.getUTCSeconds());
      case "MS":
        return String(date.getUTCMilliseconds()).padStart(3, "0");
      case "US":
        return `${String(date.getUTCMilliseconds()).padStart(3, "0")}000`;
      case "AM":
      case "PM":
        return cased(date.getUTCHours() < 12 ? "AM" : "PM");
      case "IYYY":
        return String(isoWeek(timeMs).year);
      case "IW":
        return two(isoWeek(timeMs).week);
      case "Q":
        return String(part("quarter", timeMs));
      default:
        return "UTC";
    }
  });
}

/** Functions by the name that the renderer writes after `guest_`; null gives null. */
export const TIME_FUNCTIONS: Readonly<Record<string, GuestFunction>> = {
  now: (context) => instant(context.nowMs),
  today: (context) => instant(context.nowMs).slice(0, 10),
  instant_add: (_, value, interval) =>
    instant(addToInstant(timeOf(value), readInterval(text(interval)))),
  instant_less: (_, value, interval) =>
    instant(addToInstant(timeOf(value), scaleInterval(readInterval(text(interval)), -1))),
  instant_gap: (_, left, right) => {
    const gap = timeOf(left) - timeOf(right);
    const days = Math.trunc(gap / DAY_MS) + 0;
    return intervalText({ months: 0, days, milliseconds: gap - days * DAY_MS });
  },
  day_add: (_, value, days) => instant(timeOf(value) + Number(days) * DAY_MS).slice(0, 10),
  day_gap: (_, left, right) => BigInt(Math.round((timeOf(left) - timeOf(right)) / DAY_MS)),
  interval_add: (_, left, right) =>
    intervalText(addIntervals(readInterval(text(left)), readInterval(text(right)))),
  interval_times: (_, value, factor) =>
    intervalText(scaleInterval(readInterval(text(value)), Number(factor))),
  interval_seconds: (_, value) => intervalSeconds(readInterval(text(value))),
  make_interval: (_, ...values) => {
    const [years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = values
      .map(Number);
    return intervalText({
      months: years * 12 + months,
      days: weeks * 7 + days,
      milliseconds: ((hours * 60 + minutes) * 60 + seconds) * 1000,
    });
  },
  date_trunc: (_, unit, value) => instant(truncated(unitOf(unit), timeOf(value))),
  extract: (_, unit, value) =>
    text(value).startsWith("interval:")
      ? intervalPart(unitOf(unit), text(value))
      : part(unitOf(unit), timeOf(value)),
  to_char_instant: (_, value, format) => formatInstant(timeOf(value), text(format)),
  to_timestamp: (_, seconds) => instant(Number(seconds) * 1000),
  make_date: (_, year, month, day) => {
    const made = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
    if (made.getUTCMonth() !== Number(month) - 1) {
      throw sqlFailed("date field value out of range", "22008");
    }
    return instant(made.getTime()).slice(0, 10);
  },
  /** Postgres's text of an instant or a day. */
  instant_text: (_, value) => {
    if (isDay(value)) return text(value);
    return text(value).slice(0, 30).replace("T", " ").replace(/(?:\.0+|(\.\d*?)0*)Z$/, "$1+00");
  },
};
