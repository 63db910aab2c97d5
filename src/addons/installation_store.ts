/**
 * Rows of installations, bundles and applied migrations. It keeps and finds; what they mean is
 * decided by its callers.
 *
 * @module
 */

import type { Kysely, Selectable } from "kysely";
import type { InstallationTable, KernelTables } from "../db/tables.ts";
import type { Bundle } from "../bundle/bundle.ts";
import type { VerifiedSignature } from "../bundle/trust/trust.ts";

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
): Promise<Pick<InstallationRow, "organization_id" | "version" | "bundle_digest" | "status">[]> {
  return await tables.selectFrom("installations")
    .select(["organization_id", "version", "bundle_digest", "status"])
    .where("schema_name", "=", schema)
    .execute();
}

/**
 * Keeps a bundle's bytes under their digest; keeping the same bytes twice is no change.
 *
 * @param tables where to keep it.
 * @param kept the opened bundle, its bytes, and who signed it.
 * @param at RFC 3339 time.
 */
export async function keepBundle(tables: Tables, kept: KeptBundle, at: string): Promise<void> {
  const { bundle, archive, signature } = kept;
  const signatureText = signature === undefined ? null : JSON.stringify(signature);
  const entries = [...bundle.entries].map(([path, entry]) => [path, entry.sha256]);
  await tables.insertInto("bundles").values({
    digest: bundle.digest,
    addon_key: bundle.manifest.key,
    version: bundle.manifest.version,
    manifest: JSON.stringify(bundle.manifest.document),
    entries: JSON.stringify(Object.fromEntries(entries)),
    archive,
    signature: signatureText,
    created_at: at,
  }).onConflict((conflict) =>
    conflict.column("digest").doUpdateSet({
      left_at: null,
      // The same bytes under a better proof: what is known of them is not forgotten again.
      ...(signatureText === null ? {} : { signature: signatureText }),
    })
  ).execute();
}

/** A bundle as it is kept. */
export interface KeptBundle {
  readonly bundle: Bundle;
  readonly archive: Uint8Array;
  /** Absent for an unsigned bundle. */
  readonly signature?: VerifiedSignature;
}

/**
 * How long a bundle stays that was left for another version: other replicas and calls in flight may
 * still load its code, and browsers its files.
 */
const LEFT_BUNDLE_MS = 60_000;

/**
 * Drops bundles of an addon that no installation runs or could go back to, and what was made of them,
 * so that uploads do not fill the database.
 * Whoever calls it holds the lock `bundle:<addon key>`, lest another install is just taking one up.
 *
 * @param tables the transaction.
 * @param addonKey the addon.
 * @param at RFC 3339 time of the change.
 * @param leaving what becomes of those that this change leaves: `later` keeps them for a minute, until
 *   the next change of the addon; `now` is for the end of an installation.
 */
export async function dropUnusedBundles(
  tables: Tables,
  addonKey: string,
  at: string,
  leaving: "later" | "now",
): Promise<void> {
  const usedAs = (column: "bundle_digest" | "previous_digest") =>
    tables.selectFrom("installations").select(column)
      .where("addon_key", "=", addonKey).where(column, "is not", null);
  const unused = tables.selectFrom("bundles").select("digest")
    .where("addon_key", "=", addonKey)
    .where("digest", "not in", usedAs("bundle_digest"))
    .where("digest", "not in", usedAs("previous_digest"));
  if (leaving === "later") {
    await tables.updateTable("bundles").set({ left_at: at })
      .where("left_at", "is", null).where("digest", "in", unused).execute();
  }
  const until = new Date(Date.parse(at) - LEFT_BUNDLE_MS).toISOString();
  const dropped = unused.where((is) =>
    is.or([is("left_at", "is", null), is("left_at", "<", until)])
  );
  // One by one: in a transaction that changes schemas SQLite lets no foreign key act.
  await tables.deleteFrom("prepared_modules").where("bundle_digest", "in", dropped).execute();
  await tables.deleteFrom("bundle_files").where("digest", "in", dropped).execute();
  await tables.deleteFrom("bundles").where("digest", "in", dropped).execute();
}

/**
 * Tells whether an installation of any organization runs a bundle.
 *
 * @param tables where to look.
 * @param digest the bundle.
 * @returns true when one that is not removed does.
 */
export async function isBundleRun(tables: Tables, digest: string): Promise<boolean> {
  const row = await tables.selectFrom("installations").select("id")
    .where("bundle_digest", "=", digest).where("status", "<>", "removed")
    .limit(1).executeTakeFirst();
  return row !== undefined;
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
