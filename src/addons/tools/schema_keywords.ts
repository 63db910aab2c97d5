/**
 * Keywords of JSON Schema that look at one value. What is inside of it is looked at elsewhere.
 *
 * @module
 */

import { isUuid } from "../../base/ids.ts";
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { coerceTimestamp } from "../../models/coerce_time.ts";
import { isEmailAddress } from "../../models/text_forms.ts";
import { matches } from "./pattern.ts";

/** Keywords that say something to people and programs, and nothing about what is valid. */
const NOTES: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "$comment",
  "title",
  "description",
  "examples",
  "example",
  "default",
  "deprecated",
  "readOnly",
  "writeOnly",
  "contentMediaType",
]);
const KNOWN: ReadonlySet<string> = new Set([
  "type",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "enum",
  "const",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "format",
  "minItems",
  "maxItems",
  "uniqueItems",
]);
const SHOWN_LENGTH = 100;

/**
 * Looks for a keyword whose meaning is not known here.
 *
 * @param schema a schema.
 * @returns the keyword, or undefined; keywords that begin with `x-` are the author's own.
 */
export function checkKeywords(schema: JsonObject): string | undefined {
  return Object.keys(schema).find((keyword) =>
    !KNOWN.has(keyword) && !NOTES.has(keyword) && !keyword.startsWith("x-")
  );
}

/**
 * Holds a value against the keywords of its schema.
 *
 * @param schema the schema.
 * @param value the value.
 * @returns the first thing that is wrong, as the rest of a sentence; undefined when nothing is.
 */
export function fits(schema: JsonObject, value: Json): string | undefined {
  const { type, enum: choices } = schema;
  const types = typeof type === "string" ? [type] : Array.isArray(type) ? type : [];
  if (types.length > 0 && !types.some((each) => isOfType(each, value))) {
    return `expected ${types.join(" or ")}, got ${shown(value)}`;
  }
  if (Array.isArray(choices) && !choices.some((choice) => isSame(choice, value))) {
    return `expected one of ${choices.map(shown).join(", ")}, got ${shown(value)}`;
  }
  if (schema["const"] !== undefined && !isSame(schema["const"], value)) {
    return `expected ${shown(schema["const"])}, got ${shown(value)}`;
  }
  if (typeof value === "number") return fitsNumber(schema, value);
  if (typeof value === "string") return fitsText(schema, value);
  return Array.isArray(value) ? fitsList(schema, value) : undefined;
}

function isOfType(type: Json, value: Json): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "integer":
      return Number.isSafeInteger(value);
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isJsonObject(value);
    default:
      return false;
  }
}

function fitsNumber(schema: JsonObject, value: number): string | undefined {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below, multipleOf } = schema;
  if (typeof minimum === "number" && value < minimum) return `must be at least ${minimum}`;
  if (typeof maximum === "number" && value > maximum) return `must be at most ${maximum}`;
  if (typeof above === "number" && value <= above) return `must be more than ${above}`;
  if (typeof below === "number" && value >= below) return `must be less than ${below}`;
  if (typeof multipleOf !== "number" || multipleOf <= 0) return undefined;
  const steps = value / multipleOf;
  return Math.abs(steps - Math.round(steps)) < 1e-9
    ? undefined
    : `must be a multiple of ${multipleOf}`;
}

function fitsText(schema: JsonObject, value: string): string | undefined {
  const { minLength, maxLength, pattern, format } = schema;
  const length = [...value].length;
  if (typeof minLength === "number" && length < minLength) {
    return `must have at least ${minLength} characters`;
  }
  if (typeof maxLength === "number" && length > maxLength) {
    return `must have at most ${maxLength} characters`;
  }
  if (typeof pattern === "string" && !matches(pattern, value)) return "does not match pattern";
  return typeof format === "string" && !isOfFormat(format, value)
    ? `expected ${format}, got ${shown(value)}`
    : undefined;
}

/** A format that is not known here is a note, as the standard has it. */
function isOfFormat(format: string, value: string): boolean {
  switch (format) {
    case "email":
      return isEmailAddress(value);
    case "uuid":
      return isUuid(value);
    case "uri":
      return URL.canParse(value);
    case "date":
      return /^\d{4}-\d{2}-\d{2}$/.test(value) && typeof coerceTimestamp(value) === "string";
    case "date-time":
      return /^\d{4}-\d{2}-\d{2}[Tt ]/.test(value) && typeof coerceTimestamp(value) === "string";
    default:
      return true;
  }
}

function fitsList(schema: JsonObject, value: readonly Json[]): string | undefined {
  const { minItems, maxItems, uniqueItems } = schema;
  if (typeof minItems === "number" && value.length < minItems) {
    return `must have at least ${minItems} items`;
  }
  if (typeof maxItems === "number" && value.length > maxItems) {
    return `must have at most ${maxItems} items`;
  }
  const texts = new Set(value.map((item) => JSON.stringify(item)));
  return uniqueItems === true && texts.size < value.length ? "must not repeat an item" : undefined;
}

function isSame(left: Json, right: Json): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function shown(value: Json): string {
  return JSON.stringify(value).slice(0, SHOWN_LENGTH);
}
