/**
 * Parameters of a tool: checked and brought into one form, in the order and the words of
 * contract/metacore.md §11.7. What the tool does not declare is dropped.
 *
 * @module
 */

import type { Json, JsonObject } from "../../base/json.ts";
import type { ToolParameterDefinition } from "../../bundle/manifest/manifest.ts";
import { coerceTimestamp } from "../../models/coerce_time.ts";
import { isEmailAddress, numberOfText } from "../../models/text_forms.ts";
import { matches } from "./pattern.ts";

/** Parameters as the addon gets them, or what is wrong with them, in declared order. */
export type ReadParameters =
  | { readonly values: JsonObject }
  | { readonly problems: readonly string[] };

type Definition = ToolParameterDefinition;
type ReadValue = { readonly value: Json } | { readonly problem: string } | undefined;

const PHONE = /^\+?[\d\s().-]{7,20}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;
/** What the original's number and boolean parsers take. */
const TRUE: ReadonlySet<string> = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE: ReadonlySet<string> = new Set(["0", "f", "F", "FALSE", "false", "False"]);
const SHOWN_LENGTH = 100;

/**
 * Reads parameters.
 *
 * @param definitions the tool's inputs.
 * @param given what was sent.
 * @param isProvided tells whether the installation itself has a value for a required parameter that
 *   was not sent; then it is left out.
 * @returns values by name, or every problem as `name: reason`.
 */
export function readParameters(
  definitions: readonly Definition[],
  given: JsonObject,
  isProvided: (name: string) => boolean = () => false,
): ReadParameters {
  const values = new Map<string, Json>();
  const problems: string[] = [];
  for (const definition of definitions) {
    const { name } = definition;
    const read = readValue(definition, Object.hasOwn(given, name) ? given[name] : undefined);
    if (read === undefined) {
      if (definition.required === true && !isProvided(name)) problems.push(`${name}: required`);
    } else if ("problem" in read) problems.push(`${name}: ${read.problem}`);
    else values.set(name, read.value);
  }
  return problems.length > 0 ? { problems } : { values: Object.fromEntries(values) };
}

/** Undefined where nothing was given and no default stands for it. */
function readValue(definition: Definition, given: Json | undefined): ReadValue {
  const text = textOf(given) || textOf(definition.default_value);
  const normalized = normalize(definition.normalize, text);
  if (normalized === "") return undefined;
  const read = typed(definition.type, normalized);
  if ("problem" in read) return read;
  const { validation } = definition;
  if (validation !== undefined && validation !== "" && !matches(validation, normalized)) {
    return { problem: "does not match pattern" };
  }
  return read;
}

function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return (typeof value === "string" ? value : JSON.stringify(value)).trim();
}

function normalize(how: string | undefined, text: string): string {
  switch (how) {
    case "uppercase":
      return text.toUpperCase();
    case "lowercase":
      return text.toLowerCase();
    case "alphanumeric":
      return text.replace(/[^\p{L}\p{N}]/gu, "");
    case "order_id":
      return text.replace(/\s/g, "").toUpperCase();
    default:
      return text;
  }
}

function typed(type: Definition["type"], text: string): Exclude<ReadValue, undefined> {
  switch (type) {
    case "number":
      return numberOf(text);
    case "boolean":
      if (TRUE.has(text)) return { value: true };
      return FALSE.has(text) ? { value: false } : unexpected("boolean", text);
    case "date":
      return isDate(text) ? { value: text } : unexpected("date (RFC 3339 or YYYY-MM-DD)", text);
    case "email":
      return isEmailAddress(text) ? { value: text } : unexpected("email", text);
    case "phone":
      return PHONE.test(text) && /\d{5}/.test(text.replace(/\D/g, ""))
        ? { value: text }
        : unexpected("phone", text);
    default:
      return { value: text };
  }
}

/** A number that a double cannot hold exactly would reach the addon as another one. */
function numberOf(text: string): Exclude<ReadValue, undefined> {
  const number = numberOfText(text);
  if (number === undefined) return unexpected("number", text);
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    return { problem: `number ${JSON.stringify(text.slice(0, SHOWN_LENGTH))} is too large` };
  }
  return { value: number };
}

function isDate(text: string): boolean {
  return (DAY.test(text) || INSTANT.test(text)) && typeof coerceTimestamp(text) === "string";
}

function unexpected(type: string, text: string): { readonly problem: string } {
  return { problem: `expected ${type}, got ${JSON.stringify(text.slice(0, SHOWN_LENGTH))}` };
}

/**
 * Puts problems into the sentence of contract/metacore.md §11.7.
 *
 * @param problems each `name: reason`.
 * @returns `invalid params: name: reason; …`.
 */
export function invalidParameters(problems: readonly string[]): string {
  return `invalid params: ${problems.join("; ")}`;
}

/**
 * Writes a value as an address holds it.
 *
 * @param value a parameter's value.
 * @returns texts as they are, anything else as JSON.
 */
export function parameterText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
