/**
 * The actions of a table's metadata. A published client drops its own View, Edit and Delete as soon
 * as the list holds anything (contract/client.md §3), so the list is made complete here.
 *
 * @module
 */

import type { JsonObject } from "../base/json.ts";
import type { ActionDefinition, ActionFieldDefinition } from "../bundle/manifest/manifest.ts";
import type { Model } from "./model.ts";
import { optionJson } from "./options.ts";
import { humanName } from "./presentation.ts";
import { objectsAt, textAt } from "./ui_spec.ts";

/** The client translates the labels; where a host has no text, it shows their last word. */
const CRUD_ACTIONS: readonly JsonObject[] = [
  { key: "view", name: "view", label: "datatable.view", icon: "Eye", type: "view" },
  { key: "edit", name: "edit", label: "datatable.edit", icon: "Pencil", type: "edit" },
  { key: "delete", name: "delete", label: "datatable.delete", icon: "Trash2", type: "delete" },
];

/**
 * Lists the actions of a model's table.
 *
 * @param model the model.
 * @param crud whether records are created, changed and removed through the table.
 * @returns the author's table actions, then the model's own, then view, edit and delete where CRUD
 *   is on; nothing when there are no custom actions, for then the client has its own three.
 */
export function tableActions(model: Model, crud: "on" | "off"): JsonObject[] {
  const declared = new Map(model.actions.map((action) => [action.key, declaredAction(action)]));
  const actions = new Map<string, JsonObject>();
  for (const entry of objectsAt(model.tableView, "actions")) {
    const key = textAt(entry, "key");
    // What the view does not say, such as that a click runs it, the action itself does.
    if (key !== undefined) actions.set(key, completed({ ...declared.get(key), ...entry }, key));
  }
  for (const [key, action] of declared) {
    if (!actions.has(key)) actions.set(key, action);
  }
  if (crud === "on" && actions.size > 0) {
    for (const action of CRUD_ACTIONS) {
      if (!actions.has(String(action.key))) actions.set(String(action.key), action);
    }
  }
  return [...actions.values()];
}

function completed(entry: JsonObject, key: string): JsonObject {
  const crud = CRUD_ACTIONS.find((action) => action.key === key);
  return {
    type: "custom",
    ...crud,
    ...entry,
    key,
    name: textAt(entry, "name") ?? key,
    label: textAt(entry, "label") ?? textAt(crud, "label") ?? humanName(key),
  };
}

function declaredAction(action: ActionDefinition): JsonObject {
  const { key, name, label, icon, confirm, confirmMessage, modal, placement } = action;
  const fields = (action.fields ?? []).map(actionField);
  return {
    key,
    name: name === "" ? key : name,
    label: label === "" ? humanName(key) : label,
    type: "custom",
    // Without a form or a question the client would only refresh the table and call nothing.
    executable: true,
    ...(icon === undefined ? {} : { icon }),
    ...(fields.length === 0 ? {} : { fields }),
    ...(confirm === undefined ? {} : { confirm }),
    ...(confirmMessage === undefined ? {} : { confirmMessage }),
    ...(modal === undefined || modal === "" ? {} : { modal }),
    ...(placement === undefined ? {} : { placement }),
    ...whenOffered(action),
  };
}

/**
 * Clients know one condition, and compare states with `status`, else `state`. States of another
 * column are told as a condition; what they are not told is checked when the action runs.
 */
function whenOffered({ requiresState, stateField, conditions = [] }: ActionDefinition): JsonObject {
  const [condition] = conditions;
  const told: JsonObject = condition === undefined ? {} : { condition: { ...condition } };
  if (requiresState === undefined) return told;
  const states = [...requiresState];
  if (stateField === undefined || stateField === "status") {
    return { requiresState: states, ...told };
  }
  if (states.length === 0) return told;
  return { condition: { field: stateField, operator: "in", value: states }, ...told };
}

/** Authors write `name` and `default`, the client reads `key` and `defaultValue`. */
function actionField(field: ActionFieldDefinition): JsonObject {
  const required = field.required === true;
  return {
    key: field.name,
    name: field.name,
    label: field.label,
    type: field.type,
    required,
    nullable: !required,
    ...(field.default === undefined ? {} : { defaultValue: field.default }),
    ...(field.options === undefined ? {} : { options: field.options.map(optionJson) }),
    ...(field.size === undefined ? {} : { size: field.size }),
  };
}
