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
  /** The highest version on offer that can be installed. */
  readonly version: string;
  /** Whether it can be installed as it is offered. */
  readonly installable: boolean;
  /** Why it is not installable; absent when it is. */
  readonly reason?: string;
  /** Whether the organization may have it; here it always may. */
  readonly entitled: boolean;
  /** Whether the organization has it, in whichever version. */
  readonly installed: boolean;
  /** Whether it takes part there. */
  readonly enabled: boolean;
  /** Version that is installed, where another is. */
  readonly installed_version?: string;
  /** Where it comes from: the host application, or the catalog's folder. */
  readonly source: "compiled" | "catalog";
}

/** A bundle found without an upload. */
export interface FoundBundle {
  /** Its bytes. */
  readonly archive: Uint8Array;
  /** The signature that lies beside it. */
  readonly signature?: DetachedSignature;
  /** Where it comes from. */
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
  /** UUIDv7. */
  readonly id: string;
  /** Who wishes; a UUID. */
  readonly organization_id: string;
  /** Key of the addon. */
  readonly addon_key: string;
  /** What the client calls it; empty where it does not. */
  readonly name: string;
  /** Where the client lists it; empty where it does not. */
  readonly category: string;
  /** The version that is wished for, or `latest`. */
  readonly version: string;
  /** Where the bundle lies; empty for a wish that is only noted. */
  readonly bundle_url: string;
  /** How far it has come. */
  readonly status: "requested" | "downloading" | "installing" | "installed" | "failed";
  /** Why it failed, at most 1,024 characters; empty while it has not. */
  readonly error_message: string;
  /** The person who wishes; a UUID, or null for the host application. */
  readonly requested_by_id: string | null;
  /** RFC 3339 time. */
  readonly requested_at: string;
  /** RFC 3339 time at which it was installed or failed; null before. */
  readonly completed_at: string | null;
}

/** What a marketplace's client wishes for. */
export interface MarketplaceWish {
  /** Key of the addon. */
  readonly addonKey: string;
  /** Exact version. @default "latest", which is whatever the bundle is */
  readonly version?: string;
  /** Where the bundle lies; absent only notes the wish. */
  readonly bundleURL?: string;
  /** What the client calls it, at most 200 characters. */
  readonly name?: string;
  /** Where the client lists it, at most 60 characters. */
  readonly category?: string;
  /** What the operator says beside it. */
  readonly terms?: InstallTerms;
}

/** What became of a wish. */
export interface MarketplaceOutcome {
  /** The wish as it is noted now. */
  readonly request: MarketplaceRequest;
  /** Present where the addon was installed. */
  readonly result?: InstallResult;
}

/** Notes wishes, and fulfils those that say where the bundle lies. */
export interface Marketplace {
  /**
   * Notes a wish, and fulfils it where it says where the bundle lies. Needs `addons.install`. A failure
   * of that is noted and told, not thrown.
   *
   * @throws {KernelError} access.denied, addon.invalid_wish
   */
  install(caller: Caller, wish: MarketplaceWish): Promise<MarketplaceOutcome>;
  /** Wishes of the organization, newest first, 200 at most. */
  list(caller: Caller): Promise<readonly MarketplaceRequest[]>;
}
