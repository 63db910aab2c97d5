/**
 * Validators that columns name in `validation.custom`: those of the host application, and what
 * `$org.<key>` stands for in an organization (contract/metacore.md §3.4, §8.8).
 *
 * @module
 */

import { RE2JS } from "re2js";
import { isJsonObject, type Json, type JsonObject } from "../base/json.ts";
import { JsonText } from "../base/json_text.ts";
import type { ValidationDefinition } from "../bundle/manifest/manifest.ts";
import { MAX_PATTERN_SIZE, patternSize } from "../bundle/manifest/pattern.ts";
import type { CustomValidators } from "./column_rules.ts";
import type { Model, ModelColumn } from "./model.ts";

/** A validator of the host application: what it returns is the complaint, nothing is none. */
export type HostValidator = (value: Json) => string | undefined;

const VALIDATOR_NAME = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;
const REFERENCE = /^\$org\.([a-z][a-z0-9_]*)$/;
const MAX_PATTERN_LENGTH = 1_000;

/**
 * Makes validators of host functions.
 *
 * @param functions by dotted name.
 * @returns what the record engine asks.
 */
export function customValidators(
  functions: Readonly<Record<string, HostValidator>>,
): CustomValidators {
  return new Map(
    Object.entries(functions).map(([name, validate]) => [name, (value: unknown) => {
      // Border: values of columns are JSON, or JSON text of a json column.
      const message = validate((value instanceof JsonText ? value.value() : value) as Json);
      if (message === undefined) return undefined;
      return { code: "custom", params: { validator: name }, message };
    }]),
  );
}

/**
 * Names the value of the organization that a column asks for.
 *
 * @param custom a column's `validation.custom`.
 * @returns the key behind `$org.`, or undefined where it is no such reference.
 */
export function organizationReference(custom: string | undefined): string | undefined {
  return custom === undefined ? undefined : REFERENCE.exec(custom)?.[1];
}

/**
 * Puts an organization's values in the place of `$org.<key>`.
 *
 * @param models as they were declared.
 * @param values of the organization by key.
 * @returns the models; those that ask for nothing are the same objects. What no value fits stays as it
 *   is written.
 */
export function withOrganizationValues(
  models: readonly Model[],
  values: ReadonlyMap<string, Json>,
): Model[] {
  if (values.size === 0) return [...models];
  return models.map((model) => {
    if (!model.columns.some((column) => rulesFor(column, values) !== undefined)) return model;
    return {
      ...model,
      columns: model.columns.map((column) => {
        const validation = rulesFor(column, values);
        return validation === undefined ? column : { ...column, validation };
      }),
    };
  });
}

/**
 * Reads a value as rules.
 *
 * @param value a value of an organization.
 * @returns `{custom}` of a validator's name, the rules of `{regex?, min?, max?}`; undefined where it
 *   is neither.
 */
export function rulesOfValue(value: Json): ValidationDefinition | undefined {
  if (typeof value === "string") return VALIDATOR_NAME.test(value) ? { custom: value } : undefined;
  if (!isJsonObject(value)) return undefined;
  const { regex, min, max, ...others } = value;
  if (Object.keys(value).length === 0 || Object.keys(others).length > 0) return undefined;
  if (!isBound(min) || !isBound(max) || !isPattern(regex)) return undefined;
  if (min !== undefined && max !== undefined && min > max) return undefined;
  return {
    ...(regex === undefined ? {} : { regex }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
}

/**
 * Tells whether a value means to be rules, so that a mistake in them can be told.
 *
 * @param value a value of an organization.
 * @returns true for objects with a member that rules have.
 */
export function meansRules(value: Json): value is JsonObject {
  return isJsonObject(value) && ["regex", "min", "max"].some((name) => Object.hasOwn(value, name));
}

function rulesFor(
  { validation }: ModelColumn,
  values: ReadonlyMap<string, Json>,
): ValidationDefinition | undefined {
  const key = organizationReference(validation?.custom);
  const value = key === undefined ? undefined : values.get(key);
  const rules = value === undefined ? undefined : rulesOfValue(value);
  if (rules === undefined) return undefined;
  const { custom: _reference, ...own } = validation ?? {};
  return tightened(own, rules);
}

/** Of two bounds the tighter one holds; the organization's pattern takes the place of the author's. */
function tightened(own: ValidationDefinition, rules: ValidationDefinition): ValidationDefinition {
  const merged = { ...own, ...rules };
  return {
    ...merged,
    ...(own.min === undefined || rules.min === undefined
      ? {}
      : { min: Math.max(own.min, rules.min) }),
    ...(own.max === undefined || rules.max === undefined
      ? {}
      : { max: Math.min(own.max, rules.max) }),
  };
}

function isBound(value: Json | undefined): value is number | undefined {
  return value === undefined || (typeof value === "number" && Number.isFinite(value));
}

function isPattern(value: Json | undefined): value is string | undefined {
  if (value === undefined) return true;
  if (typeof value !== "string" || value === "" || value.length > MAX_PATTERN_LENGTH) return false;
  if (patternSize(value) > MAX_PATTERN_SIZE) return false;
  try {
    RE2JS.compile(value);
    return true;
  } catch {
    return false;
  }
}
