/**
 * Values of JSON columns, as JSON text that both engines can store. It looks at no schema.
 *
 * @module
 */

import type { Json } from "../base/json.ts";
import { JsonText } from "../base/json_text.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** Nesting that both engines read back inside a list: SQLite's parser stops at 1,000. */
const MAX_JSON_DEPTH = 500;
/** An escape of NUL or of half a surrogate pair: Postgres' `jsonb` refuses both. */
const UNSTORABLE_ESCAPE = /(?:^|[^\\])(?:\\\\)*\\u(?:0000|d[89a-f])/;

const NOT_JSON = refusal("invalid_type", "must be JSON");
const TOO_DEEP = refusal("invalid_type", `must not nest deeper than ${MAX_JSON_DEPTH} levels`);
const UNSTORABLE = refusal("invalid_type", "must not contain NUL or broken Unicode characters");

/**
 * Reads a value of a `json` column. Text that is itself a JSON object or array, as a text area sends
 * it, becomes that object or array; any other text stays a JSON string.
 *
 * @param value any JSON value.
 * @returns JSON text, or why not.
 */
export function coerceJson(value: unknown): JsonText<Json> | Refusal {
  const text = printJson(typeof value === "string" ? structureIn(value) : value);
  if (text === undefined) return NOT_JSON;
  if (text.length > MAX_JSON_DEPTH && depthOf(text) > MAX_JSON_DEPTH) return TOO_DEEP;
  return UNSTORABLE_ESCAPE.test(text) ? UNSTORABLE : new JsonText(text);
}

function structureIn(text: string): unknown {
  const trimmed = text.trim();
  if (!trimmed.startsWith("{") && !trimmed.startsWith("[")) return text;
  try {
    return JSON.parse(trimmed);
  } catch {
    return text;
  }
}

/** Counted in the text: a walk over the value would never end where the host passes a cycle. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [mark] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (mark === "[" || mark === "{") deepest = Math.max(deepest, ++depth);
    else if (mark === "]" || mark === "}") depth--;
  }
  return deepest;
}

/** The host application may pass what JSON cannot say, such as a function or a bigint. */
function printJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
