/**
 * Names that Postgres gives to constraints and indexes whose author gave none, so that a later
 * migration finds them under the name that the author expects.
 *
 * @module
 */

import type { Expression, SchemaState, TableSpec } from "../schema/spec.ts";
import { MAX_NAME_BYTES } from "./limits.ts";

/**
 * The name of an index as Postgres would choose it.
 *
 * @param table the table.
 * @param keys what is indexed.
 * @param label `key` for constraints, `idx` for indexes.
 * @param taken names that are in use.
 * @returns a free name of at most 63 characters.
 */
export function indexName(
  table: string,
  keys: readonly Expression[],
  label: "key" | "idx",
  taken: ReadonlySet<string>,
): string {
  return freeName(table, keys.map(wordOf).join("_"), label, taken);
}

/**
 * The name of a constraint as Postgres would choose it.
 *
 * @param table the table.
 * @param columns what it is about; one column, several, or none.
 * @param label `fkey` or `check`.
 * @param taken names that are in use.
 * @returns a free name of at most 63 characters.
 */
export function constraintName(
  table: string,
  columns: readonly string[],
  label: "fkey" | "check",
  taken: ReadonlySet<string>,
): string {
  return freeName(table, columns.join("_"), label, taken);
}

/**
 * Names that a new index may not have: those of tables and indexes of the schema.
 *
 * @param state the schema.
 * @param table a table on its way in, not yet in the schema.
 * @returns the names.
 */
export function takenIndexNames(state: SchemaState, table?: TableSpec): Set<string> {
  const tables = table === undefined ? [...state.values()] : [...state.values(), table];
  return new Set(
    tables.flatMap((each) => [each.name.table, ...each.indexes.map((index) => index.name)]),
  );
}

/**
 * Names that a new constraint of a table may not have.
 *
 * @param table the table.
 * @returns the names.
 */
export function takenConstraintNames(table: TableSpec): Set<string> {
  return new Set(
    [...table.foreignKeys, ...table.checks, ...table.indexes].map((each) => each.name),
  );
}

function wordOf(key: Expression): string {
  if (key.kind === "column") return key.name;
  return key.kind === "call" ? key.function : "expr";
}

function freeName(
  table: string,
  middle: string,
  label: string,
  taken: ReadonlySet<string>,
): string {
  for (let count = 0;; count++) {
    const name = joined(table, middle, count === 0 ? label : `${label}${count}`);
    if (!taken.has(name)) return name;
  }
}

/** The longer part gives way until the whole fits; names are ASCII, so characters are bytes. */
function joined(table: string, middle: string, label: string): string {
  const room = MAX_NAME_BYTES - label.length - 1 - (middle === "" ? 0 : 1);
  let [first, second] = [table.length, middle.length];
  while (first + second > room) {
    if (first > second) first--;
    else second--;
  }
  const parts = [table.slice(0, first), ...(middle === "" ? [] : [middle.slice(0, second)]), label];
  return parts.join("_");
}
