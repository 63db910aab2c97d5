/**
 * Functions that join texts and take JSON apart, as Postgres does, for SQLite.
 *
 * @module
 */

import { sqlFailed } from "./errors.ts";
import { textOf } from "./sqlite_cast.ts";
import { printInterval } from "./sqlite_interval.ts";
import { arrayLiteral, jsonbText } from "./sqlite_json.ts";
import type { GuestFunction } from "./sqlite_text_functions.ts";

/** Functions by the name that the renderer writes after `guest_`; null gives null. */
export const TYPE_FUNCTIONS: Readonly<Record<string, GuestFunction>> = {
  concat: (context, ...values) => {
    const parts = values.map(textOf);
    const units = parts.reduce((sum, part) => sum + part.length, 0);
    if (units > 1_000_000) throw sqlFailed("A value would become too large", "54000");
    context.spend(units);
    return parts.join("");
  },
  bool_text: (_, value) => Number(value) !== 0 ? "true" : "false",
  numeric_text: (_, value, scale) => Number(value).toFixed(Math.min(Number(scale), 100)),
  interval_text: (_, value) => printInterval(textOf(value)),
  array_text: (_, value) => arrayLiteral(textOf(value)),
  jsonb: (context, value) => {
    context.spend(textOf(value).length);
    return jsonbText(textOf(value));
  },
  /** A member's name or an element's place; SQLite would read `$` as the start of a path. */
  json_key: (_, key) => {
    if (typeof key === "bigint" || typeof key === "number") return key;
    return `$.${JSON.stringify(textOf(key))}`;
  },
};
