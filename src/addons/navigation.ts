/**
 * Merges the host's navigation with what addons contribute (contract/metacore.md §12.4), in the order
 * that entries ask for. Pure: who may see what is decided in `navigation_view.ts`.
 *
 * @module
 */

import type { NavigationGroup, NavigationItem } from "../bundle/manifest/manifest.ts";
import type { OwnedNavigationGroup, OwnedNavigationItem } from "./addon_service.ts";

/** Group of the entries that belong to no titled group. */
const ORPHANS = { title: "sidebar.addons", icon: "Puzzle" } as const;

/** What one addon contributes. */
export interface NavigationContribution {
  readonly addonKey: string;
  readonly groups: readonly NavigationGroup[];
}

interface GroupDraft extends Omit<NavigationGroup, "items"> {
  readonly items: OwnedNavigationItem[];
}

/**
 * Merges navigation. Contributions go by addon key, then by declaration. A group whose `target` is a
 * core group's joins that group (of several with one target, the last); other titled groups follow
 * the core groups; entries of untitled ones end in a last group, `sidebar.addons`. Groups and entries
 * with an `order` are sorted by it among their siblings.
 *
 * @param core the host's groups.
 * @param contributions groups of enabled addons.
 * @returns the merged groups; entries of addons carry `owner`.
 */
export function mergeNavigation(
  core: readonly NavigationGroup[],
  contributions: readonly NavigationContribution[],
): OwnedNavigationGroup[] {
  const merged: GroupDraft[] = core.map((group) => ({
    ...group,
    items: group.items.map(plainItem),
  }));
  const byTarget = new Map(merged.map((group) => [group.target ?? "", group]));
  byTarget.delete("");
  const added: GroupDraft[] = [];
  const orphans: OwnedNavigationItem[] = [];
  for (const { addonKey, groups } of contributions.toSorted(byAddonKey)) {
    for (const group of groups) {
      const items = group.items.map((item) => ownedItem(item, `addon:${addonKey}`));
      const target = byTarget.get(group.target ?? "");
      if (target !== undefined) target.items.push(...items);
      else if (group.title.trim() === "") orphans.push(...items);
      else added.push({ ...facts(group), items });
    }
  }
  const groups = [...merged, ...added].toSorted(byOrder);
  if (orphans.length > 0) groups.push({ ...ORPHANS, items: orphans });
  return groups.map(({ order: _order, ...group }) => ({
    ...group,
    items: group.items.toSorted(byOrder),
  }));
}

function byAddonKey(a: NavigationContribution, b: NavigationContribution): number {
  if (a.addonKey === b.addonKey) return 0;
  return a.addonKey < b.addonKey ? -1 : 1;
}

function byOrder(a: { readonly order?: number }, b: { readonly order?: number }): number {
  return (a.order ?? 0) - (b.order ?? 0);
}

function facts({ title, icon, order }: NavigationGroup): Omit<NavigationGroup, "items"> {
  return {
    title,
    ...(icon === undefined || icon === "" ? {} : { icon }),
    ...(order === undefined ? {} : { order }),
  };
}

function plainItem(item: NavigationItem): OwnedNavigationItem {
  const { items, ...own } = item;
  return items === undefined ? own : { ...own, items: items.toSorted(byOrder).map(plainItem) };
}

function ownedItem(item: NavigationItem, owner: string): OwnedNavigationItem {
  const { items, ...own } = item;
  return {
    ...own,
    owner,
    ...(items === undefined
      ? {}
      : { items: items.toSorted(byOrder).map((child) => ownedItem(child, owner)) }),
  };
}
