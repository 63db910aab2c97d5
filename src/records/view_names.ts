/**
 * Names that a model's view gives to columns: clients filter, sort and search by the keys they drew,
 * which are not always names of stored columns. Reads the author's view leniently; it is opaque JSON.
 *
 * @module
 */

import { isJsonObject } from "../base/json.ts";
import type { Model } from "../models/model.ts";
import { objectsAt, textAt } from "../models/ui_spec.ts";

/** Names that views use. */
export interface ViewNames {
  /** Every key that a view draws or filters by. */
  readonly keys: ReadonlySet<string>;
  /** Key → column it says it stands for. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Numeric columns with a total in the footer → name of the function. */
  readonly aggregates: ReadonlyMap<string, string>;
  /** Whether the view draws who created a record. */
  readonly showsCreator: boolean;
}

/**
 * Collects the names that a model's views use.
 *
 * @param model the model.
 * @returns the names.
 */
export function viewNamesOf(model: Model): ViewNames {
  const keys = new Set<string>();
  const aliases = new Map<string, string>();
  const aggregates = new Map<string, string>();
  let showsCreator = false;
  for (const column of objectsAt(model.tableView, "columns")) {
    const key = textAt(column, "key");
    if (key === undefined) continue;
    keys.add(key);
    const target = textAt(column, "filterField") ?? textAt(column, "displayField");
    if (target !== undefined) keys.add(target);
    if (target !== undefined) aliases.set(key, target);
    const style = isJsonObject(column["styleConfig"]) ? column["styleConfig"] : undefined;
    const wanted = style?.["aggregate"];
    if (wanted) aggregates.set(key, textAt(style, "aggregate")?.toLowerCase() ?? "sum");
    showsCreator ||= key === "created_by" || key.startsWith("created_by.") ||
      textAt(column, "cellStyle") === "creator" || textAt(column, "type") === "creator";
  }
  for (const filter of objectsAt(model.tableView, "filters")) {
    const [key, column] = [textAt(filter, "key"), textAt(filter, "column")];
    if (key !== undefined) keys.add(key);
    if (key !== undefined && column !== undefined) aliases.set(key, column);
  }
  for (const field of objectsAt(model.modalView, "fields")) {
    const key = textAt(field, "key");
    if (key !== undefined) keys.add(key);
  }
  return { keys, aliases, aggregates, showsCreator };
}
