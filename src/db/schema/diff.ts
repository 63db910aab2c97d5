/**
 * The changes that lead from one schema to another. Pure. It adds, fixes and protects; it never
 * drops a table, a column, or an index or constraint whose name the desired schema does not say.
 *
 * @module
 */

import { applyChange } from "./apply.ts";
import { canonicalTable, sameValue } from "./canonical.ts";
import { columnChanges } from "./diff_column.ts";
import {
  missingConstraints,
  missingIndexes,
  obsoleteConstraints,
  obsoleteIndexes,
} from "./diff_objects.ts";
import { schemaError } from "./errors.ts";
import { targetsFirst } from "./table_order.ts";
import { TENANT_COLUMN } from "./tenant_rules.ts";
import type { SchemaChange, SchemaState, TableName, TableSpec } from "./spec.ts";

/** What a difference may ask about the data. */
export interface DiffOptions {
  /**
   * Tells whether a table may hold rows, of any organization.
   *
   * @default every table that exists is taken to hold some
   */
  readonly hasRows?: (table: TableName) => boolean;
}

/**
 * Computes the changes, in an order in which each can be made.
 *
 * Types: a wider one of the same family is set; others of the same family stay as they are.
 * Defaults: a desired one is set; one that the desired schema does not name stays. Nullability: what
 * may be null is loosened; what may not is tightened where the table holds no rows or a default
 * fills them, and stays otherwise.
 *
 * @param current what the database holds.
 * @param desired what it is to hold; tables that it does not name stay as they are.
 * @param options what is known about the data.
 * @returns the changes; none when nothing is missing.
 * @throws {KernelError} schema.type_conflict — a column exists with a type of another family.
 * @throws {KernelError} schema.required_column_without_default — it would be added to rows.
 * @throws {KernelError} schema.tenant_unknown — rows exist whose organization nobody knows.
 * @throws {KernelError} schema.* — as {@link applyChange}, where a change cannot be made.
 */
export function diffSchema(
  current: SchemaState,
  desired: SchemaState,
  options: DiffOptions = {},
): SchemaChange[] {
  const changes: SchemaChange[] = [];
  let state = current;
  const make = (change: SchemaChange) => {
    state = applyChange(state, change);
    changes.push(change);
  };
  const wanted = targetsFirst([...desired.values()].map(canonicalTable));
  const standing = wanted.filter((table) => current.has(table.name.table));
  const forEach = (
    tables: readonly TableSpec[],
    changesOf: (now: TableSpec, wanted: TableSpec) => readonly SchemaChange[],
  ) => {
    for (const table of tables) changesOf(state.get(table.name.table)!, table).forEach(make);
  };
  forEach(standing, obsoleteConstraints);
  forEach(standing, obsoleteIndexes);
  forEach(standing, (now, then) => {
    const isEmpty = options.hasRows !== undefined && !options.hasRows(now.name);
    return shapeChanges(now, then, isEmpty ? "none" : "some");
  });
  forEach(standing, missingIndexes);
  for (const table of wanted) {
    if (current.has(table.name.table)) continue;
    make({ kind: "createTable", table: withoutOpenKeys(table, state) });
  }
  forEach(wanted, missingConstraints);
  return changes;
}

/** Columns, the primary key and what hangs on it, in the order in which each step is possible. */
function shapeChanges(
  current: TableSpec,
  desired: TableSpec,
  rows: "some" | "none",
): SchemaChange[] {
  const table = current.name;
  const hasTenant = ({ columns }: TableSpec) => columns.some((each) => each.name === TENANT_COLUMN);
  if (rows === "some" && hasTenant(desired) && !hasTenant(current)) {
    throw schemaError(
      "schema.tenant_unknown",
      `Table ${table.table} may hold rows of which nobody knows the organization; empty it, or ` +
        `add ${TENANT_COLUMN} and fill it by hand.`,
      { table: table.table, column: TENANT_COLUMN },
      "conflict",
    );
  }
  const columns = columnChanges(current, desired, rows);
  const keyDiffers = desired.primaryKey.length > 0 &&
    !sameValue(current.primaryKey, desired.primaryKey);
  return [
    ...columns.before,
    ...(keyDiffers ? [{ kind: "setPrimaryKey", table, columns: desired.primaryKey } as const] : []),
    ...columns.after,
  ];
}

/** Foreign keys to tables that come later are added when they are there. */
function withoutOpenKeys(table: TableSpec, state: SchemaState): TableSpec {
  const isThere = (name: string) => name === table.name.table || state.has(name);
  return { ...table, foreignKeys: table.foreignKeys.filter((key) => isThere(key.target)) };
}
