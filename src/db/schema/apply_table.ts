/**
 * Changes inside one table, as values. What concerns other tables of the schema is checked by
 * `apply.ts`.
 *
 * @module
 */

import { canonicalCheck, canonicalColumn, canonicalIndex } from "./canonical.ts";
import { describeType, isConvertible, typeFamily } from "./column_type.ts";
import { schemaError } from "./errors.ts";
import { columnsOf, renameColumnIn } from "./expression.ts";
import {
  checkTenantIndex,
  checkTenantKey,
  checkTenantTable,
  refuseSystemColumn,
  TENANT_COLUMN,
  TENANT_COLUMN_SPEC,
} from "./tenant_rules.ts";
import type { ColumnSpec, IndexSpec, SchemaChange, TableSpec } from "./spec.ts";

/** A change inside one table. */
export type TableChange = Exclude<
  SchemaChange,
  { kind: "createSchema" | "dropSchema" | "createTable" | "dropTable" | "renameTable" }
>;

/**
 * The table after a change.
 *
 * @param table canonical table; never modified.
 * @param change a change of this table.
 * @returns the new table, not yet checked against its schema.
 * @throws {KernelError} schema.* as {@link "./apply.ts".applyChange}.
 */
export function changeTable(table: TableSpec, change: TableChange): TableSpec {
  switch (change.kind) {
    case "addColumn": {
      const column = canonicalColumn(change.column, table.name.table);
      return { ...table, columns: [...table.columns, column] };
    }
    case "dropColumn":
      return dropColumn(table, change.column);
    case "renameColumn":
      return renameColumn(table, change.column, change.to);
    case "alterColumn":
      return alterColumn(table, canonicalColumn(change.column, table.name.table));
    case "setPrimaryKey":
      return setPrimaryKey(table, change.columns);
    case "createIndex":
      return createIndex(table, canonicalIndex(change.index));
    case "dropIndex":
      requireNamed(table, table.indexes, change.index, "schema.unknown_index");
      return { ...table, indexes: table.indexes.filter((each) => each.name !== change.index) };
    case "addForeignKey":
      return { ...table, foreignKeys: [...table.foreignKeys, { ...change.key }] };
    case "addCheck":
      return { ...table, checks: [...table.checks, canonicalCheck(change.check)] };
    case "dropConstraint":
      return dropConstraint(table, change.constraint);
    case "protectTable":
      checkTenantTable(table);
      return { ...table, tenantPolicy: true };
  }
}

/** As in Postgres, indexes and constraints of the table that read the column go with it. */
function dropColumn(table: TableSpec, name: string): TableSpec {
  columnOf(table, name);
  refuseSystemColumn(table, name, "drop");
  if (table.primaryKey.includes(name)) throw keyColumn(table, name, "dropped");
  return {
    ...table,
    columns: table.columns.filter((column) => column.name !== name),
    indexes: table.indexes.filter((index) => !indexColumns(index).has(name)),
    foreignKeys: table.foreignKeys.filter((key) =>
      !key.columns.includes(name) &&
      !(key.target === table.name.table && key.targetColumns.includes(name))
    ),
    checks: table.checks.filter((check) => !columnsOf(check.expression).has(name)),
  };
}

function renameColumn(table: TableSpec, from: string, to: string): TableSpec {
  columnOf(table, from);
  refuseSystemColumn(table, from, "rename");
  refuseSystemColumn(table, to, "rename a column to");
  if (table.columns.some((column) => column.name.toLowerCase() === to.toLowerCase())) {
    throw schemaError(
      "schema.duplicate_column",
      `Column ${table.name.table}.${to} exists already.`,
      {
        table: table.name.table,
        column: to,
      },
    );
  }
  const renamed = (name: string) => name === from ? to : name;
  return {
    ...table,
    columns: table.columns.map((column) => ({ ...column, name: renamed(column.name) })),
    primaryKey: table.primaryKey.map(renamed),
    indexes: table.indexes.map((index) => ({
      ...index,
      keys: index.keys.map((key) => ({
        ...key,
        expression: renameColumnIn(key.expression, from, to),
      })),
      ...(index.where === undefined ? {} : { where: renameColumnIn(index.where, from, to) }),
    })),
    foreignKeys: table.foreignKeys.map((key) => ({ ...key, columns: key.columns.map(renamed) })),
    checks: table.checks.map((check) => ({
      ...check,
      expression: renameColumnIn(check.expression, from, to),
    })),
  };
}

