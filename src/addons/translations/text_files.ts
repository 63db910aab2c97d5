/**
 * Finds the texts of bundles: those in the manifest, and those in files that it names. What was read
 * is kept, for a bundle never changes.
 *
 * @module
 */

import type { Manifest } from "../../bundle/manifest/manifest.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Tables } from "../installation_store.ts";
import { AddonTexts, fileTexts, type LocaleTexts, manifestTexts } from "./addon_texts.ts";

/** Reads texts of bundles. */
export class TextFiles {
  readonly #tables: Tables;
  readonly #logger: Logger;
  readonly #known = new WeakMap<Manifest, Promise<AddonTexts>>();

  /**
   * Makes a reader.
   *
   * @param tables where files of bundles are kept.
   * @param logger told of files that cannot be read.
   */
  constructor(tables: Tables, logger: Logger) {
    this.#tables = tables;
    this.#logger = logger;
  }

  /**
   * Finds the texts of a bundle.
   *
   * @param manifest its manifest.
   * @param digest the bundle; null for an addon without one, which has no files.
   * @returns the texts; a file that cannot be read is left out.
   */
  of(manifest: Manifest, digest: string | null): Promise<AddonTexts> {
    let texts = this.#known.get(manifest);
    if (texts === undefined) {
      texts = this.#read(manifest, digest);
      this.#known.set(manifest, texts);
      texts.catch(() => this.#known.delete(manifest));
    }
    return texts;
  }

  async #read(manifest: Manifest, digest: string | null): Promise<AddonTexts> {
    const { translations } = manifest;
    const sources = manifestTexts(translations);
    if (digest !== null && translations.files.length > 0) {
      sources.push(...await this.#files(manifest, digest));
    }
    return new AddonTexts(sources, translations.default_locale);
  }

  async #files(manifest: Manifest, digest: string): Promise<LocaleTexts[]> {
    const { files } = manifest.translations;
    const rows = await this.#tables.selectFrom("bundle_files").select(["path", "bytes"])
      .where("digest", "=", digest).where("path", "in", files.map(({ path }) => path)).execute();
    const bytesOf = new Map(rows.map(({ path, bytes }) => [path, bytes]));
    return files.flatMap(({ locale, path }) => {
      const bytes = bytesOf.get(path);
      try {
        if (bytes === undefined) throw new TypeError("the file is not kept");
        return [{ locale, texts: fileTexts(bytes) }];
      } catch (cause) {
        this.#logger.warn("left out a file of translations that cannot be read", {
          addon: manifest.key,
          path,
          cause,
        });
        return [];
      }
    });
  }
}
