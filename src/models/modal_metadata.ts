/**
 * What a UI needs to draw a model's dialogs (contract/client.md §3): the author's specification,
 * completed, or one derived from the columns.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../base/json.ts";
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
    messages: messagesOf(view),
  };
}

/**
 * The client reads `created`, `updated`, `deleted`; the original documents other names. What the
 * author left unsaid the client says itself, in the user's language.
 */
function messagesOf(view: JsonObject | undefined): JsonObject {
  const written = valueAt(view, "messages");
  const own: JsonObject = written !== undefined && isJsonObject(written) ? written : {};
  const text = (key: string, documented: string): JsonObject => {
    const message = textAt(own, key) ?? textAt(own, documented);
    return message === undefined ? {} : { [key]: message };
  };
  return {
    ...own,
    ...text("created", "createSuccess"),
    ...text("updated", "updateSuccess"),
    ...text("deleted", "deleteSuccess"),
  };
}
