/**
 * Keys of a body that are no columns and still no mistake, because clients send rows back as they
 * got them. Everything else that is no column is refused by name, so that a typing error is not
 * taken for a save.
 *
 * @module
 */

import { type Model, SYSTEM_COLUMNS } from "./model.ts";
import { objectsAt, textAt } from "./ui_spec.ts";

/**
 * What published clients add to any body: the resolved author of a row, and the branch that
 * runtime-react puts into a create where branches are in use, whatever the model's columns are.
 */
const CLIENT_KEYS = ["created_by", "branch_id"];

/**
 * Names the key by which records carry what belongs to a column but is stored elsewhere: a row's
 * `customer_id` comes with `customer: {value, label}` (contract/client.md §3, Column).
 *
 * @param column name of a column.
 * @returns the key of its sibling, or undefined when the column's name does not end in `_id`.
 */
export function siblingKey(column: string): string | undefined {
  return column.length > 3 && column.endsWith("_id") ? column.slice(0, -3) : undefined;
}

/**
 * Lists the keys that a model's clients may send beside its columns: system columns, siblings,
 * and whatever the author's own dialog and table name.
 *
 * @param model the model.
 * @returns the keys, which are ignored in input.
 */
export function toleratedKeys(model: Model): ReadonlySet<string> {
  const keys = new Set<string>([...SYSTEM_COLUMNS, ...CLIENT_KEYS]);
  for (const column of model.columns) {
    const sibling = siblingKey(column.name);
    if (sibling !== undefined) keys.add(sibling);
  }
  for (const relation of model.relations) keys.add(relation.name);
  const entries = [
    ...objectsAt(model.modalView, "fields"),
    ...objectsAt(model.tableView, "columns"),
  ];
  for (const entry of entries) {
    for (const part of ["key", "displayField", "iconField"]) {
      const key = textAt(entry, part);
      if (key !== undefined) keys.add(key);
    }
  }
  return keys;
}

/**
 * Tells whether a key that is neither a column nor among {@link toleratedKeys} belongs to a client's
 * own bookkeeping: it starts with `_` or `$`, is dotted, or holds something that no column could
 * mean (a nested object or list: an embedded record).
 *
 * @param key the key.
 * @param value what it holds.
 * @returns true when it is to be ignored.
 */
export function isBookkeeping(key: string, value: unknown): boolean {
  return key === "" || key.startsWith("_") || key.startsWith("$") || key.includes(".") ||
    (typeof value === "object" && value !== null) || value === undefined;
}
