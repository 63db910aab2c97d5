/**
 * The walls on every addon table inside Postgres: row-level security, enabled and forced, with one
 * policy for the tenant and two that keep code of one addon from tables of others. Who may use a
 * table at all is a matter of grants, not made here.
 *
 * @module
 */

import { physicalName, postgresTable, quoteIdentifier } from "./names.ts";
import { CURRENT_TENANT_SQL } from "./postgres_column.ts";
import { postgresText } from "./sql_text.ts";
import { TENANT_COLUMN } from "./tenant_rules.ts";
import type { TableName } from "./spec.ts";

/** Name of the tenant's policy (contract/metacore.md §7.5). */
const TENANT_POLICY = "rls_org_isolation";

/** How Postgres prints the policy's condition. */
const TENANT_POLICY_PRINTED = "(organization_id = (NULLIF(current_setting(" +
  "'app.current_org'::text, true), ''::text))::uuid)";

/** Schemas that the guest at work may read, with commas between them; set by the kernel. */
export const GUEST_READS = "app.guest_reads";
/** Schemas that the guest at work may write. */
export const GUEST_WRITES = "app.guest_writes";

/** A policy that narrows what guests' SQL reaches. */
interface GuestPolicy {
  readonly name: string;
  /** As `create policy` has it, and as the catalog does. */
  readonly command: readonly [sql: "all" | "delete", catalog: "*" | "d"];
  readonly using: string;
  readonly check?: string;
}

/**
 * The kernel's own sessions never change their role; a guest's statement runs under another one, in
 * the schemas that the kernel has named for it. `for all` has one condition for rows that are seen
 * and one for rows that are written; removing a row asks the first one only, hence the second
 * policy.
 */
const GUEST_POLICIES: readonly GuestPolicy[] = [
  { name: "guest_scope", command: ["all", "*"], using: GUEST_READS, check: GUEST_WRITES },
  { name: "guest_delete", command: ["delete", "d"], using: GUEST_WRITES },
];

/** What the catalog says of a policy. */
export interface PrintedPolicy {
  readonly name: string;
  readonly permissive: boolean;
  /** `*` for all commands. */
  readonly command: string;
  /** True when it holds for every role. */
  readonly everybody: boolean;
  readonly using: string | null;
  readonly check: string | null;
}

/**
 * Tells whether a table has the policies of this module and no others. Permissive policies add up:
 * one more than the tenant's opens the wall.
 *
 * @param policies of the table, as Postgres prints them.
 * @param schema physical or long name of its schema.
 * @returns true when all is as {@link createPolicySql} makes it.
 */
export function hasExactPolicies(policies: readonly PrintedPolicy[], schema: string): boolean {
  const expected: readonly PrintedPolicy[] = [
    {
      name: TENANT_POLICY,
      permissive: true,
      command: "*",
      everybody: true,
      using: TENANT_POLICY_PRINTED,
      check: TENANT_POLICY_PRINTED,
    },
    ...GUEST_POLICIES.map((policy) => ({
      name: policy.name,
      permissive: false,
      command: policy.command[1],
      everybody: true,
      using: printedScope(schema, policy.using),
      check: policy.check === undefined ? null : printedScope(schema, policy.check),
    })),
  ];
  return policies.length === expected.length &&
    expected.every((each) => policies.some((policy) => isSame(policy, each)));
}

function isSame(left: PrintedPolicy, right: PrintedPolicy): boolean {
  return left.name === right.name && left.permissive === right.permissive &&
    left.command === right.command && left.everybody === right.everybody &&
    left.using === right.using && left.check === right.check;
}

function printedScope(schema: string, setting: string): string {
  return `((CURRENT_USER = SESSION_USER) OR (${postgresText(physicalName(schema))}::text = ANY ` +
    `(string_to_array(current_setting('${setting}'::text, true), ','::text))))`;
}

function scopeSql(schema: string, setting: string): string {
  return `current_user = session_user or ${postgresText(physicalName(schema))} = any ` +
    `(string_to_array(current_setting('${setting}', true), ','))`;
}

/**
 * Puts both policies for guests' SQL on a table that lacks them.
 *
 * @param name the table.
 * @returns the statements.
 */
export function createGuestPolicySql(name: TableName): string[] {
  const table = postgresTable(name);
  return GUEST_POLICIES.map(({ name: policy, command, using, check }) =>
    `create policy ${policy} on ${table} as restrictive for ${command[0]} to public ` +
    `using (${scopeSql(name.schema, using)})` +
    (check === undefined ? "" : ` with check (${scopeSql(name.schema, check)})`)
  );
}

/**
 * Puts the policies on a table that has no policy.
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
    ...createGuestPolicySql(name),
  ];
}

/**
 * Puts the policies on a table that may have others: they go, since permissive policies add up.
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
