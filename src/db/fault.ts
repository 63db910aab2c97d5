/**
 * Where tests crash: a guard before every statement of a database.
 *
 * @module
 */

import type { FaultPort } from "./database.ts";

/**
 * Counts the statements of a database and tells a fault port of each.
 *
 * @param fault the port.
 * @param crash ends the database as a crash would.
 * @returns what is to be called before each statement.
 */
export function faultGuard(fault: FaultPort, crash: () => void): (sql: string) => void {
  let count = 0;
  return (sql) => {
    try {
      fault.beforeStatement(count++, sql);
    } catch (thrown) {
      crash();
      throw thrown;
    }
  };
}
