/**
 * Alters a column on Postgres: type, default, nullability, in the order in which each step is
 * possible.
 *
 * @module
 */

import { sameValue } from "./canonical.ts";
import { sameType } from "./column_type.ts";
import { postgresTable, quoteIdentifier } from "./names.ts";
import { postgresDefault, postgresType } from "./postgres_column.ts";
import type { ColumnSpec, TableSpec } from "./spec.ts";

/**
 * The statements that turn one column into another of the same name.
 *
 * @param table the table before the change.
 * @param before the column as it is.
 * @param after the column as it is to be; canonical.
 * @returns the statements; none when nothing differs. Where a column becomes required and has a
 *   default, rows without a value get it first.
 */
export function alterColumnSql(
  table: TableSpec,
  before: ColumnSpec,
  after: ColumnSpec,
): string[] {
  const name = quoteIdentifier(after.name);
  const alter = `alter table ${postgresTable(table.name)} alter column ${name}`;
  const value = postgresDefault(after);
  const changesType = !sameType(before.type, after.type);
  const changesDefault = changesType || !sameValue(before.default, after.default);
  const statements: string[] = [];
  if (changesType) {
    const type = postgresType(after.type);
    if (before.default !== undefined) statements.push(`${alter} drop default`);
    statements.push(`${alter} type ${type} using ${name}::${type}`);
  }
  if (changesDefault && value !== undefined) statements.push(`${alter} set default ${value}`);
  if (changesDefault && value === undefined && !changesType) {
    statements.push(`${alter} drop default`);
  }
  if (before.nullable && !after.nullable) {
    if (value !== undefined) statements.push(...fillNulls(table, name, value));
    statements.push(`${alter} set not null`);
  }
  if (!before.nullable && after.nullable) statements.push(`${alter} drop not null`);
  return statements;
}

/**
 * Rows of every organization are to be filled, but forced row-level security shows the owner only
 * one organization's. The owner lifts it for one statement, under the lock that ALTER TABLE takes,
 * inside the transaction: nobody else ever sees the table without it.
 */
function fillNulls(table: TableSpec, name: string, value: string): string[] {
  const sql = postgresTable(table.name);
  const update = `update ${sql} set ${name} = ${value} where ${name} is null`;
  if (!table.tenantPolicy) return [update];
  return [
    `alter table ${sql} no force row level security`,
    update,
    `alter table ${sql} force row level security`,
  ];
}
