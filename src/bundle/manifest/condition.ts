/**
 * Reads when an action fits a record (contract/client.md §3). A condition that cannot be read is a
 * complaint in every generation: passing over it would offer the action where it must not run.
 *
 * @module
 */

import { MAX_CONDITIONS, MAX_LABEL_LENGTH } from "./limits.ts";
import type { ConditionDefinition } from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";

const OPERATORS: Readonly<Record<string, ConditionDefinition["operator"]>> = {
  eq: "eq",
  equals: "eq",
  neq: "neq",
  notEquals: "neq",
  in: "in",
  not_in: "not_in",
  truthy: "truthy",
  falsy: "falsy",
};

/**
 * Reads the conditions of an action: `condition`, a single one, and `conditions`, a list.
 *
 * @param action the action.
 * @returns its conditions, or undefined where there are none; incomplete where it complained.
 */
export function readConditions(action: ManifestNode): ConditionDefinition[] | undefined {
  const single = action.field("condition");
  const places = action.field("conditions").objects(MAX_CONDITIONS);
  if (single.object() !== undefined) places.unshift(single);
  return places.length === 0 ? undefined : places.flatMap((place) => readCondition(place));
}

function readCondition(node: ManifestNode): ConditionDefinition[] {
  const field = node.field("field").requiredText(MAX_LABEL_LENGTH);
  const operatorNode = node.field("operator");
  const word = operatorNode.filledText(MAX_LABEL_LENGTH) ?? "eq";
  const value = node.field("value");
  if (!Object.hasOwn(OPERATORS, word)) {
    const known = Object.keys(OPERATORS).join(", ");
    operatorNode.complain(`${shown(word)} is not a known operator: use ${known}`);
    return [];
  }
  const operator = OPERATORS[word]!;
  if ((operator === "in" || operator === "not_in") && !Array.isArray(value.value)) {
    value.complain(`${operator} compares with a list`);
  }
  if (field === undefined) return [];
  if (operator === "truthy" || operator === "falsy") return [{ field, operator }];
  return [{ field, operator, value: value.value ?? null }];
}
