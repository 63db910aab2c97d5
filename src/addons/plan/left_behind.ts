/**
 * What the version before declared and the next one does not: values stay, and what would stand in
 * the way of the next version's writes goes. Pure; columns and tables are dropped by migrations only.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import { applyChange } from "../../db/schema/apply.ts";
import { canonicalTable, sameValue } from "../../db/schema/canonical.ts";
import { completeTable } from "../../db/schema/complete.ts";
import type {
  ColumnSpec,
  IndexSpec,
  SchemaChange,
  SchemaState,
  TableSpec,
} from "../../db/schema/spec.ts";
import type { Model } from "../../models/model.ts";
import { tableSpecsOf } from "../../models/table_spec.ts";

/** What is left behind. */
export interface LeftBehind {
  /** The tables, the next version's columns and indexes already there. */
  readonly state: SchemaState;
  readonly before: readonly Model[];
  readonly after: readonly Model[];
}

/**
 * Lets rows lack a column that the version before required: it stays with its values, but nobody
 * fills it any more.
 *
 * @param given the two versions and the tables between them.
 * @returns the changes; none for columns that have a default or belong to the key.
 */
export function loosenedColumns(given: LeftBehind): readonly SchemaChange[] {
  return given.after.flatMap(({ table: name, columns }) => {
    const table = given.state.get(name.table);
    const old = given.before.find((model) => model.table.table === name.table);
    if (table === undefined || old === undefined) return [];
    const declared = new Set(columns.map((column) => column.name));
    const left = new Set(old.columns.map((column) => column.name).filter((n) => !declared.has(n)));
    return table.columns
      .filter((column) => left.has(column.name) && isUnfilled(column))
      .filter((column) => !table.primaryKey.includes(column.name))
      .map((column): SchemaChange => ({
        kind: "alterColumn",
        table: table.name,
        column: { ...column, nullable: true },
      }));
  });
}

/**
 * Drops indexes that only the version before declared: a value that was unique may be there twice
 * from now on. One that has changed since, or that a foreign key hangs on, stays.
 *
 * @param given the two versions and the tables between them.
 * @returns the changes.
 */
export function obsoleteIndexes(given: LeftBehind): readonly SchemaChange[] {
  const old = declaredIndexes(given.before);
  const fresh = declaredIndexes(given.after);
  const changes: SchemaChange[] = [];
  let { state } = given;
  for (const table of given.state.values()) {
    // A table that is not declared any more stays as it is.
    const wanted = fresh.get(table.name.table);
    if (wanted === undefined) continue;
    for (const index of old.get(table.name.table) ?? []) {
      if (!table.indexes.some((standing) => sameValue(standing, index))) continue;
      if (wanted.some((each) => each.name === index.name || sameContent(each, index))) continue;
      const change: SchemaChange = { kind: "dropIndex", table: table.name, index: index.name };
      const next = without(state, change);
      if (next === undefined) continue;
      state = next;
      changes.push(change);
    }
  }
  return changes;
}

/**
 * Tells whether a row must be given a value of a column.
 *
 * @param column the column.
 * @returns true when it is required and has no default.
 */
export function isUnfilled(column: ColumnSpec): boolean {
  return !column.nullable && column.default === undefined;
}

/**
 * Makes the table of each model as it is to stand.
 *
 * @param models models of one addon.
 * @returns canonical tenant tables.
 */
export function declaredTables(models: readonly Model[]): readonly TableSpec[] {
  return tableSpecsOf(models).map((spec) => canonicalTable(completeTable(spec)));
}

function declaredIndexes(models: readonly Model[]): ReadonlyMap<string, readonly IndexSpec[]> {
  return new Map(declaredTables(models).map((table) => [table.name.table, table.indexes]));
}

function sameContent(left: IndexSpec, right: IndexSpec): boolean {
  return sameValue({ ...left, name: "" }, { ...right, name: "" });
}

function without(state: SchemaState, change: SchemaChange): SchemaState | undefined {
  try {
    return applyChange(state, change);
  } catch (thrown) {
    // A foreign key needs it.
    if (isKernelError(thrown)) return undefined;
    throw thrown;
  }
}
