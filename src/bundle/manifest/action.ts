/**
 * Reads actions, their triggers and fields (contract/metacore.md §3.6).
 *
 * @module
 */

import { COLUMN_NAME } from "../../base/ids.ts";
import { readConditions } from "./condition.ts";
import { readCallAddress, readExport } from "./handler.ts";
import {
  isObjectMember,
  MEMBER_KEY,
  MODEL_REFERENCE,
  readName,
  UniqueNames,
} from "./identifier.ts";
import { MAX_ACTION_FIELDS, MAX_ACTION_MODELS, MAX_ACTIONS, MAX_LABEL_LENGTH } from "./limits.ts";
import type { ActionDefinition, ActionFieldDefinition, TriggerDefinition } from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";
import { defined } from "./optional.ts";
import { readOptions } from "./option.ts";

const PLACEMENTS = ["row", "table", "create"] as const;
const TRIGGER_TYPES = ["wasm", "webhook", "noop", "compiled"] as const;

/**
 * Reads the map from model to actions.
 *
 * @param node the map.
 * @param exported functions that the backend exports.
 * @returns the map; incomplete where it complained.
 */
export function readActionMap(
  node: ManifestNode,
  exported: ReadonlySet<string>,
): Record<string, readonly ActionDefinition[]> {
  const actions: Record<string, readonly ActionDefinition[]> = {};
  for (const [model, list] of node.entries(MAX_ACTION_MODELS)) {
    if (!MODEL_REFERENCE.test(model) || isObjectMember(model)) {
      list.complain(`${shown(model)} is not a model key`);
      continue;
    }
    actions[model] = readActions(list, exported);
  }
  return actions;
}

/**
 * Reads a list of actions.
 *
 * @param node the list.
 * @param exported functions that the backend exports.
 * @returns its actions; incomplete where it complained.
 */
export function readActions(
  node: ManifestNode,
  exported: ReadonlySet<string>,
): ActionDefinition[] {
  const keys = new UniqueNames("action");
  return node.objects(MAX_ACTIONS).map((item) => {
    const action = readAction(item, exported);
    keys.add(item.field("key"), action.key || undefined);
    return action;
  });
}

function readAction(node: ManifestNode, exported: ReadonlySet<string>): ActionDefinition {
  const key = readName(node.field("key"), MEMBER_KEY, "action key") ?? "";
  const name = node.field("name").filledText(MAX_LABEL_LENGTH);
  const label = node.field("label").filledText(MAX_LABEL_LENGTH);
  const states = node.field("requiresState");
  const stateField = node.field("stateField");
  return {
    key,
    name: name ?? label ?? key,
    label: label ?? name ?? key,
    ...defined({
      icon: node.field("icon").filledText(),
      fields: readFields(node.field("fields")),
      requiresState: states.present ? states.texts(MAX_ACTIONS) : undefined,
      confirm: node.field("confirm").flag(),
      confirmMessage: node.field("confirmMessage").filledText(),
      modal: node.field("modal").filledText(),
      trigger: readTrigger(node.field("trigger"), exported),
      conditions: readConditions(node),
      stateField: stateField.filledText() === undefined
        ? undefined
        : readName(stateField, COLUMN_NAME, "column name"),
      placement: node.field("placement").word(PLACEMENTS, "placement"),
      idempotencyField: readIdempotencyField(node.field("idempotency")),
    }),
  };
}

function readTrigger(
  node: ManifestNode,
  exported: ReadonlySet<string>,
): TriggerDefinition | undefined {
  if (node.object() === undefined) return undefined;
  const typeNode = node.field("type");
  const type = typeNode.word(TRIGGER_TYPES, "type of trigger");
  if (!typeNode.present || typeNode.value === "") typeNode.complain("is required");
  const inTransaction = node.field("run_in_tx").flag();
  const exportNode = node.field("export");
  if (type === undefined) return undefined;
  if (type === "wasm") {
    if (node.field("url").filledText() !== undefined) {
      node.field("url").complain("a wasm trigger has no url");
    }
    const name = readExport(exportNode, exported, "trigger");
    return { type, ...defined({ export: name, run_in_tx: inTransaction }) };
  }
  if (exportNode.text()) exportNode.complain(`a ${type} trigger has no export`);
  if (type === "compiled") return { type, ...defined({ run_in_tx: inTransaction }) };
  if (inTransaction) node.field("run_in_tx").complain(`a ${type} trigger cannot run_in_tx`);
  if (type === "noop") return { type };
  return { type, ...defined({ url: readCallAddress(node.field("url")) }) };
}

function readIdempotencyField(node: ManifestNode): string | undefined {
  if (node.object() === undefined) return undefined;
  const field = node.field("key_field");
  return field.filledText() === undefined ? undefined : readName(field, MEMBER_KEY, "field name");
}

function readFields(node: ManifestNode): ActionFieldDefinition[] | undefined {
  if (!node.present) return undefined;
  const names = new UniqueNames("field");
  return node.objects(MAX_ACTION_FIELDS).map((item) => {
    const name = readName(item.field("name"), MEMBER_KEY, "field name") ?? "";
    names.add(item.field("name"), name || undefined);
    return {
      name,
      label: item.field("label").filledText(MAX_LABEL_LENGTH) ?? name,
      type: item.field("type").filledText() ?? "text",
      ...defined({
        required: item.field("required").flag(),
        default: item.field("default").value,
        options: readOptions(item.field("options")),
        size: item.field("size").number(),
      }),
    };
  });
}
