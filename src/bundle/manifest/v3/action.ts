/**
 * Reads actions of the generation `asteby.com/v3`: a list whose entries name their model, which is
 * this addon's or somebody else's.
 *
 * @module
 */

import { isJsonObject } from "../../../base/json.ts";
import { MEMBER_KEY, readName, UniqueNames } from "../identifier.ts";
import { MAX_ACTION_FIELDS, MAX_ACTION_MODELS, MAX_ACTIONS, MAX_LABEL_LENGTH } from "../limits.ts";
import type {
  ActionDefinition,
  ActionFieldDefinition,
  ExtensionDefinition,
  HandlerDefinition,
  OptionDefinition,
  TriggerDefinition,
} from "../manifest.ts";
import type { ManifestNode } from "../node.ts";
import { defined } from "../optional.ts";
import { readOptionList } from "./column_look.ts";
import { type HandlerReader, hasHandler } from "./handler.ts";
import type { ReadModels } from "./model.ts";
import { noteUnheeded, refuseUnknown } from "./strict.ts";

const PLACEMENTS = ["row", "table", "create"] as const;
const PROPERTIES = [
  "key",
  "label",
  "icon",
  "handler",
  "target_model",
  "fields",
  "steps",
  "modal",
  "confirm",
  "confirm_message",
  "placement",
  "requires_state",
  "idempotency",
];
const FIELD_PROPERTIES = ["name", "key", "label", "type", "required", "default", "options", "size"];
/** Parts of fields that clients of this generation draw and that the answers do not carry yet. */
const FIELD_LOOKS = [
  "placeholder",
  "description",
  "tooltip",
  "widget",
  "ref",
  "source",
  "relation",
  "options_source",
  "depends_on",
  "visible_when",
  "section",
  "readonly",
  "hidden",
  "multiple",
  "item_fields",
  "scan",
  "accept",
];

/** Actions of a manifest. */
export interface ReadActions {
  /** On models of the addon, by their keys. */
  readonly own: Readonly<Record<string, readonly ActionDefinition[]>>;
  /** On models of others. */
  readonly extensions: readonly ExtensionDefinition[];
}

/**
 * Reads the list of actions.
 *
 * @param node the list.
 * @param read the addon's models.
 * @param handlers reads their handlers.
 * @returns its actions; incomplete where it complained.
 */
export function readActions(
  node: ManifestNode,
  read: ReadModels,
  handlers: HandlerReader,
): ReadActions {
  const own = new Map<string, ActionDefinition[]>();
  const others = new Map<string, ActionDefinition[]>();
  const keysOf = new Map<string, UniqueNames>();
  for (const item of node.objects(MAX_ACTIONS * MAX_ACTION_MODELS)) {
    refuseUnknown(item, PROPERTIES);
    const targetNode = item.field("target_model");
    const model = read.names.read(targetNode);
    const target = model?.kind === "own" ? model.key : model?.name ?? "";
    const action = readAction(item, target, read.stageFields.get(target), handlers);
    const keys = keysOf.get(target) ?? new UniqueNames("action");
    keysOf.set(target, keys);
    keys.add(item.field("key"), action.key || undefined);
    const list = model?.kind === "own" ? own : others;
    list.set(target, [...(list.get(target) ?? []), action]);
  }
  return {
    own: Object.fromEntries(own),
    extensions: [...others].map(([model, actions]) => ({ model, actions })),
  };
}

function readAction(
  node: ManifestNode,
  target: string,
  stageField: string | undefined,
  handlers: HandlerReader,
): ActionDefinition {
  const key = readName(node.field("key"), MEMBER_KEY, "action key") ?? "";
  const label = node.field("label").filledText(MAX_LABEL_LENGTH) ?? key;
  const states = node.field("requires_state");
  const handlerNode = node.field("handler");
  const handler = handlers.read(handlerNode, `${target}.${key}`);
  const trigger = hasHandler(handlerNode) ? triggerOf(handler) : { type: "noop" } as const;
  return {
    key,
    name: key,
    label,
    ...defined({
      icon: node.field("icon").filledText(),
      fields: readAllFields(node),
      requiresState: states.present ? states.texts(MAX_ACTIONS) : undefined,
      stateField: states.present ? stageField : undefined,
      confirm: node.field("confirm").flag(),
      confirmMessage: node.field("confirm_message").filledText(),
      modal: node.field("modal").filledText(),
      trigger,
      placement: node.field("placement").word(PLACEMENTS, "placement"),
      idempotencyField: readIdempotencyField(node.field("idempotency")),
    }),
  };
}

function triggerOf(handler: HandlerDefinition | undefined): TriggerDefinition | undefined {
  switch (handler?.type) {
    case "wasm":
      return { type: "wasm", export: handler.function };
    case "webhook":
      return { type: "webhook", url: handler.url };
    case "compiled":
      return { type: "compiled" };
    default:
      return undefined;
  }
}

function readIdempotencyField(node: ManifestNode): string | undefined {
  if (!node.present) return undefined;
  refuseUnknown(node, ["key_field"]);
  return readName(node.field("key_field"), MEMBER_KEY, "field name");
}

/** Fields stand in one list, or in steps that a form shows one after the other. */
function readAllFields(node: ManifestNode): ActionFieldDefinition[] | undefined {
  const names = new UniqueNames("field");
  const steps = node.field("steps").objects(MAX_ACTION_FIELDS);
  noteUnheeded(node, ["steps"], "are shown as one form");
  if (!node.field("fields").present && steps.length === 0) return undefined;
  return [node, ...steps].flatMap((part) => {
    if (part !== node) refuseUnknown(part, ["key", "title", "label", "description", "fields"]);
    return part.field("fields").objects(MAX_ACTION_FIELDS).map((item) => readField(item, names));
  });
}

function readField(node: ManifestNode, names: UniqueNames): ActionFieldDefinition {
  refuseUnknown(node, [...FIELD_PROPERTIES, ...FIELD_LOOKS, "validation"]);
  // A rule that nobody checks would be a false promise.
  if (node.field("validation").present) {
    node.field("validation").complain("is not supported by this kernel yet");
  }
  noteUnheeded(node, FIELD_LOOKS, "is not told to clients");
  // Documents say "name", published types say "key".
  const nameNode = node.field("name").present ? node.field("name") : node.field("key");
  const name = readName(nameNode, MEMBER_KEY, "field name") ?? "";
  names.add(nameNode, name || undefined);
  return {
    name,
    label: node.field("label").filledText(MAX_LABEL_LENGTH) ?? name,
    type: node.field("type").filledText(MAX_LABEL_LENGTH) ?? "text",
    ...defined({
      required: node.field("required").flag(),
      default: node.field("default").value,
      options: readFieldOptions(node.field("options")),
      size: node.field("size").number(),
    }),
  };
}

/** Listed choices are read; where others come from is for clients to know. */
function readFieldOptions(node: ManifestNode): OptionDefinition[] | undefined {
  if (!isJsonObject(node.value)) return readOptionList(node);
  node.note("where choices come from is not told to clients");
  return undefined;
}
