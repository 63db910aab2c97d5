/**
 * What an installation wants to hear of: subscriptions of its manifest, and hooks after changes of
 * records, which are subscriptions to their events. Pure.
 *
 * @module
 */

import type { CapabilitySet } from "../../access/capability.ts";
import { compileNames, type NameMatcher } from "../../access/capability_pattern.ts";
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import type { HandlerDefinition, LifecycleEvent } from "../../bundle/manifest/manifest.ts";
import { type EventRecord, type RecordChange, recordEventName } from "../../events/event.ts";
import type { ModelSnapshot } from "../../models/registry.ts";
import type { OrganizationView } from "../code/installation_catalog.ts";
import { capabilitiesOf } from "../code/invocation_context.ts";
import type { LiveInstallation } from "../live_installations.ts";

/** One thing that an addon wants to hear of. */
export interface Interest {
  readonly names: NameMatcher;
  readonly filter?: JsonObject;
  readonly handler: HandlerDefinition;
  /** What handlers are told of it. */
  readonly subscription: JsonObject;
}

/** An enabled installation that wants to hear of something. */
export interface Subscriber {
  readonly installation: LiveInstallation;
  readonly capabilities: CapabilitySet;
  readonly interests: readonly Interest[];
}

const CHANGES: readonly RecordChange[] = ["created", "updated", "deleted"];
const AFTER: ReadonlyMap<LifecycleEvent, RecordChange> = new Map([
  ["after_create", "created"],
  ["after_update", "updated"],
  ["after_delete", "deleted"],
]);

/**
 * Lists the subscribers of an organization.
 *
 * @param view the organization.
 * @returns enabled installations with at least one interest.
 */
export function subscribersOf({ snapshot, installations }: OrganizationView): Subscriber[] {
  return [...installations.values()].flatMap((installation) => {
    if (installation.row.status !== "enabled") return [];
    const interests = interestsOf(installation, snapshot);
    if (interests.length === 0) return [];
    return [{ installation, interests, capabilities: capabilitiesOf(installation.manifest) }];
  });
}

/**
 * Picks the interests that an event meets, whether or not the addon may hear of it.
 *
 * @param subscriber who wants to hear.
 * @param event what happened.
 * @returns the interests in their order.
 */
export function interestsIn(
  subscriber: Subscriber,
  event: Pick<EventRecord, "name" | "payload">,
): Interest[] {
  return subscriber.interests.filter(({ names, filter }) =>
    names.matches(event.name) && (filter === undefined || passes(event.payload, filter))
  );
}

function interestsOf(installation: LiveInstallation, snapshot: ModelSnapshot): Interest[] {
  const { key, subscriptions, lifecycle_hooks } = installation.manifest;
  const declared = subscriptions.map(({ event, handler, filter }) => ({
    names: compileNames([event, recordEventOf(event, snapshot) ?? event]),
    handler,
    subscription: { event, ...(filter === undefined ? {} : { filter }) },
    ...(filter === undefined ? {} : { filter }),
  }));
  const hooks = lifecycle_hooks.toSorted((a, b) => a.priority - b.priority);
  const after = hooks.flatMap(({ event: hook, model, handler }) => {
    const change = AFTER.get(hook);
    if (change === undefined || model === undefined) return [];
    const found = snapshot.find(`${key}.${model}`) ?? snapshot.find(model);
    if (found === undefined) return [];
    const event = recordEventName(found.addonKey, found.key, change);
    return [{ names: compileNames([event]), handler, subscription: { event, hook } }];
  });
  return [...declared, ...after];
}

/** What writes of records call the event: authors name models in any letter case, as they may. */
function recordEventOf(event: string, snapshot: ModelSnapshot): string | undefined {
  const [addonKey = "", name = "", word, ...rest] = event.split(".");
  const change = CHANGES.find((known) => known === word);
  if (change === undefined || rest.length > 0) return undefined;
  const model = snapshot.find(`${addonKey}.${name}`);
  return model && recordEventName(model.addonKey, model.key, change);
}

function passes(payload: Json, filter: JsonObject): boolean {
  return Object.entries(filter).every(([path, wanted]) => same(valueAt(payload, path), wanted));
}

function valueAt(payload: Json, path: string): Json | undefined {
  let value: Json | undefined = payload;
  for (const name of path.split(".")) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** A member that is missing is as one that is null: events leave out what a record does not have. */
function same(found: Json | undefined, wanted: Json): boolean {
  if (found === undefined) return wanted === null;
  if (isJsonObject(found) && isJsonObject(wanted)) {
    const names = Object.keys(wanted);
    return names.length === Object.keys(found).length &&
      names.every((name) => Object.hasOwn(found, name) && same(found[name], wanted[name]!));
  }
  if (Array.isArray(found) && Array.isArray(wanted)) {
    return found.length === wanted.length &&
      found.every((each: Json, index) => same(each, wanted[index] ?? null));
  }
  return found === wanted;
}
