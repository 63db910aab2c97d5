/**
 * How much one addon may have after a change. Checked after each change, so that no file can make
 * the checking of the next one slow.
 *
 * @module
 */

import type { SchemaChange, SchemaState } from "../schema/spec.ts";
import {
  MAX_CHANGES,
  MAX_COLUMNS,
  MAX_INDEXES,
  MAX_TABLE_INDEXES,
  MAX_TABLE_RULES,
  MAX_TABLES,
} from "./limits.ts";

/**
 * Tells what a change has made too much of.
 *
 * @param state the schema after the change.
 * @param change the change.
 * @param count changes of the file so far.
 * @returns one sentence, or undefined when everything is within bounds.
 */
export function excessOf(
  state: SchemaState,
  change: SchemaChange,
  count: number,
): string | undefined {
  if (count > MAX_CHANGES) return `a file may ask for at most ${MAX_CHANGES} changes`;
  if (state.size > MAX_TABLES) return `an addon may have at most ${MAX_TABLES} tables`;
  const name = changedTable(change);
  const table = state.get(name);
  if (table === undefined) return undefined;
  const rules = table.checks.length + table.foreignKeys.length;
  if (table.columns.length > MAX_COLUMNS) return `${name} may have ${MAX_COLUMNS} columns at most`;
  if (rules > MAX_TABLE_RULES) {
    return `${name} may have ${MAX_TABLE_RULES} checks and foreign keys at most`;
  }
  if (table.indexes.length > MAX_TABLE_INDEXES) {
    return `${name} may have ${MAX_TABLE_INDEXES} indexes at most`;
  }
  const indexes = [...state.values()].reduce((sum, each) => sum + each.indexes.length, 0);
  return indexes > MAX_INDEXES ? `an addon may have at most ${MAX_INDEXES} indexes` : undefined;
}

function changedTable(change: SchemaChange): string {
  if (change.kind === "createTable") return change.table.name.table;
  return "table" in change ? change.table.table : "";
}
