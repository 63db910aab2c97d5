/**
 * Texts for whoever has no token: of the newest version of an addon that is enabled anywhere. Verified
 * bundles go first, so that nobody can put texts before strangers by a bundle of a high version.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { parseManifest } from "../../bundle/manifest/parse.ts";
import { compareVersions } from "../../bundle/version_order.ts";
import type { Tables } from "../installation_store.ts";
import type { AddonTexts } from "./addon_texts.ts";
import type { TextFiles } from "./text_files.ts";

/** How long an addon's newest version is taken to be it, in milliseconds. */
const FRESH_MS = 10_000;
const MAX_KNOWN = 500;

interface Known {
  readonly texts: Promise<AddonTexts | undefined>;
  readonly atMs: number;
}

/** Finds texts for everybody. */
export class PublicTexts {
  readonly #tables: Tables;
  readonly #files: TextFiles;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  /**
   * Makes a finder.
   *
   * @param tables where installations are.
   * @param files reads texts of bundles.
   * @param clock tells how old an answer is.
   */
  constructor(tables: Tables, files: TextFiles, clock: Clock) {
    this.#tables = tables;
    this.#files = files;
    this.#clock = clock;
  }

  /**
   * Finds the texts of an addon.
   *
   * @param addonKey the addon.
   * @returns its texts; undefined where it is enabled nowhere.
   */
  of(addonKey: string): Promise<AddonTexts | undefined> {
    const nowMs = this.#clock.nowMs();
    const known = this.#known.get(addonKey);
    if (known !== undefined && nowMs - known.atMs < FRESH_MS) return known.texts;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const texts = this.#read(addonKey);
    this.#known.set(addonKey, { texts, atMs: nowMs });
    texts.catch(() => this.#known.delete(addonKey));
    return texts;
  }

  async #read(addonKey: string): Promise<AddonTexts | undefined> {
    const found = await this.#tables.selectFrom("bundles")
      .innerJoin("installations", "installations.bundle_digest", "bundles.digest")
      .select(["bundles.digest", "bundles.version", "bundles.signature"]).distinct()
      .where("installations.addon_key", "=", addonKey)
      .where("installations.status", "=", "enabled")
      .orderBy("bundles.digest").execute();
    const [newest] = found.toSorted((a, b) =>
      Number(b.signature !== null) - Number(a.signature !== null) ||
      compareVersions(b.version, a.version)
    );
    if (newest === undefined) return undefined;
    const { manifest } = await this.#tables.selectFrom("bundles").select("manifest")
      .where("digest", "=", newest.digest).executeTakeFirstOrThrow();
    return await this.#files.of(parseManifest(manifest), newest.digest);
  }
}
