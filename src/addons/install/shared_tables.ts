/**
 * What an install may do to tables that another organization uses with another bundle: add, never
 * change. It does not look at rows, and says nothing about tables that nobody else uses.
 *
 * @module
 */

import { sameValue } from "../../db/schema/canonical.ts";
import { isWidening, sameType } from "../../db/schema/column_type.ts";
import type {
  ColumnSpec,
  IndexSpec,
  SchemaChange,
  SchemaState,
  TableSpec,
} from "../../db/schema/spec.ts";

/** A B-tree of Postgres takes 2704 bytes per row, and a character at most four of them. */
const MAX_INDEXED_CHARACTERS = 600;

const FIXED_WIDTH: ReadonlySet<string> = new Set([
  "uuid",
  "smallint",
  "integer",
  "bigint",
  "boolean",
  "timestamp",
  "date",
  "time",
]);

/**
 * Finds the first change that could lose or alter rows of another organization, or refuse writes
 * that its own bundle allows.
 *
 * @param changes all changes of the install, of its migrations and its models.
 * @param current the tables as they stand before.
 * @returns the change, if there is one.
 */
export function firstBreaking(
  changes: readonly SchemaChange[],
  current: SchemaState,
): SchemaChange | undefined {
  return changes.find((change) => {
    if (change.kind === "createSchema" || change.kind === "createTable") return false;
    const table = "table" in change ? current.get(change.table.table) : undefined;
    // A table that stands nowhere yet is the install's own.
    if (table === undefined) return change.kind === "dropSchema";
    return !isAddition(change, table);
  });
}

function isAddition(change: SchemaChange, table: TableSpec): boolean {
  switch (change.kind) {
    case "addColumn":
      return change.column.nullable || change.column.default !== undefined;
    case "alterColumn":
      return table.columns.some((standing) =>
        standing.name === change.column.name && onlyLoosens(standing, change.column)
      );
    case "createIndex":
      return takesEveryRow(change.index, table);
    case "protectTable":
      return true;
    default:
      return false;
  }
}

function onlyLoosens(standing: ColumnSpec, wanted: ColumnSpec): boolean {
  const fits = sameType(standing.type, wanted.type) || isWidening(standing.type, wanted.type);
  return fits && (wanted.nullable || !standing.nullable) &&
    sameValue(standing.default, wanted.default);
}

/** No uniqueness, nothing that is computed, no text too long for the index. */
function takesEveryRow(index: IndexSpec, table: TableSpec): boolean {
  let characters = 0;
  for (const { expression } of index.keys) {
    if (expression.kind !== "column") return false;
    const type = table.columns.find((column) => column.name === expression.name)?.type;
    if (type?.kind === "text") characters += type.maxLength ?? Infinity;
    else if (type !== undefined && !FIXED_WIDTH.has(type.kind)) return false;
  }
  return !index.unique && index.where === undefined && characters <= MAX_INDEXED_CHARACTERS;
}
