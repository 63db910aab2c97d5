/**
 * The first wall of guests' SQL: one statement, of which every node, field, relation, function and
 * type is on a list. It runs nothing.
 *
 * @module
 */

import type { CheckedSql } from "./checked.ts";
import type { GuestSqlRequest } from "./guest_sql.ts";

/**
 * Checks a statement.
 *
 * @param request text, arguments and what it may touch.
 * @returns the checked tree.
 * @throws {KernelError} guest_sql.invalid, guest_sql.forbidden, guest_sql.argument_count.
 */
export function checkGuestSql(_request: GuestSqlRequest): Promise<CheckedSql> {
  return Promise.reject(new Error("not built yet"));
}
