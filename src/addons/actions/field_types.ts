/**
 * Types of action fields: what each takes and the form it gives it. A type that is not named here is
 * one of the UI alone, and its values pass as they are.
 *
 * @module
 */

import type { FieldError } from "../../base/error.ts";
import type { Json } from "../../base/json.ts";
import type { ActionFieldDefinition, OptionDefinition } from "../../bundle/manifest/manifest.ts";
import { COERCIONS } from "../../models/coerce_value.ts";
import { Refusal } from "../../models/refusal.ts";
import { isEmailAddress, numberOfText } from "../../models/text_forms.ts";

/** A value in the form of its type, or why not. */
export type FieldResult = { readonly value: Json } | { readonly error: FieldError };

/** Reads values of one field. */
export interface FieldReader {
  /** Whether a value means that nothing was filled in. */
  readonly isEmpty: (value: Json) => boolean;
  /** What an empty value becomes. */
  readonly empty: (value: Json) => Json;
  readonly read: (value: Json) => FieldResult;
}

type Read = (value: Json) => FieldResult;

/** Short numbers, extensions and codes to press are numbers that people have. */
const PHONE = /^\+?(?=.*\d)[\d\s().\/*#,;-]{2,40}(?:(?:x|ext\.?)\s?\d{1,8})?$/i;

const READERS: Readonly<Record<string, Read>> = {
  number: readNumber,
  decimal: readNumber,
  float: readNumber,
  currency: readNumber,
  money: readNumber,
  percent: readNumber,
  integer: coerced("bigint"),
  int: coerced("bigint"),
  bigint: coerced("bigint"),
  boolean: coerced("boolean"),
  bool: coerced("boolean"),
  switch: coerced("boolean"),
  toggle: coerced("boolean"),
  checkbox: coerced("boolean"),
  date: coerced("date"),
  datetime: coerced("timestamp"),
  "datetime-local": coerced("timestamp"),
  timestamp: coerced("timestamp"),
  uuid: coerced("uuid"),
  user: coerced("uuid"),
  email: textLike("email", "must be an e-mail address", isEmailAddress),
  phone: textLike("regex", "must be a phone number", (text) => PHONE.test(text)),
  tel: textLike("regex", "must be a phone number", (text) => PHONE.test(text)),
  url: textLike("url", "must be an address that begins with http:// or https://", isWebAddress),
};

const TEXT_TYPES: ReadonlySet<string> = new Set(["text", "string", "textarea", "password"]);
const CHOICES: ReadonlySet<string> = new Set(["select", "radio", "enum"]);
const MANY_CHOICES: ReadonlySet<string> = new Set(["multi_select", "multiselect"]);

/**
 * Makes the reader of a field.
 *
 * @param field the field.
 * @returns the reader.
 */
export function fieldReader(field: ActionFieldDefinition): FieldReader {
  const type = field.type.toLowerCase();
  const options = field.options ?? [];
  if (TEXT_TYPES.has(type)) {
    return { isEmpty: (value) => value === "", empty: (value) => value, read: readText(field) };
  }
  if (CHOICES.has(type) && options.length > 0) return reader((value) => choose(value, options));
  if (MANY_CHOICES.has(type) && options.length > 0) {
    return reader((value) => chooseMany(value, options));
  }
  return reader(Object.hasOwn(READERS, type) ? READERS[type]! : (value) => ({ value }));
}

function reader(read: Read): FieldReader {
  const isEmpty = (value: Json) =>
    typeof value === "string" ? value.trim() === "" : Array.isArray(value) && value.length === 0;
  return { isEmpty, empty: (value) => Array.isArray(value) ? value : null, read };
}

function coerced(type: "bigint" | "boolean" | "date" | "timestamp" | "uuid"): Read {
  return (given) => {
    const value = COERCIONS[type](given);
    if (value instanceof Refusal) return { error: value.error };
    return typeof value === "object" ? refuse("invalid_type", "has another type") : { value };
  };
}

function readNumber(value: Json): FieldResult {
  const number = typeof value === "string" ? numberOfText(value) : value;
  return typeof number === "number" && Number.isFinite(number)
    ? { value: number + 0 }
    : refuse("numeric", "must be a number");
}

function readText({ size }: ActionFieldDefinition): Read {
  return (given) => {
    // Clients prefill a text with a default that authors wrote as a number.
    const isPlain = typeof given === "number" || typeof given === "boolean";
    const value = COERCIONS.text(isPlain ? String(given) : given);
    if (value instanceof Refusal) return { error: value.error };
    const text = String(value);
    if (size === undefined || size < 1 || [...text].length <= size) return { value: text };
    const params = { max: size, kind: "length" };
    return { error: { code: "max", params, message: `must have at most ${size} characters` } };
  };
}

function textLike(code: string, message: string, fits: (text: string) => boolean): Read {
  return (value) => {
    const text = typeof value === "string" ? value.trim() : "";
    return text.length <= 2_048 && fits(text) ? { value: text } : refuse(code, message);
  };
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** Option values and sent values meet as text; what is passed on is the option's own. */
function choose(value: Json, options: readonly OptionDefinition[]): FieldResult {
  const found = options.find((option) => comparable(option.value) === comparable(value));
  return found === undefined
    ? refuse("invalid_option", "must be one of the offered choices")
    : { value: found.value };
}

function chooseMany(value: Json, options: readonly OptionDefinition[]): FieldResult {
  const chosen: Json[] = [];
  for (const each of Array.isArray(value) ? value : [value]) {
    const result = choose(each, options);
    if ("error" in result) return result;
    chosen.push(result.value);
  }
  return { value: chosen };
}

function comparable(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function refuse(code: string, message: string): FieldResult {
  return { error: { code, message } };
}
