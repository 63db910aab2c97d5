/**
 * Differences of indexes, constraints and policy between two forms of one table.
 *
 * @module
 */

import { sameValue } from "./canonical.ts";
import type { IndexSpec, SchemaChange, TableSpec } from "./spec.ts";

/**
 * The changes that take away constraints with a desired name and another content.
 *
 * @param current the table as it is.
 * @param desired the table as it is to be; canonical.
 * @returns the drops.
 */
export function obsoleteConstraints(current: TableSpec, desired: TableSpec): SchemaChange[] {
  return [
    ...differing(current.foreignKeys, desired.foreignKeys),
    ...differing(current.checks, desired.checks),
  ].map((constraint) => ({ kind: "dropConstraint", table: current.name, constraint }));
}

/**
 * The changes that take away indexes with a desired name and another content.
 *
 * @param current the table as it is.
 * @param desired the table as it is to be; canonical.
 * @returns the drops.
 */
export function obsoleteIndexes(current: TableSpec, desired: TableSpec): SchemaChange[] {
  const isUnique = (indexes: readonly IndexSpec[], name: string) =>
    indexes.some((each) => each.name === name && each.unique);
  return differing(current.indexes, desired.indexes)
    // Uniqueness that an author's migration asked for is not lost to an index of the same name.
    .filter((name) => !isUnique(current.indexes, name) || isUnique(desired.indexes, name))
    .map((index) => ({ kind: "dropIndex", table: current.name, index }));
}

/**
 * The changes that add missing indexes. One that is equal under another name counts as there.
 *
 * @param current the table, its columns and key already as desired.
 * @param desired the table as it is to be; canonical.
 * @returns the additions.
 */
export function missingIndexes(current: TableSpec, desired: TableSpec): SchemaChange[] {
  return missing(current.indexes, desired.indexes)
    .map((index) => ({ kind: "createIndex", table: current.name, index }));
}

/**
 * The changes that add missing foreign keys, checks and the policy. A constraint that is equal
 * under another name counts as there.
 *
 * @param current the table, its columns, key and indexes already as desired.
 * @param desired the table as it is to be; canonical.
 * @returns the additions.
 */
export function missingConstraints(current: TableSpec, desired: TableSpec): SchemaChange[] {
  const table = current.name;
  return [
    ...missing(current.foreignKeys, desired.foreignKeys)
      .map((key) => ({ kind: "addForeignKey", table, key } as const)),
    ...missing(current.checks, desired.checks)
      .map((check) => ({ kind: "addCheck", table, check } as const)),
    ...(desired.tenantPolicy && !current.tenantPolicy
      ? [{ kind: "protectTable", table } as const]
      : []),
  ];
}

interface Named {
  readonly name: string;
}

function differing<T extends Named>(current: readonly T[], desired: readonly T[]): string[] {
  return current.filter((each) => {
    const wanted = desired.find((other) => other.name === each.name);
    return wanted !== undefined && !sameValue(each, wanted);
  }).map((each) => each.name);
}

/** Of several desired ones that are equal, one is enough. */
function missing<T extends Named>(current: readonly T[], desired: readonly T[]): T[] {
  const added: T[] = [];
  for (const wanted of desired) {
    const isThere = [...current, ...added].some((each) =>
      each.name === wanted.name || sameValue({ ...each, name: "" }, { ...wanted, name: "" })
    );
    if (!isThere) added.push(wanted);
  }
  return added;
}
