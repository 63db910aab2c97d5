/**
 * Makes any table a tenant table: the tenant column, keys and unique indexes that start with it,
 * foreign keys that cannot leave the organization (decisions D17). Idempotent; applied to every
 * table of every addon, whoever wrote it.
 *
 * @module
 */

import { schemaError } from "./errors.ts";
import { column } from "./expression.ts";
import { TENANT_COLUMN, TENANT_COLUMN_SPEC } from "./tenant_rules.ts";
import type {
  ColumnSpec,
  ForeignKeySpec,
  IndexKey,
  IndexSpec,
  SchemaChange,
  TableSpec,
} from "./spec.ts";

/**
 * The table as a tenant table.
 *
 * @param table any table.
 * @returns the table with `organization_id`, a primary key and indexes that start with it,
 *   composite foreign keys, an index for reading newest first, and the tenant policy.
 * @throws {KernelError} schema.no_primary_key — it has neither a primary key nor a column `id`.
 * @throws {KernelError} schema.invalid_foreign_key — a foreign key pairs the tenant column with
 *   another one.
 */
export function completeTable(table: TableSpec): TableSpec {
  const columns = withTenantColumn(table.columns);
  const primaryKey = withTenant(primaryKeyOf(table));
  const indexes = table.indexes.map(completeIndex);
  return {
    ...table,
    columns: columns.map((each) =>
      primaryKey.includes(each.name) ? { ...each, nullable: false } : each
    ),
    primaryKey,
    indexes: [...indexes, ...orderIndex(table, indexes)],
    foreignKeys: table.foreignKeys.map((key) => completeForeignKey(key, table.name.table)),
    tenantPolicy: true,
  };
}

/**
 * A change of an addon's migration, completed so that tables stay tenant tables.
 *
 * @param change any change.
 * @returns the change with tables, unique indexes, keys and the tenant column completed; other
 *   changes as they are.
 * @throws {KernelError} as {@link completeTable}.
 */
export function completeChange(change: SchemaChange): SchemaChange {
  switch (change.kind) {
    case "createTable":
      return { ...change, table: completeTable(change.table) };
    case "createIndex":
      return { ...change, index: completeIndex(change.index) };
    case "addForeignKey":
      return { ...change, key: completeForeignKey(change.key, change.table.table) };
    case "setPrimaryKey":
      return { ...change, columns: withTenant(change.columns) };
    case "addColumn":
    case "alterColumn":
      return change.column.name === TENANT_COLUMN
        ? { ...change, column: TENANT_COLUMN_SPEC }
        : change;
    default:
      return change;
  }
}

function withTenantColumn(columns: readonly ColumnSpec[]): readonly ColumnSpec[] {
  if (columns.some((each) => each.name === TENANT_COLUMN)) {
    return columns.map((each) => each.name === TENANT_COLUMN ? TENANT_COLUMN_SPEC : each);
  }
  const afterId = columns.findIndex((each) => each.name === "id") + 1;
  return columns.toSpliced(afterId, 0, TENANT_COLUMN_SPEC);
}

function primaryKeyOf(table: TableSpec): readonly string[] {
  if (table.primaryKey.some((name) => name !== TENANT_COLUMN)) return table.primaryKey;
  if (table.columns.some((each) => each.name === "id")) return ["id"];
  if (table.primaryKey.length > 0) return table.primaryKey;
  throw schemaError(
    "schema.no_primary_key",
    `Table ${table.name.table} has neither a primary key nor a column id; declare one.`,
    { table: table.name.table },
  );
}

function withTenant(names: readonly string[]): readonly string[] {
  return [TENANT_COLUMN, ...names.filter((name) => name !== TENANT_COLUMN)];
}

/** Unique ones for the wall, the others because every query asks for one organization's rows. */
function completeIndex(index: IndexSpec): IndexSpec {
  if (index.keys[0] !== undefined && readsOnly(index.keys[0], TENANT_COLUMN)) return index;
  const others = index.keys.filter((key) => !readsOnly(key, TENANT_COLUMN));
  return { ...index, keys: [{ expression: column(TENANT_COLUMN) }, ...others] };
}

/** The tenant column on both sides, first: a row can only point at rows of its organization. */
function completeForeignKey(key: ForeignKeySpec, table: string): ForeignKeySpec {
  const pairs = key.columns.map((name, position) => [name, key.targetColumns[position]] as const);
  for (const [own, target] of pairs) {
    if ((own === TENANT_COLUMN) === (target === TENANT_COLUMN)) continue;
    throw schemaError(
      "schema.invalid_foreign_key",
      `${table}, foreign key ${key.name}: ${TENANT_COLUMN} can only point at ${TENANT_COLUMN}.`,
      { table, object: key.name },
    );
  }
  return {
    ...key,
    columns: withTenant(key.columns),
    targetColumns: withTenant(key.targetColumns),
  };
}

/** The index that lists of newest records are read from; none where the author's is the same. */
function orderIndex(table: TableSpec, indexes: readonly IndexSpec[]): readonly IndexSpec[] {
  const names = [TENANT_COLUMN, "created_at", "id"];
  const present = new Set(table.columns.map((each) => each.name));
  if (!present.has("created_at") || !present.has("id")) return [];
  const name = `idx_${table.name.table}_org`;
  const isThere = indexes.some((index) =>
    index.name === name ||
    (index.where === undefined && index.keys.length === names.length &&
      index.keys.every((key, position) => readsOnly(key, names[position]!)))
  );
  return isThere
    ? []
    : [{ name, keys: names.map((each) => ({ expression: column(each) })), unique: false }];
}

function readsOnly(key: IndexKey, name: string): boolean {
  return key.expression.kind === "column" && key.expression.name === name;
}
