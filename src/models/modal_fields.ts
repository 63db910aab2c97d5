/**
 * The fields of a dialog's metadata: the author's, completed, without those that the model cannot
 * store, and with every column that a create demands.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../base/json.ts";
import { clientEndpoint } from "./endpoint.ts";
import { type Model, type ModelColumn, SYSTEM_COLUMNS } from "./model.ts";
import { optionJson, readOptions, staticOptions } from "./options.ts";
import { fieldTypeName, humanName, isVisibleIn, shownColumn } from "./presentation.ts";
import { describeRef, routeName } from "./reference.ts";
import type { ModelSnapshot } from "./registry.ts";
import { flagAt, objectsAt, textAt, valueAt } from "./ui_spec.ts";

const SYSTEM: ReadonlySet<string> = new Set(SYSTEM_COLUMNS);
const PICKER_TYPES: ReadonlySet<string> = new Set(["select", "search", "dynamic_select"]);

/**
 * Lists the fields of a model's dialogs.
 *
 * @param model the model.
 * @param snapshot where the models that fields point at are found.
 * @returns the author's fields, then columns without which no record can be created; all visible
 *   columns where the author listed none.
 */
export function modalFields(model: Model, snapshot: ModelSnapshot): JsonObject[] {
  const authored = objectsAt(model.modalView, "fields").flatMap((entry) => {
    const key = textAt(entry, "key");
    if (key === undefined) return [];
    const column = model.columns.find((candidate) => candidate.name === key);
    if (column === undefined) return systemField(entry, key, model);
    return isVisibleIn(column, "modal") ? [modalField(entry, column, model, snapshot)] : [];
  });
  const shown = new Set(authored.map((field) => field.key));
  const missing = model.columns.filter((column) =>
    authored.length === 0
      ? isVisibleIn(column, "modal")
      : !shown.has(column.name) && (isDemanded(column) || isAdded(column))
  );
  return [...authored, ...missing.map((column) => modalField({}, column, model, snapshot))];
}

/** A column that every model has may be looked at in a dialog, never written. */
function systemField(entry: JsonObject, key: string, model: Model): JsonObject[] {
  const column = SYSTEM.has(key) ? shownColumn(model, key) : undefined;
  if (column === undefined) return [];
  return [{
    ...entry,
    key,
    label: textAt(entry, "label") ?? humanName(key),
    type: textAt(entry, "type") ?? fieldTypeName(column),
    required: false,
    nullable: true,
    readonly: true,
  }];
}

/** What another addon has put on the model, of which the author of the list could not know. */
function isAdded(column: ModelColumn): boolean {
  return column.extendedBy !== undefined && isVisibleIn(column, "modal");
}

function isDemanded(column: ModelColumn): boolean {
  return column.required && column.default === undefined;
}

function modalField(
  entry: JsonObject,
  column: ModelColumn,
  model: Model,
  snapshot: ModelSnapshot,
): JsonObject {
  const own = readOptions(entry);
  const options = own.length > 0 ? own : staticOptions(model, column.name);
  const target = options.length > 0 ? undefined : describeRef(model, column.name, snapshot);
  const endpoint = clientEndpoint(textAt(entry, "searchEndpoint"), target, model, snapshot);
  const required = isDemanded(column) || flagAt(entry, "required") === true;
  const choices = options.length > 0 ? "listed" : endpoint === undefined ? "none" : "searched";
  const { searchEndpoint: _endpoint, ref: _ref, source: _source, relation: _relation, ...rest } =
    entry;
  return {
    ...rest,
    key: column.name,
    label: textAt(entry, "label") ?? humanName(column.name),
    type: typeOf(textAt(entry, "type"), column, choices),
    required,
    nullable: !required,
    ...(column.widget === "multi_select" && column.type === "json" ? { multiple: true } : {}),
    ...defaultOf(entry, column),
    ...validationOf(entry, column),
    ...(options.length === 0 ? {} : { options: options.map(optionJson) }),
    ...(target === undefined ? {} : { ref: routeName(target, snapshot) }),
    ...(endpoint === undefined ? {} : { searchEndpoint: endpoint }),
  };
}

/** A chooser with nothing to choose from becomes what the column itself would be. */
function typeOf(
  written: string | undefined,
  column: ModelColumn,
  choices: "listed" | "searched" | "none",
): string {
  if (choices === "none") {
    return written === undefined || PICKER_TYPES.has(written) ? plainType(column) : written;
  }
  return written ?? (choices === "listed" ? "select" : "search");
}

function plainType(column: ModelColumn): string {
  const type = fieldTypeName(column);
  return PICKER_TYPES.has(type) ? "text" : type;
}

/**
 * A switch that nobody touched sends an empty text, which for a demanded column is no value: it
 * starts as false instead.
 */
function defaultOf(entry: JsonObject, column: ModelColumn): { readonly defaultValue?: Json } {
  const written = valueAt(entry, "defaultValue");
  if (written !== undefined) return { defaultValue: written };
  if (column.default?.kind === "literal") return { defaultValue: column.default.value };
  return column.type === "boolean" && column.required ? { defaultValue: false } : {};
}

/** Authors give an object or a rule string such as `required|min:2`; the client reads both. */
function validationOf(entry: JsonObject, column: ModelColumn): { readonly validation?: Json } {
  const written = valueAt(entry, "validation");
  if (typeof written === "string") return { validation: written };
  const own = written !== undefined && isJsonObject(written) ? written : {};
  const merged: JsonObject = { ...column.validation, ...own };
  return Object.keys(merged).length === 0 ? {} : { validation: merged };
}
