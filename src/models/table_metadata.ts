/**
 * What a UI needs to draw a model's table (contract/client.md §3): the author's specification where
 * there is one, completed, and cut down to columns that the model has. It translates nothing: keys of
 * texts stay as they are.
 *
 * @module
 */

import type { Json, JsonObject } from "../base/json.ts";
import type { Model } from "./model.ts";
import { humanName, shownColumn } from "./presentation.ts";
import { findModel, routeName } from "./reference.ts";
import type { ModelSnapshot } from "./registry.ts";
import { tableActions } from "./table_actions.ts";
import { tableColumns } from "./table_columns.ts";
import { tableFilters } from "./table_filters.ts";
import { flagAt, listAt, textAt, textsAt, valueAt } from "./ui_spec.ts";

/** Greatest page that a list answers with (contract/metacore.md §2.1). */
const MAX_PER_PAGE = 200;
const PER_PAGE_OPTIONS: readonly number[] = [10, 25, 50, 100];

/**
 * Derives the metadata of a model's table.
 *
 * @param model the model.
 * @param snapshot where the models that columns and relations point at are found.
 * @returns the metadata; what the author wrote beyond the known keys is passed on.
 */
export function tableMetadata(model: Model, snapshot: ModelSnapshot): JsonObject {
  const view = model.tableView;
  const hasCrud = flagAt(view, "enableCRUDActions") ?? true;
  const actions = tableActions(model, hasCrud ? "on" : "off");
  const columns = tableColumns(model, snapshot);
  const searched = searchColumns(model);
  const perPageOptions = pageSizes(listAt(view, "perPageOptions"));
  return {
    ...view,
    title: textAt(view, "title") ?? model.label,
    columns: searched.length > 0 ? columns : columns.map(unsearchable),
    searchColumns: searched,
    filters: tableFilters(model, columns, snapshot),
    actions,
    hasActions: actions.length > 0 || hasCrud,
    enableCRUDActions: hasCrud,
    canCreate: flagAt(view, "canCreate") ?? hasCrud,
    // There are no import and export routes to offer.
    canExport: false,
    canImport: false,
    perPageOptions: [...perPageOptions],
    defaultPerPage: defaultPageSize(valueAt(view, "defaultPerPage"), perPageOptions),
    searchPlaceholder: textAt(view, "searchPlaceholder") ?? placeholder(searched),
    relations: childRelations(model, snapshot),
  };
}

/**
 * Lists the columns that a search looks into.
 *
 * @param model the model.
 * @returns those the author lists, else those declared `searchable`, else every text column that is
 *   neither declared unsearchable nor a password; only columns that the model has.
 */
export function searchColumns(model: Model): string[] {
  const listed = textsAt(model.tableView, "searchColumns");
  if (listed !== undefined) {
    return [...new Set(listed)].filter((name) =>
      model.columns.some((column) => column.name === name)
    );
  }
  const declared = model.columns.filter((column) => column.searchable === true);
  const texts = model.columns.filter((column) =>
    (column.type === "string" || column.type === "text") &&
    column.searchable !== false && column.widget !== "password"
  );
  return (declared.length > 0 ? declared : texts).map((column) => column.name);
}

/** Where every column says that it is not searchable, the client sends no search. */
function unsearchable(column: JsonObject): JsonObject {
  return { ...column, searchable: false };
}

function pageSizes(written: readonly Json[] | undefined): readonly number[] {
  const sizes = written?.filter(isPageSize) ?? [];
  return sizes.length === 0 ? PER_PAGE_OPTIONS : sizes;
}

function isPageSize(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 &&
    value <= MAX_PER_PAGE;
}

function defaultPageSize(written: Json | undefined, sizes: readonly number[]): number {
  return isPageSize(written) ? written : sizes[0] ?? 10;
}

function placeholder(searched: readonly string[]): string {
  const names = searched.slice(0, 3).map((name) => humanName(name).toLowerCase());
  return names.length === 0 ? "" : `Search by ${names.join(", ")}`;
}

/**
 * Panels of child records. The client lists the records of `through` whose `foreign_key` is the
 * parent's id: the children themselves, or the rows of a pivot. It knows no `belongs_to`, and a
 * panel over a table that no installed model serves would only show an error.
 */
function childRelations(model: Model, snapshot: ModelSnapshot): JsonObject[] {
  return model.relations.flatMap((relation) => {
    if (relation.kind === "belongs_to") return [];
    const child = findModel(snapshot, model, relation.pivot ?? relation.through);
    if (child === undefined || shownColumn(child, relation.foreignKey) === undefined) return [];
    return [{
      name: relation.name,
      kind: relation.kind,
      through: routeName(child, snapshot),
      foreign_key: relation.foreignKey,
      references: relation.references,
      label: humanName(relation.name),
      ...(relation.pivot === undefined ? {} : { target: relation.through }),
    }];
  });
}
