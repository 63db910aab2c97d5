/**
 * The rules a table must keep whatever changed it: names are free and fit, keys and constraints
 * read columns that exist, foreign keys point at something unique. Types of expressions are left to
 * the engines.
 *
 * @module
 */

import { typeFamily } from "./column_type.ts";
import { schemaError } from "./errors.ts";
import { checkExpression, columnsOf } from "./expression.ts";
import { MAX_NAME_BYTES, quoteIdentifier } from "./names.ts";
import type {
  CheckSpec,
  ColumnSpec,
  ForeignKeySpec,
  IndexSpec,
  SchemaState,
  TableSpec,
} from "./spec.ts";

/**
 * Checks what a change made new in a table. Indexes and checks that are the same objects as before
 * hold as they did: whatever touches their columns makes new ones or takes them away.
 *
 * @param table canonical table after the change.
 * @param before the table before it; undefined for a new table.
 * @param state the schema after the change.
 * @throws {KernelError} schema.* — naming table and column or object.
 */
export function checkTable(
  table: TableSpec,
  before: TableSpec | undefined,
  state: SchemaState,
): void {
  if (table.name !== before?.name) quoteIdentifier(table.name.table);
  if (table.columns !== before?.columns) checkColumns(table);
  if (table.primaryKey !== before?.primaryKey) checkPrimaryKey(table);
  refuseTwice(
    [...table.checks, ...table.foreignKeys].map((constraint) => constraint.name),
    (name) => duplicate(table, "schema.duplicate_constraint", "constraint", name),
  );
  for (const index of table.indexes) {
    if (before?.indexes.includes(index) !== true) checkIndex(table, index, state);
  }
  for (const check of table.checks) {
    if (before?.checks.includes(check) !== true) checkCheck(table, check);
  }
  checkForeignKeys(table, state);
}

/**
 * Checks the foreign keys of a table, its own change or its targets' aside.
 *
 * @param table canonical table.
 * @param state its schema.
 * @throws {KernelError} schema.* — naming the key.
 */
export function checkForeignKeys(table: TableSpec, state: SchemaState): void {
  for (const key of table.foreignKeys) checkForeignKey(table, key, state);
}

function checkPrimaryKey(table: TableSpec): void {
  for (const name of table.primaryKey) requireColumn(table, name, "the primary key");
  refuseTwice(
    table.primaryKey,
    (name) => duplicate(table, "schema.duplicate_column", "column of the key", name),
  );
}

function checkCheck(table: TableSpec, check: CheckSpec): void {
  quoteIdentifier(check.name);
  checkExpression(check.expression, { table: table.name.table, object: check.name });
  for (const name of columnsOf(check.expression)) requireColumn(table, name, check.name);
}

function checkColumns(table: TableSpec): void {
  if (table.columns.length === 0) {
    throw schemaError("schema.no_columns", `Table ${table.name.table} has no column.`, {
      table: table.name.table,
    });
  }
  refuseTwice(
    table.columns.map((column) => column.name),
    (name) => duplicate(table, "schema.duplicate_column", "column", name),
  );
  for (const { name } of table.columns) {
    quoteIdentifier(name);
    if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
      throw schemaError(
        "schema.name_too_long",
        `${table.name.table}.${name}: a column name has at most ${MAX_NAME_BYTES} bytes.`,
        { table: table.name.table, column: name },
      );
    }
  }
}

function checkIndex(table: TableSpec, index: IndexSpec, state: SchemaState): void {
  quoteIdentifier(index.name);
  const place = { table: table.name.table, object: index.name };
  if (index.keys.length === 0) {
    throw schemaError("schema.invalid_index", `${place.table}, ${index.name}: no key.`, place);
  }
  const expressions = index.keys.map((key) => key.expression);
  for (const expression of expressions) {
    if (columnsOf(expression).size === 0) {
      throw schemaError(
        "schema.invalid_index",
        `${place.table}, ${index.name}: every key must read a column.`,
        place,
      );
    }
  }
  for (
    const expression of index.where === undefined ? expressions : [...expressions, index.where]
  ) {
    checkExpression(expression, place);
    for (const name of columnsOf(expression)) requireColumn(table, name, index.name);
  }
  let uses = 0;
  const wanted = folded(index.name);
  for (const other of state.values()) {
    if (folded(other.name.table) === wanted) uses++;
    for (const each of other.indexes) if (folded(each.name) === wanted) uses++;
  }
  if (uses > 1) throw duplicate(table, "schema.duplicate_index", "index", index.name);
}

