/**
 * Decodes arguments of guests' SQL (contract/metacore.md §5.3, "argument decoding").
 *
 * @module
 */

import { isUuid } from "../../base/ids.ts";
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import type { GuestArgument } from "../../db/guest_sql/guest_sql.ts";
import { type ArgumentRule, parseJson } from "./arguments.ts";
import { Refusal } from "./refusal.ts";

const RFC3339 =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/;
const INTEGER = /^-?[0-9]+$/;
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** A number with the digits that the guest wrote: `JSON.parse` rounds large integers. */
type Wide = Json | bigint | readonly Wide[] | { readonly [key: string]: Wide };

/**
 * Decodes arguments.
 *
 * @param text JSON array; empty or `null` is none.
 * @param rule what they are called, and the code of complaints.
 * @param maxCount most arguments.
 * @returns the arguments.
 * @throws {Refusal} bad_request — no array, too many, or a value of no known form.
 */
export function decodeArguments(
  text: string,
  rule: ArgumentRule,
  maxCount: number,
): GuestArgument[] {
  if (text.trim() === "") return [];
  const list = parseJson(text, rule);
  if (list === null) return [];
  if (!Array.isArray(list)) throw fault(rule, "must be a JSON array");
  if (list.length > maxCount) throw fault(rule, `argument count exceeds ${maxCount}`);
  // The bound on nesting held above: a reviver walks by recursion.
  const wide: readonly Wide[] = JSON.parse(text, keepDigits);
  return wide.map((value, index) => decodeOne(value, index, rule));
}

// The third parameter is standard (JSON.parse source text access) and newer than the library's types.
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined || !INTEGER.test(source)) return value;
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  // A float of as many digits as a guest likes would be reckoned for long.
  if (source.length > 20) return value;
  const exact = BigInt(source);
  return exact >= INT64.min && exact <= INT64.max ? exact : value;
}

function decodeOne(value: Wide, index: number, rule: ArgumentRule): GuestArgument {
  if (value === null || typeof value !== "object") {
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw fault(rule, `argument ${index + 1} is too large a number`);
    }
    return value;
  }
  if (isJsonObject(value)) {
    const tagged = decodeTagged(value);
    if (tagged !== undefined) return tagged;
  }
  throw fault(
    rule,
    `argument ${index + 1} must be null, a boolean, a number, a text, or an object with ` +
      "$uuid, $ts or $bytes",
  );
}

function decodeTagged(value: JsonObject): GuestArgument | undefined {
  if (typeof value.$uuid === "string") {
    return isUuid(value.$uuid) ? { kind: "uuid", text: value.$uuid } : undefined;
  }
  if (typeof value.$ts === "string") {
    const isTime = RFC3339.test(value.$ts) && !Number.isNaN(Date.parse(value.$ts));
    return isTime ? { kind: "timestamp", text: value.$ts } : undefined;
  }
  if (typeof value.$bytes === "string") {
    try {
      return {
        kind: "bytes",
        bytes: Uint8Array.fromBase64(value.$bytes, { lastChunkHandling: "strict" }),
      };
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function fault(rule: ArgumentRule, message: string): Refusal {
  return new Refusal("bad_request", message, rule.code);
}
