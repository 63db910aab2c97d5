/**
 * Translations that addons bring, with a fallback from the exact locale to the language, to the
 * addon's default, to English, to any.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Translate } from "../../models/translate_metadata.ts";

/** Translates what addons declare. */
export interface AddonTranslations {
  /**
   * Texts of one addon, one version: flat, by key, the best there is for each.
   *
   * @param locale a language tag such as `es-MX`.
   * @throws {KernelError} addon.not_installed
   */
  texts(
    caller: Caller,
    addonKey: string,
    locale: string,
  ): Promise<Readonly<Record<string, string>>>;
  /**
   * The same for whoever has no token: of the newest version that is enabled anywhere.
   *
   * @throws {KernelError} addon.texts_not_found
   */
  publicTexts(addonKey: string, locale: string): Promise<Readonly<Record<string, string>>>;
  /**
   * A function that gives the text of a key in the caller's locale, and any other text as it is.
   *
   * @returns `(addonKey, text) => text`.
   */
  translator(caller: Caller): Promise<Translate>;
}
