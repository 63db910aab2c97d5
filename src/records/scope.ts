/**
 * The tenant predicate: the one condition that every statement over a model's table carries. Below it
 * the engine has its own lock; each must hold without the other.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";

/**
 * Limits rows of a table to one organization.
 *
 * @param alias name by which the statement calls the table.
 * @param organization the organization's id as SQL.
 * @returns a condition.
 */
export type TenantScope = (
  alias: string,
  organization: RawBuilder<unknown>,
) => RawBuilder<unknown>;

/**
 * The predicate of every statement: the row's own organization.
 *
 * @param alias name by which the statement calls the table.
 * @param organization the organization's id as SQL.
 * @returns a condition.
 */
export function organizationScope(
  alias: string,
  organization: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`${sql.ref(`${alias}.organization_id`)} = ${organization}`;
}
