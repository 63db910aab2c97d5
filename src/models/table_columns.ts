/**
 * The columns of a table's metadata: the author's, completed and cut down to what the model has, or
 * all of the model's own where the author listed none.
 *
 * @module
 */

import type { JsonObject } from "../base/json.ts";
import { clientEndpoint } from "./endpoint.ts";
import type { Model } from "./model.ts";
import { optionJson, readOptions, staticOptions } from "./options.ts";
import { cellType, humanName, isVisibleIn, type ShownColumn, shownColumn } from "./presentation.ts";
import { describeRef, routeName } from "./reference.ts";
import type { ModelSnapshot } from "./registry.ts";
import { siblingKey } from "./tolerated_keys.ts";
import { flagAt, objectsAt, textAt } from "./ui_spec.ts";

/**
 * Lists the columns of a model's table.
 *
 * @param model the model.
 * @param snapshot where the models that columns point at are found.
 * @returns the columns in the author's order, else in declared order with `created_at` last.
 */
export function tableColumns(model: Model, snapshot: ModelSnapshot): JsonObject[] {
  const authored = objectsAt(model.tableView, "columns").flatMap((entry) =>
    authoredColumn(entry, model, snapshot)
  );
  if (authored.length === 0) return derivedColumns(model, snapshot);
  // The author of the list could not know what other addons put on the model.
  const listed = new Set(authored.map(({ key }) => key));
  const added = model.columns.filter((column) =>
    column.extendedBy !== undefined && !listed.has(column.name) &&
    isVisibleIn(column, "table") && column.widget !== "password"
  );
  return [...authored, ...added.map((column) => derivedColumn(column, model, snapshot))];
}

function authoredColumn(entry: JsonObject, model: Model, snapshot: ModelSnapshot): JsonObject[] {
  const key = textAt(entry, "key");
  if (key === undefined) return [];
  const column = shownColumn(model, key);
  if (column === undefined && !isPathIntoRow(model, key)) return [];
  if (column !== undefined && !isVisibleIn(column, "table")) return [];
  const options = readOptions(entry);
  const { searchEndpoint: _endpoint, ref: _ref, ...rest } = entry;
  return [{
    ...(column?.validation === undefined ? {} : { validation: { ...column.validation } }),
    ...rest,
    key,
    label: textAt(entry, "label") ?? humanName(key),
    type: textAt(entry, "type") ?? (column === undefined ? "text" : cellType(column)),
    sortable: flagAt(entry, "sortable") ?? false,
    filterable: flagAt(entry, "filterable") ?? false,
    ...(options.length === 0 ? {} : { options: options.map(optionJson) }),
    ...lookup(textAt(entry, "searchEndpoint"), column, model, snapshot),
  }];
}

/** `customer.label` reads the sibling of `customer_id`, `address.city` looks into a JSON column. */
function isPathIntoRow(model: Model, key: string): boolean {
  const [head] = key.split(".");
  if (head === "created_by") return true;
  return model.columns.some((column) =>
    (column.name === head && column.type === "json") || siblingKey(column.name) === head
  );
}

function derivedColumns(model: Model, snapshot: ModelSnapshot): JsonObject[] {
  const shown = model.columns.filter((column) =>
    isVisibleIn(column, "table") && column.widget !== "password"
  );
  const createdAt = shownColumn(model, "created_at");
  return [...shown, ...(createdAt === undefined ? [] : [createdAt])].map((column) =>
    derivedColumn(column, model, snapshot)
  );
}

function derivedColumn(column: ShownColumn, model: Model, snapshot: ModelSnapshot): JsonObject {
  const options = staticOptions(model, column.name);
  const reference = lookup(undefined, column, model, snapshot);
  const pointsNowhere = column.type === "uuid" && reference.ref === undefined;
  const hasChoices = options.length > 0 || reference.ref !== undefined;
  return {
    key: column.name,
    label: humanName(column.name),
    type: options.length > 0 ? "select" : cellType(column),
    sortable: column.type !== "json" && column.type !== "uuid",
    filterable: hasChoices || column.index === true || isNarrow(column),
    ...(options.length === 0 ? {} : { options: options.map(optionJson), cellStyle: "badge" }),
    ...(column.type === "text" ? { cellStyle: "truncate-text" } : {}),
    ...(pointsNowhere || column.type === "json" ? { hidden: true } : {}),
    ...(column.validation === undefined ? {} : { validation: { ...column.validation } }),
    ...reference,
  };
}

function isNarrow(column: ShownColumn): boolean {
  return column.type === "boolean" || column.type === "date" || column.type === "timestamp";
}

/**
 * `ref` makes the client read a sibling of the row (of a JSON list, the records it names), so it
 * stands only where records carry one: otherwise the cell would stay empty instead of showing the
 * value.
 */
function carriesSibling(model: Model, column: ShownColumn): boolean {
  if (column.type === "json") return true;
  const sibling = siblingKey(column.name);
  return column.type === "uuid" && sibling !== undefined &&
    !model.columns.some((other) => other.name === sibling);
}

function lookup(
  written: string | undefined,
  column: ShownColumn | undefined,
  model: Model,
  snapshot: ModelSnapshot,
): { readonly ref?: string; readonly searchEndpoint?: string } {
  const target = column === undefined ? undefined : describeRef(model, column.name, snapshot);
  const endpoint = clientEndpoint(written, target, model, snapshot);
  return {
    ...(target !== undefined && column !== undefined && carriesSibling(model, column)
      ? { ref: routeName(target, snapshot) }
      : {}),
    ...(endpoint === undefined ? {} : { searchEndpoint: endpoint }),
  };
}
