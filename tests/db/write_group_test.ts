/**
 * Writes that share a commit on SQLite keep apart what they are: each is atomic by itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openDatabase } from "../../src/db/open.ts";
import type { Database } from "../../src/db/database.ts";
import { silentLogger } from "../../src/telemetry/log.ts";

const plain = (sql: string) => ({ sql, parameters: [] });

async function openWithTables(fault?: { beforeStatement(count: number, sql: string): void }) {
  const folder = await Deno.makeTempDir();
  const open = () =>
    openDatabase({
      url: `sqlite:${folder}/group.db`,
      logger: silentLogger,
      ...(fault === undefined ? {} : { fault }),
    });
  const database = await open();
  await database.schemaTransaction(null, async (tx) => {
    await tx.execute(plain("create table parent (id integer primary key)"));
    await tx.execute(plain(
      "create table child (id integer primary key, parent integer references parent (id) " +
        "deferrable initially deferred)",
    ));
  });
  return { database, folder };
}

async function ids(database: Database, table: string): Promise<string> {
  const [result] = await database.batch(null, [plain(`select id from ${table} order by id`)]);
  return result!.rows.map((row) => row[0]).join();
}

Deno.test("SQLite: of writes that share a commit, one that fails takes none of the others with it", async () => {
  const { database } = await openWithTables();
  await database.batch(null, [plain("insert into parent values (3)")]);
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map((id) =>
    database.batch(null, [
      plain(`insert into parent values (${id * 10})`),
      plain(`insert into parent values (${id})`),
    ])
  ));
  assert.deepEqual(outcomes.map((each) => each.status), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  assert.equal(await ids(database, "parent"), "1,2,3,4,10,20,40");
  await database.close();
});

Deno.test("SQLite: a rule that is checked at the commit fails its own write only", async () => {
  const { database } = await openWithTables();
  const outcomes = await Promise.allSettled([
    database.batch(null, [plain("insert into parent values (1)")]),
    database.batch(null, [plain("insert into child values (1, 99)")]),
    database.batch(null, [
      plain("insert into child values (2, 2)"),
      plain("insert into parent values (2)"),
    ]),
  ]);
  assert.deepEqual(outcomes.map((each) => each.status), ["fulfilled", "rejected", "fulfilled"]);
  assert.equal(await ids(database, "parent"), "1,2");
  assert.equal(await ids(database, "child"), "2");
  await database.close();
});

Deno.test("SQLite: a crash inside a shared commit leaves every write whole or absent", async () => {
  for (let at = 1;; at++) {
    let left = Infinity;
    const fault = {
      beforeStatement: () => {
        if (--left < 0) throw new Error("crash");
      },
    };
    const { database, folder } = await openWithTables(fault);
    left = at;
    const outcomes = await Promise.allSettled([1, 2, 3].map((id) =>
      database.batch(null, [
        plain(`insert into parent values (${id})`),
        plain(`insert into parent values (${id + 10})`),
      ])
    ));
    left = Infinity;
    await database.close();
    const again = await openDatabase({ url: `sqlite:${folder}/group.db`, logger: silentLogger });
    const stored = (await ids(again, "parent")).split(",").filter(Boolean).map(Number);
    await again.close();
    for (const [index, outcome] of outcomes.entries()) {
      const there = [index + 1, index + 11].filter((id) => stored.includes(id)).length;
      assert.ok(there === 0 || there === 2, `crash ${at}: half of write ${index + 1}`);
      if (outcome.status === "fulfilled") assert.equal(there, 2, `crash ${at}: lost an answer`);
    }
    if (outcomes.every((outcome) => outcome.status === "fulfilled")) {
      assert.ok(at > 10, `only ${at} statements`);
      break;
    }
  }
});

Deno.test("SQLite: writes that follow one another share commits and make no empty ones", async () => {
  const seen: string[] = [];
  const { database } = await openWithTables({
    beforeStatement: (_count, sql) => void seen.push(sql),
  });
  seen.length = 0;
  const writer = async (from: number) => {
    for (let id = from; id < from + 40; id++) {
      await database.batch(null, [
        plain(`insert into parent values (${id})`),
        plain(`insert into child values (${id}, ${id})`),
      ]);
    }
  };
  await Promise.all([writer(1), writer(101), writer(201), writer(301)]);
  const begins = seen.filter((sql) => sql.startsWith("begin")).length;
  const empty = seen.filter((sql, at) => sql.startsWith("begin") && seen[at + 1] === "commit");
  assert.ok(begins <= 80, `${begins} transactions for 160 writes of four writers`);
  assert.deepEqual(empty, []);
  await database.close();
});
