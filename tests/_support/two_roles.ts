/**
 * A database set up as the README's Postgres section says: by the statements of `rolesSql()`, with
 * an owner and a role for the pool. Each has names of its own and is removed afterwards.
 *
 * @module
 */

import { rolesSql } from "../../src/db/roles.ts";
import { postgresServerUrl, withClient } from "./postgres_server.ts";

/** A database with its two roles. */
export interface TwoRoles extends AsyncDisposable {
  /** What DATABASE_URL is set to. */
  readonly databaseUrl: string;
  /** What DATABASE_OWNER_URL is set to. */
  readonly databaseOwnerUrl: string;
  /** The same database as the server's superuser. */
  readonly adminUrl: string;
  readonly appRole: string;
  /** A name that must be quoted. */
  readonly ownerRole: string;
}

/** Runs the statements of `rolesSql()` and gives both roles a password. */
export async function createTwoRoles(): Promise<TwoRoles> {
  if (postgresServerUrl === undefined) throw new Error("METACORE_TEST_POSTGRES is not set");
  const server = postgresServerUrl;
  const mark = crypto.randomUUID().slice(0, 8);
  const database = `metacore_test_${mark}`;
  const roles = { ownerRole: `Test owner ${mark}`, appRole: `test_app_${mark}` };
  await withClient(server, async (client) => {
    for (const sql of statements(rolesSql({ database, ...roles }))) await client.query(sql);
    for (const role of [roles.ownerRole, roles.appRole]) {
      // Where the script has psql ask for one.
      await client.query(`alter role "${role}" password '${role}'`);
    }
  });
  const adminUrl = new URL(server);
  adminUrl.pathname = `/${database}`;
  return {
    adminUrl: adminUrl.toString(),
    databaseUrl: as(adminUrl, roles.appRole),
    databaseOwnerUrl: as(adminUrl, roles.ownerRole),
    ...roles,
    [Symbol.asyncDispose]: () =>
      withClient(server, async (client) => {
        await client.query(`drop database if exists "${database}" with (force)`);
        await client.query(`drop role if exists "${roles.appRole}"`);
        await client.query(`drop role if exists "${roles.ownerRole}"`);
      }),
  };
}

/** The statements of a psql script, without comments and psql's own commands. */
function statements(script: string): string[] {
  return script.replace(/^(--|\\).*$/gm, "").split(";").map((text) => text.trim()).filter(Boolean);
}

function as(database: URL, role: string): string {
  const url = new URL(database);
  url.username = role;
  url.password = role;
  return url.toString();
}
