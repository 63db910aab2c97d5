/**
 * Reads options of selects (contract/metacore.md §3.6, §3.10).
 *
 * @module
 */

import { MAX_LABEL_LENGTH, MAX_OPTIONS } from "./limits.ts";
import type { OptionDefinition } from "./manifest.ts";
import type { ManifestNode } from "./node.ts";
import { defined } from "./optional.ts";

/**
 * Reads a list of options.
 *
 * @param node the list.
 * @returns its options, or undefined where there is no list.
 */
export function readOptions(node: ManifestNode): OptionDefinition[] | undefined {
  if (!node.present) return undefined;
  return node.objects(MAX_OPTIONS).map((item) => {
    const value = item.field("value").value ?? null;
    return {
      value,
      label: item.field("label").filledText(MAX_LABEL_LENGTH) ?? String(value ?? ""),
      ...defined({
        color: item.field("color").filledText(),
        icon: item.field("icon").filledText(),
      }),
    };
  });
}
