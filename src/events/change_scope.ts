/**
 * What a change token is taken of: the `table_name` of events. A token says whether anything was
 * committed under a name; which rows that touched it does not say.
 *
 * @module
 */

import type { TableName } from "../db/schema/spec.ts";

/**
 * Names the changes of one table.
 *
 * @param table the table.
 * @returns such as `addon_tickets.tickets`.
 */
export function tableChanges(table: TableName): string {
  return `${table.schema}.${table.table}`;
}

/**
 * Names changes that may reach any table of a schema: a row that is deleted for good takes others
 * with it where foreign keys say so; an install, upgrade or removal of an addon changes everything.
 *
 * @param schema physical schema, or prefix, of an addon's tables.
 * @returns such as `addon_tickets.*`.
 */
export function schemaChanges(schema: string): string {
  return `${schema}.*`;
}
