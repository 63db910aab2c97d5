/**
 * Looks at the database before the kernel serves: would row-level security really hold? It changes
 * nothing and does not look at the kernel's settings.
 *
 * @module
 */

import type { Database, Row, Transaction } from "./database.ts";
import { auditRefused } from "./errors.ts";

/** Oldest server that has what the kernel uses (`xid8`, 13). */
const MIN_SERVER_VERSION = 130_000;

/**
 * Refuses a database in which one organization could reach rows of another.
 *
 * @param database an open, migrated database.
 * @throws {KernelError} db.audit_refused — one line per finding, each saying what to do.
 */
export async function auditDatabase(database: Database): Promise<void> {
  // SQLite has no roles and no row-level security: there is nothing to find.
  if (database.profile.name !== "postgres") return;
  const pool = await database.transaction(null, sessionRole);
  const findings = await database.schemaTransaction(null, async (tx) => {
    const owner = await sessionRole(tx);
    return [
      ...await roleFindings(tx, pool.name, "DATABASE_URL"),
      ...owner.name === pool.name ? [] : [
        ...await roleFindings(tx, owner.name, "DATABASE_OWNER_URL"),
        ...await separationFindings(tx, pool.name, owner.name),
      ],
      ...await tableFindings(tx),
      ...await viewFindings(tx),
      ...await indexFindings(tx),
    ];
  });
  if (pool.serverVersion < MIN_SERVER_VERSION) {
    findings.unshift("The Postgres server is older than version 13: upgrade it.");
  }
  if (findings.length > 0) throw auditRefused(findings);
}

interface SessionRole {
  readonly name: string;
  readonly serverVersion: number;
}

/** Who logged in: `current_user` may be changed by a session, this one cannot. */
async function sessionRole(tx: Transaction): Promise<SessionRole> {
  const [row] = await select(
    tx,
    "select session_user::text as name, current_setting('server_version_num')::int as version",
  );
  return { name: String(row!.name), serverVersion: Number(row!.version) };
}

async function roleFindings(tx: Transaction, role: string, setting: string): Promise<string[]> {
  const rows = await select(
    tx,
    `select r.rolname::text as name, r.rolsuper as super from pg_roles r
     where (r.rolsuper or r.rolbypassrls)
       and (r.rolname = $1 or (pg_has_role($1::name, r.oid, 'member')
         and not (select rolsuper from pg_roles where rolname = $1)))
     order by 1`,
    role,
  );
  return rows.map(({ name, super: isSuper }) => {
    const what = isSuper === true ? "is a superuser" : "has BYPASSRLS";
    return name === role
      ? `The role "${role}" of ${setting} ${what}, so row-level security does not hold for it: ` +
        `use a role made by \`roles\`, or run ALTER ROLE "${role}" NOSUPERUSER NOBYPASSRLS.`
      : `The role "${role}" of ${setting} is a member of "${name}", which ${what}: ` +
        `run REVOKE "${name}" FROM "${role}".`;
  });
}

async function separationFindings(
  tx: Transaction,
  pool: string,
  owner: string,
): Promise<string[]> {
  const [membership] = await select(
    tx,
    "select pg_has_role($1::name, $2::name, 'member') as member",
    pool,
    owner,
  );
  const owned = await select(
    tx,
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname like 'addon\\_%' and c.relkind in ('r', 'p')
       and c.relowner = (select oid from pg_roles where rolname = $1)
     order by 1`,
    pool,
  );
  return [
    ...membership!.member === true
      ? [
        `The role "${pool}" of DATABASE_URL is a member of the owner "${owner}": ` +
        `run REVOKE "${owner}" FROM "${pool}".`,
      ]
      : [],
    ...owned.map(({ name }) =>
      `The table ${name} belongs to the role "${pool}" of DATABASE_URL: ` +
      `run ALTER TABLE ${name} OWNER TO "${owner}".`
    ),
  ];
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
       (select string_agg(format('%I', p.polname), ', ') from pg_policy p
         where p.polrelid = c.oid and p.polpermissive and p.polname <> 'rls_org_isolation'
       ) as others
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname like 'addon\\_%' and c.relkind in ('r', 'p', 'f')
     order by 1`,
  );
  return rows.flatMap(({ name, kind, enabled, forced, guarded, others }) => {
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

async function select(
  tx: Transaction,
  sql: string,
  ...parameters: string[]
): Promise<readonly Row[]> {
  return (await tx.execute({ sql, parameters })).rows;
}
