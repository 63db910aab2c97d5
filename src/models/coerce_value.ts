/**
 * One value of one column: from what clients send to what is bound in a statement. What each type
 * takes is written at its function; rules beyond the type live in `column_rules.ts`.
 *
 * @module
 */

import type { ColumnTypeName } from "../bundle/manifest/column_type.ts";
import { isUuid } from "../base/ids.ts";
import type { Json } from "../base/json.ts";
import type { JsonText } from "../base/json_text.ts";
import { coerceJson } from "./coerce_json.ts";
import { coerceBigint, coerceDecimal, coerceInteger } from "./coerce_number.ts";
import { coerceDate, coerceTimestamp } from "./coerce_time.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** Turns a value that is neither null nor absent into one that can be bound. */
export type Coercion = (value: unknown) => CoercedValue | Refusal;

/** A value as it is bound; of a JSON column its text, marked as such. */
export type CoercedValue = string | number | boolean | JsonText<Json>;

const NOT_TEXT = refusal("invalid_type", "must be text");
const BAD_TEXT = refusal("invalid_type", "must not contain NUL or broken Unicode characters");
const NOT_UUID = refusal("uuid", "must be a UUID");
const NOT_BOOLEAN = refusal("invalid_type", "must be true or false");

/**
 * The coercion of each type. What comes out: text; numbers, or their digits as text where a number
 * would lose some; booleans; instants as `2026-01-31T10:00:00.000Z`; days as `2026-01-31`; UUIDs in
 * lower case; JSON as {@link JsonText}.
 */
export const COERCIONS: Readonly<Record<ColumnTypeName, Coercion>> = {
  string: coerceText,
  text: coerceText,
  uuid: coerceUuid,
  integer: coerceInteger,
  bigint: coerceBigint,
  decimal: coerceDecimal,
  boolean: coerceBoolean,
  timestamp: coerceTimestamp,
  date: coerceDate,
  json: coerceJson,
};

function coerceText(value: unknown): string | Refusal {
  if (typeof value !== "string") return NOT_TEXT;
  return value.includes("\0") || !value.isWellFormed() ? BAD_TEXT : value;
}

function coerceUuid(value: unknown): string | Refusal {
  if (typeof value !== "string") return NOT_UUID;
  const text = value.trim();
  return isUuid(text) ? text.toLowerCase() : NOT_UUID;
}

function coerceBoolean(value: unknown): boolean | Refusal {
  if (typeof value === "boolean") return value;
  switch (typeof value === "string" ? value.trim().toLowerCase() : value) {
    case 1:
    case "1":
    case "true":
      return true;
    case 0:
    case "0":
    case "false":
      return false;
    default:
      return NOT_BOOLEAN;
  }
}
