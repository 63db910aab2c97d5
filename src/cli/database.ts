/**
 * `metacore database roles`: SQL for an administrator to read and run.
 *
 * @module
 */

import { rolesSql } from "../db/roles.ts";
import { print } from "./output.ts";

/** Names in the SQL. */
export interface RoleNames {
  readonly database: string;
  readonly owner: string;
  readonly app: string;
}

/**
 * Prints the SQL.
 *
 * @param names names of the database and the roles.
 */
export function printRolesSql(names: RoleNames): void {
  print(rolesSql({ database: names.database, ownerRole: names.owner, appRole: names.app }));
}