function alterColumn(table: TableSpec, column: ColumnSpec): TableSpec {
  const before = columnOf(table, column.name);
  const place = { table: table.name.table, column: column.name };
  if (!isConvertible(before.type, column.type)) {
    throw schemaError(
      "schema.type_change",
      `${place.table}.${place.column}: ${describeType(before.type)} cannot become ${
        describeType(column.type)
      } without loss; add a new column instead.`,
      place,
    );
  }
  refuseReaders(table, before, column);
  if (column.nullable && table.primaryKey.includes(column.name)) {
    throw keyColumn(table, column.name, "null");
  }
  const tenant = TENANT_COLUMN_SPEC;
  if (
    column.name === TENANT_COLUMN && table.tenantPolicy &&
    (column.nullable || column.default?.kind !== tenant.default?.kind)
  ) {
    refuseSystemColumn(table, column.name, "change");
  }
  return {
    ...table,
    columns: table.columns.map((each) => each.name === column.name ? column : each),
  };
}

/** An expression written for numbers is none for texts. */
function refuseReaders(table: TableSpec, before: ColumnSpec, after: ColumnSpec): void {
  if (typeFamily(before.type) === typeFamily(after.type)) return;
  const isPlain = (index: IndexSpec) =>
    index.where === undefined && index.keys.every((key) => key.expression.kind === "column");
  const reader = [
    ...table.checks.filter((check) => columnsOf(check.expression).has(after.name)),
    ...table.indexes.filter((index) => !isPlain(index) && indexColumns(index).has(after.name)),
  ][0];
  if (reader === undefined) return;
  throw schemaError(
    "schema.type_change",
    `${table.name.table}.${after.name}: ${reader.name} computes with it; drop that first.`,
    { table: table.name.table, column: after.name, object: reader.name },
  );
}

function setPrimaryKey(table: TableSpec, columns: readonly string[]): TableSpec {
  if (columns.length === 0) {
    throw schemaError("schema.no_primary_key", `Table ${table.name.table} needs a primary key.`, {
      table: table.name.table,
    });
  }
  for (const name of columns) columnOf(table, name);
  if (table.tenantPolicy) checkTenantKey(table, columns);
  return {
    ...table,
    primaryKey: [...columns],
    columns: table.columns.map((column) =>
      columns.includes(column.name) ? { ...column, nullable: false } : column
    ),
  };
}

function createIndex(table: TableSpec, index: IndexSpec): TableSpec {
  if (table.tenantPolicy) checkTenantIndex(table, index);
  return { ...table, indexes: [...table.indexes, index] };
}

function dropConstraint(table: TableSpec, name: string): TableSpec {
  requireNamed(table, [...table.foreignKeys, ...table.checks], name, "schema.unknown_constraint");
  return {
    ...table,
    foreignKeys: table.foreignKeys.filter((key) => key.name !== name),
    checks: table.checks.filter((check) => check.name !== name),
  };
}

/**
 * The columns an index reads, in keys and condition.
 *
 * @param index any index.
 * @returns names without order.
 */
export function indexColumns(index: IndexSpec): ReadonlySet<string> {
  const read = index.keys.flatMap((key) => [...columnsOf(key.expression)]);
  return new Set([...read, ...(index.where === undefined ? [] : columnsOf(index.where))]);
}

/**
 * A column of a table.
 *
 * @param table the table.
 * @param name the column's name.
 * @returns the column.
 * @throws {KernelError} schema.unknown_column
 */
export function columnOf(table: TableSpec, name: string): ColumnSpec {
  const column = table.columns.find((each) => each.name === name);
  if (column !== undefined) return column;
  throw schemaError("schema.unknown_column", `There is no column ${table.name.table}.${name}.`, {
    table: table.name.table,
    column: name,
  });
}

function requireNamed(
  table: TableSpec,
  objects: readonly { readonly name: string }[],
  name: string,
  code: "schema.unknown_index" | "schema.unknown_constraint",
): void {
  if (objects.some((each) => each.name === name)) return;
  throw schemaError(code, `Table ${table.name.table} has no index or constraint ${name}.`, {
    table: table.name.table,
    object: name,
  });
}

function keyColumn(table: TableSpec, column: string, what: string): Error {
  return schemaError(
    "schema.key_column",
    `${table.name.table}.${column}: a column of the primary key cannot be ${what}.`,
    { table: table.name.table, column },
  );
}
