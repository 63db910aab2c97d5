/**
 * The navigation as one caller sees it: without what they may not open, in their language. Hiding an
 * entry protects nothing; what it opens is guarded where it is served.
 *
 * @module
 */

import type { AccessService } from "../access/access_service.ts";
import type { Caller } from "../base/caller.ts";
import type { NavigationGroup } from "../bundle/manifest/manifest.ts";
import type { ModelSnapshot } from "../models/registry.ts";
import type { Translate } from "../models/translate_metadata.ts";
import type { OwnedNavigationGroup, OwnedNavigationItem } from "./addon_service.ts";
import type { OrganizationView } from "./code/installation_catalog.ts";
import { mergeNavigation } from "./navigation.ts";
import type { AddonTranslations } from "./translations/addon_translations.ts";

/** What the navigation is made of. */
export interface NavigationOptions {
  readonly access: AccessService;
  /** Groups of the host application, into which addons put their entries. */
  readonly coreNavigation: readonly NavigationGroup[];
  /** @default titles stay as authors wrote them */
  readonly translations?: Pick<AddonTranslations, "translator">;
}

/** Gives the navigation of a caller. */
export type Navigation = (
  caller: Caller,
  view: OrganizationView,
) => Promise<readonly OwnedNavigationGroup[]>;

/**
 * Makes the navigation.
 *
 * @param options what it is made of.
 * @returns a function of a caller and their organization: entries whose `permission` the caller lacks
 *   and entries of models that they may not read are left out, and so are groups and entries of which
 *   nothing remains by that.
 */
export function createNavigation(options: NavigationOptions): Navigation {
  const { access, coreNavigation, translations } = options;
  return async (caller, { snapshot, installations }) => {
    const contributions = [...installations.values()]
      .filter(({ row }) => row.status === "enabled")
      .map(({ manifest }) => ({ addonKey: manifest.key, groups: manifest.navigation }));
    const translate = await translations?.translator(caller) ?? asWritten;
    const reader = new NavigationReader({ access, caller, snapshot, translate });
    return await reader.groups(mergeNavigation(coreNavigation, contributions));
  };
}

interface ReaderOptions {
  readonly access: AccessService;
  readonly caller: Caller;
  readonly snapshot: ModelSnapshot;
  readonly translate: Translate;
}

const OWNER = "addon:";

class NavigationReader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  async groups(groups: readonly OwnedNavigationGroup[]): Promise<OwnedNavigationGroup[]> {
    const seen: OwnedNavigationGroup[] = [];
    for (const { items, ...group } of groups) {
      const shown = await this.#items(items);
      if (shown.length === 0 && items.length > 0) continue;
      // Addons put entries into the host's groups by their target; a group without one is their own.
      const addonKey = group.target === undefined ? addonOf(items[0]) : undefined;
      seen.push({ ...group, title: this.#text(addonKey, group.title), items: shown });
    }
    return seen;
  }

  async #items(items: readonly OwnedNavigationItem[]): Promise<OwnedNavigationItem[]> {
    const seen: OwnedNavigationItem[] = [];
    for (const item of items) {
      const shown = await this.#item(item);
      if (shown !== undefined) seen.push(shown);
    }
    return seen;
  }

  async #item(item: OwnedNavigationItem): Promise<OwnedNavigationItem | undefined> {
    if (!await this.#isOpen(item)) return undefined;
    const { items, ...own } = item;
    const titled = { ...own, title: this.#text(addonOf(item), item.title) };
    if (items === undefined) return titled;
    const shown = await this.#items(items);
    // An entry that opens nothing itself is only the heading of those below it.
    const isHeading = isBlank(item.url) && isBlank(item.model);
    if (shown.length === 0 && items.length > 0 && isHeading) return undefined;
    return { ...titled, items: shown };
  }

  async #isOpen(item: OwnedNavigationItem): Promise<boolean> {
    const { permission, model } = item;
    const { access, caller, snapshot } = this.#options;
    if (!isBlank(permission) && !await access.allows(caller, permission)) return false;
    if (isBlank(model)) return true;
    const addonKey = addonOf(item);
    const own = addonKey === undefined ? undefined : snapshot.find(`${addonKey}.${model}`);
    const found = own ?? snapshot.find(model);
    // A model that is not here opens for whoever holds the permission on its name all the same.
    return await access.allows(caller, `${found?.key ?? model}.read`);
  }

  #text(addonKey: string | undefined, text: string): string {
    return addonKey === undefined ? text : this.#options.translate(addonKey, text);
  }
}

function addonOf(item: OwnedNavigationItem | undefined): string | undefined {
  return item?.owner?.slice(OWNER.length);
}

function isBlank(text: string | undefined): text is undefined | "" {
  return text === undefined || text.trim() === "";
}

function asWritten(_addonKey: string, text: string): string {
  return text;
}
