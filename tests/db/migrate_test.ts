/**
 * The kernel's own tables: applied once, in order, by one starter, and checked at each start.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemClock } from "../../src/base/clock.ts";
import { isKernelError } from "../../src/base/error.ts";
import type { Database } from "../../src/db/database.ts";
import { checksum, migrate } from "../../src/db/migrate.ts";
import type { Migration } from "../../src/db/migration.ts";
import { openDatabase } from "../../src/db/open.ts";
import { KERNEL_TABLE_NAMES } from "../../src/db/tables.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { migrations } from "../../migrations/mod.ts";
import { engines, engineTest, openTestDatabase } from "../_support/engines.ts";
import { statement } from "./tenant_table.ts";

const NAMES = migrations.map((migration) => migration.name);

function extra(name: string, sql: string): Migration {
  return { name, sql: { postgres: [sql], sqlite: [sql.replace("metacore.", "metacore_")] } };
}

async function tableNames(database: Database): Promise<(string | null)[]> {
  const sql = database.profile.name === "postgres"
    ? "select tablename from pg_tables where schemaname = 'metacore' order by 1"
    : "select substr(name, 10) from sqlite_schema where type = 'table' and name like 'metacore%' order by 1";
  const [result] = await database.batch(null, [statement(database, sql)]);
  return result!.rows.map(([name]) => name!);
}

engineTest("migrate() creates every kernel table once", async ({ database }) => {
  assert.deepEqual((await migrate(database, migrations, systemClock)).applied, NAMES);
  assert.deepEqual(await tableNames(database), [...KERNEL_TABLE_NAMES].sort());
  assert.deepEqual((await migrate(database, migrations, systemClock)).applied, []);
  const recorded = await database.kysely.selectFrom("schema_migrations").selectAll()
    .orderBy("name").execute();
  assert.deepEqual(recorded.map(({ name }) => name), NAMES);
  assert.match(recorded[0]!.applied_at, /^\d{4}-\d\d-\d\dT/);
}, { content: "empty" });

engineTest("migrate() applies only what is new", async ({ database }) => {
  const more = extra("0999_more", "create table metacore.more (x integer)");
  const { applied } = await migrate(database, [...migrations, more], systemClock);
  assert.deepEqual(applied, ["0999_more"]);
  assert.ok((await tableNames(database)).includes("more"));
});

engineTest("migrate() refuses a migration whose text has changed, naming it", async (t) => {
  const { database } = t;
  const [first, ...rest] = migrations;
  const changed: Migration = {
    name: first!.name,
    sql: {
      postgres: [...first!.sql.postgres, "select 1"],
      sqlite: [...first!.sql.sqlite, "select 1"],
    },
  };
  await assert.rejects(migrate(database, [changed, ...rest], systemClock), (thrown: Error) => {
    assert.ok(isKernelError(thrown, "db.migration_changed"));
    assert.match(thrown.message, /0001_identity/);
    assert.ok(!thrown.message.includes("\n"));
    return true;
  });
});

engineTest(
  "migrate() refuses a database newer than the program, naming what it lacks",
  async (t) => {
    const more = extra("0999_more", "create table metacore.more (x integer)");
    await migrate(t.database, [...migrations, more], systemClock);
    await assert.rejects(migrate(t.database, migrations, systemClock), (thrown: Error) => {
      assert.ok(isKernelError(thrown, "db.migration_unknown"));
      assert.match(thrown.message, /0999_more/);
      return true;
    });
  },
);

engineTest("migrate() leaves nothing of a migration that fails", async ({ database }) => {
  const table = database.profile.name === "postgres" ? "metacore.more" : "metacore_more";
  const sql = [`create table ${table} (x integer)`, "select * from nowhere"];
  const broken: Migration = { name: "0999_more", sql: { postgres: sql, sqlite: sql } };
  await assert.rejects(migrate(database, [...migrations, broken], systemClock));
  assert.ok(!(await tableNames(database)).includes("more"));
  assert.deepEqual((await migrate(database, migrations, systemClock)).applied, []);
});

engineTest("migrate() from several starters at once applies everything once", async (t) => {
  const databases = t.engine === "sqlite" ? [t.database, t.database, t.database] : [
    t.database,
    ...await Promise.all([1, 2].map(() => openDatabase({ url: t.url, logger: silentLogger }))),
  ];
  const results = await Promise.all(
    databases.map((database) => migrate(database, migrations, systemClock)),
  );
  assert.deepEqual(results.flatMap(({ applied }) => applied).sort(), NAMES);
  for (const database of databases.slice(1)) if (database !== t.database) await database.close();
}, { content: "empty", needs: "several sessions" });

for (const engine of engines) {
  Deno.test(`migrate() crashed before any statement is completed by the next start [${engine}]`, async () => {
    const folder = await Deno.makeTempDir();
    let crashed = true;
    // On Postgres every fourth statement: a fresh database each time is what takes long.
    for (let crashAt = 0; crashed; crashAt += engine === "sqlite" ? 1 : 4) {
      await using test = await openTestDatabase(engine, {
        path: `${folder}/${crashAt}.db`,
        content: "empty",
      });
      if (engine === "sqlite") await test.database.close();
      let left = -1;
      const crash = new Error("crash");
      const database = await openDatabase({
        url: test.url,
        logger: silentLogger,
        fault: {
          beforeStatement() {
            if (left-- === 0) throw crash;
          },
        },
      });
      left = crashAt;
      crashed = await migrate(database, migrations, systemClock).then(
        () => false,
        (thrown) => {
          assert.equal(thrown, crash);
          return true;
        },
      );
      await database.close();
      const again = await openDatabase({ url: test.url, logger: silentLogger });
      await migrate(again, migrations, systemClock);
      assert.deepEqual(await tableNames(again), [...KERNEL_TABLE_NAMES].sort());
      await again.close();
    }
  });
}

Deno.test("checksum() tells lists of statements apart that read alike when joined", () => {
  const of = (...sqlite: string[]) =>
    checksum({ name: "x", sql: { sqlite, postgres: [] } }, "sqlite");
  assert.notEqual(of("a", "b"), of("ab"));
  assert.notEqual(of("a", "b"), of("b", "a"));
  assert.equal(of("a", "b"), of("a", "b"));
});

Deno.test("migrations are numbered in order and say the same tables for each engine", () => {
  assert.deepEqual(NAMES, [...NAMES].sort());
  for (const [index, name] of NAMES.entries()) {
    assert.match(name, new RegExp(`^${String(index + 1).padStart(4, "0")}_[a-z_]+$`));
  }
  for (const { name, sql } of migrations) {
    const tables = (texts: readonly string[]) =>
      texts.flatMap((text) => /^create table metacore[._](\w+)/.exec(text)?.[1] ?? []);
    assert.deepEqual(tables(sql.sqlite), tables(sql.postgres), name);
  }
});
