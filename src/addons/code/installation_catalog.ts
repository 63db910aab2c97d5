/**
 * The installations of each organization as they are now, kept for as long as its catalog does not
 * change: what is looked up at every call of addon code.
 *
 * @module
 */

import type { Kysely } from "kysely";
import type { KernelTables } from "../../db/tables.ts";
import type { ModelRegistry } from "../../models/registry.ts";
import { notInstalled } from "../errors.ts";
import type { LiveInstallation, LiveInstallations } from "../live_installations.ts";

/** What the catalog reads from. */
export interface InstallationCatalogOptions {
  readonly registry: ModelRegistry;
  readonly installations: LiveInstallations;
  readonly tables: Kysely<KernelTables>;
  /** Greatest number of organizations kept. @default 10,000 */
  readonly maxOrganizations?: number;
}

interface Entry {
  readonly version: string;
  readonly byKey: Promise<ReadonlyMap<string, LiveInstallation>>;
}

/** Finds installations. */
export class InstallationCatalog {
  readonly #options: InstallationCatalogOptions;
  readonly #entries = new Map<string, Entry>();

  /**
   * Makes a catalog; nothing is read before it is asked.
   *
   * @param options what it reads from.
   */
  constructor(options: InstallationCatalogOptions) {
    this.#options = options;
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
   * @returns installations that are not removed, by addon key.
   */
  async all(organizationId: string): Promise<ReadonlyMap<string, LiveInstallation>> {
    // The registry checks the catalog's version, so that other replicas' installs are seen.
    const { version } = await this.#options.registry.snapshot(organizationId);
    const known = this.#entries.get(organizationId);
    if (known?.version === version) return await known.byKey;
    const entry: Entry = { version, byKey: this.#load(organizationId) };
    this.#entries.delete(organizationId);
    this.#entries.set(organizationId, entry);
    this.#forgetOldest();
    try {
      return await entry.byKey;
    } catch (thrown) {
      if (this.#entries.get(organizationId) === entry) this.#entries.delete(organizationId);
      throw thrown;
    }
  }

  async #load(organizationId: string): Promise<ReadonlyMap<string, LiveInstallation>> {
    const { installations, tables } = this.#options;
    const list = await installations.list(tables, organizationId);
    return new Map(list.map((each) => [each.row.addon_key, each]));
  }

  #forgetOldest(): void {
    if (this.#entries.size <= (this.#options.maxOrganizations ?? 10_000)) return;
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest!);
  }
}
