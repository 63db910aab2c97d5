/**
 * Databases for tests. `engineTest` registers one test per engine that is available, each with a
 * fresh, migrated database of its own: SQLite in memory, and Postgres opened under a role that is
 * no superuser, when `METACORE_TEST_POSTGRES` names a server (as its superuser).
 *
 * @module
 */

import { systemClock } from "../../src/base/clock.ts";
import type { Database, FaultPort } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { migrations } from "../../migrations/mod.ts";
import {
  createPostgresDatabase,
  postgresServerKind,
  postgresServerUrl,
} from "./postgres_server.ts";

/** An engine a test runs on. */
export type Engine = "sqlite" | "postgres";

/** The engines that are available here. */
export const engines: readonly Engine[] = postgresServerUrl === undefined
  ? ["sqlite"]
  : ["sqlite", "postgres"];

/**
 * Whether tests may use several sessions of Postgres, its superuser and other roles: true for a
 * server, false for its stand-in PGlite and where there is neither.
 */
export const hasPostgresServer: boolean = postgresServerUrl !== undefined &&
  postgresServerKind === "server";

/** How a test database is opened. */
export interface TestDatabaseOptions {
  /** Path of a SQLite file. @default in memory */
  readonly path?: string;
  /** Whether the kernel's tables are there. @default "migrated" */
  readonly content?: "migrated" | "empty";
  /** Says that the test uses connections beside each other, which PGlite cannot. */
  readonly needs?: "several sessions";
  readonly fault?: FaultPort;
  readonly maxConnections?: number;
  readonly statementTimeoutMs?: number;
  readonly acquireTimeoutMs?: number;
}

/** A database made for one test. */
export interface TestDatabase extends AsyncDisposable {
  readonly engine: Engine;
  readonly database: Database;
  /** Opens the same database; for SQLite only useful after closing it. */
  readonly url: string;
  /** Postgres: the same database as the server's superuser. */
  readonly adminUrl?: string;
}

/**
 * Makes a database and opens it; disposing closes and removes it.
 *
 * @param engine which engine.
 * @param options content and limits.
 * @returns the open database.
 */
export async function openTestDatabase(
  engine: Engine,
  options: TestDatabaseOptions = {},
): Promise<TestDatabase> {
  const { path, content = "migrated", needs: _needs, ...limits } = options;
  if (engine === "sqlite") {
    const url = `sqlite:${path ?? ":memory:"}`;
    const database = await openDatabase({ url, logger: silentLogger, ...limits });
    if (content === "migrated") await migrate(database, migrations, systemClock);
    return { engine, database, url, [Symbol.asyncDispose]: () => database.close() };
  }
  const created = await createPostgresDatabase(content);
  const database = await openDatabase({
    url: created.url,
    logger: silentLogger,
    maxConnections: 4,
    ...limits,
    ...postgresServerKind === "pglite" && { maxConnections: 1 },
  });
  return {
    engine,
    database,
    url: created.url,
    ...created.adminUrl !== undefined && { adminUrl: created.adminUrl },
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await created.drop();
    },
  };
}

/**
 * Registers a test on every available engine.
 *
 * @param name symbol and behaviour; the engine is added.
 * @param run the test; its database is fresh, migrated, and closed afterwards.
 * @param options how the database is opened.
 */
export function engineTest(
  name: string,
  run: (t: TestDatabase) => Promise<void> | void,
  options: TestDatabaseOptions = {},
): void {
  for (const engine of engines) {
    Deno.test({
      name: `${name} [${engine}]`,
      ignore: engine === "postgres" && options.needs !== undefined && !hasPostgresServer,
      fn: async () => {
        await using test = await openTestDatabase(engine, options);
        await run(test);
      },
    });
  }
}
