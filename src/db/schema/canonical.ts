/**
 * The canonical form of tables, columns, indexes and checks: everything that can be said in two
 * ways is said in one, so that values compare by structure. It refuses nothing but types and
 * defaults that no column can have.
 *
 * @module
 */

import { canonicalDefault } from "./column_default.ts";
import { canonicalType } from "./column_type.ts";
import { canonicalExpression } from "./expression.ts";
import type { CheckSpec, ColumnSpec, IndexSpec, TableSpec } from "./spec.ts";

/**
 * A column in canonical form.
 *
 * @param column the column.
 * @param table logical name of its table, for messages.
 * @returns the column with type and default in canonical form.
 * @throws {KernelError} schema.invalid_type, schema.invalid_default
 */
export function canonicalColumn(column: ColumnSpec, table: string): ColumnSpec {
  const type = canonicalType(column.type, table, column.name);
  const value = canonicalDefault({ ...column, type }, table);
  return {
    name: column.name,
    type,
    nullable: column.nullable,
    ...(value === undefined ? {} : { default: value }),
  };
}

/**
 * An index in canonical form.
 *
 * @param index the index.
 * @returns the index with canonical expressions and no `descending: false`.
 */
export function canonicalIndex(index: IndexSpec): IndexSpec {
  return {
    name: index.name,
    keys: index.keys.map((key) => ({
      expression: canonicalExpression(key.expression),
      ...(key.descending === true ? { descending: true } : {}),
    })),
    unique: index.unique,
    ...(index.where === undefined ? {} : { where: canonicalExpression(index.where) }),
  };
}

/**
 * A CHECK in canonical form.
 *
 * @param check the constraint.
 * @returns the constraint over a canonical expression.
 */
export function canonicalCheck(check: CheckSpec): CheckSpec {
  return { name: check.name, expression: canonicalExpression(check.expression) };
}

/**
 * A table in canonical form: columns of the primary key are never null.
 *
 * @param table the table.
 * @returns an equal table.
 * @throws {KernelError} schema.invalid_type, schema.invalid_default
 */
export function canonicalTable(table: TableSpec): TableSpec {
  const key = new Set(table.primaryKey);
  return {
    name: { schema: table.name.schema, table: table.name.table },
    columns: table.columns.map((column) => {
      const result = canonicalColumn(column, table.name.table);
      return key.has(column.name) ? { ...result, nullable: false } : result;
    }),
    primaryKey: [...table.primaryKey],
    indexes: table.indexes.map(canonicalIndex),
    foreignKeys: table.foreignKeys.map((foreignKey) => ({ ...foreignKey })),
    checks: table.checks.map(canonicalCheck),
    tenantPolicy: table.tenantPolicy,
  };
}

/**
 * Tells whether two canonical values are equal, whatever the order of their members.
 *
 * @param left any value of this room.
 * @param right another.
 * @returns true when they say the same.
 */
export function sameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (!isObject(left) || !isObject(right)) return false;
  const members = Object.keys(left);
  return Array.isArray(left) === Array.isArray(right) &&
    members.length === Object.keys(right).length &&
    members.every((member) =>
      Object.hasOwn(right, member) && sameValue(left[member], right[member])
    );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
