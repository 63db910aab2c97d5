/**
 * The Postgres roles the kernel wants: an owner that changes schemas, and a role for the pool that
 * owns nothing and cannot step around row-level security.
 *
 * @module
 */

import type { Database, Statement } from "./database.ts";
import { quoteIdentifier } from "./schema/names.ts";

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
CREATE DATABASE ${database} OWNER ${owner} ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE ${database} FROM PUBLIC;
GRANT CONNECT ON DATABASE ${database} TO ${app};
-- Give both roles a password:
\\password ${owner}
\\password ${app}
`;
}

/**
 * Gives the pool's role its rights on the kernel's tables and on what addons have already, and by
 * default privileges on every schema, table and sequence that the owner creates from then on;
 * nothing needs granting at the install of an addon. Where one role does both, nothing is needed.
 *
 * @param database an open database, its kernel tables migrated.
 */
export async function grantRights(database: Database): Promise<void> {
  if (database.profile.name !== "postgres") return;
  const who: Statement = { sql: "select session_user::text", parameters: [] };
  const [answer] = await database.batch(null, [who]);
  const app = answer?.rows[0]?.[0] ?? "";
  await database.schemaTransaction(null, async (tx) => {
    const { rows } = await tx.execute(who);
    if (rows[0]?.session_user === app) return;
    // Two starters that change the same rights at once would make one of them fail.
    await tx.lock("metacore:rights");
    const missing = await tx.execute({ sql: MISSING_GRANTS, parameters: [app] });
    const texts = [...grants(quoteIdentifier(app)), ...missing.rows.map(({ sql }) => String(sql))];
    for (const sql of texts) await tx.execute({ sql, parameters: [] });
  });
}

/**
 * What addons' schemas lack that were made before there were two roles, or for another pool's role:
 * default privileges reach only what is created after them.
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
    and has_table_privilege($1::name, c.oid, 'delete'))
  union all
  select format('grant usage, select on sequence %I.%I to %I', nspname, relname, $1::text)
  from ours join pg_class c on c.relnamespace = ours.oid
  where case when relkind = 'S' then not has_sequence_privilege($1::name, c.oid, 'usage') end`;

function grants(role: string): string[] {
  return [
    `grant usage on schema metacore to ${role}`,
    `grant select, insert, update, delete on all tables in schema metacore to ${role}`,
    `revoke insert, update, delete on metacore.schema_migrations from ${role}`,
    `grant usage, select on all sequences in schema metacore to ${role}`,
    `alter default privileges grant usage on schemas to ${role}`,
    `alter default privileges grant select, insert, update, delete on tables to ${role}`,
    `alter default privileges grant usage, select on sequences to ${role}`,
  ];
}
