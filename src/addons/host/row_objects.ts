/**
 * Rows as objects keyed by column, the form in which guests of both interfaces get them.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { GuestSqlResult } from "../../db/guest_sql/guest_sql.ts";

/**
 * Makes an object of each row. Of columns with one name the last wins.
 *
 * @param result rows as lists.
 * @returns rows as objects.
 */
export function rowObjects({ columns, rows }: GuestSqlResult): Record<string, Json>[] {
  return rows.map((row) =>
    // `fromEntries` defines: a column called `__proto__` becomes a key like any other.
    Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null]))
  );
}

/**
 * Reckons how large rows become as objects, before they are made: names are repeated in each, so
 * that a bounded result can become a hundred times as large.
 *
 * @param result rows as lists.
 * @param enough where reckoning may stop.
 * @returns bytes of their JSON, at most a few hundred too many; more than `enough` where it stopped.
 */
export function rowObjectsBytes({ columns, rows }: GuestSqlResult, enough: number): number {
  const encoder = new TextEncoder();
  const names = columns.reduce(
    (sum, { name }) => sum + encoder.encode(JSON.stringify(name)).length + 2,
    2,
  );
  let bytes = names * rows.length;
  for (const row of rows) {
    if (bytes > enough) break;
    bytes += encoder.encode(JSON.stringify(row)).length;
  }
  return bytes;
}
