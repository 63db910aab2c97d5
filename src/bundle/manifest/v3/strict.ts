/**
 * What makes the reader of this generation strict: a property that it does not know is a complaint
 * with the likeliest meant one, and a block that the kernel cannot act on is refused by its name.
 *
 * @module
 */

import { isJsonObject } from "../../../base/json.ts";
import { nearest } from "../../../base/nearest.ts";
import { MAX_UNREAD_ITEMS } from "../limits.ts";
import type { ManifestNode } from "../node.ts";

/** What authors of the flat generation write, with its name in this one. */
const RENAMED: Readonly<Record<string, string>> = {
  required: "not_null",
  table_name: "table",
  model_key: "key",
  confirmMessage: "confirm_message",
  requiresState: "requires_state",
  default_value: "default",
  trigger: "handler",
  id: "key",
};

/**
 * Complains about every property of an object that is not known there.
 *
 * @param node the object.
 * @param known the properties that there are.
 */
export function refuseUnknown(node: ManifestNode, known: readonly string[]): void {
  for (const [name, place] of node.entries(MAX_UNREAD_ITEMS)) {
    if (known.includes(name)) continue;
    const renamed = Object.hasOwn(RENAMED, name) ? RENAMED[name]! : "";
    const meant = known.includes(renamed) ? renamed : nearest(name, known);
    const hint = meant === undefined ? `use ${known.join(", ")}` : `did you mean "${meant}"?`;
    place.complain(`is no property here; ${hint}`);
  }
}

/**
 * Complains about blocks that the kernel cannot act on, where they hold anything.
 *
 * @param node the object that holds them.
 * @param names their properties.
 */
export function refuseUnsupported(node: ManifestNode, names: readonly string[]): void {
  for (const name of names) {
    const block = node.field(name);
    if (!isEmpty(block.value)) block.complain("is not supported by this kernel yet");
  }
}

/**
 * Notes blocks that are passed on to clients or to people and that the kernel does not act on.
 *
 * @param node the object that holds them.
 * @param names their properties.
 * @param consequence the end of the sentence.
 */
export function noteUnheeded(
  node: ManifestNode,
  names: readonly string[],
  consequence: string,
): void {
  for (const name of names) {
    if (!isEmpty(node.field(name).value)) node.field(name).note(consequence);
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === "" || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}
