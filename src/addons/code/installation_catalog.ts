/**
 * The installations of each organization as they are now, together with its models: what is looked up
 * at every call of addon code. It keeps nothing itself; the registry of models does.
 *
 * @module
 */

import type { ModelRegistry, ModelSnapshot } from "../../models/registry.ts";
import { notInstalled } from "../errors.ts";
import { type LiveInstallation, OrganizationInstallations } from "../live_installations.ts";

/** An organization at one moment. */
export interface OrganizationView {
  readonly snapshot: ModelSnapshot;
  /** Installations that are not removed, by addon key. */
  readonly installations: ReadonlyMap<string, LiveInstallation>;
}

const NONE: ReadonlyMap<string, LiveInstallation> = new Map();

/** Finds installations. */
export class InstallationCatalog {
  readonly #registry: ModelRegistry;

  /** @param registry holds the models with the installations that they are of. */
  constructor(registry: ModelRegistry) {
    this.#registry = registry;
  }

  /**
   * Looks at an organization: models and installations of one moment. A call that works with both
   * takes them from one view, so that it never sees two versions of an addon.
   *
   * @param organizationId the organization.
   */
  async view(organizationId: string): Promise<OrganizationView> {
    const snapshot = await this.#registry.snapshot(organizationId);
    const { origin } = snapshot;
    const known = origin instanceof OrganizationInstallations;
    return { snapshot, installations: known ? origin.byKey : NONE };
  }

  /**
   * Finds an enabled installation.
   *
   * @param organizationId the organization.
   * @param addonKey the addon.
   * @returns the installation with its manifest.
   * @throws {KernelError} addon.not_installed — not there, or not enabled.
   */
  async enabled(organizationId: string, addonKey: string): Promise<LiveInstallation> {
    const found = (await this.all(organizationId)).get(addonKey);
    if (found === undefined || found.row.status !== "enabled") throw notInstalled(addonKey);
    return found;
  }

  /**
   * Lists the installations of an organization.
   *
   * @param organizationId the organization.
   * @returns installations that are not removed, by addon key; the same map while nothing changes.
   */
  async all(organizationId: string): Promise<ReadonlyMap<string, LiveInstallation>> {
    return (await this.view(organizationId)).installations;
  }
}
