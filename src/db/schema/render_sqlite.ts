/**
 * Renders changes as SQLite statements. What SQLite cannot alter in place is rebuilt; it has no
 * schemas and no policies, so those changes give no statements. Relies on SQLite 3.53 (constraints
 * and NOT NULL by ALTER TABLE), which Deno 2.9 carries.
 *
 * @module
 */

import type { Statement } from "../database.ts";
import { applyChange, tableOf } from "./apply.ts";
import { columnOf, indexColumns } from "./apply_table.ts";
import { sameValue } from "./canonical.ts";
import { sameType } from "./column_type.ts";
import { quoteIdentifier, sqliteIndex, sqliteTable } from "./names.ts";
import { isAddableColumn, sqliteColumn, sqliteDefault } from "./sqlite_column.ts";
import {
  createTableSql,
  restingNames,
  setNullTriggers,
  sqliteCheck,
  sqliteIndexSql,
} from "./sqlite_objects.ts";
import { deferred, rebuildSql } from "./sqlite_rebuild.ts";
import { targetsFirst } from "./table_order.ts";
import type { SchemaChange, SchemaState, TableSpec } from "./spec.ts";

type TableChange = Exclude<
  SchemaChange,
  { kind: "createSchema" | "dropSchema" | "createTable" | "dropTable" | "renameTable" }
>;

/**
 * Renders one change.
 *
 * @param change a change that {@link applyChange} accepts.
 * @param state what holds before it.
 * @returns the statements in order, without parameters; to be run in one transaction.
 * @throws {KernelError} schema.* — as {@link applyChange}.
 */
export function renderSqlite(change: SchemaChange, state: SchemaState): Statement[] {
  const after = applyChange(state, change);
  return renderTexts(change, state, after).map((sql) => ({ sql, parameters: [] }));
}

function renderTexts(change: SchemaChange, before: SchemaState, after: SchemaState): string[] {
  switch (change.kind) {
    case "createSchema":
      return [];
    case "dropSchema":
      return dropSchema(change.schema, change.tables, before);
    case "createTable": {
      const table = tableOf(after, change.table.name);
      return withTriggers(before, after, [
        createTableSql(table, restingNames(table.name.schema)),
        ...table.indexes.map((index) => sqliteIndexSql(table, index)),
      ]);
    }
    case "dropTable": {
      const drop = `drop table ${sqliteTable(change.table)}`;
      const isSelfReferring = tableOf(before, change.table).foreignKeys
        .some((key) => key.target === change.table.table);
      return withTriggers(before, after, isSelfReferring ? deferred([drop]) : [drop]);
    }
    case "renameTable": {
      const to = sqliteTable({ schema: change.table.schema, table: change.to });
      return withTriggers(before, after, [
        `alter table ${sqliteTable(change.table)} rename to ${to}`,
      ]);
    }
    default: {
      const statements = inPlace(
        change,
        tableOf(before, change.table),
        tableOf(after, change.table),
      );
      return statements === "rebuild"
        ? rebuildSql(change.table.table, before, after)
        : withTriggers(before, after, statements);
    }
  }
}

/** The statements of a change that needs no rebuild. */
function inPlace(change: TableChange, before: TableSpec, after: TableSpec): string[] | "rebuild" {
  const alter = `alter table ${sqliteTable(change.table)}`;
  switch (change.kind) {
    case "addColumn": {
      const column = columnOf(after, change.column.name);
      return isAddableColumn(column) ? [`${alter} add column ${sqliteColumn(column)}`] : "rebuild";
    }
    case "dropColumn":
      return dropColumn(alter, change.column, before, after);
    case "renameColumn":
      return [
        `${alter} rename column ${quoteIdentifier(change.column)} to ${quoteIdentifier(change.to)}`,
      ];
    case "alterColumn":
      return alterColumn(alter, change.column.name, before, after);
    case "createIndex":
      return [sqliteIndexSql(after, after.indexes.at(-1)!)];
    case "dropIndex":
      return [`drop index ${sqliteIndex(change.table.schema, change.index)}`];
    case "addCheck":
      return [`${alter} add ${sqliteCheck(after.checks.at(-1)!)}`];
    case "dropConstraint":
      return before.checks.some((check) => check.name === change.constraint)
        ? [`${alter} drop constraint ${quoteIdentifier(change.constraint)}`]
        : "rebuild";
    case "protectTable":
      return [];
    case "setPrimaryKey":
    case "addForeignKey":
      return "rebuild";
  }
}

function dropColumn(
  alter: string,
  name: string,
  before: TableSpec,
  after: TableSpec,
): string[] | "rebuild" {
  const hasConstraint = before.checks.length > after.checks.length ||
    before.foreignKeys.length > after.foreignKeys.length;
  if (hasConstraint) return "rebuild";
  const indexes = before.indexes.filter((index) => indexColumns(index).has(name));
  return [
    ...indexes.map((index) => `drop index ${sqliteIndex(before.name.schema, index.name)}`),
    `${alter} drop column ${quoteIdentifier(name)}`,
  ];
}

function alterColumn(
  alter: string,
  name: string,
  tableBefore: TableSpec,
  tableAfter: TableSpec,
): string[] | "rebuild" {
  const before = columnOf(tableBefore, name);
  const after = columnOf(tableAfter, name);
  const quoted = quoteIdentifier(name);
  if (!sameType(before.type, after.type) || sqliteDefault(before) !== sqliteDefault(after)) {
    return "rebuild";
  }
  if (sameValue(before.nullable, after.nullable)) return [];
  if (after.nullable) return [`${alter} alter column ${quoted} drop not null`];
  const value = sqliteDefault(after);
  const fill = value === undefined
    ? []
    : [`update ${sqliteTable(tableAfter.name)} set ${quoted} = ${value} where ${quoted} is null`];
  return [...fill, `${alter} alter column ${quoted} set not null`];
}

function dropSchema(schema: string, names: readonly string[], state: SchemaState): string[] {
  const known = targetsFirst(names.flatMap((name) => state.get(name) ?? [])).toReversed()
    .map((table) => table.name.table);
  const unknown = names.filter((name) => !known.includes(name));
  const dropped = new Map([...state].filter(([name]) => names.includes(name)));
  return [
    ...[...setNullTriggers(dropped).keys()].map((name) => `drop trigger ${name}`),
    ...deferred(
      [...known, ...unknown].map((table) =>
        `drop table if exists ${sqliteTable({ schema, table })}`
      ),
    ),
  ];
}

/** Triggers of foreign keys that a change touches go before it and come back after it. */
function withTriggers(
  before: SchemaState,
  after: SchemaState,
  statements: readonly string[],
): string[] {
  const [old, fresh] = [setNullTriggers(before), setNullTriggers(after)];
  return [
    ...[...old].filter(([name, sql]) => fresh.get(name) !== sql)
      .map(([name]) => `drop trigger ${name}`),
    ...statements,
    ...[...fresh].filter(([name, sql]) => old.get(name) !== sql).map(([, sql]) => sql),
  ];
}
