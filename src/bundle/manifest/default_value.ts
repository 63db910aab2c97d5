/**
 * Defaults of columns: the closed set of forms a manifest may write (contract/metacore.md §3.4), as
 * values. A default never becomes SQL text; whoever builds tables renders the value.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import { isUuid } from "../../base/ids.ts";
import type { ColumnTypeName } from "./column_type.ts";

/** A default: a constant, or one of the functions that a manifest may name. */
export type ColumnDefaultValue =
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  | { readonly kind: "now" }
  | { readonly kind: "uuid" };

const NUMBER = /^-?\d+(\.\d+)?$/;
const QUOTED = /^'([^'";\\]*)'$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)?$/;
const WORDS: Readonly<Record<string, ColumnDefaultValue | undefined>> = {
  "now()": { kind: "now" },
  "current_timestamp": { kind: "now" },
  "gen_random_uuid()": { kind: "uuid" },
  "uuid_generate_v4()": { kind: "uuid" },
  "true": { kind: "literal", value: true },
  "false": { kind: "literal", value: false },
  "null": undefined,
};

/**
 * Parses a default in the form the manifest writes it: texts in single quotes inside the JSON text.
 *
 * @param value a JSON number or boolean, or a text of the closed set.
 * @returns the value; undefined for an empty text and `null`, which mean no default.
 * @throws {KernelError} bundle.invalid_default — the text is not in the set. Cannot happen with a
 *   column that `parseManifest` has read.
 */
export function parseColumnDefault(
  value: string | number | boolean,
): ColumnDefaultValue | undefined {
  if (typeof value === "boolean") return { kind: "literal", value };
  if (typeof value === "number") return numberLiteral(value, String(value));
  const text = value.trim();
  if (text === "") return undefined;
  const word = text.toLowerCase();
  if (Object.hasOwn(WORDS, word)) return WORDS[word];
  if (NUMBER.test(text)) return numberLiteral(Number(text), text);
  const quoted = QUOTED.exec(text)?.[1];
  if (quoted !== undefined && !/\p{Cc}/u.test(quoted)) return { kind: "literal", value: quoted };
  throw invalidDefault(text);
}

/**
 * Fits a default to the type of its column: `'5'` is the number 5 in an integer column.
 *
 * @param type the column's type.
 * @param value a parsed default.
 * @returns the default with a literal of the column's own kind, or undefined when a column of that
 *   type cannot hold it.
 */
export function fitColumnDefault(
  type: ColumnTypeName,
  value: ColumnDefaultValue,
): ColumnDefaultValue | undefined {
  if (value.kind === "uuid") return isOneOf(type, ["uuid", "string", "text"]) ? value : undefined;
  if (value.kind === "now") return isOneOf(type, ["timestamp", "date"]) ? value : undefined;
  const literal = fitLiteral(type, value.value);
  return literal === undefined ? undefined : { kind: "literal", value: literal };
}

function fitLiteral(
  type: ColumnTypeName,
  value: string | number | boolean,
): string | number | boolean | undefined {
  switch (type) {
    case "string":
    case "text":
      return String(value);
    case "integer":
      return integerWithin(value, 2 ** 31);
    case "bigint":
      return integerWithin(value, 2 ** 53);
    case "decimal":
      return asNumber(value);
    case "boolean":
      return asBoolean(value);
    case "uuid":
      return isUuid(value) ? value.toLowerCase() : undefined;
    case "timestamp":
    case "date":
      return typeof value === "string" && isInstant(value) ? value : undefined;
    case "json":
      return typeof value === "string" && isJson(value) ? value : undefined;
  }
}

function isOneOf(type: ColumnTypeName, types: readonly ColumnTypeName[]): boolean {
  return types.includes(type);
}

function asNumber(value: string | number | boolean): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && NUMBER.test(value) ? Number(value) : undefined;
}

function integerWithin(value: string | number | boolean, bound: number): number | undefined {
  const number = asNumber(value);
  if (number === undefined || !Number.isInteger(number)) return undefined;
  return number >= -bound && number < bound ? number : undefined;
}

function asBoolean(value: string | number | boolean): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (value === "true") return true;
  return value === "false" ? false : undefined;
}

function isInstant(text: string): boolean {
  const [day, ...time] = text.split(/[T ]/);
  if (!isDay(day!) || time.length > 1) return false;
  return time[0] === undefined || TIME.test(time[0]);
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  // A day that does not exist, such as 30 February, comes back as another one or not at all.
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function numberLiteral(value: number, text: string): ColumnDefaultValue {
  if (!Number.isSafeInteger(Math.trunc(value))) throw invalidDefault(text);
  return { kind: "literal", value };
}

function invalidDefault(text: string): KernelError {
  return new KernelError({
    code: "bundle.invalid_default",
    kind: "invalid",
    message:
      `${JSON.stringify(text.slice(0, 80))} is not a default: use a number, true, false, null, ` +
      `a text in single quotes without ' " ; \\, now(), current_timestamp, gen_random_uuid() or ` +
      `uuid_generate_v4()`,
  });
}
