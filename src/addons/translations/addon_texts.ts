/**
 * The texts of one addon by locale, and which of them a locale gets: the exact one's, then the
 * language's, then the addon's default, then English, then any, for each key by itself.
 *
 * @module
 */

import { isJsonObject, type Json } from "../../base/json.ts";
import type { TranslationDefinition } from "../../bundle/manifest/manifest.ts";

/** Texts of one locale by key. */
export type Texts = ReadonlyMap<string, string>;

/** Texts of one locale as somebody wrote them. */
export interface LocaleTexts {
  readonly locale: string;
  readonly texts: Texts;
}

const MAX_TEXTS = 20_000;
const MAX_DEPTH = 8;
const NO_TEXTS: Texts = new Map();

/** The texts of one version of an addon. */
export class AddonTexts {
  readonly #byLocale: ReadonlyMap<string, Texts>;
  readonly #defaultLocale: string | undefined;
  readonly #resolved = new Map<string, Texts>();

  /**
   * Takes texts.
   *
   * @param sources texts by locale; of two for one locale the later one's are added to the earlier's,
   *   which it replaces key by key.
   * @param defaultLocale the locale of texts that no better one has.
   */
  constructor(sources: readonly LocaleTexts[], defaultLocale?: string) {
    const byLocale = new Map<string, Texts>();
    for (const { locale, texts } of sources) {
      const name = canonicalLocale(locale);
      byLocale.set(name, new Map([...byLocale.get(name) ?? NO_TEXTS, ...texts]));
    }
    this.#byLocale = byLocale;
    this.#defaultLocale = defaultLocale === undefined ? undefined : canonicalLocale(defaultLocale);
  }

  /** Whether there is nothing to translate with. */
  get isEmpty(): boolean {
    return [...this.#byLocale.values()].every(({ size }) => size === 0);
  }

  /**
   * Finds what a locale is narrowed down to here.
   *
   * @param locale a language tag.
   * @returns the longest part of it that has texts, canonical; empty where none has.
   */
  nearest(locale: string): string {
    return localeParts(locale).find((part) => this.#byLocale.has(part)) ?? "";
  }

  /**
   * Gives the texts of a locale.
   *
   * @param locale a language tag; the same map for all that come down to the same.
   * @returns the best text there is for every key.
   */
  resolve(locale: string): Texts {
    const nearest = this.nearest(locale);
    let texts = this.#resolved.get(nearest);
    if (texts === undefined) {
      // The best last, so that it replaces what worse ones have put there.
      texts = new Map(
        this.#order(nearest).reverse().flatMap((name) => [
          ...this.#byLocale.get(name) ?? NO_TEXTS,
        ]),
      );
      this.#resolved.set(nearest, texts);
    }
    return texts;
  }

  #order(locale: string): string[] {
    const fallback = this.#defaultLocale === undefined ? [] : localeParts(this.#defaultLocale);
    return [
      ...new Set([...localeParts(locale), ...fallback, "en", ...this.#byLocale.keys()]),
    ];
  }
}

/**
 * Lists the texts that a manifest holds itself.
 *
 * @param translations the manifest's.
 * @returns texts by locale.
 */
export function manifestTexts({ texts }: TranslationDefinition): LocaleTexts[] {
  return Object.entries(texts).map(([locale, byKey]) => ({
    locale,
    texts: new Map(Object.entries(byKey)),
  }));
}

/**
 * Reads a file of texts: a JSON object; nested ones are read as one key with dots.
 *
 * @param bytes the file.
 * @returns its texts; what is no text is passed over.
 * @throws {TypeError} it is no JSON object in UTF-8.
 */
export function fileTexts(bytes: Uint8Array): Texts {
  // A mark at the beginning is taken off by the decoder.
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (!isJsonObject(value)) throw new TypeError("a file of texts holds a JSON object");
  const texts = new Map<string, string>();
  addTexts(texts, value, "", 1);
  return texts;
}

function addTexts(
  texts: Map<string, string>,
  group: Readonly<Record<string, Json>>,
  prefix: string,
  depth: number,
): void {
  for (const [name, value] of Object.entries(group)) {
    if (texts.size >= MAX_TEXTS) return;
    const key = `${prefix}${name}`;
    if (typeof value === "string") texts.set(key, value);
    else if (isJsonObject(value) && depth < MAX_DEPTH) addTexts(texts, value, `${key}.`, depth + 1);
  }
}

function canonicalLocale(locale: string): string {
  return locale.trim().toLowerCase().replaceAll("_", "-");
}

const MAX_LOCALE_LENGTH = 64;

/** `es-mx` and `es` of `es-MX`; nothing of what is too long to be a locale. */
function localeParts(locale: string): string[] {
  if (locale.length > MAX_LOCALE_LENGTH) return [];
  const subtags = canonicalLocale(locale).split("-");
  return subtags.map((_, index) => subtags.slice(0, subtags.length - index).join("-"))
    .filter((part) => part !== "");
}
