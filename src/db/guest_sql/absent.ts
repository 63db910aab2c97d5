/**
 * Stands where an engine cannot run guests' SQL: it refuses, and says why.
 *
 * @module
 */

import { sqlUnavailable } from "./errors.ts";
import type { GuestSql } from "./guest_sql.ts";

/**
 * Makes a runner that runs nothing.
 *
 * @param problem one sentence that says what an operator has to do.
 * @returns a runner whose calls throw guest_sql.unavailable.
 */
export function absentGuestSql(problem: string): GuestSql {
  return {
    unavailableBecause: () => Promise.resolve(problem),
    run: () => Promise.reject(sqlUnavailable(problem)),
    runIn: () => Promise.reject(sqlUnavailable(problem)),
  };
}
