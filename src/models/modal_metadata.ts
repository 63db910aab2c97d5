/**
 * What a UI needs to draw a model's dialogs (contract/client.md §3): the author's specification,
 * completed, or one derived from the columns.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../base/json.ts";
import { modalFields } from "./modal_fields.ts";
import type { Model } from "./model.ts";
import type { ModelSnapshot } from "./registry.ts";
import { textAt, valueAt } from "./ui_spec.ts";

/**
 * Derives the metadata of a model's dialogs.
 *
 * @param model the model.
 * @param snapshot where the models that fields point at are found.
 * @returns the metadata; what the author wrote beyond the known keys is passed on.
 */
export function modalMetadata(model: Model, snapshot: ModelSnapshot): JsonObject {
  const view = model.modalView;
  const title = textAt(view, "title") ?? textAt(model.tableView, "title") ?? model.label;
  return {
    ...view,
    title,
    createTitle: textAt(view, "createTitle") ?? title,
    editTitle: textAt(view, "editTitle") ?? title,
    deleteTitle: textAt(view, "deleteTitle") ?? title,
    fields: modalFields(model, snapshot),
    messages: messagesOf(view, model.label),
  };
}

/** The client reads `created`, `updated`, `deleted`; the original documents other names. */
function messagesOf(view: JsonObject | undefined, label: string): JsonObject {
  const written = valueAt(view, "messages");
  const own: JsonObject = written !== undefined && isJsonObject(written) ? written : {};
  const text = (key: string, documented: string, verb: string): Json =>
    textAt(own, key) ?? textAt(own, documented) ?? `${label}: ${verb}`;
  return {
    ...own,
    created: text("created", "createSuccess", "created"),
    updated: text("updated", "updateSuccess", "updated"),
    deleted: text("deleted", "deleteSuccess", "deleted"),
  };
}
