/**
 * Whether a record is in a state in which an action may run (contract/client.md §3). Whatever cannot
 * be decided refuses.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import type { ActionDefinition, ConditionDefinition } from "../../bundle/manifest/manifest.ts";
import { actionInvalidState } from "./errors.ts";

const SHOWN_LENGTH = 64;

/**
 * Demands that an action fits a record.
 *
 * @param action the action.
 * @param record the record as the API shows it; undefined for an action without one, which no
 *   condition fits.
 * @throws {KernelError} addon.action_invalid_state
 */
export function checkState(action: ActionDefinition, record: JsonObject | undefined): void {
  const { requiresState = [], conditions = [] } = action;
  if (requiresState.length > 0) {
    const field = action.stateField ?? stateFieldOf(record);
    const actual = valueOf(record, field);
    if (!requiresState.some((state) => isSame(actual, state))) {
      const expected = `${field} to be ${requiresState.join(" or ")}`;
      const facts = { field, expected: [...requiresState], actual };
      throw actionInvalidState(action.key, `${expected}; it is ${shown(actual)}`, facts);
    }
  }
  for (const condition of conditions) {
    const { field, operator } = condition;
    const actual = valueOf(record, field);
    if (record !== undefined && holds(condition, actual)) continue;
    const expected = condition.value ?? null;
    const wanted = `${field} to be ${operator.replace("_", " ")} ${shown(expected)}`;
    throw actionInvalidState(action.key, `${wanted}; it is ${shown(actual)}`, {
      field,
      expected: { operator, value: expected },
      actual,
    });
  }
}

function stateFieldOf(record: JsonObject | undefined): string {
  return isEmpty(valueOf(record, "status")) && !isEmpty(valueOf(record, "state"))
    ? "state"
    : "status";
}

/** Clients read a row by a dotted path: `customer.label` is a part of a resolved reference. */
function valueOf(record: JsonObject | undefined, field: string): Json {
  const isColumn = record !== undefined && Object.hasOwn(record, field);
  let value: Json | undefined = record;
  for (const name of isColumn ? [field] : field.split(".")) {
    value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value ?? null;
}

function holds({ operator, value = null }: ConditionDefinition, actual: Json): boolean {
  switch (operator) {
    case "eq":
      return isSame(actual, value);
    case "neq":
      return !isSame(actual, value);
    case "in":
      return Array.isArray(value) && value.some((each) => isSame(actual, each));
    case "not_in":
      return Array.isArray(value) && !value.some((each) => isSame(actual, each));
    case "truthy":
      return !isEmpty(actual);
    case "falsy":
      return isEmpty(actual);
    default:
      return false;
  }
}

/** As the client's script sees it, where an empty list is something. */
function isEmpty(value: Json): boolean {
  return value === null || value === false || value === 0 || value === "";
}

/** Authors write `"1"` where the column holds 1: scalars meet as text. */
function isSame(left: Json, right: Json): boolean {
  if (left === null || right === null) return left === right;
  return textOf(left) === textOf(right);
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function shown(value: Json): string {
  return value === null ? "empty" : textOf(value).slice(0, SHOWN_LENGTH);
}
