/**
 * Looks at server and roles before anything is written: would row-level security bind the kernel at
 * all? It changes nothing; tables are `table_audit.ts`.
 *
 * @module
 */

import type { Database, Transaction } from "./database.ts";
import { auditRefused } from "./errors.ts";
import { select } from "./audit_query.ts";

/** Oldest server that has what the kernel uses (`ON DELETE SET NULL (columns)`). */
const LEAST_SERVER_VERSION = 15;
const ELSEWHERE = "DATABASE_URL and DATABASE_OWNER_URL lead to different databases: " +
  "they must name the same one, under two roles.";

/**
 * Refuses a server that is too old, and roles that row-level security would not bind. It needs no
 * table of the kernel, so that it runs before migrations and a refused start leaves nothing behind.
 *
 * @param database an open database, migrated or not.
 * @throws {KernelError} db.audit_refused — one line per finding, each saying what to do.
 */
export async function auditRoles(database: Database): Promise<void> {
  // SQLite has no roles: there is nothing to find.
  if (database.profile.name !== "postgres") return;
  const pool = await database.transaction(null, async (tx) => {
    await refuseOldServer(tx);
    return await session(tx);
  });
  const findings = await database.schemaTransaction(null, async (tx) => {
    const owner = await session(tx);
    // What is asked of the owner's session below would be about other roles and tables.
    if (owner.place !== pool.place) return [ELSEWHERE];
    const ofPool = await roleFindings(tx, pool.user, "DATABASE_URL");
    if (owner.user === pool.user) return ofPool;
    return [
      ...ofPool,
      ...await roleFindings(tx, owner.user, "DATABASE_OWNER_URL"),
      ...await membershipFindings(tx, pool.user, owner.user),
      ...await ownershipFindings(tx, pool.user, owner.user),
    ];
  });
  if (findings.length > 0) throw auditRefused(findings);
}

interface Session {
  /** Who logged in: `current_user` may be changed by a session, this one cannot. */
  readonly user: string;
  /** Equal for sessions of one database of one server. */
  readonly place: string;
}

async function session(tx: Transaction): Promise<Session> {
  const [row] = await select(
    tx,
    `select session_user::text as user,
       current_database() || ' ' || pg_postmaster_start_time()::text as place`,
  );
  return { user: String(row!.user), place: String(row!.place) };
}

async function refuseOldServer(tx: Transaction): Promise<void> {
  const [row] = await select(
    tx,
    "select current_setting('server_version_num')::int / 10000 as major, " +
      "current_setting('server_version') as version",
  );
  if (Number(row!.major) >= LEAST_SERVER_VERSION) return;
  throw auditRefused([
    `The Postgres server has version ${row!.version}: ` +
    `upgrade it to version ${LEAST_SERVER_VERSION} or newer.`,
  ]);
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
        `use a role made by \`database roles\`, ` +
        `or run ALTER ROLE "${role}" NOSUPERUSER NOBYPASSRLS.`
      : `The role "${role}" of ${setting} is a member of "${name}", which ${what}: ` +
        `run REVOKE "${name}" FROM "${role}".`;
  });
}

async function membershipFindings(tx: Transaction, pool: string, owner: string): Promise<string[]> {
  const [membership] = await select(
    tx,
    "select pg_has_role($1::name, $2::name, 'member') as member",
    pool,
    owner,
  );
  if (membership!.member !== true) return [];
  return [
    `The role "${pool}" of DATABASE_URL is a member of the owner "${owner}": ` +
    `run REVOKE "${owner}" FROM "${pool}".`,
  ];
}

/** What the pool's role owns it could change; the owner could not, which stops migrations. */
async function ownershipFindings(tx: Transaction, pool: string, owner: string): Promise<string[]> {
  const owned = await select(
    tx,
    `with ours as (
       select oid, nspname, nspowner from pg_namespace
       where nspname = 'metacore' or nspname like 'addon\\_%'
     )
     select 'schema ' || format('%I', o.nspname) as name
     from ours o where o.nspowner = (select oid from pg_roles where rolname = $1)
     union all
     select 'table ' || format('%I.%I', o.nspname, c.relname)
     from pg_class c join ours o on o.oid = c.relnamespace
     where c.relkind in ('r', 'p') and c.relowner = (select oid from pg_roles where rolname = $1)
     order by 1`,
    pool,
  );
  if (owned.length === 0) return [];
  const others = owned.length - 1;
  const verb = others === 0 ? "belongs" : `and ${others} more belong`;
  return [
    `The ${owned[0]!.name} ${verb} to the role "${pool}" of DATABASE_URL: in this database ` +
    `run REASSIGN OWNED BY "${pool}" TO "${owner}" as a superuser.`,
  ];
}
