/**
 * Addons that can be installed without an upload: compiled ones, bundles in the catalog's folder, and
 * those of the marketplace (contract/metacore.md §1.8 and §1.9, contract/client.md §7).
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { InstallResult, InstallTerms } from "../addon_service.ts";
import type { DetachedSignature } from "../../bundle/trust/trust.ts";

/** One entry of the catalog. */
export interface CatalogEntry {
  /** In the shape that clients know. */
  readonly manifest: JsonObject;
  readonly version: string;
  readonly installable: boolean;
  /** Why it is not installable; absent when it is. */
  readonly reason?: string;
  readonly entitled: boolean;
  readonly installed: boolean;
  readonly enabled: boolean;
  /** Version that is installed, where another is. */
  readonly installed_version?: string;
  readonly source: "compiled" | "catalog";
}

/** A bundle found without an upload. */
export interface FoundBundle {
  readonly archive: Uint8Array;
  readonly signature?: DetachedSignature;
  readonly source: "compiled" | "catalog";
}

/** Finds bundles. */
export interface AddonCatalog {
  /** Every addon on offer, by key. */
  entries(caller: Caller): Promise<readonly CatalogEntry[]>;
  /**
   * Finds a bundle on offer.
   *
   * @param version exact. @default the highest
   * @throws {KernelError} addon.not_registered
   */
  find(addonKey: string, version?: string): Promise<FoundBundle>;
}

/** A wish of an organization, as the marketplace's clients see it. */
export interface MarketplaceRequest {
  readonly id: string;
  readonly organization_id: string;
  readonly addon_key: string;
  readonly name: string;
  readonly category: string;
  readonly version: string;
  readonly bundle_url: string;
  readonly status: "requested" | "downloading" | "installing" | "installed" | "failed";
  readonly error_message: string;
  readonly requested_by_id: string | null;
  readonly requested_at: string;
  readonly completed_at: string | null;
}

/** What a marketplace's client wishes for. */
export interface MarketplaceWish {
  readonly addonKey: string;
  /** @default "latest" */
  readonly version?: string;
  /** Where the bundle lies; absent only notes the wish. */
  readonly bundleURL?: string;
  readonly name?: string;
  readonly category?: string;
  /** What the operator says beside it. */
  readonly terms?: InstallTerms;
}

/** What became of a wish. */
export interface MarketplaceOutcome {
  readonly request: MarketplaceRequest;
  /** Present where the addon was installed. */
  readonly result?: InstallResult;
}

/** Notes wishes, and fulfils those that say where the bundle lies. */
export interface Marketplace {
  /** Needs `addons.install`. A failure is noted and told, not thrown. */
  install(caller: Caller, wish: MarketplaceWish): Promise<MarketplaceOutcome>;
  /** Wishes of the organization, newest first, 200 at most. */
  list(caller: Caller): Promise<readonly MarketplaceRequest[]>;
}
