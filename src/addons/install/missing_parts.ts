/**
 * Names what a manifest counts on and its bundle does not bring. None of it keeps the rest from
 * working, so it is told, not refused.
 *
 * @module
 */

import type { Bundle } from "../../bundle/bundle.ts";
import type { HandlerDefinition } from "../../bundle/manifest/manifest.ts";
import { entryPath, isElsewhere } from "../assets/integrity.ts";
import type { Candidate } from "./order.ts";

/**
 * Lists what is missing.
 *
 * @param candidate the bundle, and whether it stands for code of the host application.
 * @returns one sentence each.
 */
export function missingParts({ bundle, source }: Pick<Candidate, "bundle" | "source">): string[] {
  return [...missingEntry(bundle), ...source === "bundle" ? compiledHandlers(bundle) : []];
}

function missingEntry(bundle: Bundle): string[] {
  const entry = bundle.manifest.frontend?.entry;
  if (entry === undefined || isElsewhere(entry)) return [];
  if (bundle.entries.has(entryPath(bundle, entry))) return [];
  return [`frontend.entry: the bundle has no file ${JSON.stringify(entry)}; nothing will load`];
}

/** A bundle never has the key of an addon that the host application brings as code. */
function compiledHandlers({ manifest }: Bundle): string[] {
  const { actions, extensions, tools, subscriptions, lifecycle_hooks: hooks } = manifest;
  const isCompiled = (handler: Pick<HandlerDefinition, "type"> | undefined) =>
    handler?.type === "compiled";
  const lists = [...Object.values(actions), ...extensions.map((each) => each.actions ?? [])];
  const found = [
    ...lists.flat().filter(({ trigger }) => trigger?.type === "compiled")
      .map(({ key }) => `the action "${key}"`),
    ...tools.filter(({ handler }) => isCompiled(handler)).map(({ id }) => `the tool "${id}"`),
    ...subscriptions.filter(({ handler }) => isCompiled(handler))
      .map(({ event }) => `the subscription to "${event}"`),
    ...hooks.filter(({ handler }) => isCompiled(handler)).map(({ event }) => `the hook "${event}"`),
  ];
  return found.map((part) =>
    `${part} calls code of the host application, which a bundle has none of: it will fail`
  );
}
