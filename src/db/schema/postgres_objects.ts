/**
 * Keys, indexes and constraints as Postgres SQL, and the comments that keep what the catalogs do
 * not: whole names where they were shortened, expressions as they were given.
 *
 * @module
 */

import { nullableColumns } from "./check_table.ts";
import { physicalName, postgresTable, quoteIdentifier } from "./names.ts";
import { expressionSql, POSTGRES_EXPRESSIONS, postgresText } from "./sql_text.ts";
import type { CheckSpec, ForeignKeySpec, IndexSpec, TableName, TableSpec } from "./spec.ts";

/** What a comment of this room holds, as JSON under the member `metacore`. */
export interface ObjectComment {
  /** Logical name, where the physical one is shortened. */
  readonly name?: string;
  /** Keys of an index that is not on plain columns only. */
  readonly keys?: IndexSpec["keys"];
  /** Condition of a partial index. */
  readonly where?: IndexSpec["where"];
  /** Expression of a CHECK. */
  readonly expression?: CheckSpec["expression"];
}

/**
 * The name of a table's primary key constraint.
 *
 * @param table logical name of the table.
 * @returns at most 63 bytes; `$` keeps it apart from names of indexes.
 */
export function primaryKeyName(table: string): string {
  return physicalName(`${table}$pk`);
}

/**
 * The primary key as a table constraint.
 *
 * @param table a table that has one.
 * @returns the constraint.
 */
export function primaryKeySql(table: TableSpec): string {
  const name = quoteIdentifier(primaryKeyName(table.name.table));
  return `constraint ${name} primary key (${columnList(table.primaryKey)})`;
}

/**
 * A CHECK as a table constraint.
 *
 * @param check canonical constraint.
 * @returns the constraint.
 */
export function checkSql(check: CheckSpec): string {
  const expression = expressionSql(check.expression, POSTGRES_EXPRESSIONS);
  return `constraint ${quoteIdentifier(physicalName(check.name))} check (${expression})`;
}

/**
 * A foreign key as a table constraint. `set null` clears only what may be null, never the tenant.
 *
 * @param table the table that holds it.
 * @param key the foreign key.
 * @returns the constraint.
 */
export function foreignKeySql(table: TableSpec, key: ForeignKeySpec): string {
  const target = postgresTable({ schema: table.name.schema, table: key.target });
  const cleared = nullableColumns(table, key);
  const columns = key.onDelete === "set null" && cleared.length < key.columns.length
    ? ` (${columnList(cleared)})`
    : "";
  return `constraint ${quoteIdentifier(physicalName(key.name))} ` +
    `foreign key (${columnList(key.columns)}) ` +
    `references ${target} (${columnList(key.targetColumns)}) on delete ${key.onDelete}${columns}`;
}

/**
 * The statement that creates an index.
 *
 * @param table the table it is on.
 * @param index canonical index.
 * @returns the statement.
 */
export function indexSql(table: TableSpec, index: IndexSpec): string {
  const keys = index.keys.map(({ expression, descending }) => {
    const sql = expressionSql(expression, POSTGRES_EXPRESSIONS);
    return `${expression.kind === "column" ? sql : `(${sql})`}${
      descending === true ? " desc" : ""
    }`;
  });
  const where = index.where === undefined
    ? ""
    : ` where ${expressionSql(index.where, POSTGRES_EXPRESSIONS)}`;
  return `create ${index.unique ? "unique " : ""}index ` +
    `${quoteIdentifier(physicalName(index.name))} on ${postgresTable(table.name)} ` +
    `(${keys.join(", ")})${where}`;
}

/**
 * The comment of an index, where it needs one.
 *
 * @param table the table it is on.
 * @param index canonical index.
 * @returns one statement or none.
 */
export function indexComment(table: TableSpec, index: IndexSpec): string[] {
  const hasExpression = index.keys.some((key) => key.expression.kind !== "column");
  const target = `index ${quoteIdentifier(physicalName(table.name.schema))}.` +
    quoteIdentifier(physicalName(index.name));
  return commentOn(target, {
    ...nameMember(index.name),
    ...(hasExpression ? { keys: index.keys } : {}),
    ...(index.where === undefined ? {} : { where: index.where }),
  });
}

/**
 * The comment of a table, where its name was shortened.
 *
 * @param name schema and logical name.
 * @returns one statement or none.
 */
export function tableComment(name: TableName): string[] {
  return commentOn(`table ${postgresTable(name)}`, nameMember(name.table));
}

/**
 * The comment of a CHECK: its expression.
 *
 * @param table the table that holds it.
 * @param check canonical constraint.
 * @returns the statement.
 */
export function checkComment(table: TableSpec, check: CheckSpec): string {
  return constraintComment(table, check.name, {
    ...nameMember(check.name),
    expression: check.expression,
  }).join("");
}

/**
 * The comment of a foreign key, where its name was shortened.
 *
 * @param table the table that holds it.
 * @param name logical name of the constraint.
 * @returns one statement or none.
 */
export function nameComment(table: TableSpec, name: string): string[] {
  return constraintComment(table, name, nameMember(name));
}

function constraintComment(table: TableSpec, name: string, comment: ObjectComment): string[] {
  const constraint = quoteIdentifier(physicalName(name));
  return commentOn(`constraint ${constraint} on ${postgresTable(table.name)}`, comment);
}

function commentOn(target: string, comment: ObjectComment): string[] {
  if (Object.keys(comment).length === 0) return [];
  return [`comment on ${target} is ${postgresText(JSON.stringify({ metacore: comment }))}`];
}

function nameMember(name: string): ObjectComment {
  return physicalName(name) === name ? {} : { name };
}

function columnList(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(", ");
}
