/**
 * Checks the navigation of the generation `asteby.com/v3` for what it may hold, and reads it as that
 * of the flat one, which has the same shape.
 *
 * @module
 */

import { MAX_NAVIGATION_DEPTH, MAX_NAVIGATION_ITEMS } from "../limits.ts";
import type { NavigationGroup } from "../manifest.ts";
import { readNavigation as readFlat } from "../navigation.ts";
import type { ManifestNode } from "../node.ts";
import { noteUnheeded, refuseUnknown } from "./strict.ts";

const GROUP = ["title", "icon", "target", "items", "order"];
const ITEM = ["title", "url", "icon", "model", "permission", "items", "order"];
/** How the entry's table opens, and what it needs to be shown. */
const VIEW = ["view_type", "group_by", "filter", "requires"];

/**
 * Reads the navigation.
 *
 * @param node the list of groups.
 * @returns its groups; incomplete where it complained.
 */
export function readNavigation(node: ManifestNode): NavigationGroup[] {
  for (const group of node.objects(MAX_NAVIGATION_ITEMS)) {
    refuseUnknown(group, GROUP);
    checkItems(group.field("items"), 1);
  }
  return readFlat(node);
}

function checkItems(node: ManifestNode, depth: number): void {
  if (depth > MAX_NAVIGATION_DEPTH || !Array.isArray(node.value)) return;
  for (const item of node.items(MAX_NAVIGATION_ITEMS)) {
    if (typeof item.value !== "object") continue;
    refuseUnknown(item, [...ITEM, ...VIEW]);
    noteUnheeded(item, VIEW, "is not told to clients");
    checkItems(item.field("items"), depth + 1);
  }
}
