/**
 * Reads what an addon of the generation `asteby.com/v3` has called in its own life, and the events it
 * subscribes to.
 *
 * @module
 */

import { MAX_HOOKS, MAX_LABEL_LENGTH } from "../limits.ts";
import type { LifecycleHookDefinition, SubscriptionDefinition } from "../manifest.ts";
import { type ManifestNode, shown } from "../node.ts";
import { defined } from "../optional.ts";
import { readVersionRange } from "../requirement.ts";
import type { HandlerReader } from "./handler.ts";
import { refuseUnknown } from "./strict.ts";

const STEPS = ["install", "enable", "disable", "uninstall"] as const;
/** A name of events, or a pattern with `*` in front, behind or alone. */
const EVENT = /^(\*|(\*\.)?[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(\.\*)?)$/;

/**
 * Reads the steps of the addon's life.
 *
 * @param node the object.
 * @param handlers reads their handlers.
 * @returns its hooks; incomplete where it complained.
 */
export function readLifecycle(
  node: ManifestNode,
  handlers: HandlerReader,
): LifecycleHookDefinition[] {
  refuseUnknown(node, [...STEPS, "upgrade"]);
  const steps = STEPS.flatMap((event): LifecycleHookDefinition[] => {
    const handler = handlers.read(node.field(event), event);
    return handler === undefined ? [] : [{ event, handler, priority: 0 }];
  });
  return [...steps, ...readUpgrades(node.field("upgrade"), handlers)];
}

function readUpgrades(node: ManifestNode, handlers: HandlerReader): LifecycleHookDefinition[] {
  return node.objects(MAX_HOOKS).flatMap((item, index): LifecycleHookDefinition[] => {
    refuseUnknown(item, ["from", "type", "function"]);
    const typeNode = item.field("type");
    if (typeNode.value === "sql") {
      typeNode.complain('"sql" is not supported by this kernel: put it into migrations/');
      return [];
    }
    typeNode.word(["wasm"], "type of upgrade");
    if (!typeNode.present || typeNode.value === "") typeNode.complain("is required");
    const from = readVersionRange(item.field("from"));
    const name = item.field("function");
    const handler = handlers.readFunction(name);
    if (handler === undefined) return [];
    // In the order of the list, as authors write one step after the other.
    return [{ event: "upgrade", handler, priority: index, ...defined({ from }) }];
  });
}

/**
 * Reads the list of subscriptions.
 *
 * @param node the list.
 * @param handlers reads their handlers.
 * @returns its subscriptions; incomplete where it complained.
 */
export function readSubscriptions(
  node: ManifestNode,
  handlers: HandlerReader,
): SubscriptionDefinition[] {
  return node.objects(MAX_HOOKS).flatMap((item) => {
    refuseUnknown(item, ["event", "handler", "filter"]);
    const eventNode = item.field("event");
    const event = eventNode.requiredText(MAX_LABEL_LENGTH);
    const handlerNode = item.field("handler");
    if (!handlerNode.present) handlerNode.complain("is required");
    const handler = handlers.read(handlerNode, event ?? "");
    const filter = item.field("filter").object();
    if (event === undefined || handler === undefined) return [];
    if (!EVENT.test(event)) {
      eventNode.complain(`${shown(event)} is not an event such as "tickets.ticket.created"`);
    }
    return [{ event, handler, ...defined({ filter }) }];
  });
}
