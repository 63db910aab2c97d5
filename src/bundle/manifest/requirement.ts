/**
 * Reads which other addons an addon needs. Whether they are there is for the plan of an installation
 * to say.
 *
 * @module
 */

import { ADDON_KEY } from "../../base/ids.ts";
import { isVersionRange } from "./kernel_range.ts";
import { MAX_LABEL_LENGTH, MAX_REQUIREMENTS, MAX_VERSION_LENGTH } from "./limits.ts";
import type { RequirementDefinition } from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";
import { defined } from "./optional.ts";

/**
 * Reads the list of required addons of the flat generation.
 *
 * @param node the list.
 * @param ownKey the addon's own key, which it cannot require.
 * @returns what is required, each addon once; incomplete where it complained.
 */
export function readRequirements(node: ManifestNode, ownKey: string): RequirementDefinition[] {
  const seen = new Set<string>();
  return node.objects(MAX_REQUIREMENTS).flatMap((item) => {
    const key = item.field("key").matching(ADDON_KEY, "addon key");
    const version = readVersionRange(item.field("version"));
    const optional = item.field("optional").flag() ?? false;
    const rest = defined({
      label: item.field("label").filledText(MAX_LABEL_LENGTH),
      version,
      reason: item.field("reason").filledText(),
    });
    if (key === undefined) return [];
    if (key === ownKey) item.field("key").complain("an addon cannot require itself");
    if (seen.has(key)) item.field("key").complain(`duplicate requirement "${key}"`);
    seen.add(key);
    return [{ key, optional, ...rest }];
  });
}

/**
 * Reads a range of versions; empty counts as absent.
 *
 * @param node the text.
 * @returns the range, or undefined where there is none or it was complained about.
 */
export function readVersionRange(node: ManifestNode): string | undefined {
  const range = node.text(MAX_VERSION_LENGTH)?.trim();
  if (range === undefined || range === "") return undefined;
  if (isVersionRange(range)) return range;
  return node.complain(`${shown(range)} is not a version range such as ">=2.0.0 <3.0.0"`);
}
