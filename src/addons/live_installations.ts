/**
 * The models that an organization's installations make live, read from what is kept: it works the
 * same after a restart and on every replica. A row that cannot be read is left out and logged, so
 * that one broken addon never takes the others down.
 *
 * @module
 */

import type { Logger } from "../telemetry/log.ts";
import type { Manifest } from "../bundle/manifest/manifest.ts";
import { parseManifest } from "../bundle/manifest/parse.ts";
import type { Model } from "../models/model.ts";
import { withOrganizationValues } from "../models/custom_validators.ts";
import { modelsOf } from "../models/from_definition.ts";
import { extendModels } from "./extensions/extend_models.ts";
import { organizationValues } from "./extensions/value_store.ts";
import { catalogVersion } from "./installation_store.ts";
import type { InstallationRow, Tables } from "./installation_store.ts";

/** An installation with the manifest it runs. */
export interface LiveInstallation {
  readonly row: InstallationRow;
  readonly manifest: Manifest;
  /** The bundle's verified signature as JSON text; null for an unsigned one. */
  readonly signature: string | null;
  /** Version that a rollback goes back to; absent where there is none. */
  readonly previousVersion?: string;
}

/**
 * The installations of an organization as they were when its models were read: a call that takes both
 * from one snapshot sees one version of every addon.
 */
export class OrganizationInstallations {
  /** Installations that are not removed, by addon key, oldest first. */
  readonly byKey: ReadonlyMap<string, LiveInstallation>;

  /** @param list the installations. */
  constructor(list: readonly LiveInstallation[]) {
    this.byKey = new Map(list.map((each) => [each.row.addon_key, each]));
  }
}

/** What {@link LiveInstallations.models} reads. */
export interface InstalledModels {
  readonly version: string;
  readonly models: Model[];
  readonly origin: OrganizationInstallations;
  /** Puts on the models, the host's among them, what addons and the organization put there. */
  readonly complete: (models: readonly Model[]) => readonly Model[];
}

interface SelectedRow extends InstallationRow {
  readonly manifest_text: string;
  readonly signature: string | null;
  readonly previous_version: string | null;
}

const MAX_MANIFESTS = 1_000;

/** Reads live installations; manifests are parsed once for each bundle. */
export class LiveInstallations {
  readonly #manifests = new Map<string, Manifest>();
  readonly #logger: Logger;

  /**
   * Makes a reader.
   *
   * @param logger told of rows that cannot be read.
   */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Lists installations that are not removed, oldest first.
   *
   * @param tables where to look.
   * @param organizationId the organization.
   * @returns the installations whose manifests can be read.
   */
  async list(tables: Tables, organizationId: string): Promise<LiveInstallation[]> {
    const rows = await this.#select(tables, organizationId)
      .where("installations.status", "<>", "removed")
      .orderBy("installations.installed_at").orderBy("installations.id")
      .execute();
    return rows.flatMap((row) => this.#liveOf(row));
  }

  /**
   * Finds an addon's installation, also a removed one that has kept its data.
   *
   * @param tables where to look.
   * @param organizationId the organization.
   * @param addonKey the addon.
   * @returns the installation; undefined where there is none, or its manifest cannot be read.
   */
  async find(
    tables: Tables,
    organizationId: string,
    addonKey: string,
  ): Promise<LiveInstallation | undefined> {
    const rows = await this.#select(tables, organizationId)
      .where("installations.addon_key", "=", addonKey).execute();
    return rows.flatMap((row) => this.#liveOf(row))[0];
  }

  /**
   * Reads the models of enabled installations and the version of the catalog they belong to.
   *
   * @param tables where to look.
   * @param organizationId the organization.
   * @returns the models as they were declared, what belongs on them in this organization, the
   *   version, and the installations that they are of.
   */
  async models(tables: Tables, organizationId: string): Promise<InstalledModels> {
    // The version first: should an install come between, the next check sees a newer one.
    const version = await catalogVersion(tables, organizationId);
    const installations = await this.list(tables, organizationId);
    const values = await organizationValues(tables, organizationId);
    const enabled = installations.filter(({ row }) => row.status === "enabled");
    const models = enabled.flatMap(({ row, manifest }) => modelsOf(manifest, row.schema_name));
    const origin = new OrganizationInstallations(installations);
    const complete = (all: readonly Model[]) =>
      withOrganizationValues(this.#extended(all, enabled), values);
    return { version: String(version), models, origin, complete };
  }

  #extended(models: readonly Model[], enabled: readonly LiveInstallation[]): Model[] {
    const extended = extendModels(models, enabled.map(({ manifest }) => manifest));
    for (const { kind, error } of extended.problems) {
      // An extension may wait for its model for ever; whoever installed it was told.
      if (kind === "missing") continue;
      this.#logger.warn("left out a part of an extension", {
        organization: enabled[0]?.row.organization_id,
        reason: error.message,
      });
    }
    return extended.models;
  }

  #select(tables: Tables, organizationId: string) {
    return tables.selectFrom("installations")
      .innerJoin("bundles", "bundles.digest", "installations.bundle_digest")
      .leftJoin("bundles as previous", "previous.digest", "installations.previous_digest")
      .selectAll("installations")
      .select([
        "bundles.manifest as manifest_text",
        "bundles.signature as signature",
        "previous.version as previous_version",
      ])
      .where("installations.organization_id", "=", organizationId);
  }

  #liveOf(
    { manifest_text, signature, previous_version: previous, ...row }: SelectedRow,
  ): LiveInstallation[] {
    const manifest = this.#manifestOf(row, manifest_text);
    if (manifest === undefined) return [];
    return [{ row, manifest, signature, ...previous !== null && { previousVersion: previous } }];
  }

  #manifestOf(row: InstallationRow, text: string): Manifest | undefined {
    const digest = row.bundle_digest ?? "";
    const known = this.#manifests.get(digest);
    if (known !== undefined) return known;
    try {
      const manifest = parseManifest(text);
      if (this.#manifests.size >= MAX_MANIFESTS) this.#manifests.clear();
      this.#manifests.set(digest, manifest);
      return manifest;
    } catch (thrown) {
      this.#logger.error("left out an installation whose manifest cannot be read", {
        addon: row.addon_key,
        organization: row.organization_id,
        cause: thrown,
      });
      return undefined;
    }
  }
}
