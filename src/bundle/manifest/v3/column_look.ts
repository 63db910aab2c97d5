/**
 * Reads how a column looks: labels, choices, hints. All of it is for user interfaces, so it is passed
 * on in the words that clients read (contract/client.md §3) and decides nothing.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../../../base/json.ts";
import { MAX_LABEL_LENGTH, MAX_OPTIONS } from "../limits.ts";
import type { OptionDefinition } from "../manifest.ts";
import type { ManifestNode } from "../node.ts";
import { defined } from "../optional.ts";
import { refuseUnknown } from "./strict.ts";

/** Properties of a column that are about its look. */
export const LOOKS: readonly string[] = [
  "label",
  "display",
  "display_config",
  "options",
  "options_source",
  "depends_on",
  "scan",
  "section",
  "visible_when",
  "readonly",
  "tooltip",
  "description",
];
const SOURCE_OPTIONS = [
  "source",
  "filter_by",
  "value",
  "label",
  "label_ref",
  "description",
];

/** How a column looks, as entries of the specifications of tables and dialogs. */
export interface ColumnLook {
  readonly table: JsonObject;
  readonly modal: JsonObject;
}

/**
 * Reads the look of a column.
 *
 * @param node the column.
 * @returns its look, or undefined where the author says nothing about it.
 */
export function readLook(node: ManifestNode): ColumnLook | undefined {
  const both = readShared(node);
  const table = readTableOnly(node);
  const modal = readModalOnly(node);
  const parts = [...Object.keys(both), ...Object.keys(table), ...Object.keys(modal)];
  if (parts.length === 0) return undefined;
  return { table: { ...both, ...table }, modal: { ...both, ...modal } };
}

function readShared(node: ManifestNode): JsonObject {
  return kept({
    label: node.field("label").filledText(MAX_LABEL_LENGTH),
    tooltip: node.field("tooltip").filledText(),
    description: node.field("description").filledText(),
    section: node.field("section").filledText(),
    visible_when: readVisibility(node.field("visible_when")),
    ...readChoices(node.field("options")),
    source: readSource(node.field("options_source")),
  });
}

function readTableOnly(node: ManifestNode): JsonObject {
  return kept({
    cellStyle: node.field("display").filledText(MAX_LABEL_LENGTH),
    styleConfig: node.field("display_config").object(),
  });
}

function readModalOnly(node: ManifestNode): JsonObject {
  return kept({
    widget: node.field("widget").filledText(MAX_LABEL_LENGTH),
    readonly: node.field("readonly").flag(),
    scan: node.field("scan").value,
    depends_on: node.field("depends_on").value,
  });
}

/** Both shapes that authors write: `{field, equals}` and `{field, in}`. */
function readVisibility(node: ManifestNode): JsonObject | undefined {
  const object = node.object();
  if (object === undefined) return undefined;
  refuseUnknown(node, ["field", "equals", "in"]);
  node.field("field").requiredText();
  if (!node.field("equals").present && !Array.isArray(node.field("in").value)) {
    node.complain('needs "equals", or "in" with a list');
  }
  return object;
}

/** A list of choices, or where they come from. */
function readChoices(node: ManifestNode): Record<string, Json | undefined> {
  if (isJsonObject(node.value)) {
    refuseUnknown(node, SOURCE_OPTIONS);
    const source = node.field("source").requiredText(MAX_LABEL_LENGTH);
    return { options_config: node.value, source };
  }
  const options = readOptionList(node);
  return options === undefined ? {} : { options: options.map((option) => ({ ...option })) };
}

/**
 * Reads a list of choices: objects, or texts that are their own labels.
 *
 * @param node the list.
 * @returns the choices, or undefined where there is no list.
 */
export function readOptionList(node: ManifestNode): OptionDefinition[] | undefined {
  if (!node.present) return undefined;
  return node.items(MAX_OPTIONS).flatMap((item): OptionDefinition[] => {
    if (typeof item.value === "string") return [{ value: item.value, label: item.value }];
    if (item.object() === undefined) {
      if (!item.present) item.complain("must be an object or a text, not null");
      return [];
    }
    refuseUnknown(item, ["value", "label", "color", "icon"]);
    const value = item.field("value").value;
    if (value === undefined) {
      item.field("value").complain("is required");
      return [];
    }
    return [{
      value,
      label: item.field("label").filledText(MAX_LABEL_LENGTH) ?? String(value),
      ...defined({
        color: item.field("color").filledText(MAX_LABEL_LENGTH),
        icon: item.field("icon").filledText(MAX_LABEL_LENGTH),
      }),
    }];
  });
}

function readSource(node: ManifestNode): string | undefined {
  if (!isJsonObject(node.value)) return node.filledText(MAX_LABEL_LENGTH);
  return node.field("source").requiredText(MAX_LABEL_LENGTH);
}

function kept(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const given = Object.entries(fields).flatMap(([key, value]): [string, Json][] =>
    value === undefined ? [] : [[key, value]]
  );
  return Object.fromEntries(given);
}
