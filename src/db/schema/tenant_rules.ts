/**
 * What the tenant wall asks of a table's shape: the tenant column, a primary key and unique indexes
 * that start with it, and system columns that stay (decisions D17, threat model §2 row 17).
 *
 * @module
 */

import { schemaError } from "./errors.ts";
import type { ColumnSpec, IndexSpec, TableSpec } from "./spec.ts";

/** Name of the tenant column. */
export const TENANT_COLUMN = "organization_id";

/** The tenant column of every addon table. */
export const TENANT_COLUMN_SPEC: ColumnSpec = {
  name: TENANT_COLUMN,
  type: { kind: "uuid" },
  nullable: false,
  default: { kind: "tenant" },
};

const SYSTEM_COLUMNS: ReadonlySet<string> = new Set([
  "id",
  TENANT_COLUMN,
  "created_by_id",
  "created_at",
  "updated_at",
  "deleted_at",
]);

/**
 * Refuses to take away a column that the kernel keeps.
 *
 * @param table the table.
 * @param column name of the column.
 * @param verb what was asked: `drop`, `rename`.
 * @throws {KernelError} schema.system_column
 */
export function refuseSystemColumn(table: TableSpec, column: string, verb: string): void {
  if (!SYSTEM_COLUMNS.has(column)) return;
  throw schemaError(
    "schema.system_column",
    `${table.name.table}.${column}: a migration cannot ${verb} a system column.`,
    { table: table.name.table, column },
  );
}

/**
 * Tells whether an index keeps tenants apart: it is not unique, or starts with the tenant column.
 *
 * @param index any index.
 * @returns true when no uniqueness reaches over organizations.
 */
export function isTenantIndex(index: IndexSpec): boolean {
  const first = index.keys[0]?.expression;
  return !index.unique || (first?.kind === "column" && first.name === TENANT_COLUMN);
}

/**
 * Refuses a key that reaches over organizations.
 *
 * @param table a tenant table.
 * @param columns the primary key.
 * @throws {KernelError} schema.tenant_key
 */
export function checkTenantKey(table: TableSpec, columns: readonly string[]): void {
  if (columns[0] !== TENANT_COLUMN) throw tenantKeyError(table, "the primary key");
}

/**
 * Refuses a unique index that reaches over organizations.
 *
 * @param table a tenant table.
 * @param index the index.
 * @throws {KernelError} schema.tenant_key
 */
export function checkTenantIndex(table: TableSpec, index: IndexSpec): void {
  if (!isTenantIndex(index)) throw tenantKeyError(table, `unique index ${index.name}`);
}

/**
 * Checks everything the tenant wall asks of a table.
 *
 * @param table a table that is, or is to be, under the tenant policy.
 * @throws {KernelError} schema.tenant_column, schema.tenant_key
 */
export function checkTenantTable(table: TableSpec): void {
  const column = table.columns.find((each) => each.name === TENANT_COLUMN);
  if (column === undefined || column.type.kind !== "uuid" || column.nullable) {
    throw schemaError(
      "schema.tenant_column",
      `Table ${table.name.table} needs the column ${TENANT_COLUMN} uuid not null.`,
      { table: table.name.table, column: TENANT_COLUMN },
    );
  }
  checkTenantKey(table, table.primaryKey);
  for (const index of table.indexes) checkTenantIndex(table, index);
}

function tenantKeyError(table: TableSpec, what: string): Error {
  return schemaError(
    "schema.tenant_key",
    `Table ${table.name.table}: ${what} must start with ${TENANT_COLUMN}.`,
    { table: table.name.table },
  );
}
