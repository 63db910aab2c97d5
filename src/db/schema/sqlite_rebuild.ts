/**
 * Rebuilds tables on SQLite, which cannot alter keys, foreign keys, types or defaults. Dropping a
 * table deletes its rows first, and foreign keys that point at it act on that: `cascade` would empty
 * the tables behind. So every table that points at the rebuilt one, directly or through others, is
 * rebuilt with it and dropped before it.
 *
 * @module
 */

import { sameType } from "./column_type.ts";
import { quoteIdentifier, sqliteIndex, sqliteTable } from "./names.ts";
import { sqliteDefault, sqliteType } from "./sqlite_column.ts";
import { createTableSql, setNullTriggers, sqliteIndexSql } from "./sqlite_objects.ts";
import { targetsFirst, withReferrers } from "./table_order.ts";
import type { ColumnSpec, IndexSpec, SchemaState, TableSpec } from "./spec.ts";

/**
 * The statements that bring a table to its new form with its rows.
 *
 * @param root logical name of the changed table.
 * @param before the schema as it is.
 * @param after the schema as it is to be: same tables, same names of kept columns.
 * @returns the statements, correct inside a transaction with foreign keys on.
 */
export function rebuildSql(root: string, before: SchemaState, after: SchemaState): string[] {
  const names = withReferrers(before.values(), root);
  const tables = targetsFirst([...after.values()].filter((each) => names.has(each.name.table)));
  const triggersOf = (state: SchemaState) =>
    setNullTriggers(new Map([...state].filter(([name]) => names.has(name))));
  const passing = passingNames(tables);
  const oldKeys = [...names].flatMap((name) => before.get(name)?.indexes.filter(isUnique) ?? []);
  return [
    ...[...triggersOf(before).keys()].map((name) => `drop trigger ${name}`),
    // Foreign keys may hang on unique indexes: the new tables have theirs before any row comes.
    ...oldKeys.map((index) => `drop index ${sqliteIndex(tables[0]!.name.schema, index.name)}`),
    ...deferred([
      ...tables.map((table) => createTableSql(table, passing)),
      ...tables.flatMap((table) =>
        table.indexes.filter(isUnique).map((index) => sqliteIndexSql(table, index, passing))
      ),
      ...tables.map((table) => copySql(before.get(table.name.table)!, table, passing)),
      ...tables.toReversed().map((table) => `drop table ${sqliteTable(table.name)}`),
    ]),
    ...tables.map((table) =>
      `alter table ${passing(table.name.table)} rename to ${sqliteTable(table.name)}`
    ),
    ...tables.flatMap((table) =>
      table.indexes.filter((index) => !index.unique).map((index) => sqliteIndexSql(table, index))
    ),
    ...triggersOf(after).values(),
  ];
}

/**
 * Statements during which foreign keys need not hold; they must hold again at the end.
 *
 * @param statements what is to be done.
 * @returns the statements between two pragmas.
 */
export function deferred(statements: readonly string[]): string[] {
  return ["pragma defer_foreign_keys = on", ...statements, "pragma defer_foreign_keys = off"];
}

/** `$` is outside the alphabet of names, so a passing name meets no table. */
function passingNames(tables: readonly TableSpec[]): (table: string) => string {
  const rebuilt = new Set(tables.map((table) => table.name.table));
  const schema = tables[0]!.name.schema;
  return (table) => sqliteTable({ schema, table: rebuilt.has(table) ? `${table}$new` : table });
}

function isUnique(index: IndexSpec): boolean {
  return index.unique;
}

function copySql(
  before: TableSpec,
  after: TableSpec,
  passing: (table: string) => string,
): string {
  const columns: string[] = [];
  const values: string[] = [];
  for (const column of after.columns) {
    const old = before.columns.find((each) => each.name === column.name);
    if (old === undefined) continue;
    columns.push(quoteIdentifier(column.name));
    values.push(filled(old, column));
  }
  return `insert into ${passing(after.name.table)} (${columns.join(", ")}) ` +
    `select ${values.join(", ")} from ${sqliteTable(before.name)}`;
}

/** A column that becomes required takes its default where a row has no value. */
function filled(before: ColumnSpec, after: ColumnSpec): string {
  const value = converted(before, after);
  const fallback = sqliteDefault(after);
  return before.nullable && !after.nullable && fallback !== undefined
    ? `coalesce(${value}, ${fallback})`
    : value;
}

function converted(before: ColumnSpec, after: ColumnSpec): string {
  const name = quoteIdentifier(before.name);
  if (sameType(before.type, after.type)) return name;
  if (before.type.kind === "date" && after.type.kind === "timestamp") {
    return `${name} || 'T00:00:00.000Z'`;
  }
  if (after.type.kind === "text" && before.type.kind !== "text" && before.type.kind !== "uuid") {
    return `cast(${name} as ${sqliteType(after.type)})`;
  }
  return name;
}
