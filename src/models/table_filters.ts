/**
 * The filters of a table's metadata: the author's, and one for each filterable column that they
 * leave out.
 *
 * @module
 */

import type { JsonObject } from "../base/json.ts";
import { clientEndpoint } from "./endpoint.ts";
import type { Model } from "./model.ts";
import { optionJson, readOptions, staticOptions } from "./options.ts";
import { filterType, humanName, type ShownColumn, shownColumn } from "./presentation.ts";
import { describeRef } from "./reference.ts";
import type { ModelSnapshot } from "./registry.ts";
import { flagAt, objectsAt, textAt } from "./ui_spec.ts";

const YES_AND_NO: readonly JsonObject[] = [
  { value: "true", label: "Yes" },
  { value: "false", label: "No" },
];

/**
 * Lists the filters of a model's table.
 *
 * @param model the model.
 * @param columns the finished columns of the same table.
 * @param snapshot where the models that columns point at are found.
 * @returns the author's filters on columns that exist, then the derived ones.
 */
export function tableFilters(
  model: Model,
  columns: readonly JsonObject[],
  snapshot: ModelSnapshot,
): JsonObject[] {
  const authored = objectsAt(model.tableView, "filters").flatMap((entry) => {
    const key = textAt(entry, "key") ?? textAt(entry, "column");
    const column = shownColumn(model, textAt(entry, "column") ?? key ?? "");
    return key === undefined || column === undefined
      ? []
      : [completeFilter(entry, key, column, model, snapshot)];
  });
  const covered = new Set(authored.map((filter) => filter.column));
  const derived = columns.flatMap((entry) => {
    const column = shownColumn(model, textAt(entry, "key") ?? "");
    if (column === undefined || flagAt(entry, "filterable") !== true) return [];
    if (covered.has(column.name)) return [];
    const { key, label } = entry;
    const basis: JsonObject = {
      label: label ?? column.name,
      ...(entry.options === undefined ? {} : { options: entry.options }),
    };
    return [completeFilter(basis, String(key), column, model, snapshot)];
  });
  return [...authored, ...derived];
}

function completeFilter(
  entry: JsonObject,
  key: string,
  column: ShownColumn,
  model: Model,
  snapshot: ModelSnapshot,
): JsonObject {
  const own = readOptions(entry);
  const options = own.length > 0 ? own : staticOptions(model, column.name);
  const target = options.length > 0 ? undefined : describeRef(model, column.name, snapshot);
  const endpoint = clientEndpoint(textAt(entry, "searchEndpoint"), target, model, snapshot);
  const hasChoices = options.length > 0 || endpoint !== undefined;
  const suitable = hasChoices ? "select" : filterType(column);
  const wanted = textAt(entry, "type") ?? suitable;
  // A select without choices is not drawn at all.
  const isEmptySelect = !hasChoices && (wanted === "select" || wanted === "dynamic_select");
  const type = isEmptySelect ? suitable : wanted;
  // Clients draw a boolean filter as a list of choices too, and bring none of their own.
  const choices = type === "boolean" && column.type === "boolean" && !hasChoices
    ? YES_AND_NO
    : options.map(optionJson);
  const { searchEndpoint: _endpoint, ...rest } = entry;
  return {
    ...rest,
    key,
    column: column.name,
    label: textAt(entry, "label") ?? humanName(column.name),
    type,
    ...(choices.length === 0 ? {} : { options: [...choices] }),
    ...(endpoint === undefined ? {} : { searchEndpoint: endpoint }),
  };
}
