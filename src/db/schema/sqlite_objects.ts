/**
 * Tables, indexes and the triggers of foreign keys as SQLite SQL.
 *
 * @module
 */

import { nullableColumns } from "./check_table.ts";
import { quoteIdentifier, sqliteIndex, sqliteTable } from "./names.ts";
import { expressionSql, SQLITE_EXPRESSIONS } from "./sql_text.ts";
import { sqliteColumn } from "./sqlite_column.ts";
import type { CheckSpec, ForeignKeySpec, IndexSpec, SchemaState, TableSpec } from "./spec.ts";

/** How a table is called in the SQL: a rebuild gives new tables passing names. */
export type Naming = (table: string) => string;

/**
 * The naming of a schema at rest.
 *
 * @param schema physical schema.
 * @returns quoted names of its tables.
 */
export function restingNames(schema: string): Naming {
  return (table) => sqliteTable({ schema, table });
}

/**
 * The statement that creates a table, without its indexes.
 *
 * @param table canonical table.
 * @param naming quoted names of this table and of foreign keys' targets.
 * @returns the statement.
 */
export function createTableSql(table: TableSpec, naming: Naming): string {
  const parts = [
    ...table.columns.map(sqliteColumn),
    ...(table.primaryKey.length === 0 ? [] : [
      `constraint ${quoteIdentifier(`${table.name.table}$pk`)} ` +
      `primary key (${columnList(table.primaryKey)})`,
    ]),
    ...table.checks.map(sqliteCheck),
    ...table.foreignKeys.map((key) => foreignKeySql(table, key, naming)),
  ];
  return `create table ${naming(table.name.table)} (${parts.join(", ")})`;
}

/**
 * A CHECK as a table constraint.
 *
 * @param check canonical constraint.
 * @returns the constraint.
 */
export function sqliteCheck(check: CheckSpec): string {
  const expression = expressionSql(check.expression, SQLITE_EXPRESSIONS);
  return `constraint ${quoteIdentifier(check.name)} check (${expression})`;
}

/**
 * The statement that creates an index.
 *
 * @param table the table it is on.
 * @param index canonical index.
 * @param naming quoted name of the table. @default the names at rest
 * @returns the statement.
 */
export function sqliteIndexSql(
  table: TableSpec,
  index: IndexSpec,
  naming: Naming = restingNames(table.name.schema),
): string {
  const keys = index.keys.map(({ expression, descending }) => {
    const sql = expressionSql(expression, SQLITE_EXPRESSIONS);
    return `${expression.kind === "column" ? sql : `(${sql})`}${
      descending === true ? " desc" : ""
    }`;
  });
  const where = index.where === undefined
    ? ""
    : ` where ${expressionSql(index.where, SQLITE_EXPRESSIONS)}`;
  return `create ${index.unique ? "unique " : ""}index ` +
    `${sqliteIndex(table.name.schema, index.name)} on ${naming(table.name.table)} ` +
    `(${keys.join(", ")})${where}`;
}

/**
 * The triggers that clear foreign keys: SQLite's own `set null` clears every column of a key, the
 * tenant too, so keys with a required column are cleared by a trigger on their target.
 *
 * @param state tables of one schema.
 * @returns statements that create them, by quoted name.
 */
export function setNullTriggers(state: SchemaState): ReadonlyMap<string, string> {
  const triggers = new Map<string, string>();
  for (const table of state.values()) {
    for (const key of table.foreignKeys) {
      if (!isClearedByTrigger(table, key)) continue;
      const name = quoteIdentifier(
        setNullTriggerName(table.name.schema, table.name.table, key.name),
      );
      triggers.set(name, triggerSql(name, table, key));
    }
  }
  return triggers;
}

/**
 * The name of the trigger that clears a foreign key.
 *
 * @param schema physical schema.
 * @param table logical name of the table that holds the key.
 * @param key logical name of the key.
 * @returns the name, unquoted.
 */
export function setNullTriggerName(schema: string, table: string, key: string): string {
  return `${schema}.${table}.${key}$set_null`;
}

function isClearedByTrigger(table: TableSpec, key: ForeignKeySpec): boolean {
  return key.onDelete === "set null" && nullableColumns(table, key).length < key.columns.length;
}

function triggerSql(name: string, table: TableSpec, key: ForeignKeySpec): string {
  const target = sqliteTable({ schema: table.name.schema, table: key.target });
  const cleared = nullableColumns(table, key).map((each) => `${quoteIdentifier(each)} = null`);
  const matches = key.columns.map((each, position) =>
    `${quoteIdentifier(each)} = old.${quoteIdentifier(key.targetColumns[position]!)}`
  );
  return `create trigger ${name} after delete on ${target} for each row begin ` +
    `update ${sqliteTable(table.name)} set ${cleared.join(", ")} ` +
    `where ${matches.join(" and ")}; end`;
}

function foreignKeySql(table: TableSpec, key: ForeignKeySpec, naming: Naming): string {
  const action = isClearedByTrigger(table, key) ? "no action" : key.onDelete;
  return `constraint ${quoteIdentifier(key.name)} foreign key (${columnList(key.columns)}) ` +
    `references ${naming(key.target)} (${columnList(key.targetColumns)}) on delete ${action}`;
}

function columnList(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(", ");
}
