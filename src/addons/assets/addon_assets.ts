/**
 * Files of addons' frontends, kept by the digest of their bundle: organizations on two versions never
 * see each other's files (contract/client.md §7 "Federated frontends").
 *
 * @module
 */

/** Which version of an addon's files is asked for. */
export interface AssetQuery {
  /** Key of the addon. */
  readonly addonKey: string;
  /** Path below `frontend/`, decoded, such as `assets/index.js`. */
  readonly path: string;
  /** Leading hex digits of the bundle's digest, 8 to 64, where the address names a version. */
  readonly digestPrefix?: string;
  /** The organization of whoever asks, where that is known; a named version goes before it. */
  readonly organizationId?: string;
}

/** A file. */
export interface Asset {
  /** Media type by the file's extension. */
  readonly contentType: string;
  /** SHA-256 of the bytes, hex: the entity tag. */
  readonly sha256: string;
  /** Whether the address it was found under can never mean another content. */
  readonly immutable: boolean;
  /** Number of the bytes. */
  readonly size: number;
  /** Reads the bytes; not called for whoever has them already. @throws {KernelError} addon.asset_not_found */
  readonly read: () => Promise<Uint8Array<ArrayBuffer>>;
}

/** Finds files. */
export interface AddonAssets {
  /**
   * Finds a file of an addon that is enabled somewhere.
   *
   * @throws {KernelError} addon.invalid_asset_path; addon.assets_unavailable — the addon is enabled
   *   nowhere, or not in the organization; addon.asset_not_found
   */
  find(query: AssetQuery): Promise<Asset>;
}

/**
 * Names the place of an addon's frontend files.
 *
 * @param addonKey the addon.
 * @param digest of its bundle, hex.
 * @returns the path that {@link AddonAssets} answers for ever with this version's files, without a
 *   slash at its end.
 */
export function assetBase(addonKey: string, digest: string): string {
  return `/api/metacore/addons/${addonKey}/frontend/@${digest.slice(0, 16)}`;
}
