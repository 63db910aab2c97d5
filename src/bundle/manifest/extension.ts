/**
 * Reads what an addon puts on models of others (contract/metacore.md §3.10).
 *
 * @module
 */

import { readActions } from "./action.ts";
import { readColumns } from "./column.ts";
import { MODEL_REFERENCE, readName } from "./identifier.ts";
import { MAX_ACTION_MODELS } from "./limits.ts";
import type { ExtensionDefinition } from "./manifest.ts";
import type { ManifestNode } from "./node.ts";
import { defined } from "./optional.ts";
import type { PatternReader } from "./pattern.ts";

/**
 * Reads the list of extensions.
 *
 * @param node the list.
 * @param exported functions that the backend exports.
 * @param patterns reads patterns within the manifest's bounds.
 * @returns its extensions; incomplete where it complained.
 */
export function readExtensions(
  node: ManifestNode,
  exported: ReadonlySet<string>,
  patterns: PatternReader,
): ExtensionDefinition[] {
  return node.objects(MAX_ACTION_MODELS).map((item) => {
    const columns = item.field("columns");
    const actions = item.field("actions");
    return {
      model: readName(item.field("model"), MODEL_REFERENCE, "model") ?? "",
      ...defined({
        columns: columns.present ? readColumns(columns, patterns) : undefined,
        actions: actions.present ? readActions(actions, exported) : undefined,
      }),
    };
  });
}
