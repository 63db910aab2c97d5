/**
 * The Postgres roles the kernel wants: an owner that changes schemas, a role for the pool that owns
 * nothing and cannot step around row-level security, and a role that SQL of addons' code runs under.
 *
 * @module
 */

import type { Database, Statement } from "./database.ts";
import type { StatementRunner } from "./statement.ts";
import { quoteIdentifier } from "./schema/names.ts";

/**
 * The role of guests' SQL: it cannot log in, owns nothing and is a member of nothing. Databases of
 * one server share it; what it may do is said in each of them.
 */
export const GUEST_ROLE = "metacore_guest";

/**
 * With this function SQL of a guest could name itself another organization, or the kernel's role,
 * in the middle of an expression. Whether all may call it is said per database.
 */
export const SET_CONFIG = "FUNCTION pg_catalog.set_config(text, text, boolean)";

/** What the roles and the database are called. */
export interface RolesOptions {
  /** @default "metacore" */
  readonly database?: string;
  /** Owns database, schemas and tables; the role of DATABASE_OWNER_URL. @default "metacore_owner" */
  readonly ownerRole?: string;
  /** Reads and writes rows; the role of DATABASE_URL. @default "metacore_app" */
  readonly appRole?: string;
}

/**
 * The SQL that an administrator runs once, with `psql` as a superuser, to create roles and
 * database. Passwords are asked for by `\password` and never stand in the text.
 *
 * @param options names.
 * @returns SQL text for `psql`.
 */
export function rolesSql(options: RolesOptions = {}): string {
  const database = quoteIdentifier(options.database ?? "metacore");
  const owner = quoteIdentifier(options.ownerRole ?? "metacore_owner");
  const app = quoteIdentifier(options.appRole ?? "metacore_app");
  const attributes =
    "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT";
  return `-- Run once as a superuser: psql -f roles.sql
-- DATABASE_OWNER_URL names the first role (changes schemas), DATABASE_URL the second one.
CREATE ROLE ${owner} ${attributes};
CREATE ROLE ${app} ${attributes};
-- SQL of addons' code runs under this role. That it exists already is no error: databases share it.
CREATE ROLE ${GUEST_ROLE} ${attributes.replace("LOGIN", "NOLOGIN")};
-- Both roles take it on: the pool for calls, the owner for hooks inside an install or upgrade.
GRANT ${GUEST_ROLE} TO ${owner}, ${app};
CREATE DATABASE ${database} OWNER ${owner} ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE ${database} FROM PUBLIC;
GRANT CONNECT ON DATABASE ${database} TO ${app};
-- Give both roles a password:
\\password ${owner}
\\password ${app}
-- SQL of addons' code must not change the organization it acts for:
\\connect ${database}
REVOKE EXECUTE ON ${SET_CONFIG} FROM PUBLIC;
GRANT EXECUTE ON ${SET_CONFIG} TO ${owner}, ${app};
`;
}

/**
 * Gives the pool's role its rights on the kernel's tables and on what addons have already, and by
 * default privileges on every schema, table and sequence that the owner creates from then on;
 * nothing needs granting at the install of an addon. Where one role does both, it needs nothing.
 * The role of guests' SQL, where there is one, gets the tables of addons and nothing else.
 *
 * @param database an open database, its kernel tables migrated.
 */
export async function grantRights(database: Database): Promise<void> {
  if (database.profile.name !== "postgres") return;
  const who: Statement = { sql: "select session_user::text", parameters: [] };
  const [answer] = await database.batch(null, [who]);
  const app = answer?.rows[0]?.[0] ?? "";
  await database.schemaTransaction(null, async (tx) => {
    const { rows } = await tx.execute({ sql: OWNER_AND_GUEST, parameters: [GUEST_ROLE] });
    const isApart = rows[0]?.owner !== app;
    const hasGuest = rows[0]?.guest === true;
    if (!isApart && !hasGuest) return;
    // Two starters that change the same rights at once would make one of them fail.
    await tx.lock("metacore:rights");
    const texts = [
      ...isApart ? await rightsOfApp(tx, app) : [],
      ...hasGuest ? await rightsOfGuest(tx) : [],
    ];
    for (const sql of texts) await tx.execute({ sql, parameters: [] });
  });
}

const OWNER_AND_GUEST = `select session_user::text as owner,
  exists (select from pg_roles where rolname = $1) as guest`;

/**
 * What addons' schemas lack that were made before there was the role $1: default privileges reach
 * only what is created after them.
 */
const MISSING_GRANTS = `
  with ours as (
    select oid, nspname from pg_namespace
    where nspname like 'addon\\_%'
      and nspowner = (select oid from pg_roles where rolname = session_user)
  )
  select format('grant usage on schema %I to %I', nspname, $1::text) as sql
  from ours where not has_schema_privilege($1::name, oid, 'usage')
  union all
  select format('grant select, insert, update, delete on %I.%I to %I', nspname, relname, $1::text)
  from ours join pg_class c on c.relnamespace = ours.oid
  where relkind in ('r', 'p') and not (
    has_table_privilege($1::name, c.oid, 'select') and has_table_privilege($1::name, c.oid, 'insert')
    and has_table_privilege($1::name, c.oid, 'update')
    and has_table_privilege($1::name, c.oid, 'delete'))`;
const MISSING_SEQUENCE_GRANTS = `
  select format('grant usage, select on sequence %I.%I to %I', nspname, relname, $1::text) as sql
  from pg_namespace n join pg_class c on c.relnamespace = n.oid
  where nspname like 'addon\\_%'
    and nspowner = (select oid from pg_roles where rolname = session_user)
    and case when relkind = 'S' then not has_sequence_privilege($1::name, c.oid, 'usage') end`;

async function rightsOfApp(tx: StatementRunner, app: string): Promise<string[]> {
  const role = quoteIdentifier(app);
  return [
    `grant usage on schema metacore to ${role}`,
    `grant select, insert, update, delete on all tables in schema metacore to ${role}`,
    `revoke insert, update, delete on metacore.schema_migrations from ${role}`,
    `grant usage, select on all sequences in schema metacore to ${role}`,
    `alter default privileges grant usage on schemas to ${role}`,
    `alter default privileges grant select, insert, update, delete on tables to ${role}`,
    `alter default privileges grant usage, select on sequences to ${role}`,
    ...await missing(tx, MISSING_GRANTS, app),
    ...await missing(tx, MISSING_SEQUENCE_GRANTS, app),
  ];
}

/** Default privileges reach tables of the kernel too, hence the revocation at every start. */
async function rightsOfGuest(tx: StatementRunner): Promise<string[]> {
  return [
    `alter default privileges grant usage on schemas to ${GUEST_ROLE}`,
    `alter default privileges grant select, insert, update, delete on tables to ${GUEST_ROLE}`,
    `revoke all on schema metacore from ${GUEST_ROLE}`,
    `revoke all on all tables in schema metacore from ${GUEST_ROLE}`,
    ...await missing(tx, MISSING_GRANTS, GUEST_ROLE),
  ];
}

async function missing(tx: StatementRunner, sql: string, role: string): Promise<string[]> {
  const { rows } = await tx.execute({ sql, parameters: [role] });
  return rows.map((row) => String(row.sql));
}
