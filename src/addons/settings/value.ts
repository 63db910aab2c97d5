/**
 * Values of settings by their types. It knows one value at a time; which settings there are is the
 * manifest's matter.
 *
 * @module
 */

import type { FieldError } from "../../base/error.ts";
import type { Json } from "../../base/json.ts";
import type { SettingDefinition } from "../../bundle/manifest/manifest.ts";
import { COERCIONS } from "../../models/coerce_value.ts";
import { Refusal } from "../../models/refusal.ts";
import { numberOfText } from "../../models/text_forms.ts";

/** Longest value in bytes of UTF-8; of what is no text, of its JSON. */
export const MAX_SETTING_BYTES = 65_536;

/** A value that fits, or why it does not. */
export type CheckedValue = { readonly value: Json } | { readonly fault: FieldError };

type Check = (given: Json, definition: SettingDefinition) => CheckedValue;

const MAX_EMAIL_LENGTH = 254;
const MAX_URL_LENGTH = 8_192;

/** Checks by type; any other type holds a text, a number or a flag. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["number", checkNumber],
  ["integer", checkInteger],
  ["boolean", (given) => coerced(COERCIONS.boolean(given))],
  ["select", checkSelect],
  ["multi_select", checkMultiSelect],
  ["email", checkEmail],
  ["url", checkUrl],
  ["date", (given) => coerced(COERCIONS.date(given))],
  ["json", (given) => ({ value: given })],
]);

/** Types whose values are secret whether or not the setting says so. */
const SECRET_TYPES: ReadonlySet<string> = new Set(["secret", "password"]);

/**
 * Tells whether a setting's value is kept sealed and never shown.
 *
 * @param definition the setting.
 */
export function isSecretSetting(definition: SettingDefinition): boolean {
  return definition.secret === true || SECRET_TYPES.has(definition.type);
}

/**
 * Checks a value that is to be set.
 *
 * @param definition the setting.
 * @param given the value, not null. What forms send as text is taken for numbers and booleans.
 * @returns the value as it is kept, or why it does not fit.
 */
export function checkSetting(definition: SettingDefinition, given: Json): CheckedValue {
  if (isTooLong(given)) {
    const message = `has more than ${MAX_SETTING_BYTES} bytes`;
    return fault("max", message, { max: MAX_SETTING_BYTES });
  }
  return (CHECKS.get(definition.type) ?? checkText)(given, definition);
}

/**
 * Tells whether a value is none: clients send an empty text for a field that was left empty.
 *
 * @param definition the setting.
 * @param given the value.
 */
export function isEmptyValue(definition: SettingDefinition, given: Json): boolean {
  if (given === null) return true;
  if (typeof given !== "string" || given.trim() !== "") return false;
  // An empty text is a text; of any other type it is no value at all.
  return definition.required === true || CHECKS.has(definition.type);
}

/** Authors write numbers and flags as defaults of texts, and types that only their UI knows. */
function checkText(given: Json, definition: SettingDefinition): CheckedValue {
  if (!isSecretSetting(definition)) {
    if (typeof given === "boolean") return { value: given };
    if (typeof given === "number" && Number.isFinite(given)) return { value: given + 0 };
  }
  const text = COERCIONS.text(given);
  return text instanceof Refusal ? { fault: text.error } : { value: String(text) };
}

function checkNumber(given: Json): CheckedValue {
  const number = numberOf(given);
  return number === undefined ? fault("numeric", "must be a number") : { value: number };
}

function checkInteger(given: Json): CheckedValue {
  const number = numberOf(given);
  return Number.isSafeInteger(number)
    ? { value: number ?? null }
    : fault("integer", "must be a whole number");
}

function numberOf(given: Json): number | undefined {
  const number = typeof given === "string" ? numberOfText(given) : given;
  // Never -0: it would be another value after JSON than before.
  return typeof number === "number" && Number.isFinite(number) ? number + 0 : undefined;
}

function checkSelect(given: Json, definition: SettingDefinition): CheckedValue {
  if (definition.options === undefined || definition.options.length === 0) {
    return checkText(given, definition);
  }
  const { options } = definition;
  const chosen = options.find(({ value }) => isSameChoice(value, given));
  if (chosen !== undefined) return { value: chosen.value };
  const choices = options.map(({ value }) => value);
  const shown = choices.slice(0, 20).map((value) => JSON.stringify(value)).join(", ");
  const more = choices.length > 20 ? ", …" : "";
  return fault("invalid_option", `must be one of ${shown}${more}`, { options: choices });
}

function checkMultiSelect(given: Json, definition: SettingDefinition): CheckedValue {
  if (!Array.isArray(given)) return fault("invalid_type", "must be a list");
  const chosen: Json[] = [];
  for (const one of given) {
    const checked = checkSelect(one, definition);
    if ("fault" in checked) return checked;
    if (!chosen.includes(checked.value)) chosen.push(checked.value);
  }
  return { value: chosen };
}

/** A form sends every choice as text. */
function isSameChoice(option: Json, given: Json): boolean {
  if (option === given) return true;
  const isPlain = typeof option === "number" || typeof option === "boolean";
  return isPlain && String(option) === given;
}

function checkEmail(given: Json): CheckedValue {
  const text = typeof given === "string" ? given.trim() : "";
  const at = text.lastIndexOf("@");
  const isAddress = at > 0 && text.length <= MAX_EMAIL_LENGTH && !/[\s\p{Cc}]/u.test(text) &&
    text.isWellFormed() && text.indexOf("@") === at && at < text.length - 1;
  return isAddress ? { value: text } : fault("email", "must be an address of the form name@host");
}

function checkUrl(given: Json): CheckedValue {
  const text = typeof given === "string" ? given.trim() : "";
  const url = text.length <= MAX_URL_LENGTH && text.isWellFormed() ? URL.parse(text) : null;
  return url !== null && /^https?:$/.test(url.protocol)
    ? { value: text }
    : fault("url", "must be an http or https address");
}

function isTooLong(given: Json): boolean {
  const text = typeof given === "string" ? given : JSON.stringify(given);
  if (text.length * 3 <= MAX_SETTING_BYTES) return false;
  return text.length > MAX_SETTING_BYTES ||
    new TextEncoder().encode(text).length > MAX_SETTING_BYTES;
}

function coerced(value: unknown): CheckedValue {
  if (value instanceof Refusal) return { fault: value.error };
  return { value: typeof value === "boolean" ? value : String(value) };
}

function fault(
  code: string,
  message: string,
  params?: Readonly<Record<string, unknown>>,
): CheckedValue {
  return { fault: { code, message, ...(params === undefined ? {} : { params }) } };
}
