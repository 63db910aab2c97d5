/**
 * Looks at the role of guests' SQL: is it there, and is it as narrow as it must be? It changes
 * nothing.
 *
 * @module
 */

import { GUEST_ROLE, SET_CONFIG } from "../roles.ts";

/** One row of names and facts; asked by the pool's role. $1 is the role of guests. */
export const GUEST_ROLE_QUERY = `
  select session_user::text as pool, current_database()::text as database,
    g.oid is not null as found,
    pg_has_role(session_user, g.oid, 'member') as granted,
    g.rolsuper or g.rolbypassrls or g.rolcreatedb or g.rolcreaterole or g.rolreplication
      or g.rolcanlogin as strong,
    (select min(m.roleid::regrole::text) from pg_auth_members m where m.member = g.oid) as parent,
    exists (select from pg_shdepend d where d.refobjid = g.oid and d.deptype = 'o'
      and d.refclassid = 'pg_authid'::regclass) as owner,
    has_function_privilege(g.oid, 'pg_catalog.set_config(text, text, boolean)', 'execute')
      as configures,
    coalesce(has_schema_privilege(g.oid, to_regnamespace('metacore'), 'usage'), false) as inside,
    has_database_privilege(g.oid, current_database(), 'create')
      or has_database_privilege(g.oid, current_database(), 'temporary') as creates
  from (select 1) one left join pg_roles g on g.rolname = $1`;

/**
 * Says what is wrong with the role.
 *
 * @param row what {@link GUEST_ROLE_QUERY} gave: texts, `t` and `f` for truth values.
 * @returns one sentence for an operator, undefined when nothing is wrong.
 */
export function guestRoleProblem(row: readonly (string | null)[]): string | undefined {
  const [pool, database, found, granted, strong, parent, owner, configures, inside, creates] = row;
  const prefix = "SQL of addons cannot run: ";
  const asAdmin = `as a superuser in the database "${database}" run `;
  if (found !== "t") {
    return `${prefix}the role ${GUEST_ROLE} is missing; ` +
      `run what \`database roles\` prints about it, then start the kernel again.`;
  }
  if (granted !== "t") {
    return `${prefix}as a superuser run GRANT ${GUEST_ROLE} TO "${pool}".`;
  }
  if (strong !== "f") {
    return `${prefix}as a superuser run ALTER ROLE ${GUEST_ROLE} ` +
      `NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION.`;
  }
  if (parent !== null) return `${prefix}as a superuser run REVOKE ${parent} FROM ${GUEST_ROLE}.`;
  if (owner !== "f") {
    return `${prefix}${asAdmin}REASSIGN OWNED BY ${GUEST_ROLE}, for that role may own nothing.`;
  }
  if (configures !== "f") {
    return `${prefix}${asAdmin}GRANT EXECUTE ON ${SET_CONFIG} TO "${pool}" ` +
      `(and to the role of DATABASE_OWNER_URL) and REVOKE EXECUTE ON ${SET_CONFIG} FROM PUBLIC.`;
  }
  if (inside !== "f") {
    return `${prefix}${asAdmin}REVOKE ALL ON SCHEMA metacore FROM PUBLIC, ${GUEST_ROLE}.`;
  }
  if (creates !== "f") {
    return `${prefix}${asAdmin}REVOKE CREATE, TEMPORARY ON DATABASE "${database}" ` +
      `FROM PUBLIC, ${GUEST_ROLE}.`;
  }
  return undefined;
}
