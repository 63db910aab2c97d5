/**
 * Puts texts in the place of the keys that stand for them in metadata: exactly where people read them
 * (contract/metacore.md §8.8). What is no key stays as it is.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../base/json.ts";
import type { Model } from "./model.ts";

/** Gives the text of a key of an addon, and any other text as it is. */
export type Translate = (addonKey: string, text: string) => string;

type Texts = (text: string) => string;

/**
 * Translates the metadata of a table.
 *
 * @param table as `tableMetadata` makes it.
 * @param model the model that it is of.
 * @param translate finds texts.
 * @returns a new object: title, placeholder, and the texts of columns, filters, actions and relations.
 */
export function translateTable(table: JsonObject, model: Model, translate: Translate): JsonObject {
  const text = textsOf(model, translate);
  return {
    ...withTexts(table, ["title", "searchPlaceholder"], text),
    ...list(table, "columns", (column) => withOptions(column, COLUMN_TEXTS, text)),
    ...list(table, "filters", (filter) => withOptions(filter, FIELD_TEXTS, text)),
    ...list(table, "relations", (relation) => withTexts(relation, ["label"], text)),
    ...list(table, "actions", (action) => ({
      ...withTexts(action, ["label", "confirmMessage"], text),
      ...list(action, "fields", (field) => withOptions(field, FIELD_TEXTS, text)),
    })),
  };
}

/**
 * Translates the metadata of dialogs.
 *
 * @param modal as `modalMetadata` makes it.
 * @param model the model that it is of.
 * @param translate finds texts.
 * @returns a new object: titles, messages, and the texts of fields.
 */
export function translateModal(modal: JsonObject, model: Model, translate: Translate): JsonObject {
  const text = textsOf(model, translate);
  const { messages } = modal;
  return {
    ...withTexts(modal, ["title", "createTitle", "editTitle", "deleteTitle"], text),
    ...list(modal, "fields", (field) => withOptions(field, FIELD_TEXTS, text)),
    ...(isJsonObject(messages)
      ? { messages: withTexts(messages, Object.keys(messages), text) }
      : {}),
  };
}

const COLUMN_TEXTS = ["label", "tooltip", "description"];
const FIELD_TEXTS = ["label", "placeholder", "tooltip", "description", "helpText"];

/** The model's addon first, then those that extend it. */
function textsOf(model: Model, translate: Translate): Texts {
  const addons = new Set([
    model.addonKey,
    ...model.columns.flatMap(({ extendedBy }) => extendedBy ?? []),
    ...model.actions.map(({ addonKey }) => addonKey),
  ]);
  return (text) => {
    for (const addonKey of addons) {
      const found = translate(addonKey, text);
      if (found !== text) return found;
    }
    return text;
  };
}

function withTexts(object: JsonObject, names: readonly string[], text: Texts): JsonObject {
  const translated = names.flatMap((name): [string, Json][] => {
    const value = object[name];
    return typeof value === "string" ? [[name, text(value)]] : [];
  });
  return { ...object, ...Object.fromEntries(translated) };
}

function withOptions(object: JsonObject, names: readonly string[], text: Texts): JsonObject {
  return {
    ...withTexts(object, names, text),
    ...list(object, "options", (option) => withTexts(option, ["label", "description"], text)),
  };
}

/** A list of objects under a name, each changed; nothing where there is no list. */
function list(
  object: JsonObject,
  name: string,
  change: (entry: JsonObject) => JsonObject,
): JsonObject {
  const value = object[name];
  if (!Array.isArray(value)) return {};
  return { [name]: value.map((entry: Json) => isJsonObject(entry) ? change(entry) : entry) };
}
