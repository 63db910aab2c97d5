/**
 * Looks at the tables of addons before the kernel serves: does row-level security hold on each? It
 * changes nothing; roles are `role_audit.ts`.
 *
 * @module
 */

import { select } from "./audit_query.ts";
import type { Database, Transaction } from "./database.ts";
import { auditRefused } from "./errors.ts";

/** How Postgres prints the condition of the policies for guests' SQL. */
const GUEST_SCOPE = "((CURRENT_USER = SESSION_USER) OR (%L::text = ANY (string_to_array(" +
  "current_setting('app.guest_%s'::text, true), ','::text))))";

/**
 * Refuses a database in whose tables one organization could reach rows of another.
 *
 * @param database an open, migrated database.
 * @throws {KernelError} db.audit_refused — one line per finding, each saying what to do.
 */
export async function auditTables(database: Database): Promise<void> {
  // SQLite has no row-level security: there is nothing to find.
  if (database.profile.name !== "postgres") return;
  const findings = await database.schemaTransaction(null, async (tx) => [
    ...await tableFindings(tx),
    ...await viewFindings(tx),
    ...await indexFindings(tx),
  ]);
  if (findings.length > 0) throw auditRefused(findings);
}

async function tableFindings(tx: Transaction): Promise<string[]> {
  const rows = await select(
    tx,
    `select format('%I.%I', n.nspname, c.relname) as name, c.relkind::text as kind,
       c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
       exists (
         select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd = '*'
           and p.polname = 'rls_org_isolation' and p.polroles = '{0}'
           and pg_get_expr(p.polqual, c.oid) like '(organization_id = %app.current_org%'
           and pg_get_expr(p.polwithcheck, c.oid) like '(organization_id = %app.current_org%'
       ) as guarded,
       exists (
         select from pg_policy p where p.polrelid = c.oid and not p.polpermissive
           and p.polcmd = '*' and p.polname = 'guest_scope' and p.polroles = '{0}'
           and pg_get_expr(p.polqual, c.oid) = format($1, n.nspname, 'reads')
           and pg_get_expr(p.polwithcheck, c.oid) = format($1, n.nspname, 'writes')
       ) and exists (
         select from pg_policy p where p.polrelid = c.oid and not p.polpermissive
           and p.polcmd = 'd' and p.polname = 'guest_delete' and p.polroles = '{0}'
           and pg_get_expr(p.polqual, c.oid) = format($1, n.nspname, 'writes')
       ) as scoped,
       (select string_agg(format('%I', p.polname), ', ') from pg_policy p
         where p.polrelid = c.oid and p.polpermissive and p.polname <> 'rls_org_isolation'
       ) as others
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname like 'addon\\_%' and c.relkind in ('r', 'p', 'f')
     order by 1`,
    GUEST_SCOPE,
  );
  return rows.flatMap(({ name, kind, enabled, forced, guarded, scoped, others }) => {
    if (kind === "f") return [`The foreign table ${name} has no row-level security: drop it.`];
    const findings: string[] = [];
    if (enabled !== true) {
      findings.push(
        `The table ${name} has row-level security off: ` +
          `run ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY.`,
      );
    }
    if (forced !== true) {
      findings.push(
        `The table ${name} does not force row-level security on its owner: ` +
          `run ALTER TABLE ${name} FORCE ROW LEVEL SECURITY.`,
      );
    }
    if (guarded !== true) {
      findings.push(
        `The table ${name} lacks the policy rls_org_isolation for all commands: ` +
          `install its addon again, which creates it.`,
      );
    }
    if (scoped !== true) {
      findings.push(
        `The table ${name} lacks the policies guest_scope and guest_delete, which keep code of ` +
          `other addons out: install its addon again, which creates them.`,
      );
    }
    if (others !== null) {
      findings.push(`The table ${name} has policies that widen access (${others}): drop them.`);
    }
    return findings;
  });
}

async function viewFindings(tx: Transaction): Promise<string[]> {
  const rows = await select(
    tx,
    `select format('%I.%I', n.nspname, c.relname) as name, c.relkind::text as kind
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname like 'addon\\_%' and (c.relkind = 'm' or c.relkind = 'v'
       and not coalesce(c.reloptions, '{}') && '{security_invoker=true,security_invoker=on,security_invoker=1}')
     order by 1`,
  );
  return rows.map(({ name, kind }) =>
    kind === "m"
      ? `The materialized view ${name} holds rows of every organization: drop it.`
      : `The view ${name} reads with the rights of its owner: ` +
        `run ALTER VIEW ${name} SET (security_invoker = true), or drop it.`
  );
}

async function indexFindings(tx: Transaction): Promise<string[]> {
  const rows = await select(
    tx,
    `select format('%I.%I', n.nspname, x.relname) as name,
       format('%I.%I', n.nspname, c.relname) as owner
     from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid
       join pg_namespace n on n.oid = c.relnamespace
       left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
     where n.nspname like 'addon\\_%' and (i.indisunique or i.indisexclusion)
       and a.attname is distinct from 'organization_id'
     order by 1`,
  );
  return rows.map(({ name, owner }) =>
    `The unique index ${name} of ${owner} does not start with organization_id, so it tells one ` +
    `organization about another: drop it and create it with organization_id first.`
  );
}
