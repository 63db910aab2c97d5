/**
 * Brings the columns of extensions into the tables, and takes an organization's values out of them
 * again: inside the transaction of the change of an installation.
 *
 * @module
 */

import { sql } from "kysely";
import type { Transaction } from "../../db/database.ts";
import type { SchemaState, TableName } from "../../db/schema/spec.ts";
import { tableChanges } from "../../events/change_scope.ts";
import { extendModels } from "./extend_models.ts";
import {
  type ExtensionChanges,
  extensionChanges,
  type ExtensionOrder,
  extensionSchemas,
} from "./extension_changes.ts";
import { applyChanges, touchedTables } from "../install/apply.ts";
import { hostSchema } from "../../models/host_model.ts";
import { installationsOfSchema, type Tables } from "../installation_store.ts";

/**
 * Makes the columns that a change of an installation needs because of extensions. It is called after
 * the addon's own tables are up to date, whenever an addon is installed, changes version or is
 * enabled; where nobody extends anything it costs nothing.
 *
 * @param tx a transaction that may change schemas, in which `install:<organization>` is locked.
 * @param order what changes.
 * @returns what was done, and what waits.
 * @throws {KernelError} as {@link extensionChanges}, schema.*
 */
export async function applyExtensions(
  tx: Transaction,
  order: ApplyingOrder,
): Promise<ExtensionChanges> {
  const states = new Map<string, SchemaState>();
  const schemas = extensionSchemas(order);
  for (const schema of schemas) {
    await tx.lock(`install:${schema}`);
    states.set(schema, await tx.profile.introspect(tx, schema));
  }
  const inUse = await schemasInUse(tx.kysely, schemas, order.organizationId);
  const changes = extensionChanges(order, states, inUse);
  if (order.tables === "not locked yet") {
    await tx.lockTables(
      [...changes.bySchema].flatMap(([schema, list]) =>
        touchedTables(states.get(schema) ?? new Map(), list)
      ),
    );
  }
  for (const [schema, list] of changes.bySchema) {
    await applyChanges(tx, states.get(schema) ?? new Map(), list);
  }
  return changes;
}

/** What is applied, for whom. */
export interface ApplyingOrder extends ExtensionOrder {
  readonly organizationId: string;
  /** Whether calls that work in the tables have been waited for. */
  readonly tables: "locked" | "not locked yet";
}

/**
 * Tells which schemas hold rows of other organizations too; the host application's always may.
 *
 * @param tables where installations are.
 * @param schemas the schemas in question.
 * @param organizationId who asks.
 * @returns those in use, also by addons that are disabled, or removed with their data kept.
 */
export async function schemasInUse(
  tables: Tables,
  schemas: readonly string[],
  organizationId: string,
): Promise<ReadonlySet<string>> {
  const inUse = new Set<string>(schemas.filter((schema) => schema === hostSchema));
  for (const schema of schemas) {
    const users = await installationsOfSchema(tables, schema);
    if (users.some((row) => row.organization_id !== organizationId)) inUse.add(schema);
  }
  return inUse;
}

/** What is cleared, of whom. */
export interface ClearingOrder {
  readonly organizationId: string;
  /** Addon whose columns are cleared. */
  readonly addonKey: string;
  /**
   * Models of the host and of the organization's installations as they are before the change, without
   * what extensions put on them.
   */
  readonly models: ExtensionOrder["models"];
  /** Manifests of the installations that are enabled, and the one whose data goes. */
  readonly manifests: ExtensionOrder["enabled"];
}

/**
 * Takes an organization's values out of the columns that an addon has put on models of others; the
 * columns stay, for other organizations may use them. For an uninstall that drops data.
 *
 * @param tx a transaction that acts for the organization.
 * @param order what is cleared.
 * @returns the change scopes of the tables, for the events of the change.
 */
export async function clearExtensions(tx: Transaction, order: ClearingOrder): Promise<string[]> {
  const { models } = extendModels(order.models, order.manifests);
  const scopes: string[] = [];
  for (const { addonKey, table, columns } of models) {
    const names = columns.filter((column) => column.extendedBy === order.addonKey)
      .map(({ name }) => name);
    if (names.length === 0 || addonKey === order.addonKey) continue;
    const standing = await standingColumns(tx, table);
    const cleared = names.filter((name) => standing.has(name));
    if (cleared.length === 0) continue;
    await clear(tx, order.organizationId, table, cleared);
    scopes.push(tableChanges(table));
  }
  return scopes;
}

async function standingColumns(tx: Transaction, table: TableName): Promise<Set<string>> {
  const state = await tx.profile.introspect(tx, table.schema);
  return new Set(state.get(table.table)?.columns.map(({ name }) => name));
}

async function clear(
  tx: Transaction,
  organizationId: string,
  table: TableName,
  columns: readonly string[],
): Promise<void> {
  const { profile } = tx;
  const assignments = sql.join(columns.map((name) => sql`${sql.ref(name)} = null`));
  const statement = sql`update ${profile.table(table)} set ${assignments} where organization_id = ${
    profile.value(organizationId, { kind: "uuid" })
  }`;
  await tx.execute(profile.compile(statement));
}