function checkForeignKey(table: TableSpec, key: ForeignKeySpec, state: SchemaState): void {
  quoteIdentifier(key.name);
  const place = { table: table.name.table, object: key.name };
  const target = state.get(key.target);
  const refuse = (code: `schema.${string}`, what: string) =>
    schemaError(code, `${place.table}, foreign key ${key.name}: ${what}.`, place);
  if (target === undefined) {
    throw refuse("schema.unknown_table", `there is no table ${key.target} in this schema`);
  }
  if (key.columns.length === 0 || key.columns.length !== key.targetColumns.length) {
    throw refuse("schema.invalid_foreign_key", "it needs as many columns here as in its target");
  }
  refuseTwice(
    key.columns,
    (name) => duplicate(table, "schema.duplicate_column", `column of ${key.name}`, name),
  );
  key.columns.forEach((name, position) => {
    const own = requireColumn(table, name, key.name);
    const other = requireColumn(target, key.targetColumns[position]!, key.name);
    if (typeFamily(own.type) !== typeFamily(other.type)) {
      throw refuse(
        "schema.foreign_key_type",
        `${name} is ${own.type.kind}, but ${key.target}.${other.name} is ${other.type.kind}`,
      );
    }
  });
  if (!isUniqueKey(target, key.targetColumns)) {
    throw refuse(
      "schema.foreign_key_target",
      `${key.target} (${key.targetColumns.join(", ")}) is not unique; point at its primary key`,
    );
  }
  if (key.onDelete === "set null" && nullableColumns(table, key).length === 0) {
    throw refuse(
      "schema.invalid_foreign_key",
      "on delete set null needs a column that may be null",
    );
  }
}

/**
 * The columns that `on delete set null` clears: those of the key that may be null. The tenant
 * column never is.
 *
 * @param table the table that holds the key.
 * @param key one of its foreign keys.
 * @returns names in the key's order.
 */
export function nullableColumns(table: TableSpec, key: ForeignKeySpec): readonly string[] {
  return key.columns.filter((name) =>
    table.columns.some((column) => column.name === name && column.nullable)
  );
}

function isUniqueKey(table: TableSpec, columns: readonly string[]): boolean {
  const wanted = [...columns].sort().join("\0");
  const uniqueIndexes = table.indexes.filter((index) => index.unique && index.where === undefined)
    .map((index) =>
      index.keys.map((key) => key.expression.kind === "column" ? key.expression.name : "\0")
    );
  return [table.primaryKey, ...uniqueIndexes].some((key) => [...key].sort().join("\0") === wanted);
}

function requireColumn(table: TableSpec, name: string, reader: string): ColumnSpec {
  const column = table.columns.find((each) => each.name === name);
  if (column !== undefined) return column;
  throw schemaError(
    "schema.unknown_column",
    `${table.name.table}.${name}: no such column, but ${reader} reads it.`,
    { table: table.name.table, column: name },
  );
}

function duplicate(
  table: TableSpec,
  code: `schema.duplicate_${string}`,
  what: string,
  name: string,
): Error {
  return schemaError(
    code,
    `Table ${table.name.table}: the ${what} ${name} exists already.`,
    { table: table.name.table, object: name },
  );
}

/** SQLite compares names without regard to ASCII case. */
function refuseTwice(names: readonly string[], error: (name: string) => Error): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(folded(name))) throw error(name);
    seen.add(folded(name));
  }
}

function folded(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : name;
}
