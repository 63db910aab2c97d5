/**
 * Installs one bundle in one organization: everything in one transaction, or nothing. The archive is
 * opened and checked before; this file puts the stations in order.
 *
 * @module
 */

import type { Transaction } from "../../db/database.ts";
import type { SchemaChange, SchemaState } from "../../db/schema/spec.ts";
import { addonSchemaName } from "../../db/schema/names.ts";
import { admitMigration } from "../../db/migration_sql/admit.ts";
import { completeChange } from "../../db/schema/complete.ts";
import { applyChange } from "../../db/schema/apply.ts";
import { describeChange } from "../../db/schema/describe.ts";
import type { Model } from "../../models/model.ts";
import { modelsOf } from "../../models/from_definition.ts";
import {
  appliedMigrations,
  dropUnusedBundles,
  findInstallation,
  installationsOfSchema,
  keepBundle,
  raiseCatalogVersion,
} from "../installation_store.ts";
import { migrationChanged, modelTaken, sharedTablesInUse } from "../errors.ts";
import { keepPrepared } from "../code/prepared_store.ts";
import { applyChanges } from "./apply.ts";
import { writeInstallation } from "./installation_row.ts";
import type { InstallOrder } from "./order.ts";
import { planInstall } from "./plan.ts";
import { firstBreaking } from "./shared_tables.ts";

/**
 * Installs a bundle inside a transaction that may change schemas.
 *
 * @param tx the transaction.
 * @param order what to install, for whom.
 * @returns the physical schema of the addon's tables.
 * @throws {KernelError} addon.*, schema.* — naming what stands in the way.
 */
export async function installInTransaction(
  tx: Transaction,
  order: InstallOrder,
): Promise<string> {
  const { manifest } = order.bundle;
  const { organizationId } = order.caller;
  const schema = addonSchemaName(manifest.key, manifest.tenant_isolation, organizationId);
  // The organization first, then the tables: two installs always wait in the same order.
  await tx.lock(`install:${organizationId}`);
  await tx.lock(`install:${schema}`);
  await tx.lock(`bundle:${manifest.key}`);
  const standing = await findInstallation(tx.kysely, organizationId, manifest.key);
  const models = modelsOf(manifest, schema);
  refuseTakenModels(order, models, await order.modelsInUse(tx.kysely));
  const current = await tx.profile.introspect(tx, schema);
  const migrations = await pendingMigrations(tx, order, schema, current);
  const plan = planInstall({ schema, current, migrations, models });
  await refuseBreakingOthers(tx, order, schema, plan.changes, current);
  await applyChanges(tx, current, plan.changes);
  await recordMigrations(tx, order, schema);
  await keepBundle(tx.kysely, order.bundle, order.archive, order.at);
  if (order.code !== undefined) {
    const { id, module } = order.code;
    await keepPrepared(tx.kysely, id, order.bundle.digest, module, order.at);
  }
  await writeInstallation(tx, order, schema, standing);
  await dropUnusedBundles(tx.kysely, manifest.key);
  await raiseCatalogVersion(tx.kysely, organizationId);
  return schema;
}

function refuseTakenModels(
  order: InstallOrder,
  models: readonly Model[],
  inUse: readonly Model[],
): void {
  const { key } = order.bundle.manifest;
  for (const model of models) {
    const names = new Set([model.key.toLowerCase(), model.table.table]);
    const taken = inUse.find((other) =>
      other.addonKey !== key &&
      (names.has(other.key.toLowerCase()) || names.has(other.table.table))
    );
    if (taken !== undefined) throw modelTaken(model.key, key, taken.addonKey);
  }
}

async function pendingMigrations(
  tx: Transaction,
  order: InstallOrder,
  schema: string,
  current: SchemaState,
): Promise<SchemaChange[]> {
  const { manifest, migrations } = order.bundle;
  const applied = await appliedMigrations(tx.kysely, schema, manifest.key);
  const changes: SchemaChange[] = [];
  let state = current;
  for (const migration of migrations) {
    const recorded = applied.get(migration.version);
    if (recorded === migration.checksum) continue;
    if (recorded !== undefined) {
      throw migrationChanged(manifest.key, migration.version, recorded, migration.checksum);
    }
    const admitted = await admitMigration(migration.sql, {
      schema,
      addonKey: manifest.key,
      file: migration.path,
      state,
      note: order.note,
    });
    for (const change of admitted) {
      const completed = completeChange(change);
      changes.push(completed);
      state = applyChange(state, completed);
    }
  }
  return changes;
}

async function refuseBreakingOthers(
  tx: Transaction,
  order: InstallOrder,
  schema: string,
  changes: readonly SchemaChange[],
  current: SchemaState,
): Promise<void> {
  const change = firstBreaking(changes, current);
  if (change === undefined) return;
  const others = await installationsOfSchema(tx.kysely, schema);
  // The bundle, not its version: two bundles may claim the same one.
  const other = others.find((row) =>
    row.organization_id !== order.caller.organizationId &&
    row.bundle_digest !== order.bundle.digest
  );
  const { key } = order.bundle.manifest;
  if (other !== undefined) throw sharedTablesInUse(key, describeChange(change), other.version);
}

async function recordMigrations(
  tx: Transaction,
  order: InstallOrder,
  schema: string,
): Promise<void> {
  const { manifest, migrations } = order.bundle;
  if (migrations.length === 0) return;
  const rows = migrations.map((migration) => ({
    schema_name: schema,
    addon_key: manifest.key,
    version: migration.version,
    checksum: migration.checksum,
    applied_at: order.at,
  }));
  await tx.kysely.insertInto("addon_migrations").values(rows)
    .onConflict((conflict) => conflict.doNothing()).execute();
}
