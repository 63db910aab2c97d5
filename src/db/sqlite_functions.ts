/**
 * SQL functions that the kernel adds to SQLite.
 *
 * @module
 */

import type { SqliteConnection } from "./sqlite_connection.ts";

/**
 * Registers the kernel's SQL functions on a connection.
 *
 * - `metacore_fold(text)`: lower case by Unicode rules, which SQLite's own `lower` and `like` know
 *   for ASCII letters only.
 *
 * @param connection an open connection.
 */
export function defineFunctions(connection: SqliteConnection): void {
  connection.define(
    "metacore_fold",
    { deterministic: true },
    (value) => typeof value === "string" ? value.toLowerCase() : value,
  );
}
