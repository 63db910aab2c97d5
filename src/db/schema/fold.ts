/**
 * Shortens a list of changes: tables that come into being in it are created in the form they end
 * up with. On a first install this saves most of the statements. Tables that exist keep their
 * changes in order, since rows may depend on them.
 *
 * @module
 */

import { applyChange } from "./apply.ts";
import { sameValue } from "./canonical.ts";
import { diffSchema } from "./diff.ts";
import type { SchemaChange, SchemaState } from "./spec.ts";

/** Changes after which names no longer tell which table is which. */
const BLURRING: ReadonlySet<SchemaChange["kind"]> = new Set([
  "renameTable",
  "dropTable",
  "dropSchema",
]);

/**
 * Folds changes.
 *
 * @param current what holds before them.
 * @param changes changes that can be made one after the other.
 * @returns changes with the same result, or the given ones where that is not certain.
 * @throws {KernelError} schema.* — as {@link applyChange}, when the given ones cannot be made.
 */
export function foldChanges(
  current: SchemaState,
  changes: readonly SchemaChange[],
): readonly SchemaChange[] {
  const result = changes.reduce(applyChange, current);
  if (changes.some((change) => BLURRING.has(change.kind))) return changes;
  const fresh = new Map([...result].filter(([name]) => !current.has(name)));
  const early = changes.filter((change) => isAbout(current, change) && !pointsAt(fresh, change));
  const late = changes.filter((change) => isAbout(current, change) && pointsAt(fresh, change));
  try {
    const standing = early.reduce(applyChange, current);
    const folded = [
      ...changes.filter((change) => change.kind === "createSchema"),
      ...early,
      ...diffSchema(standing, fresh),
      ...late,
    ];
    return sameState(folded.reduce(applyChange, current), result) ? folded : changes;
  } catch {
    // The author's order mattered.
    return changes;
  }
}

function isAbout(tables: SchemaState, change: SchemaChange): boolean {
  switch (change.kind) {
    case "createSchema":
    case "dropSchema":
    case "createTable":
      return false;
    default:
      return tables.has(change.table.table);
  }
}

function pointsAt(tables: SchemaState, change: SchemaChange): boolean {
  return change.kind === "addForeignKey" && tables.has(change.key.target);
}

function sameState(left: SchemaState, right: SchemaState): boolean {
  return left.size === right.size &&
    [...left].every(([name, table]) => sameValue(table, right.get(name)));
}
