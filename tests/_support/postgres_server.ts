/**
 * Fresh databases on the Postgres server that `METACORE_TEST_POSTGRES` names. They are copies of a
 * template that is migrated once per server, owned by the role `metacore_app`.
 *
 * @module
 */

// @ts-types="@types/pg"
import pg from "pg";
import { systemClock } from "../../src/base/clock.ts";
import { checksum, migrate } from "../../src/db/migrate.ts";
import { openDatabase } from "../../src/db/open.ts";
import { GUEST_ROLE, SET_CONFIG } from "../../src/db/roles.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { migrations } from "../../migrations/mod.ts";

/** The server as its superuser, or undefined when there is none. */
export const postgresServerUrl: string | undefined = Deno.env.get("METACORE_TEST_POSTGRES") ||
  undefined;

/**
 * What stands behind that URL: a server, or PGlite, which has one session for everybody and no
 * databases beside its one.
 */
export const postgresServerKind: "server" | "pglite" =
  Deno.env.get("METACORE_TEST_POSTGRES_KIND") === "pglite" ? "pglite" : "server";

const APP_ROLE = "metacore_app";
const CREATE_ROLE = `do $$ begin
  if not exists (select from pg_roles where rolname = '${APP_ROLE}') then
    create role ${APP_ROLE} login password '${APP_ROLE}' nosuperuser nobypassrls;
  end if; end $$`;
/** As `rolesSql()` has it; beside each other two may create the one role of the server. */
const CREATE_GUEST = `do $$ begin
  if not exists (select from pg_roles where rolname = '${GUEST_ROLE}') then
    create role ${GUEST_ROLE} nologin nosuperuser nobypassrls noinherit;
  end if;
  exception when duplicate_object or unique_violation then null; end $$`;
/** Which of this file's doings a template has. */
const TEMPLATE_FORM = "guest role";
const TEMPLATE_LOCK = 7_260_431;

/** A database made for one test. */
export interface CreatedDatabase {
  /** Under the role `metacore_app`, which owns it. */
  readonly url: string;
  /** Under the server's superuser; PGlite has none to offer. */
  readonly adminUrl?: string;
  /** Removes it. */
  drop(): Promise<void>;
}

let templateName: Promise<string> | undefined;

/**
 * Creates a database.
 *
 * @param content whether the kernel's tables are there.
 * @returns its URLs.
 */
export async function createPostgresDatabase(
  content: "migrated" | "empty",
): Promise<CreatedDatabase> {
  if (postgresServerKind === "pglite") return await resetStandIn(content);
  const migrated = await (templateName ??= ensureTemplate());
  const template = content === "empty" ? "template0" : migrated;
  const name = `metacore_test_${crypto.randomUUID().replaceAll("-", "")}`;
  await asAdmin(
    `create database ${name} template ${template} owner ${APP_ROLE}`,
    `revoke temporary on database ${name} from public`,
  );
  return {
    url: databaseUrl(name, APP_ROLE),
    adminUrl: databaseUrl(name),
    drop: () => asAdmin(`drop database if exists ${name} with (force)`),
  };
}

/**
 * Runs statements on a database of the server.
 *
 * @param url which database, under which role.
 * @param work uses the connection.
 * @returns what work returns.
 */
export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function asAdmin(...statements: string[]): Promise<void> {
  await withClient(requireServer(), async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

function requireServer(): string {
  if (postgresServerUrl === undefined) throw new Error("METACORE_TEST_POSTGRES is not set");
  return postgresServerUrl;
}

function databaseUrl(database: string, role?: string): string {
  const url = new URL(requireServer());
  url.pathname = `/${database}`;
  if (role !== undefined) {
    url.username = role;
    url.password = role;
  }
  return url.toString();
}

/** What a session of the kernel starts with; PGlite does not read start-up options. */
const SESSION = [
  "set timezone = 'UTC'",
  "set datestyle = 'ISO'",
  "set search_path = pg_catalog",
];

/** Empties the one database and leaves its one session to the role of the tests. */
async function resetStandIn(content: "migrated" | "empty"): Promise<CreatedDatabase> {
  const url = requireServer();
  await withClient(url, async (client) => {
    await client.query("rollback");
    await client.query("reset session authorization");
    await client.query("discard all");
    await client.query(CREATE_ROLE);
    await client.query(`grant create on database postgres to ${APP_ROLE}`);
    await client.query(`do $$ declare name text; begin
      for name in select nspname from pg_namespace
        where nspname = 'metacore' or nspname like 'addon\\_%'
      loop execute format('drop schema %I cascade', name); end loop; end $$`);
    await client.query(`set session authorization ${APP_ROLE}`);
    for (const sql of SESSION) await client.query(sql);
  });
  // Connections share the session and with it the names of prepared statements.
  const unnamed = `${url}?prepared_statements=off`;
  if (content === "migrated") {
    const database = await openDatabase({ url: unnamed, logger: silentLogger, maxConnections: 1 });
    await migrate(database, migrations, systemClock);
    await database.close();
  }
  return { url: unnamed, drop: () => Promise.resolve() };
}

/** Creates role and template unless they are there; test files of one run share them. */
async function ensureTemplate(): Promise<string> {
  const version = TEMPLATE_FORM +
    migrations.map((migration) => checksum(migration, "postgres")).join("");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(version));
  const name = `metacore_template_${new Uint8Array(digest).toHex().slice(0, 16)}`;
  await withClient(requireServer(), async (client) => {
    await client.query("select pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    await client.query(CREATE_ROLE);
    await client.query(CREATE_GUEST);
    await client.query(`grant ${GUEST_ROLE} to ${APP_ROLE}`);
    const found = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (found.rows.length > 0) return;
    const draft = `${name}_draft`;
    await client.query(`drop database if exists ${draft} with (force)`);
    await client.query(`create database ${draft} template template0 owner ${APP_ROLE}`);
    await withClient(databaseUrl(draft), async (admin) => {
      await admin.query(`revoke execute on ${SET_CONFIG} from public`);
      await admin.query(`grant execute on ${SET_CONFIG} to ${APP_ROLE}`);
    });
    const database = await openDatabase({
      url: databaseUrl(draft, APP_ROLE),
      logger: silentLogger,
    });
    await migrate(database, migrations, systemClock);
    await database.close();
    await client.query(`alter database ${draft} rename to ${name}`);
  });
  return name;
}
