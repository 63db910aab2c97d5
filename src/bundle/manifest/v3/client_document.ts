/**
 * The manifest in the shape of the flat generation, which published clients read (contract/client.md
 * §7): the root holds what this generation writes into blocks.
 *
 * @module
 */

import type { Json, JsonObject } from "../../../base/json.ts";
import type { Manifest } from "../manifest.ts";
import type { ManifestNode } from "../node.ts";

/** Blocks that are only for user interfaces and people, as the author wrote them. */
const FOR_CLIENTS = ["slots", "dashboard", "notifications"];

/**
 * Projects a manifest.
 *
 * @param manifest the manifest.
 * @param shown descriptive fields by their names in the flat generation.
 * @param contributions the block that holds what user interfaces are given.
 * @returns the document.
 */
export function clientDocumentOf(
  manifest: Omit<Manifest, "document" | "client_document" | "unheeded">,
  shown: Readonly<Record<string, Json>>,
  contributions: ManifestNode,
): JsonObject {
  const {
    generation: _generation,
    gonext: _gonext,
    requires,
    lifecycle_hooks: _hooks,
    subscriptions: _subscriptions,
    translations: _translations,
    permissions: _permissions,
    extensible_models: _extensible,
    ...flat
  } = manifest;
  const extras = FOR_CLIENTS.flatMap((name): [string, Json][] => {
    const value = contributions.field(name).value;
    return value === undefined ? [] : [[name, value]];
  });
  const document = {
    ...shown,
    ...flat,
    requires: requires.map(({ key, label, version }) => ({ key, label: label ?? key, version })),
    ...Object.fromEntries(extras),
  };
  // Border: everything in it has been read from JSON.
  return JSON.parse(JSON.stringify(document)) as JsonObject;
}
