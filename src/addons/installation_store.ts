/**
 * Rows of installations, bundles and applied migrations. It keeps and finds; what they mean is
 * decided by its callers.
 *
 * @module
 */

import type { Kysely, Selectable } from "kysely";
import type { Json } from "../base/json.ts";
import type { InstallationTable, KernelTables } from "../db/tables.ts";
import type { Bundle } from "../bundle/bundle.ts";
import type { Installation } from "./addon_service.ts";

/** A kernel-table connection: the database's own, or a transaction's. */
export type Tables = Kysely<KernelTables>;

/** An installation row. */
export type InstallationRow = Selectable<InstallationTable>;

/**
 * Finds an addon's row in an organization, removed ones included.
 *
 * @param tables where to look.
 * @param organizationId the organization.
 * @param addonKey the addon.
 * @returns the row, if there is one.
 */
export async function findInstallation(
  tables: Tables,
  organizationId: string,
  addonKey: string,
): Promise<InstallationRow | undefined> {
  return await tables.selectFrom("installations").selectAll()
    .where("organization_id", "=", organizationId)
    .where("addon_key", "=", addonKey)
    .executeTakeFirst();
}

/**
 * Lists every installation row whose tables lie in a schema, whatever its organization or status.
 *
 * @param tables where to look.
 * @param schema physical schema.
 * @returns the rows.
 */
export async function installationsOfSchema(
  tables: Tables,
  schema: string,
): Promise<Pick<InstallationRow, "organization_id" | "version" | "bundle_digest">[]> {
  return await tables.selectFrom("installations")
    .select(["organization_id", "version", "bundle_digest"])
    .where("schema_name", "=", schema)
    .execute();
}

/**
 * Keeps a bundle's bytes under their digest; keeping the same bytes twice is no change.
 *
 * @param tables where to keep it.
 * @param bundle the opened bundle.
 * @param archive its bytes.
 * @param at RFC 3339 time.
 */
export async function keepBundle(
  tables: Tables,
  bundle: Bundle,
  archive: Uint8Array,
  at: string,
): Promise<void> {
  const entries = [...bundle.entries].map(([path, entry]) => [path, entry.sha256]);
  await tables.insertInto("bundles").values({
    digest: bundle.digest,
    addon_key: bundle.manifest.key,
    version: bundle.manifest.version,
    manifest: JSON.stringify(bundle.manifest.document),
    entries: JSON.stringify(Object.fromEntries(entries)),
    archive,
    created_at: at,
  }).onConflict((conflict) => conflict.column("digest").doNothing()).execute();
}

/**
 * Drops bundles of an addon that no installation runs, and the modules prepared from them, so that
 * uploads do not fill the database.
 * Whoever calls it holds the lock `bundle:<addon key>`, lest another install is just taking one up.
 *
 * @param tables the transaction.
 * @param addonKey the addon.
 */
export async function dropUnusedBundles(tables: Tables, addonKey: string): Promise<void> {
  const unused = tables.selectFrom("bundles").select("digest")
    .where("addon_key", "=", addonKey)
    .where(
      "digest",
      "not in",
      tables.selectFrom("installations").select("bundle_digest")
        .where("addon_key", "=", addonKey).where("bundle_digest", "is not", null),
    );
  // One by one: in a transaction that changes schemas SQLite lets no foreign key act.
  await tables.deleteFrom("prepared_modules").where("bundle_digest", "in", unused).execute();
  await tables.deleteFrom("bundles").where("digest", "in", unused).execute();
}

/**
 * Lists the migrations applied to a schema: version → checksum.
 *
 * @param tables where to look.
 * @param schema physical schema.
 * @param addonKey the addon.
 * @returns the checksums by version.
 */
export async function appliedMigrations(
  tables: Tables,
  schema: string,
  addonKey: string,
): Promise<Map<string, string>> {
  const rows = await tables.selectFrom("addon_migrations").select(["version", "checksum"])
    .where("schema_name", "=", schema).where("addon_key", "=", addonKey).execute();
  return new Map(rows.map((row) => [row.version, row.checksum]));
}

/**
 * Marks that an organization's catalog of addons has changed, for other replicas to notice.
 *
 * @param tables the transaction of the change.
 * @param organizationId the organization.
 */
export async function raiseCatalogVersion(tables: Tables, organizationId: string): Promise<void> {
  await tables.insertInto("catalogs").values({ organization_id: organizationId, version: 1 })
    .onConflict((conflict) =>
      conflict.column("organization_id")
        .doUpdateSet((row) => ({ version: row("catalogs.version", "+", 1) }))
    ).execute();
}

/**
 * Reads the version of an organization's catalog of addons.
 *
 * @param tables where to look.
 * @param organizationId the organization.
 * @returns the version; 0 when nothing was ever installed.
 */
export async function catalogVersion(tables: Tables, organizationId: string): Promise<number> {
  const row = await tables.selectFrom("catalogs").select("version")
    .where("organization_id", "=", organizationId).executeTakeFirst();
  return Number(row?.version ?? 0);
}

/**
 * Shows a row as clients see it: without its secrets.
 *
 * @param row the row.
 * @param secretKeys settings whose values are never shown.
 * @returns the installation.
 */
export function installationOf(
  row: InstallationRow,
  secretKeys: ReadonlySet<string>,
): Installation {
  const settings = JSON.parse(row.settings) as Record<string, Json>;
  const shown = Object.entries(settings).filter(([key]) => !secretKeys.has(key));
  return {
    id: row.id,
    organization_id: row.organization_id,
    addon_key: row.addon_key,
    version: row.version,
    status: row.status as Installation["status"],
    source: row.source as Installation["source"],
    settings: Object.fromEntries(shown),
    installed_at: row.installed_at,
    ...(row.enabled_at === null ? {} : { enabled_at: row.enabled_at }),
    ...(row.disabled_at === null ? {} : { disabled_at: row.disabled_at }),
  };
}
