/**
 * Reads translations written into a manifest: locale → key → text. Nested groups of texts are read as
 * one key with dots.
 *
 * @module
 */

import { isJsonObject } from "../../base/json.ts";
import { MAX_LOCALES, MAX_TRANSLATION_DEPTH, MAX_TRANSLATIONS } from "./limits.ts";
import { type ManifestNode, shown } from "./node.ts";

/** Locales: a language with what narrows it, as in `es`, `es-MX` or `zh_Hant_TW`. */
export const LOCALE: RegExp = /^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,4}$/;

/**
 * Reads the map of texts.
 *
 * @param node the map.
 * @returns texts by locale and key; incomplete where it complained.
 */
export function readTexts(node: ManifestNode): Record<string, Record<string, string>> {
  const byLocale: Record<string, Record<string, string>> = {};
  for (const [locale, texts] of node.entries(MAX_LOCALES)) {
    if (!LOCALE.test(locale)) texts.complain(`${shown(locale)} is not a locale such as "es-MX"`);
    else byLocale[locale] = Object.fromEntries(flatTexts(texts, "", 1));
  }
  return byLocale;
}

function flatTexts(node: ManifestNode, prefix: string, depth: number): [string, string][] {
  if (depth > MAX_TRANSLATION_DEPTH) {
    node.complain(`is nested deeper than ${MAX_TRANSLATION_DEPTH} levels`);
    return [];
  }
  return node.entries(MAX_TRANSLATIONS).flatMap(([name, item]): [string, string][] => {
    const key = `${prefix}${name}`;
    if (isJsonObject(item.value)) return flatTexts(item, `${key}.`, depth + 1);
    const text = item.text();
    return text === undefined ? [] : [[key, text]];
  });
}
