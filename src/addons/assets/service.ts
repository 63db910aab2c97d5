/**
 * Finds frontend files. Nobody has to prove who they are: pages load scripts without a token
 * (contract/client.md §7). A file is public once an organization has its addon enabled. Where nothing
 * names the version, no organization's unsigned bundle may stand in for another's.
 *
 * @module
 */

import { compareVersions } from "../../bundle/version_order.ts";
import { ADDON_KEY } from "../../base/ids.ts";
import type { Database } from "../../db/database.ts";
import type { Tables } from "../installation_store.ts";
import type { AddonAssets, Asset, AssetQuery } from "./addon_assets.ts";
import { checkAssetPath } from "./asset_path.ts";
import { ContentCache } from "./content_cache.ts";
import { contentTypeOf } from "./content_type.ts";
import { assetNotFound, assetsUnavailable, invalidAssetPath } from "./errors.ts";

/** What finding files needs. */
export interface AddonAssetsOptions {
  readonly database: Database;
  /** Bytes of files kept in memory. @default 33,554,432 (32 MiB) */
  readonly cacheBytes?: number;
}

const DIGEST_PREFIX = /^[0-9a-f]{8,64}$/;
/** So many digits name one bundle beyond doubt: {@link assetBase} writes them. */
const EXACT_DIGITS = 16;
const MAX_VERSIONS = 1_000;

/**
 * Makes the finder of frontend files.
 *
 * @param options where they lie.
 * @returns the service.
 */
export function createAddonAssets(options: AddonAssetsOptions): AddonAssets {
  return new StoredAssets(options.database.kysely, options.cacheBytes ?? 32 * 1024 * 1024);
}

interface ServedBundle {
  readonly digest: string;
  /** Signed by whom the operator trusts, or code of the host application. */
  readonly isTrusted: boolean;
}

class StoredAssets implements AddonAssets {
  readonly #tables: Tables;
  readonly #cache: ContentCache;

  constructor(tables: Tables, cacheBytes: number) {
    this.#tables = tables;
    this.#cache = new ContentCache(cacheBytes);
  }

  async find(query: AssetQuery): Promise<Asset> {
    const { addonKey, path, digestPrefix } = query;
    checkAssetPath(path);
    if (digestPrefix !== undefined && !DIGEST_PREFIX.test(digestPrefix)) {
      throw invalidAssetPath("names a version that is no digest");
    }
    if (!ADDON_KEY.test(addonKey)) throw assetsUnavailable(addonKey);
    const digests = await this.#digests(query);
    if (digests.length === 0) throw assetsUnavailable(addonKey);
    const file = `frontend/${path}`;
    const rows = await this.#tables.selectFrom("bundle_files")
      .select((each) => ["digest", "sha256", each.fn<number>("length", ["bytes"]).as("size")])
      .where("digest", "in", digests.map(({ digest }) => digest))
      .where("path", "=", file).execute();
    const found = digests.flatMap(({ digest, isTrusted }) => {
      const row = rows.find((each) => each.digest === digest);
      return row === undefined ? [] : [{ ...row, isTrusted }];
    });
    const [row] = found;
    if (row === undefined) throw assetNotFound(addonKey);
    // Whoever may upload unsigned bundles could put scripts before strangers: nobody knows whose is meant.
    const isDoubtful = !row.isTrusted && query.organizationId === undefined &&
      found.some(({ sha256 }) => sha256 !== row.sha256);
    if (isDoubtful) throw assetsUnavailable(addonKey);
    return {
      contentType: contentTypeOf(path),
      sha256: row.sha256,
      immutable: (digestPrefix?.length ?? 0) >= EXACT_DIGITS,
      size: Number(row.size),
      read: async () => {
        const bytes = await this.#cache.get(
          `${row.digest}/${file}`,
          () => this.#read(row.digest, file),
        );
        if (bytes === undefined) throw assetNotFound(addonKey);
        return bytes;
      },
    };
  }

  /**
   * Bundles whose files may be served, the one that is meant first; trusted ones before others. One
   * organization that has a bundle is enough: the others are not looked at.
   */
  async #digests({ addonKey, digestPrefix, organizationId }: AssetQuery): Promise<ServedBundle[]> {
    // A page that was opened before an upgrade goes on loading parts of the version it began with.
    const columns = digestPrefix === undefined
      ? ["bundle_digest"] as const
      : ["bundle_digest", "previous_digest"] as const;
    let select = this.#tables.selectFrom("bundles")
      .select(["digest", "version", "signature"])
      .select(({ selectFrom }) =>
        selectFrom("installations").select("source")
          .whereRef("bundle_digest", "=", "bundles.digest").where("source", "=", "compiled")
          .limit(1).as("source")
      )
      .where("addon_key", "=", addonKey)
      .where(({ or, exists, selectFrom }) =>
        or(columns.map((column) => {
          const having = selectFrom("installations").select("installations.id")
            .whereRef(`installations.${column}`, "=", "bundles.digest")
            .where("installations.status", "=", "enabled");
          const isAny = digestPrefix !== undefined || organizationId === undefined;
          return exists(
            isAny ? having : having.where("installations.organization_id", "=", organizationId),
          );
        }))
      )
      .limit(MAX_VERSIONS);
    if (digestPrefix !== undefined) {
      // `g` comes behind every hexadecimal digit.
      select = select.where("digest", ">=", digestPrefix).where("digest", "<", `${digestPrefix}g`);
    }
    const rows = await select.execute();
    return rows
      .map(({ digest, version, signature, source }) => ({
        digest,
        version,
        isTrusted: signature !== null || source === "compiled",
      }))
      .sort((a, b) =>
        Number(b.isTrusted) - Number(a.isTrusted) || compareVersions(b.version, a.version)
      );
  }

  async #read(digest: string, path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const row = await this.#tables.selectFrom("bundle_files").select("bytes")
      .where("digest", "=", digest).where("path", "=", path).executeTakeFirst();
    // A copy: drivers give views of larger buffers.
    return row === undefined ? undefined : new Uint8Array(row.bytes);
  }
}
