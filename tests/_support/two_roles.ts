/**
 * A database set up as the README's Postgres section says: by the statements of `rolesSql()`, with
 * an owner and a role for the pool. Each has names of its own and is removed afterwards.
 *
 * @module
 */

// @ts-types="@types/pg"
import type pg from "pg";
import { GUEST_ROLE, rolesSql } from "../../src/db/roles.ts";
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
    const [beforeConnect = "", ...afterConnect] = rolesSql({ database, ...roles }).split(
      /^\\connect .*$/m,
    );
    for (const sql of statements(beforeConnect)) await runScript(client, sql);
    await withClient(adminOf(server, database), async (connected) => {
      for (const sql of statements(afterConnect.join())) await connected.query(sql);
    });
    for (const role of [roles.ownerRole, roles.appRole]) {
      // Where the script has psql ask for one.
      await client.query(`alter role "${role}" password '${role}'`);
    }
  });
  const adminUrl = new URL(adminOf(server, database));
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

/** The script says that the role of guests may exist already. */
async function runScript(client: pg.Client, sql: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (thrown) {
    const isThere = (thrown as { code?: string }).code === "42710" ||
      (thrown as { code?: string }).code === "23505";
    if (!isThere || !sql.includes(GUEST_ROLE)) throw thrown;
  }
}

function adminOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.toString();
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
