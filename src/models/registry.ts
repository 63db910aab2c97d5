/**
 * The live models of every organization. A snapshot is immutable; installing or removing an addon
 * swaps it, so that routes need no remount and a request sees one version from start to end.
 *
 * @module
 */

import type { Model } from "./model.ts";

/** The models of one organization at one moment. */
export interface ModelSnapshot {
  /** Changes whenever a model of this organization changes. */
  readonly version: string;
  /** Every model, host models first, then by addon and declaration. */
  readonly models: readonly Model[];
  /**
   * What the loader of the models ties to them: whatever else must be seen as it was at the same
   * moment. Two snapshots of one load have the same.
   */
  readonly origin: object;
  /**
   * Finds a model by key, by table name, by `addon.key` or `addon_<key>.table`, in any letter case.
   */
  find(name: string): Model | undefined;
}

/** Serves snapshots. */
export interface ModelRegistry {
  /** The snapshot of an organization. @param organizationId a UUID. */
  snapshot(organizationId: string): Promise<ModelSnapshot>;
  /** Drops what is known of an organization, so that the next snapshot is read anew. */
  invalidate(organizationId: string): void;
}
