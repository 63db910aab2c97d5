/**
 * Applies one change to a schema value: what would hold afterwards. Pure; the same rules refuse a
 * change here before any engine sees it. Changes inside one table are in `apply_table.ts`.
 *
 * @module
 */

import { changeTable } from "./apply_table.ts";
import { canonicalTable } from "./canonical.ts";
import { checkForeignKeys, checkTable } from "./check_table.ts";
import { schemaError } from "./errors.ts";
import { checkTenantTable } from "./tenant_rules.ts";
import type { SchemaChange, SchemaState, TableName, TableSpec } from "./spec.ts";

/**
 * The schema after one change.
 *
 * @param state tables of one schema; never modified.
 * @param change the change.
 * @returns the new state.
 * @throws {KernelError} schema.unknown_table, schema.unknown_column, schema.duplicate_* — what the
 *   change names is missing or taken.
 * @throws {KernelError} schema.system_column, schema.tenant_column, schema.tenant_key — it would
 *   break the tenant wall.
 * @throws {KernelError} schema.type_change, schema.invalid_*, schema.foreign_key_*,
 *   schema.table_referenced — it cannot hold; the message names table and column.
 */
export function applyChange(state: SchemaState, change: SchemaChange): SchemaState {
  switch (change.kind) {
    case "createSchema":
      return state;
    case "dropSchema":
      return new Map();
    case "createTable":
      return createTable(state, change.table);
    case "dropTable":
      return dropTable(state, change.table);
    case "renameTable":
      return renameTable(state, change.table, change.to);
    default: {
      const table = tableOf(state, change.table);
      const next = new Map(state).set(change.table.table, changeTable(table, change));
      if (change.kind === "renameColumn") {
        renameTargets(next, change.table.table, change.column, change.to);
      }
      return checked(next, change.table.table, table);
    }
  }
}

/**
 * The table a change names.
 *
 * @param state tables of one schema.
 * @param name its schema and logical name.
 * @returns the table.
 * @throws {KernelError} schema.unknown_table
 */
export function tableOf(state: SchemaState, name: TableName): TableSpec {
  const table = state.get(name.table);
  if (table !== undefined && table.name.schema === name.schema) return table;
  throw schemaError(
    "schema.unknown_table",
    `There is no table ${name.table} in schema ${name.schema}.`,
    { table: name.table },
  );
}

/**
 * The tables that point at a table by foreign keys, the table itself left out.
 *
 * @param state tables of one schema.
 * @param target logical name.
 * @returns the tables in the state's order.
 */
export function tablesPointingAt(state: SchemaState, target: string): readonly TableSpec[] {
  return [...state.values()].filter((table) =>
    table.name.table !== target && table.foreignKeys.some((key) => key.target === target)
  );
}

function createTable(state: SchemaState, given: TableSpec): SchemaState {
  const table = canonicalTable(given);
  refuseTakenName(state, table.name);
  if (table.tenantPolicy) checkTenantTable(table);
  return checked(new Map(state).set(table.name.table, table), table.name.table);
}

function dropTable(state: SchemaState, name: TableName): SchemaState {
  tableOf(state, name);
  const [referrer] = tablesPointingAt(state, name.table);
  if (referrer !== undefined) {
    throw schemaError(
      "schema.table_referenced",
      `Table ${name.table} cannot be dropped: ${referrer.name.table} has a foreign key to it.`,
      { table: name.table, object: referrer.name.table },
      "conflict",
    );
  }
  const next = new Map(state);
  next.delete(name.table);
  return next;
}

function renameTable(state: SchemaState, name: TableName, to: string): SchemaState {
  const table = tableOf(state, name);
  const newName = { schema: name.schema, table: to };
  refuseTakenName(state, newName);
  const next = new Map<string, TableSpec>();
  for (const other of state.values()) {
    const foreignKeys = other.foreignKeys.map((key) =>
      key.target === name.table ? { ...key, target: to } : key
    );
    const renamed = other === table ? newName : other.name;
    next.set(renamed.table, { ...other, name: renamed, foreignKeys });
  }
  return checked(next, to, table);
}

function renameTargets(
  state: Map<string, TableSpec>,
  target: string,
  from: string,
  to: string,
): void {
  for (const table of state.values()) {
    if (!table.foreignKeys.some((key) => key.target === target)) continue;
    const foreignKeys = table.foreignKeys.map((key) =>
      key.target !== target
        ? key
        : { ...key, targetColumns: key.targetColumns.map((name) => name === from ? to : name) }
    );
    state.set(table.name.table, { ...table, foreignKeys });
  }
}

/** Checks a changed table and those that point at it. */
function checked(state: SchemaState, changed: string, before?: TableSpec): SchemaState {
  const table = state.get(changed)!;
  checkTable(table, before, state);
  for (const other of tablesPointingAt(state, changed)) checkForeignKeys(other, state);
  return state;
}

/** Tables and indexes share their names within a schema; letter case does not tell them apart. */
function refuseTakenName(state: SchemaState, name: TableName): void {
  const wanted = name.table.toLowerCase();
  for (const table of state.values()) {
    const names = [table.name.table, ...table.indexes.map((index) => index.name)];
    const isTaken = names.some((taken) => taken.toLowerCase() === wanted);
    if (isTaken || table.name.schema !== name.schema) {
      throw schemaError(
        isTaken ? "schema.duplicate_table" : "schema.unknown_schema",
        isTaken
          ? `${name.table} exists already in schema ${name.schema}.`
          : `Table ${name.table}: these tables are in schema ${table.name.schema}.`,
        { table: name.table },
        isTaken ? "conflict" : "invalid",
      );
    }
  }
}
