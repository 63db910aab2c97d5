/**
 * The order of tables by their foreign keys.
 *
 * @module
 */

import type { TableSpec } from "./spec.ts";

/**
 * Puts tables after the tables they point at. In a circle the one that was given first stays first.
 *
 * @param tables tables of one schema, or some of them.
 * @returns the same tables, targets first.
 */
export function targetsFirst(tables: readonly TableSpec[]): readonly TableSpec[] {
  const byName = new Map(tables.map((table) => [table.name.table, table]));
  const placed = new Set<TableSpec>();
  const open = new Set<TableSpec>();
  const place = (table: TableSpec) => {
    if (open.has(table)) return;
    open.add(table);
    for (const key of table.foreignKeys) {
      const target = byName.get(key.target);
      if (target !== undefined) place(target);
    }
    placed.add(table);
  };
  for (const table of tables) place(table);
  return [...placed];
}

/**
 * A table and all that point at it, directly or through others.
 *
 * @param tables tables of one schema.
 * @param root logical name of the table.
 * @returns logical names, the root's first.
 */
export function withReferrers(tables: Iterable<TableSpec>, root: string): ReadonlySet<string> {
  const all = [...tables];
  const found = new Set([root]);
  for (const name of found) {
    for (const table of all) {
      if (table.foreignKeys.some((key) => key.target === name)) found.add(table.name.table);
    }
  }
  return found;
}
