/**
 * What columns point at, and how models and their records are called. Nothing is stored as a foreign
 * key, so this is where references are known; it reads no records.
 *
 * @module
 */

import type { Model, ModelColumn } from "./model.ts";
import type { ModelSnapshot } from "./registry.ts";
import { siblingKey } from "./tolerated_keys.ts";
import { objectsAt, textAt } from "./ui_spec.ts";

/** Columns that name a record, the likeliest first. */
const LABEL_NAMES = ["name", "title", "label", "full_name", "display_name", "code", "number"];
const SEARCH_ROUTE = /^\/?(?:search|options)\/([^/?#]+)/;

/**
 * Finds the column that names a model's records.
 *
 * @param model the model.
 * @returns `name`, `title`, `label` or the like, else the first text column, else `id`.
 */
export function labelColumn(model: Model): string {
  const texts = model.columns.filter(isNaming);
  const named = LABEL_NAMES.find((name) => texts.some((column) => column.name === name));
  return named ?? texts[0]?.name ?? "id";
}

/**
 * Finds the columns that together name a model's records, to be joined by spaces.
 *
 * @param model the model.
 * @returns `first_name` and `last_name` of people without a full name, else the label column alone.
 */
export function labelColumns(model: Model): readonly string[] {
  const label = labelColumn(model);
  const isPerson = label === "first_name" &&
    model.columns.some((column) => column.name === "last_name" && isNaming(column));
  return isPerson ? [label, "last_name"] : [label];
}

function isNaming(column: ModelColumn): boolean {
  return (column.type === "string" || column.type === "text") && column.widget !== "password";
}

/**
 * Finds the model that a column points at: by its `ref` (which `belongs_to` relations stamp), by a
 * search endpoint of the author's dialog or table that names a model, and last by its own name,
 * within the same addon only: `department_id` points at `departments`. Published manifests declare
 * choosers of which nothing but the name says what they choose from.
 *
 * @param model the model that has the column.
 * @param columnName name of a declared column.
 * @param snapshot where models are found.
 * @returns the model, or undefined when the column points nowhere, or at what is not installed.
 */
export function describeRef(
  model: Model,
  columnName: string,
  snapshot: ModelSnapshot,
): Model | undefined {
  const column = model.columns.find((candidate) => candidate.name === columnName);
  if (column === undefined) return undefined;
  if (column.ref !== undefined) return findModel(snapshot, model, column.ref);
  return modelOfEndpoints(model, columnName, snapshot) ?? modelOfName(model, column, snapshot);
}

/**
 * Finds a model as another model's author names it: in the same addon first.
 *
 * @param snapshot where models are found.
 * @param from the model whose author speaks.
 * @param name key, table, `addon.key` or `addon_<key>.table`.
 * @returns the model, or undefined.
 */
export function findModel(snapshot: ModelSnapshot, from: Model, name: string): Model | undefined {
  return snapshot.find(`${from.addonKey}.${name}`) ?? snapshot.find(name);
}

/**
 * Finds the model that a search endpoint names: `employees`, `/search/employees` or
 * `/options/employees?field=id`.
 *
 * @param snapshot where models are found.
 * @param from the model whose author wrote the endpoint.
 * @param endpoint the endpoint as written.
 * @returns the model, or undefined when it names none.
 */
export function modelOfEndpoint(
  snapshot: ModelSnapshot,
  from: Model,
  endpoint: string,
): Model | undefined {
  const name = SEARCH_ROUTE.exec(endpoint)?.[1] ?? endpoint;
  return findModel(snapshot, from, name);
}

function modelOfEndpoints(
  model: Model,
  columnName: string,
  snapshot: ModelSnapshot,
): Model | undefined {
  const entries = [
    ...objectsAt(model.modalView, "fields"),
    ...objectsAt(model.tableView, "columns"),
    ...objectsAt(model.tableView, "filters"),
  ];
  for (const entry of entries) {
    if (textAt(entry, "key") !== columnName) continue;
    for (const part of ["searchEndpoint", "ref", "source", "relation"]) {
      const endpoint = textAt(entry, part);
      const found = endpoint === undefined ? undefined : modelOfEndpoint(snapshot, model, endpoint);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function modelOfName(
  model: Model,
  column: ModelColumn,
  snapshot: ModelSnapshot,
): Model | undefined {
  const noun = column.type === "uuid" ? siblingKey(column.name) : undefined;
  if (noun === undefined) return undefined;
  const plurals = [noun, `${noun}s`, `${noun}es`, noun.replace(/y$/, "ies")];
  const own = snapshot.models.filter((candidate) => candidate.addonKey === model.addonKey);
  const exact = own.find((candidate) => plurals.includes(candidate.table.table));
  if (exact !== undefined) return exact;
  const endings = own.filter((candidate) =>
    plurals.some((plural) => candidate.table.table.endsWith(`_${plural}`))
  );
  return endings.length === 1 ? endings[0] : undefined;
}

const PLAIN_NAME = /^[A-Za-z0-9_.-]+$/;

/**
 * Picks the name under which clients ask for a model, in paths and in `ref`: its key, or a name with
 * its addon where the key is another model's or cannot stand in a path.
 *
 * @param model a model of the snapshot.
 * @param snapshot where the name must be found again.
 * @returns a name that `snapshot.find` answers with the model.
 */
export function routeName(model: Model, snapshot: ModelSnapshot): string {
  const names = [
    model.key,
    model.table.table,
    `${model.addonKey}.${model.key}`,
    `${model.addonKey}.${model.table.table}`,
  ];
  const plain = names.find((name) => PLAIN_NAME.test(name) && snapshot.find(name) === model);
  return plain ?? model.key;
}
