/**
 * Reads the navigation (contract/metacore.md §3.10, §12.4). Addresses are links that a browser
 * follows, so only paths and http(s) are taken.
 *
 * @module
 */

import { MAX_LABEL_LENGTH, MAX_NAVIGATION_DEPTH, MAX_NAVIGATION_ITEMS } from "./limits.ts";
import type { NavigationGroup, NavigationItem } from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";
import { defined } from "./optional.ts";

/**
 * Reads the groups.
 *
 * @param node the list.
 * @returns its groups; a group without a title is one (its entries find a home elsewhere).
 */
export function readNavigation(node: ManifestNode): NavigationGroup[] {
  return node.objects(MAX_NAVIGATION_ITEMS).map((group) => ({
    title: group.field("title").text(MAX_LABEL_LENGTH) ?? "",
    items: readItems(group.field("items"), 1),
    ...defined({
      icon: group.field("icon").filledText(),
      target: group.field("target").filledText(),
      order: group.field("order").number(),
    }),
  }));
}

function readItems(node: ManifestNode, depth: number): NavigationItem[] {
  if (depth > MAX_NAVIGATION_DEPTH) {
    if (node.present) node.complain(`is nested deeper than ${MAX_NAVIGATION_DEPTH} levels`);
    return [];
  }
  return node.objects(MAX_NAVIGATION_ITEMS).map((item) => ({
    title: item.field("title").text(MAX_LABEL_LENGTH) ?? "",
    ...defined({
      url: readAddress(item.field("url")),
      icon: item.field("icon").filledText(),
      model: item.field("model").filledText(),
      permission: item.field("permission").filledText(),
      order: item.field("order").number(),
      items: item.field("items").present ? readItems(item.field("items"), depth + 1) : undefined,
    }),
  }));
}

function readAddress(node: ManifestNode): string | undefined {
  const url = node.filledText();
  if (url === undefined) return undefined;
  // A browser drops control characters before it looks for a scheme, so none may hide one.
  const isPlain = !/[\p{Cc}\s]/u.test(url) && (/^https?:\/\//i.test(url) || !/^[^/?#]*:/.test(url));
  return isPlain ? url : node.complain(`${shown(url)} is neither a path nor an http(s) address`);
}
