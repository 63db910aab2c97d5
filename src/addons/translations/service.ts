/**
 * Translations of addons: whole, for the browser, and text by text, for what the kernel shows.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import { KernelError } from "../../base/error.ts";
import type { Translate } from "../../models/translate_metadata.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { InstallationCatalog } from "../code/installation_catalog.ts";
import type { Tables } from "../installation_store.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { AddonTexts, Texts } from "./addon_texts.ts";
import type { AddonTranslations } from "./addon_translations.ts";
import { PublicTexts } from "./public_texts.ts";
import { TextFiles } from "./text_files.ts";

/** What the service works with. */
export interface AddonTranslationsOptions {
  /** The database's own connection to the kernel's tables. */
  readonly tables: Tables;
  readonly catalog: InstallationCatalog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The same function always, so that what is made with it can be kept. */
const AS_WRITTEN: Translate = (_addonKey, text) => text;

/**
 * Makes the service.
 *
 * @param options what it works with.
 * @returns the service.
 */
export function createAddonTranslations(options: AddonTranslationsOptions): AddonTranslations {
  return new Translations(options);
}

class Translations implements AddonTranslations {
  readonly #catalog: InstallationCatalog;
  readonly #files: TextFiles;
  readonly #public: PublicTexts;
  /** By what an organization has installed: they go when that changes. */
  readonly #translators = new WeakMap<object, Promise<OrganizationTexts>>();

  constructor({ tables, catalog, clock, logger }: AddonTranslationsOptions) {
    this.#catalog = catalog;
    this.#files = new TextFiles(tables, logger);
    this.#public = new PublicTexts(tables, this.#files, clock);
  }

  async texts(
    { organizationId }: Caller,
    addonKey: string,
    locale: string,
  ): Promise<Readonly<Record<string, string>>> {
    const { manifest, row } = await this.#catalog.enabled(organizationId, addonKey);
    const texts = await this.#files.of(manifest, row.bundle_digest);
    return Object.fromEntries(texts.resolve(locale));
  }

  async publicTexts(addonKey: string, locale: string): Promise<Readonly<Record<string, string>>> {
    const texts = await this.#public.of(addonKey);
    if (texts === undefined || texts.isEmpty) throw noTexts(addonKey);
    return Object.fromEntries(texts.resolve(locale));
  }

  async translator({ organizationId, locale }: Caller): Promise<Translate> {
    if (locale === undefined) return AS_WRITTEN;
    const installations = await this.#catalog.all(organizationId);
    let texts = this.#translators.get(installations);
    if (texts === undefined) {
      texts = this.#textsOf([...installations.values()]);
      this.#translators.set(installations, texts);
      texts.catch(() => this.#translators.delete(installations));
    }
    return (await texts).translator(locale);
  }

  async #textsOf(installations: readonly LiveInstallation[]): Promise<OrganizationTexts> {
    const enabled = installations.filter(({ row }) => row.status === "enabled");
    const found = new Map<string, AddonTexts>();
    for (const { manifest, row } of enabled) {
      const texts = await this.#files.of(manifest, row.bundle_digest);
      if (!texts.isEmpty) found.set(manifest.key, texts);
    }
    return new OrganizationTexts(found);
  }
}

/** The texts of every enabled addon of an organization. */
class OrganizationTexts {
  readonly #byAddon: ReadonlyMap<string, AddonTexts>;
  /** By what locales come down to: never more than there are locales in the texts. */
  readonly #translators = new Map<string, Translate>();

  constructor(byAddon: ReadonlyMap<string, AddonTexts>) {
    this.#byAddon = byAddon;
  }

  translator(locale: string): Translate {
    if (this.#byAddon.size === 0) return AS_WRITTEN;
    const nearest = [...this.#byAddon.values()].map((texts) => texts.nearest(locale))
      .reduce((longest, each) => each.length > longest.length ? each : longest, "");
    let translate = this.#translators.get(nearest);
    if (translate === undefined) {
      translate = this.#make(nearest);
      this.#translators.set(nearest, translate);
    }
    return translate;
  }

  #make(locale: string): Translate {
    const byAddon = new Map<string, Texts>(
      [...this.#byAddon].map(([key, texts]) => [key, texts.resolve(locale)]),
    );
    return (addonKey, text) => byAddon.get(addonKey)?.get(text) ?? text;
  }
}

function noTexts(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.texts_not_found",
    kind: "not_found",
    message: `there are no texts of an addon "${addonKey.slice(0, 64)}"`,
  });
}
