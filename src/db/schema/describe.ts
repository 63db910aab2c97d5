/**
 * Changes in words, one line each, for plans that people read.
 *
 * @module
 */

import { describeType } from "./column_type.ts";
import type { ColumnSpec, IndexSpec, SchemaChange } from "./spec.ts";

/**
 * One line that says what a change does.
 *
 * @param change any change.
 * @returns such as `create table orders (8 columns)`.
 */
export function describeChange(change: SchemaChange): string {
  switch (change.kind) {
    case "createSchema":
      return `create schema ${change.schema}`;
    case "dropSchema":
      return `drop schema ${change.schema} (${count(change.tables.length, "table")})`;
    case "createTable":
      return `create table ${change.table.name.table} (${
        count(change.table.columns.length, "column")
      })`;
    case "dropTable":
      return `drop table ${change.table.table}`;
    case "renameTable":
      return `rename table ${change.table.table} to ${change.to}`;
    default:
      return `${describeTableChange(change)} ${change.table.table}`;
  }
}

type InsideTable = Exclude<
  SchemaChange,
  { kind: "createSchema" | "dropSchema" | "createTable" | "dropTable" | "renameTable" }
>;

function describeTableChange(change: InsideTable): string {
  switch (change.kind) {
    case "addColumn":
      return `add column ${describeColumn(change.column)} to`;
    case "dropColumn":
      return `drop column ${change.column} of`;
    case "renameColumn":
      return `rename column ${change.column} to ${change.to} in`;
    case "alterColumn":
      return `alter column ${describeColumn(change.column)} in`;
    case "setPrimaryKey":
      return `set primary key (${change.columns.join(", ")}) on`;
    case "createIndex":
      return `create ${describeIndex(change.index)} on`;
    case "dropIndex":
      return `drop index ${change.index} of`;
    case "addForeignKey":
      return `add foreign key ${change.key.name} to ${change.key.target} on`;
    case "addCheck":
      return `add check ${change.check.name} on`;
    case "dropConstraint":
      return `drop constraint ${change.constraint} of`;
    case "protectTable":
      return "put the tenant policy on";
  }
}

function describeColumn(column: ColumnSpec): string {
  const nullability = column.nullable ? "" : " not null";
  return `${column.name} ${describeType(column.type)}${nullability}${describeDefault(column)}`;
}

function describeDefault(column: ColumnSpec): string {
  if (column.default === undefined) return "";
  const { default: value } = column;
  return ` default ${value.kind === "literal" ? JSON.stringify(value.value) : value.kind}`;
}

function describeIndex(index: IndexSpec): string {
  const kind = index.unique ? "unique index" : "index";
  return `${index.where === undefined ? "" : "partial "}${kind} ${index.name}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
