/**
 * Takes an addon out of one organization, keeping its data or dropping it. Tables shared with other
 * organizations lose only this organization's rows.
 *
 * @module
 */

import { sql } from "kysely";
import type { Transaction } from "../../db/database.ts";
import type { SchemaState, TableSpec } from "../../db/schema/spec.ts";
import {
  dropUnusedBundles,
  findInstallation,
  installationsOfSchema,
  raiseCatalogVersion,
} from "../installation_store.ts";
import type { InstallationRow } from "../installation_store.ts";
import { notInstalled } from "../errors.ts";
import { applyChanges } from "./apply.ts";

/** What is taken out, for whom. */
export interface UninstallOrder {
  readonly organizationId: string;
  readonly addonKey: string;
  readonly data: "keep" | "drop";
  /** RFC 3339 time. */
  readonly at: string;
}

/**
 * Uninstalls inside a transaction that may change schemas and acts for the organization.
 *
 * @param tx the transaction.
 * @param order what to take out.
 * @returns the row as it was.
 * @throws {KernelError} addon.not_installed
 */
export async function uninstallInTransaction(
  tx: Transaction,
  order: UninstallOrder,
): Promise<InstallationRow> {
  await tx.lock(`install:${order.organizationId}`);
  const row = await findInstallation(tx.kysely, order.organizationId, order.addonKey);
  // Data that an earlier uninstall kept can still be dropped.
  const gone = row?.status === "removed" && order.data === "keep";
  if (row === undefined || gone) throw notInstalled(order.addonKey);
  await tx.lock(`install:${row.schema_name}`);
  await tx.lock(`bundle:${order.addonKey}`);
  if (order.data === "keep") {
    await tx.kysely.updateTable("installations")
      .set({ status: "removed", disabled_at: order.at, updated_at: order.at })
      .where("id", "=", row.id).execute();
  } else {
    await dropData(tx, row);
    await dropKept(tx, row);
    await tx.kysely.deleteFrom("installations").where("id", "=", row.id).execute();
    await dropUnusedBundles(tx.kysely, order.addonKey);
  }
  await raiseCatalogVersion(tx.kysely, order.organizationId);
  return row;
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

/** What the addon's code has kept beside its tables. */
async function dropKept(tx: Transaction, row: InstallationRow): Promise<void> {
  for (const table of ["addon_values", "addon_secrets", "addon_schedules"] as const) {
    await tx.kysely.deleteFrom(table)
      .where("organization_id", "=", row.organization_id)
      .where("addon_key", "=", row.addon_key)
      .execute();
  }
  await tx.kysely.deleteFrom("breakers").where("installation_id", "=", row.id).execute();
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
