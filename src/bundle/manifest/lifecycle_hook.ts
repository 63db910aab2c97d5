/**
 * Reads lifecycle hooks of the flat generation: model, addon key, event or "" → list of hooks
 * (contract/metacore.md §3.10, §18.1). What the kernel does not call is noted, not refused, because
 * the original calls none of them.
 *
 * @module
 */

import { readCallAddress, readExport } from "./handler.ts";
import { isObjectMember, MODEL_REFERENCE } from "./identifier.ts";
import { MAX_HOOKS } from "./limits.ts";
import type {
  HandlerDefinition,
  LifecycleEvent,
  LifecycleHookDefinition,
  ModelDefinition,
} from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";

const ADDON_EVENTS = ["install", "enable", "disable", "uninstall", "upgrade"] as const;
const RECORD_EVENTS = [
  "before_create",
  "after_create",
  "before_update",
  "after_update",
  "before_delete",
  "after_delete",
] as const;
const EVENTS: readonly LifecycleEvent[] = [...ADDON_EVENTS, ...RECORD_EVENTS];
const PRIORITY = { min: -1_000_000, max: 1_000_000 };

/** What hooks are held against. */
export interface LifecycleContext {
  /** Key of the addon; stands for its life, as "" does. */
  readonly addonKey: string;
  /** Its models; hooks on records without a model are about each of them. */
  readonly models: readonly ModelDefinition[];
  /** Functions that the backend exports. */
  readonly exported: ReadonlySet<string>;
}

/**
 * Reads the map of lifecycle hooks.
 *
 * @param node the map.
 * @param context what they are held against.
 * @returns its hooks, in the order of the document; incomplete where it complained.
 */
export function readLifecycleHooks(
  node: ManifestNode,
  context: LifecycleContext,
): LifecycleHookDefinition[] {
  return node.entries(MAX_HOOKS).flatMap(([name, list]) => {
    const subject = subjectOf(name, context);
    if (subject === undefined) {
      list.complain(`${shown(name)} is neither a model nor a lifecycle event`);
      return [];
    }
    return list.objects(MAX_HOOKS).flatMap((item) => readHook(item, subject, context));
  });
}

interface Subject {
  /** Keys of the models that hooks on records are about. */
  readonly models: readonly string[];
  /** Whether they are the addon's own. */
  readonly isOwn: boolean;
  /** Event of hooks that name none. */
  readonly event?: LifecycleEvent;
}

function subjectOf(name: string, context: LifecycleContext): Subject | undefined {
  const own = context.models.find((model) =>
    model.model_key.toLowerCase() === name.toLowerCase() || model.table_name === name
  );
  if (own !== undefined) return { models: [own.model_key], isOwn: true };
  const all = context.models.map((model) => model.model_key);
  const event = EVENTS.find((known) => known === name);
  if (event !== undefined) return { models: all, isOwn: true, event };
  if (name === "" || name === context.addonKey) return { models: all, isOwn: true };
  if (!MODEL_REFERENCE.test(name) || isObjectMember(name)) return undefined;
  return { models: [name], isOwn: false };
}

function readHook(
  node: ManifestNode,
  subject: Subject,
  context: LifecycleContext,
): LifecycleHookDefinition[] {
  const eventNode = node.field("event");
  const name = eventNode.filledText() ?? subject.event;
  const handler = readTarget(node.field("target"), context.exported);
  const priority = node.field("priority").integer(PRIORITY) ?? 0;
  const isAsync = node.field("async").flag() === true;
  if (name === undefined) {
    eventNode.complain("is required");
    return [];
  }
  const event = EVENTS.find((known) => known === name);
  if (event === undefined) {
    eventNode.note(`${shown(name)} is not a lifecycle event; the hook is not called`);
    return [];
  }
  if (handler === undefined) return [];
  if (ADDON_EVENTS.some((known) => known === event)) return [{ event, handler, priority }];
  if (isAsync && event.startsWith("before_")) {
    node.note(`a ${event} hook cannot be async; it is not called`);
    return [];
  }
  if (subject.models.length === 0) {
    node.note(`a ${event} hook needs a model, and the addon has none; it is not called`);
  }
  if (event.startsWith("before_") && !subject.isOwn) {
    // Who could refuse another addon's writes could hold that addon up.
    const [model = ""] = subject.models;
    node.note(
      `a ${event} hook stands before writes of the addon's own models alone, and ` +
        `${shown(model)} is none; it is not called`,
    );
    return [];
  }
  return subject.models.map((model) => ({ event, model, handler, priority }));
}

function readTarget(
  node: ManifestNode,
  exported: ReadonlySet<string>,
): HandlerDefinition | undefined {
  if (node.object() === undefined) return node.present ? undefined : node.complain("is required");
  const typeNode = node.field("type");
  const type = typeNode.word(["wasm", "webhook", "prompt"], "type of target");
  switch (type) {
    case "wasm": {
      const name = readExport(node.field("function"), exported, "target");
      return name === undefined ? undefined : { type, function: name };
    }
    case "webhook": {
      const url = node.field("url");
      if (url.filledText() === undefined) return url.complain("a webhook target needs an url");
      const address = readCallAddress(url);
      return address === undefined ? undefined : { type, url: address };
    }
    case "prompt":
      node.note("prompts are not run; the hook is not called");
      return undefined;
    default:
      return typeNode.present && typeNode.value !== ""
        ? undefined
        : typeNode.complain("is required");
  }
}
