/**
 * Differences of columns between two forms of one table.
 *
 * @module
 */

import { sameValue } from "./canonical.ts";
import { canonicalDefault } from "./column_default.ts";
import { describeType, isConvertible, isWidening, sameType, typeFamily } from "./column_type.ts";
import { schemaError } from "./errors.ts";
import type { ColumnDefault, ColumnSpec, SchemaChange, TableSpec } from "./spec.ts";

/** Changes of columns around a change of the primary key. */
export interface ColumnChanges {
  /** New columns, types, defaults and what becomes required. */
  readonly before: readonly SchemaChange[];
  /** What is loosened: a column may have left the key by then. */
  readonly after: readonly SchemaChange[];
}

/**
 * Computes the changes of columns.
 *
 * @param current the table as it is.
 * @param desired the table as it is to be; canonical.
 * @param rows whether it may hold rows.
 * @returns the changes before and after the primary key is set.
 * @throws {KernelError} schema.type_conflict, schema.required_column_without_default
 */
export function columnChanges(
  current: TableSpec,
  desired: TableSpec,
  rows: "some" | "none",
): ColumnChanges {
  const before: SchemaChange[] = [];
  const after: SchemaChange[] = [];
  const table = current.name;
  const keepsKey = desired.primaryKey.length === 0;
  for (const wanted of desired.columns) {
    const standing = current.columns.find((column) => column.name === wanted.name);
    if (standing === undefined) {
      before.push({ kind: "addColumn", table, column: addable(wanted, table.table, rows) });
      continue;
    }
    const merged = mergedColumn(standing, wanted, table.table, rows);
    const isKey = keepsKey && current.primaryKey.includes(wanted.name);
    const loosens = !standing.nullable && wanted.nullable && !isKey;
    if (!sameValue(standing, merged)) before.push({ kind: "alterColumn", table, column: merged });
    if (loosens) {
      after.push({ kind: "alterColumn", table, column: { ...merged, nullable: true } });
    }
  }
  return { before, after };
}

function addable(column: ColumnSpec, table: string, rows: "some" | "none"): ColumnSpec {
  const isFilled = column.nullable || column.default !== undefined;
  if (isFilled || rows === "none") return column;
  throw schemaError(
    "schema.required_column_without_default",
    `${table}.${column.name} is required and new, but the table may hold rows; give it a default ` +
      `or make it optional.`,
    { table, column: column.name },
  );
}

/** The standing column brought as near to the wanted one as can be, not yet loosened. */
function mergedColumn(
  standing: ColumnSpec,
  wanted: ColumnSpec,
  table: string,
  rows: "some" | "none",
): ColumnSpec {
  refuseConflict(standing, wanted, table);
  const type = isWidening(standing.type, wanted.type) ? wanted.type : standing.type;
  const value = defaultFor({ ...standing, type }, wanted.default, table) ?? standing.default;
  const tightens = standing.nullable && !wanted.nullable &&
    (rows === "none" || value !== undefined);
  return {
    name: standing.name,
    type,
    nullable: tightens ? false : standing.nullable,
    ...(value === undefined ? {} : { default: value }),
  };
}

/** The wanted default, where the type that stays can hold it: `0.5` is none for an integer. */
function defaultFor(
  column: ColumnSpec,
  wanted: ColumnDefault | undefined,
  table: string,
): ColumnDefault | undefined {
  if (wanted === undefined) return undefined;
  try {
    return canonicalDefault({ ...column, default: wanted }, table);
  } catch {
    return undefined;
  }
}

function refuseConflict(standing: ColumnSpec, wanted: ColumnSpec, table: string): void {
  if (typeFamily(standing.type) === typeFamily(wanted.type)) {
    if (standing.type.kind !== "array" || sameType(standing.type, wanted.type)) return;
  }
  const [has, wants] = [standing.type, wanted.type].map(describeType);
  const remedy = isConvertible(standing.type, wanted.type)
    ? `convert it by a migration (alter table ${table} alter column ${standing.name} type ` +
      `${wants}), or give the column another name`
    : "no migration can convert it without loss, so declare the new type under another name";
  throw schemaError(
    "schema.type_conflict",
    `${table}.${standing.name} is ${has} in the database, but the model says ${wants}; ${remedy}.`,
    { table, column: standing.name },
    "conflict",
  );
}
