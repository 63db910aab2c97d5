/**
 * Values of columns in the text both engines agree on: instants, days and JSON.
 *
 * @module
 */

import { JsonText } from "../base/json_text.ts";
import { invalidValue } from "./errors.ts";

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/**
 * An instant as RFC 3339 text in UTC with milliseconds, which sorts as it happened.
 *
 * @param value a Date, Unix time in milliseconds, or text that names an instant.
 * @returns such as `2026-11-21T08:50:59.123Z`.
 * @throws {KernelError} db.invalid_value — when it names none of the years 0 to 9999.
 */
export function instantText(value: unknown): string {
  const date = value instanceof Date ? value : new Date(value as string | number);
  const time = date.getTime();
  if (Number.isNaN(time)) throw invalidValue("A value is no point in time");
  const year = date.getUTCFullYear();
  if (year < 0 || year > 9999) throw invalidValue("A point in time is out of range");
  return date.toISOString();
}

/**
 * A day as `2026-11-21`.
 *
 * @param value a day as text, or an instant, of which the day in UTC is taken.
 * @returns ten characters.
 * @throws {KernelError} db.invalid_value — when it names no day.
 */
export function dayText(value: unknown): string {
  const text = instantText(value).slice(0, 10);
  // `2026-02-31` is a day for Date (it rolls over), and none for a calendar.
  if (typeof value === "string" && DAY.test(value) && value !== text) {
    throw invalidValue("A value is no day of the calendar");
  }
  return text;
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
