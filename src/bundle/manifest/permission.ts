/**
 * Reads the permissions that an addon speaks of (contract/metacore.md §3.1). They grant nothing; they
 * are offered to whoever grants permissions.
 *
 * @module
 */

import { MAX_UNREAD_ITEMS } from "./limits.ts";
import type { PermissionDefinition } from "./manifest.ts";
import type { ManifestNode } from "./node.ts";
import { defined } from "./optional.ts";

/**
 * Reads the list of the flat generation: `{model, scope}` is the permission `<model>.<scope>`.
 *
 * @param node the list.
 * @returns its permissions, each once.
 */
export function readPermissions(node: ManifestNode): PermissionDefinition[] {
  const byKey = new Map<string, PermissionDefinition>();
  for (const item of node.objects(MAX_UNREAD_ITEMS)) {
    const model = item.field("model").filledText();
    const scope = item.field("scope").filledText();
    const label = item.field("reason").filledText();
    if (model === undefined || scope === undefined) continue;
    const key = `${model}.${scope}`;
    if (!byKey.has(key)) byKey.set(key, { key, ...defined({ label }) });
  }
  return [...byKey.values()];
}
