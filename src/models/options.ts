/**
 * Fixed choices of a field, as authors list them in the UI specifications. Choices that are records
 * of another model are found through `reference.ts`.
 *
 * @module
 */

import type { JsonObject } from "../base/json.ts";
import type { OptionDefinition } from "../bundle/manifest/manifest.ts";
import type { Model } from "./model.ts";
import { objectsAt, textAt, valueAt } from "./ui_spec.ts";

/**
 * Lists the fixed choices of a field: those of the dialog, else of the table's column, else of the
 * table's filter.
 *
 * @param model the model.
 * @param field name of a column.
 * @returns the choices; none when the field has no fixed choices.
 */
export function staticOptions(model: Model, field: string): readonly OptionDefinition[] {
  const sources: readonly (readonly JsonObject[])[] = [
    objectsAt(model.modalView, "fields"),
    objectsAt(model.tableView, "columns"),
    objectsAt(model.tableView, "filters"),
  ];
  for (const entries of sources) {
    const entry = entries.find((candidate) => textAt(candidate, "key") === field);
    const options = readOptions(entry);
    if (options.length > 0) return options;
  }
  return [];
}

/**
 * Reads the `options` of one entry of a UI specification.
 *
 * @param entry a field, column or filter.
 * @returns its well-formed choices; a choice without a label is labelled by its value.
 */
export function readOptions(entry: JsonObject | undefined): readonly OptionDefinition[] {
  return objectsAt(entry, "options").flatMap((option) => {
    const value = valueAt(option, "value");
    if (value === undefined) return [];
    const color = textAt(option, "color");
    const icon = textAt(option, "icon");
    return [{
      value,
      label: textAt(option, "label") ?? (typeof value === "string" ? value : JSON.stringify(value)),
      ...(color === undefined ? {} : { color }),
      ...(icon === undefined ? {} : { icon }),
    }];
  });
}

/**
 * Writes a choice as JSON.
 *
 * @param option a choice.
 * @returns the same as a JSON object.
 */
export function optionJson(option: OptionDefinition): JsonObject {
  return { ...option };
}
