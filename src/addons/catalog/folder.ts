/**
 * Bundles that an operator has laid into a folder, with their signatures beside them. What was read
 * of a file is kept while its size and time stay, so that a listing reads names and nothing more.
 *
 * @module
 */

import { openBundle } from "../../bundle/bundle.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../bundle/limits.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import { readDetachedSignature } from "../../bundle/trust/detached.ts";
import type { DetachedSignature, VerifiedSignature } from "../../bundle/trust/trust.ts";
import type { Logger } from "../../telemetry/log.ts";

/** A bundle of the folder. */
export interface FolderBundle {
  /** Name of the file within the folder. */
  readonly file: string;
  readonly manifest: Manifest;
  /** Why it cannot be installed as it lies there; absent when it can. */
  readonly reason?: string;
}

/** How a folder is read. */
export interface CatalogFolderOptions {
  /** Path of the folder. */
  readonly dir: string;
  /**
   * Verifies a bundle as an install would. What it refuses is not unpacked, let alone parsed: it is
   * left out, and the log says why.
   */
  readonly verify?: (
    archive: Uint8Array,
    signature?: DetachedSignature,
  ) => Promise<VerifiedSignature | undefined>;
  /** Refuses a signer that may not sign the addon; why is shown in the listing. */
  readonly checkSigner?: (verified: VerifiedSignature | undefined, addonKey: string) => void;
  /** Version that manifests' `kernel` ranges are matched against. */
  readonly kernelContractVersion: string;
  readonly logger: Logger;
}

/** What is known of a file, and what it was like then. */
interface KnownFile {
  readonly stamp: string;
  /** Absent: it could not be read, which has been logged. */
  readonly bundle?: FolderBundle;
}

const NAME = /\.(?:tgz|tar\.gz)$/i;
const MAX_FILES = 1_000;
/** A signature may bring the checksum of every file along. */
const MAX_SIGNATURE_BYTES = 1_048_576;

/** Reads a folder of bundles. */
export class CatalogFolder {
  readonly #options: CatalogFolderOptions;
  readonly #known = new Map<string, KnownFile>();
  #reading: Promise<readonly FolderBundle[]> | undefined;

  /** @param options where it lies; nothing is read before it is asked for. */
  constructor(options: CatalogFolderOptions) {
    this.#options = options;
  }

  /**
   * Lists the bundles that can be read; a folder that is not there holds none.
   *
   * @returns the bundles by name of their files.
   */
  async bundles(): Promise<readonly FolderBundle[]> {
    // Whoever asks at one time reads at one time.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return await this.#reading;
  }

  /**
   * Reads a bundle's bytes anew, with the signature beside it.
   *
   * @param file as {@link FolderBundle.file}.
   * @returns both; they are verified when they are installed.
   */
  async open(
    file: string,
  ): Promise<{ readonly archive: Uint8Array; readonly signature?: DetachedSignature }> {
    const [archive, signature] = await Promise.all([this.#archive(file), this.#signature(file)]);
    return signature === undefined ? { archive } : { archive, signature };
  }

  async #read(): Promise<readonly FolderBundle[]> {
    const names = await this.#names();
    for (const name of this.#known.keys()) {
      if (!names.includes(name)) this.#known.delete(name);
    }
    const found: FolderBundle[] = [];
    // One after the other: an unpacked bundle may be large.
    for (const name of names) {
      const bundle = await this.#look(name);
      if (bundle !== undefined) found.push(bundle);
    }
    return found;
  }

  async #names(): Promise<string[]> {
    const { dir, logger } = this.#options;
    const names: string[] = [];
    try {
      for await (const entry of Deno.readDir(dir)) {
        if (NAME.test(entry.name) && !entry.isDirectory) names.push(entry.name);
        if (names.length === MAX_FILES) break;
      }
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return [];
      logger.error("the catalog's folder cannot be read", { dir, cause: thrown });
      return [];
    }
    return names.sort();
  }

  async #look(file: string): Promise<FolderBundle | undefined> {
    const stamp = await this.#stamp(file);
    const known = this.#known.get(file);
    if (known?.stamp === stamp) return known.bundle;
    const { logger } = this.#options;
    try {
      const bundle = await this.#examine(file);
      this.#known.set(file, { stamp, bundle });
      return bundle;
    } catch (thrown) {
      // Once for each state of the file, not for each listing.
      logger.error("left a bundle out of the catalog", { file, cause: thrown });
      this.#known.set(file, { stamp });
      return undefined;
    }
  }

  async #stamp(file: string): Promise<string> {
    const path = `${this.#options.dir}/${file}`;
    const stamps = await Promise.all([path, `${path}.sig`].map(async (each) => {
      try {
        const { size, mtime } = await Deno.stat(each);
        return `${size}@${mtime?.getTime()}`;
      } catch {
        return "none";
      }
    }));
    return stamps.join(" ");
  }

  async #examine(file: string): Promise<FolderBundle> {
    const { verify, checkSigner, kernelContractVersion } = this.#options;
    const archive = await this.#archive(file);
    const verified = await verify?.(archive, await this.#signature(file));
    const { manifest } = await openBundle(archive, { kernelVersion: kernelContractVersion });
    try {
      checkSigner?.(verified, manifest.key);
      return { file, manifest };
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : "its signer may not sign it";
      return { file, manifest, reason };
    }
  }

  async #archive(file: string): Promise<Uint8Array> {
    const path = `${this.#options.dir}/${file}`;
    const { size } = await Deno.stat(path);
    if (size > DEFAULT_ARCHIVE_LIMITS.maxArchiveBytes) throw new RangeError("too large a bundle");
    return await Deno.readFile(path);
  }

  async #signature(file: string): Promise<DetachedSignature | undefined> {
    const path = `${this.#options.dir}/${file}.sig`;
    try {
      const { size } = await Deno.stat(path);
      if (size > MAX_SIGNATURE_BYTES) throw new RangeError("too large a signature");
      return readDetachedSignature(await Deno.readTextFile(path));
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return undefined;
      throw thrown;
    }
  }
}
