/**
 * Rules on a value beyond its type: length, bounds, pattern, choices, custom validators
 * (contract/metacore.md §3.4). Compiled once per column.
 *
 * Choices of the UI specification are enforced only where the column itself declares the widget
 * `select` or `multi_select`: elsewhere authors list options for display, and rows that an import or
 * a migration wrote hold others.
 *
 * @module
 */

import { RE2JS } from "re2js";
import type { FieldError } from "../base/error.ts";
import { JsonText } from "../base/json_text.ts";
import { patternSize } from "../bundle/manifest/pattern.ts";
import type { CoercedValue } from "./coerce_value.ts";
import { DEFAULT_STRING_LENGTH } from "./field_type.ts";
import type { Model, ModelColumn } from "./model.ts";
import { staticOptions } from "./options.ts";

/** Checks one value that already has its column's type. */
export type Rule = (value: CoercedValue) => FieldError | undefined;

/** Validators of the host application by dotted name. */
export type CustomValidators = ReadonlyMap<string, (value: unknown) => FieldError | undefined>;

/**
 * Compiles the rules of a column.
 *
 * @param model the model the column belongs to.
 * @param column a declared column.
 * @param validators what `validation.custom` may name; other names are not enforced, as in the
 *   original.
 * @returns the rules in the order in which they complain.
 */
export function rulesOf(model: Model, column: ModelColumn, validators: CustomValidators): Rule[] {
  const rules: Rule[] = [];
  const { regex, min, max, custom } = column.validation ?? {};
  const isText = column.type === "string" || column.type === "text";
  if (column.type === "string") rules.push(atMostLong(column.size ?? DEFAULT_STRING_LENGTH));
  if (isText) {
    if (min !== undefined) rules.push(atLeastLong(min));
    if (max !== undefined) rules.push(atMostLong(max));
  } else if (isNumeric(column)) {
    if (min !== undefined) rules.push(atLeast(min));
    if (max !== undefined) rules.push(atMost(max));
  }
  if (regex !== undefined && column.type !== "json") rules.push(matching(regex));
  const choices = choicesOf(model, column);
  if (choices !== undefined) rules.push(choices);
  const validator = custom === undefined ? undefined : validators.get(custom);
  if (validator !== undefined) rules.push(validator);
  return rules;
}

function isNumeric(column: ModelColumn): boolean {
  return column.type === "integer" || column.type === "bigint" || column.type === "decimal";
}

/** Characters as Postgres counts them for `varchar`: code points. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function atMostLong(max: number): Rule {
  const error: FieldError = {
    code: "max",
    params: { max, kind: "length" },
    message: `must have at most ${max} characters`,
  };
  return (value) => {
    const text = String(value);
    return text.length > max && lengthOf(text) > max ? error : undefined;
  };
}

function atLeastLong(min: number): Rule {
  const error: FieldError = {
    code: "min",
    params: { min, kind: "length" },
    message: `must have at least ${min} characters`,
  };
  return (value) => lengthOf(String(value)) < min ? error : undefined;
}

function atLeast(min: number): Rule {
  const error: FieldError = { code: "min", params: { min }, message: `must be at least ${min}` };
  return (value) => Number(value) < min ? error : undefined;
}

function atMost(max: number): Rule {
  const error: FieldError = { code: "max", params: { max }, message: `must be at most ${max}` };
  return (value) => Number(value) > max ? error : undefined;
}

/** Steps of a pattern times characters of a text that one match may cost: some 60 ms. */
const MAX_MATCH_STEPS = 10_000_000;

/** RE2 in linear time; as in the original, a match anywhere in the text is enough. */
function matching(regex: string): Rule {
  const pattern = RE2JS.compile(regex);
  const max = Math.floor(MAX_MATCH_STEPS / patternSize(regex));
  const tooLong = atMostLong(max);
  const error: FieldError = {
    code: "regex",
    params: { regex },
    message: "does not have the required form",
  };
  return (value) => {
    const text = String(value);
    if (text.length > max) return tooLong(text) ?? error;
    return pattern.matcher(text).find() ? undefined : error;
  };
}

function choicesOf(model: Model, column: ModelColumn): Rule | undefined {
  if (column.widget !== "select" && column.widget !== "multi_select") return undefined;
  const options = staticOptions(model, column.name);
  if (options.length === 0) return undefined;
  const allowed = new Set(options.map((option) => comparable(option.value)));
  const error: FieldError = {
    code: "invalid_option",
    message: "must be one of the offered choices",
  };
  return (value) => choicesIn(value).every((one) => allowed.has(one)) ? undefined : error;
}

/** Option values and stored values meet as text: an author may write 1 where the column holds "1". */
function comparable(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

/** Several choices stand in a JSON list. */
function choicesIn(value: CoercedValue): readonly string[] {
  const chosen = value instanceof JsonText ? value.value() : value;
  return Array.isArray(chosen) ? chosen.map(comparable) : [comparable(chosen)];
}
