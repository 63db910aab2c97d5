/**
 * Values of columns in the text both engines agree on: instants, days and JSON.
 *
 * @module
 */

import { JsonText } from "../base/json_text.ts";
import { invalidValue } from "./errors.ts";

const INSTANT =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?:Z|([+-]\d\d)(?::?(\d\d))?)?)?$/i;

/**
 * An instant as RFC 3339 text in UTC with milliseconds, which sorts as it happened.
 *
 * @param value a Date, Unix time in milliseconds, or RFC 3339 text; text without a zone, or without
 *   a time, is in UTC. Words such as `yesterday` are no instants.
 * @returns such as `2026-11-21T08:50:59.123Z`.
 * @throws {KernelError} db.invalid_value — when it names none of the years 1 to 9999.
 */
export function instantText(value: unknown): string {
  const time = value instanceof Date || typeof value === "number"
    ? Number(value)
    : parseInstant(String(value));
  // The bounds of four-digit years; the comparison also refuses NaN.
  if (!(time >= -62_135_596_800_000 && time <= 253_402_300_799_999)) {
    throw invalidValue("A value is no point in time of the years 1 to 9999");
  }
  return new Date(time).toISOString();
}

function parseInstant(text: string): number {
  const [, day, time = "00:00", hours = "+00", minutes = "00"] = INSTANT.exec(text) ?? [];
  // `2026-02-31` is a day for Date, which lets it roll over, and none of the calendar.
  if (day === undefined || !new Date(`${day}T00:00Z`).toJSON()?.startsWith(day)) return NaN;
  return Date.parse(`${day}T${time}${hours}:${minutes}`);
}

/**
 * A day as `2026-11-21`.
 *
 * @param value a day as text, or an instant, of which the day in UTC is taken.
 * @returns ten characters.
 * @throws {KernelError} db.invalid_value — when it names no day.
 */
export function dayText(value: unknown): string {
  return instantText(value).slice(0, 10);
}

/**
 * A JSON value as text.
 *
 * @param value any JSON value, or {@link JsonText}.
 * @returns its text.
 */
export function jsonText(value: unknown): string {
  return value instanceof JsonText ? value.text : JSON.stringify(value);
}
