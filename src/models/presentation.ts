/**
 * How a column looks where its author wrote no UI specification: its label, and the types that the
 * published client draws (contract/client.md §3). It reads no specification.
 *
 * @module
 */

import type { ColumnTypeName } from "../bundle/manifest/column_type.ts";
import type { Model, ModelColumn } from "./model.ts";

/** A column as a UI sees it: declared, or one that every model has. */
export type ShownColumn = Pick<ModelColumn, "name" | "type"> & Partial<ModelColumn>;

const SYSTEM_TYPES: ReadonlyMap<string, ColumnTypeName> = new Map<string, ColumnTypeName>([
  ["id", "uuid"],
  ["organization_id", "uuid"],
  ["created_by_id", "uuid"],
  ["created_at", "timestamp"],
  ["updated_at", "timestamp"],
  ["deleted_at", "timestamp"],
]);

const CELL_TYPES: Readonly<Record<ColumnTypeName, string>> = {
  string: "text",
  text: "text",
  uuid: "text",
  integer: "number",
  bigint: "number",
  decimal: "number",
  boolean: "boolean",
  timestamp: "datetime",
  date: "date",
  json: "text",
};

const CELL_TYPE_OF_WIDGET: ReadonlyMap<string, string> = new Map([
  ["email", "email"],
  ["url", "url"],
  ["image", "image"],
]);

const FIELD_TYPES: Readonly<Record<ColumnTypeName, string>> = {
  ...CELL_TYPES,
  text: "textarea",
  json: "textarea",
};

const FIELD_TYPE_OF_WIDGET: ReadonlyMap<string, string> = new Map([
  ["text", "text"],
  ["textarea", "textarea"],
  ["richtext", "textarea"],
  ["select", "select"],
  ["multi_select", "select"],
  ["number", "number"],
  ["slider", "number"],
  ["rating", "number"],
  ["date", "date"],
  ["datetime", "datetime"],
  ["email", "email"],
  ["url", "url"],
  ["boolean", "boolean"],
  ["image", "image"],
  ["password", "password"],
]);

/**
 * Finds a column by name among those that are declared and those that every model has.
 *
 * @param model the model.
 * @param name name of the column.
 * @returns the column, or undefined when the model has none of that name.
 */
export function shownColumn(model: Model, name: string): ShownColumn | undefined {
  const declared = model.columns.find((column) => column.name === name);
  if (declared !== undefined) return declared;
  if (name === "deleted_at" && !model.softDelete) return undefined;
  const type = SYSTEM_TYPES.get(name);
  return type === undefined ? undefined : { name, type };
}

/**
 * Makes a name readable: `customer_id` becomes `Customer`, `created_at` becomes `Created at`.
 *
 * @param name name of a column, table or model.
 * @returns words with a leading capital.
 */
export function humanName(name: string): string {
  const words = name.replace(/_id$/, "").replaceAll("_", " ").trim();
  return words === "" ? name : words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * Names the type of a table's cell.
 *
 * @param column the column.
 * @returns one of the renderers of contract/client.md §3.
 */
export function cellType(column: ShownColumn): string {
  return CELL_TYPE_OF_WIDGET.get(column.widget ?? "") ?? CELL_TYPES[column.type];
}

/**
 * Names the type of a dialog's field.
 *
 * @param column the column.
 * @returns one of the field types of contract/client.md §3.
 */
export function fieldTypeName(column: ShownColumn): string {
  return FIELD_TYPE_OF_WIDGET.get(column.widget ?? "") ?? FIELD_TYPES[column.type];
}

/**
 * Names the filter that suits a column.
 *
 * @param column the column.
 * @returns `select` is left to the caller, who knows of choices; otherwise `boolean`,
 *   `number_range`, `date_range` or `text`.
 */
export function filterType(column: ShownColumn): string {
  switch (column.type) {
    case "boolean":
      return "boolean";
    case "integer":
    case "bigint":
    case "decimal":
      return "number_range";
    case "timestamp":
    case "date":
      return "date_range";
    default:
      return "text";
  }
}

/**
 * Tells whether a column may appear in a view, as its declaration says (contract/metacore.md §3.4).
 *
 * @param column the column.
 * @param view `table` or `modal`.
 * @returns true for `all`, for the view itself, and for system columns.
 */
export function isVisibleIn(column: ShownColumn, view: "table" | "modal"): boolean {
  const visibility = column.visibility ?? "all";
  if (visibility === "list") return view === "table";
  return visibility === "all" || visibility === view;
}
