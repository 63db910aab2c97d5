/**
 * Renders changes as Postgres statements. Names that no catalog keeps (shortened ones) and
 * expressions go into comments, from which `introspect_postgres.ts` reads them. Grants are not made
 * here.
 *
 * @module
 */

import type { Statement } from "../database.ts";
import { applyChange, tableOf } from "./apply.ts";
import { columnOf, indexColumns } from "./apply_table.ts";
import { canonicalCheck, canonicalColumn, canonicalIndex, canonicalTable } from "./canonical.ts";
import { columnsOf } from "./expression.ts";
import { physicalName, postgresTable, quoteIdentifier } from "./names.ts";
import { alterColumnSql } from "./postgres_alter.ts";
import { postgresColumn } from "./postgres_column.ts";
import {
  checkComment,
  checkSql,
  foreignKeySql,
  indexComment,
  indexSql,
  nameComment,
  primaryKeyName,
  primaryKeySql,
  tableComment,
} from "./postgres_objects.ts";
import { reattached } from "./postgres_reattach.ts";
import { createPolicySql, protectTableSql } from "./postgres_policy.ts";
import type { SchemaChange, SchemaState, TableSpec } from "./spec.ts";

/**
 * Renders one change.
 *
 * @param change a change that {@link applyChange} accepts.
 * @param state what holds before it.
 * @returns the statements in order, without parameters; to be run in one transaction.
 * @throws {KernelError} schema.* — as {@link applyChange}.
 */
export function renderPostgres(change: SchemaChange, state: SchemaState): Statement[] {
  const after = applyChange(state, change);
  return renderTexts(change, state, after).map((sql) => ({ sql, parameters: [] }));
}

function renderTexts(change: SchemaChange, before: SchemaState, after: SchemaState): string[] {
  switch (change.kind) {
    case "createSchema":
      return [`create schema if not exists ${schemaSql(change.schema)}`];
    case "dropSchema":
      return [`drop schema if exists ${schemaSql(change.schema)} cascade`];
    case "createTable":
      return createTable(canonicalTable(change.table), after);
    case "dropTable":
      return [`drop table ${postgresTable(change.table)}`];
    case "renameTable":
      return renameTable(tableOf(before, change.table), change.to);
    default:
      return tableChange(change, tableOf(before, change.table), after);
  }
}

function tableChange(
  change: Exclude<
    SchemaChange,
    { kind: "createSchema" | "dropSchema" | "createTable" | "dropTable" | "renameTable" }
  >,
  before: TableSpec,
  state: SchemaState,
): string[] {
  const table = postgresTable(change.table);
  const after = tableOf(state, change.table);
  switch (change.kind) {
    case "addColumn": {
      const column = canonicalColumn(change.column, before.name.table);
      return [`alter table ${table} add column ${postgresColumn(column)}`];
    }
    case "dropColumn":
      return [`alter table ${table} drop column ${quoteIdentifier(change.column)}`];
    case "renameColumn":
      return renameColumn(table, change.column, change.to, after);
    case "alterColumn":
      return alterColumnSql(
        before,
        columnOf(before, change.column.name),
        columnOf(after, change.column.name),
      );
    case "setPrimaryKey":
      return setPrimaryKey(before, after, state);
    case "createIndex": {
      const index = canonicalIndex(change.index);
      return [indexSql(after, index), ...indexComment(after, index)];
    }
    case "dropIndex":
      return dropIndex(before, change.index, state);
    case "addForeignKey":
      return [
        `alter table ${table} add ${foreignKeySql(after, change.key)}`,
        ...nameComment(after, change.key.name),
      ];
    case "addCheck": {
      const check = canonicalCheck(change.check);
      return [`alter table ${table} add ${checkSql(check)}`, checkComment(after, check)];
    }
    case "dropConstraint":
      return [`alter table ${table} drop constraint ${objectSql(change.constraint)}`];
    case "protectTable":
      return protectTableSql(change.table);
  }
}

function createTable(table: TableSpec, after: SchemaState): string[] {
  const spec = tableOf(after, table.name);
  const parts = [
    ...spec.columns.map(postgresColumn),
    ...(spec.primaryKey.length === 0 ? [] : [primaryKeySql(spec)]),
    ...spec.checks.map(checkSql),
  ];
  return [
    `create table ${postgresTable(spec.name)} (${parts.join(", ")})`,
    ...tableComment(spec.name),
    ...spec.checks.map((check) => checkComment(spec, check)),
    ...spec.indexes.flatMap((index) => [indexSql(spec, index), ...indexComment(spec, index)]),
    // After the indexes: a key to the table itself may rest on one of them.
    ...spec.foreignKeys.flatMap((key) => [
      `alter table ${postgresTable(spec.name)} add ${foreignKeySql(spec, key)}`,
      ...nameComment(spec, key.name),
    ]),
    ...(spec.tenantPolicy ? createPolicySql(spec.name) : []),
  ];
}

function renameTable(table: TableSpec, to: string): string[] {
  const renamed = { schema: table.name.schema, table: to };
  const sql = postgresTable(renamed);
  const [oldKey, newKey] = [table.name.table, to].map(primaryKeyName).map(quoteIdentifier);
  return [
    `alter table ${postgresTable(table.name)} rename to ${objectSql(to)}`,
    ...(table.primaryKey.length === 0
      ? []
      : [`alter table ${sql} rename constraint ${oldKey} to ${newKey}`]),
    ...(tableComment(table.name).length === 0 ? [] : [`comment on table ${sql} is null`]),
    ...tableComment(renamed),
  ];
}

/** Postgres renames inside expressions by itself; the comments that hold them are written anew. */
function renameColumn(table: string, from: string, to: string, after: TableSpec): string[] {
  return [
    `alter table ${table} rename column ${quoteIdentifier(from)} to ${quoteIdentifier(to)}`,
    ...after.indexes.filter((index) => indexColumns(index).has(to))
      .flatMap((index) => indexComment(after, index)),
    ...after.checks.filter((check) => columnsOf(check.expression).has(to))
      .map((check) => checkComment(after, check)),
  ];
}

function setPrimaryKey(before: TableSpec, after: TableSpec, state: SchemaState): string[] {
  const table = postgresTable(after.name);
  const name = quoteIdentifier(primaryKeyName(after.name.table));
  const add = `alter table ${table} add ${primaryKeySql(after)}`;
  if (before.primaryKey.length === 0) return [add];
  const drop = `alter table ${table} drop constraint ${name}`;
  return reattached(state, after.name.table, before.primaryKey, [drop, add]);
}

function dropIndex(before: TableSpec, name: string, state: SchemaState): string[] {
  const drop = `drop index ${schemaSql(before.name.schema)}.${objectSql(name)}`;
  const index = before.indexes.find((each) => each.name === name);
  if (index?.unique !== true) return [drop];
  return reattached(state, before.name.table, [...indexColumns(index)], [drop]);
}

function schemaSql(schema: string): string {
  return quoteIdentifier(physicalName(schema));
}

function objectSql(name: string): string {
  return quoteIdentifier(physicalName(name));
}
