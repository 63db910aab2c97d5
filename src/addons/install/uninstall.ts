/**
 * Takes an addon out of one organization, keeping its data or dropping it. Tables shared with other
 * organizations lose only this organization's rows.
 *
 * @module
 */

import { sql } from "kysely";
import type { Transaction } from "../../db/database.ts";
import type { SchemaState, TableSpec } from "../../db/schema/spec.ts";
import type { Model } from "../../models/model.ts";
import { modelsOf } from "../../models/from_definition.ts";
import { clearExtensions } from "../extensions/apply_extensions.ts";
import {
  dropUnusedBundles,
  type InstallationRow,
  installationsOfSchema,
  isBundleRun,
  raiseCatalogVersion,
} from "../installation_store.ts";
import type { LiveInstallation, LiveInstallations } from "../live_installations.ts";
import { checkNotNeeded } from "../plan/requirements.ts";
import { applyChanges } from "./apply.ts";
import { otherOf } from "./gather.ts";
import { demandUnchanged, lockInstallation } from "./install.ts";

/** What is taken out, for whom. */
export interface UninstallOrder {
  readonly organizationId: string;
  /** The row as it was looked at. */
  readonly row: InstallationRow;
  /** The same with its manifest; absent where that cannot be read any more. */
  readonly live?: LiveInstallation;
  readonly data: "keep" | "drop";
  /** RFC 3339 time. */
  readonly at: string;
  readonly hostModels: readonly Model[];
  readonly installations: LiveInstallations;
  /** Runs the hooks of the change, while everything is still there. */
  readonly hooks: (tx: Transaction) => Promise<void>;
}

/** What taking out leaves to be done. */
export interface UninstallOutcome {
  /** Change scopes of other addons' tables that lost values. */
  readonly scopes: readonly string[];
  /** Bundle whose code nobody runs any more; absent where there is none. */
  readonly retiredDigest?: string;
}

/**
 * Uninstalls inside a transaction that may change schemas and acts for the organization.
 *
 * @param tx the transaction.
 * @param order what to take out.
 * @returns what is left to be done.
 * @throws {KernelError} addon.changed_meanwhile, addon.needed_by_others
 */
export async function uninstallInTransaction(
  tx: Transaction,
  order: UninstallOrder,
): Promise<UninstallOutcome> {
  const { organizationId, row } = order;
  const { addon_key: addonKey, bundle_digest: digest } = row;
  await lockInstallation(tx, {
    ...order,
    schema: row.schema_name,
    addonKey,
    ...(order.live === undefined ? {} : { manifest: order.live.manifest }),
  });
  await demandUnchanged(tx, organizationId, addonKey, row);
  const live = await order.installations.list(tx.kysely, organizationId);
  if (row.status === "enabled") checkNotNeeded(addonKey, live.map(otherOf));
  if (order.data === "drop") await lockDropped(tx, row);
  await order.hooks(tx);
  const scopes = order.data === "keep" ? await keep(tx, order) : await drop(tx, order, live);
  await raiseCatalogVersion(tx.kysely, organizationId);
  const isLeft = digest !== null && !await isBundleRun(tx.kysely, digest);
  return { scopes, ...(isLeft ? { retiredDigest: digest } : {}) };
}

async function keep(tx: Transaction, { row, at }: UninstallOrder): Promise<string[]> {
  await tx.kysely.updateTable("installations")
    .set({
      status: "removed",
      disabled_at: at,
      updated_at: at,
      revision: Number(row.revision) + 1,
      // Who comes back begins anew: nothing to go back to.
      previous_digest: null,
      previous_secret_enc: null,
      previous_secret_until: null,
    })
    .where("id", "=", row.id).execute();
  await dropUnusedBundles(tx.kysely, row.addon_key, at, "now");
  return [];
}

async function drop(
  tx: Transaction,
  { organizationId, row, live: own, hostModels, at }: UninstallOrder,
  live: readonly LiveInstallation[],
): Promise<string[]> {
  const enabled = live.filter((each) => each.row.status === "enabled" && each.row.id !== row.id);
  const scopes = own === undefined ? [] : await clearExtensions(tx, {
    organizationId,
    addonKey: row.addon_key,
    models: [
      ...hostModels,
      ...live.flatMap((each) => modelsOf(each.manifest, each.row.schema_name)),
    ],
    manifests: [...enabled.map(({ manifest }) => manifest), own.manifest],
  });
  await dropData(tx, row);
  await dropKept(tx, row);
  await tx.kysely.deleteFrom("installations").where("id", "=", row.id).execute();
  await dropUnusedBundles(tx.kysely, row.addon_key, at, "now");
  return scopes;
}

async function dropData(tx: Transaction, row: InstallationRow): Promise<void> {
  const state = await tx.profile.introspect(tx, row.schema_name);
  const users = await installationsOfSchema(tx.kysely, row.schema_name);
  if (users.length > 1) return await deleteRows(tx, row.organization_id, state);
  const tables = dependentsFirst(state).map((table) => table.name.table);
  if (tables.length > 0) {
    await applyChanges(tx, state, [{ kind: "dropSchema", schema: row.schema_name, tables }]);
  }
  await tx.kysely.deleteFrom("addon_migrations")
    .where("schema_name", "=", row.schema_name).execute();
}

/** Before hooks write into them. */
async function lockDropped(
  tx: Transaction,
  { schema_name: schema }: InstallationRow,
): Promise<void> {
  if ((await installationsOfSchema(tx.kysely, schema)).length > 1) return;
  const state = await tx.profile.introspect(tx, schema);
  await tx.lockTables([...state.values()].map(({ name }) => name));
}

/** What the addon's code has kept beside its tables. */
async function dropKept(tx: Transaction, row: InstallationRow): Promise<void> {
  const tables = [
    "addon_values",
    "addon_secrets",
    "addon_schedules",
    "subscription_cursors",
  ] as const;
  for (const table of tables) {
    await tx.kysely.deleteFrom(table)
      .where("organization_id", "=", row.organization_id)
      .where("addon_key", "=", row.addon_key)
      .execute();
  }
  // In a transaction that changes schemas SQLite lets no foreign key act.
  await tx.kysely.deleteFrom("breakers").where("installation_id", "=", row.id).execute();
  await tx.kysely.deleteFrom("call_nonces").where("installation_id", "=", row.id).execute();
}

async function deleteRows(
  tx: Transaction,
  organizationId: string,
  state: SchemaState,
): Promise<void> {
  for (const table of dependentsFirst(state)) {
    const statement = sql`delete from ${tx.profile.table(table.name)} where organization_id = ${
      tx.profile.value(organizationId, { kind: "uuid" })
    }`;
    await tx.execute(tx.profile.compile(statement));
  }
}

/** Tables in an order in which rows can go without breaking a foreign key. */
function dependentsFirst(state: SchemaState): TableSpec[] {
  const ordered: TableSpec[] = [];
  const visited = new Set<string>();
  const visit = (table: TableSpec): void => {
    if (visited.has(table.name.table)) return;
    visited.add(table.name.table);
    for (const other of state.values()) {
      if (other.foreignKeys.some((key) => key.target === table.name.table)) visit(other);
    }
    ordered.push(table);
  };
  for (const table of state.values()) visit(table);
  return ordered;
}
