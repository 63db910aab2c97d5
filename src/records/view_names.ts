/**
 * Names that a model's view gives to columns: clients filter, sort and search by the keys they drew,
 * which are not always names of stored columns. Reads the author's view leniently; it is opaque JSON.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../base/json.ts";
import type { Model } from "../models/model.ts";

/** Names that views use. */
export interface ViewNames {
  /** Every key that a view draws or filters by. */
  readonly keys: ReadonlySet<string>;
  /** Key → column it says it stands for. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Columns that the view says are searched. */
  readonly searchColumns: readonly string[];
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
  for (const column of objects(model.tableView?.["columns"])) {
    const key = text(column["key"]);
    if (key === undefined) continue;
    keys.add(key);
    const target = text(column["filterField"]) ?? text(column["displayField"]);
    if (target !== undefined) aliases.set(key, target);
    if (target !== undefined) keys.add(target);
    const style = column["styleConfig"];
    const aggregate = isJsonObject(style) ? style["aggregate"] : undefined;
    if (aggregate) aggregates.set(key, text(aggregate)?.toLowerCase() ?? "sum");
    showsCreator ||= key === "created_by" || column["cellStyle"] === "creator" ||
      column["type"] === "creator";
  }
  for (const filter of objects(model.tableView?.["filters"])) {
    const [key, column] = [text(filter["key"]), text(filter["column"])];
    if (key !== undefined) keys.add(key);
    if (key !== undefined && column !== undefined) aliases.set(key, column);
  }
  for (const field of objects(model.modalView?.["fields"])) {
    const key = text(field["key"]);
    if (key !== undefined) keys.add(key);
  }
  const searchColumns = texts(model.tableView?.["searchColumns"]);
  for (const name of searchColumns) keys.add(name);
  return { keys, aliases, aggregates, searchColumns, showsCreator };
}

/**
 * Reads the objects of a list, wherever JSON may hold anything.
 *
 * @param value any JSON.
 * @returns its objects.
 */
export function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/**
 * Reads a text that is not empty.
 *
 * @param value any JSON.
 * @returns the text, or undefined.
 */
export function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
