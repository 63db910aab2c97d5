/**
 * The tenant wall inside Postgres: row-level security, enabled and forced, with one policy for all
 * commands (threat model §2 row 17). Who may use a table at all is a matter of grants, not made
 * here.
 *
 * @module
 */

import { physicalName, postgresTable, quoteIdentifier } from "./names.ts";
import { CURRENT_TENANT_SQL } from "./postgres_column.ts";
import { postgresText } from "./sql_text.ts";
import { TENANT_COLUMN } from "./tenant_rules.ts";
import type { TableName } from "./spec.ts";

/** Name of the one policy of a tenant table (contract/metacore.md §7.5). */
export const TENANT_POLICY = "rls_org_isolation";

/** How Postgres prints the policy's condition. */
export const TENANT_POLICY_PRINTED = "(organization_id = (NULLIF(current_setting(" +
  "'app.current_org'::text, true), ''::text))::uuid)";

/**
 * Puts the tenant policy on a table that has no policy.
 *
 * @param name the table.
 * @returns the statements.
 */
export function createPolicySql(name: TableName): string[] {
  const table = postgresTable(name);
  const condition = `${quoteIdentifier(TENANT_COLUMN)} = ${CURRENT_TENANT_SQL}`;
  return [
    `alter table ${table} enable row level security`,
    `alter table ${table} force row level security`,
    `create policy ${quoteIdentifier(TENANT_POLICY)} on ${table} as permissive for all to public ` +
    `using (${condition}) with check (${condition})`,
  ];
}

/**
 * Puts the tenant policy on a table that may have others: they go, since permissive policies add
 * up.
 *
 * @param name the table.
 * @returns the statements.
 */
export function protectTableSql(name: TableName): string[] {
  const schema = postgresText(physicalName(name.schema));
  const table = postgresText(physicalName(name.table));
  const body = "declare policy name; begin for policy in select policyname from pg_policies " +
    `where schemaname = ${schema} and tablename = ${table} loop ` +
    `execute format('drop policy %I on %I.%I', policy, ${schema}, ${table}); ` +
    "end loop; end";
  return [`do ${postgresText(body)}`, ...createPolicySql(name)];
}
