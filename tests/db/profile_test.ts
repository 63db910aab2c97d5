/**
 * What the engines do differently gives the same JSON and the same answers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type RawBuilder, sql } from "kysely";
import { isKernelError } from "../../src/base/error.ts";
import { JsonText } from "../../src/base/json_text.ts";
import type { Database } from "../../src/db/database.ts";
import { openDatabase } from "../../src/db/open.ts";
import type { ColumnType, TableName } from "../../src/db/schema/spec.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { engineTest, hasPostgresServer, openTestDatabase } from "../_support/engines.ts";
import { noteId, ORG_A, ORG_B } from "./tenant_table.ts";

interface Case {
  readonly column: string;
  readonly type: ColumnType;
  readonly sqlite: string;
  readonly postgres: string;
  /** What is written, and what it is in JSON. */
  readonly values: readonly (readonly [unknown, unknown])[];
}

const CASES: readonly Case[] = [
  {
    column: "c_text",
    type: { kind: "text" },
    sqlite: "text",
    postgres: "text",
    values: [["", ""], [`a"\\\n\u{1F600}é'`, `a"\\\n\u{1F600}é'`]],
  },
  {
    column: "c_uuid",
    type: { kind: "uuid" },
    sqlite: "uuid text",
    postgres: "uuid",
    values: [["0190A5D0-0000-7000-8000-00000000000A", ORG_A]],
  },
  {
    column: "c_integer",
    type: { kind: "integer" },
    sqlite: "integer",
    postgres: "integer",
    values: [[7, 7], ["-8", -8]],
  },
  {
    column: "c_bigint",
    type: { kind: "bigint" },
    sqlite: "bigint",
    postgres: "bigint",
    values: [[5, 5], [2n ** 53n, 2 ** 53], ["9007199254740992", 2 ** 53]],
  },
  {
    column: "c_numeric",
    type: { kind: "numeric", precision: 18, scale: 4 },
    sqlite: "numeric(18,4)",
    postgres: "numeric(18,4)",
    values: [[12.5, 12.5], ["0.1", 0.1], [-3, -3], ["100", 100]],
  },
  {
    column: "c_double",
    type: { kind: "double" },
    sqlite: "double precision",
    postgres: "double precision",
    values: [[0.1, 0.1], [1e21, 1e21], [3, 3]],
  },
  {
    column: "c_boolean",
    type: { kind: "boolean" },
    sqlite: "boolean integer",
    postgres: "boolean",
    values: [[true, true], [false, false]],
  },
  {
    column: "c_timestamp",
    type: { kind: "timestamp" },
    sqlite: "timestamp text",
    postgres: "timestamptz",
    values: [
      ["2026-11-21T08:50:59.123Z", "2026-11-21T08:50:59.123Z"],
      ["2026-11-21T08:50:59.123+02:00", "2026-11-21T06:50:59.123Z"],
      [new Date("2026-11-21T08:50:59.125Z"), "2026-11-21T08:50:59.125Z"],
    ],
  },
  {
    column: "c_date",
    type: { kind: "date" },
    sqlite: "date text",
    postgres: "date",
    values: [
      ["2026-01-31", "2026-01-31T00:00:00Z"],
      ["2026-01-31T23:30:00-02:00", "2026-02-01T00:00:00Z"],
    ],
  },
  {
    column: "c_time",
    type: { kind: "time" },
    sqlite: "time text",
    postgres: "time",
    values: [["08:50:59", "08:50:59"]],
  },
  {
    column: "c_json",
    type: { kind: "json" },
    sqlite: "json text",
    postgres: "jsonb",
    values: [
      [{ a: [1, null, "x"] }, { a: [1, null, "x"] }],
      ["text", "text"],
      [0, 0],
      [new JsonText(`{"b": true}`), { b: true }],
    ],
  },
  {
    column: "c_bytes",
    type: { kind: "bytes" },
    sqlite: "bytea blob",
    postgres: "bytea",
    values: [[Uint8Array.of(0, 255, 16), "00ff10"], [new Uint8Array(), ""]],
  },
  {
    column: "c_array",
    type: { kind: "array", element: "text" },
    sqlite: "array text of text",
    postgres: "text[]",
    values: [[["a", `b"\\,{}`, "NULL", ""], ["a", `b"\\,{}`, "NULL", ""]], [[], []]],
  },
];

const SAMPLES: TableName = { schema: "addon_samples", table: "samples" };

async function makeSamples(database: Database): Promise<void> {
  const isPostgres = database.profile.name === "postgres";
  const columns = CASES.map((item) => `${item.column} ${isPostgres ? item.postgres : item.sqlite}`);
  const table = isPostgres ? `"addon_samples"."samples"` : `"addon_samples.samples"`;
  await database.schemaTransaction(null, async (tx) => {
    if (isPostgres) await tx.execute({ sql: "create schema addon_samples", parameters: [] });
    await tx.execute({ sql: `create table ${table} (${columns.join(", ")})`, parameters: [] });
  });
}

async function one(database: Database, query: RawBuilder<unknown>): Promise<string | null> {
  const [result] = await database.batch(ORG_A, [database.profile.compile(query)]);
  return result!.rows[0]?.[0] ?? null;
}

engineTest(
  "DialectProfile.value() and jsonValue() carry every type alike",
  async ({ database }) => {
    await makeSamples(database);
    const { profile } = database;
    const table = profile.table(SAMPLES);
    for (const { column, type, values } of CASES) {
      const name = sql.ref(column);
      const json = profile.jsonObject([["v", profile.jsonValue(name, type)]]);
      for (const [given, expected] of [...values, [null, null], [undefined, null]] as const) {
        const text = await one(
          database,
          sql`insert into ${table} (${name}) values (${profile.value(given, type)})
          returning ${json}`,
        );
        assert.deepEqual(JSON.parse(text!), { v: expected }, `${column} of ${String(given)}`);
        if (given === null || given === undefined || type.kind === "json") continue;
        const found = await one(
          database,
          sql`select count(*) from ${table} where ${name} = ${profile.value(given, type)}`,
        );
        assert.notEqual(found, "0", `${column} is found by ${String(given)}`);
      }
    }
  },
);

engineTest("DialectProfile.value() refuses what its column cannot hold", async ({ database }) => {
  const { profile } = database;
  const bad: readonly (readonly [unknown, ColumnType])[] = [
    ["yesterday", { kind: "timestamp" }],
    ["2026-02-31", { kind: "date" }],
    ["x", { kind: "integer" }],
    ["12x", { kind: "bigint" }],
    ["", { kind: "numeric" }],
  ];
  for (const [value, type] of bad) {
    await assert.rejects(
      async () => await one(database, sql`select ${profile.value(value, type)}`),
      (thrown) => isKernelError(thrown, "db.invalid_value"),
      `${value} as ${type.kind}`,
    );
  }
});

engineTest("DialectProfile.jsonObject() takes more columns than a function has arguments", async ({
  database,
}) => {
  const { profile } = database;
  for (const count of [0, 1, 60, 600]) {
    const entries = Array.from(
      { length: count },
      (_, index) => [`column_${index}`, index % 3 === 0 ? sql`null` : sql.lit(index)] as const,
    );
    const text = await one(database, sql`select ${profile.jsonObject(entries)}`);
    const expected = entries.map(([name], index) => [name, index % 3 === 0 ? null : index]);
    assert.deepEqual(Object.entries(JSON.parse(text!)), expected, `${count} columns`);
  }
});

engineTest("DialectProfile.jsonArray() keeps the order and is [] for nothing", async (t) => {
  const { database } = t;
  const { profile } = database;
  const source = sql`(select 3 as n union all select 1 union all select 2)`;
  const element = profile.jsonObject([["n", sql.ref("x.n")]]);
  const list = (rest: RawBuilder<unknown>) =>
    one(
      database,
      sql`select ${profile.jsonArray(element)} from (select n from ${source} y ${rest}) x`,
    );
  assert.deepEqual(JSON.parse((await list(sql`order by n desc`))!), [
    { n: 3 },
    { n: 2 },
    { n: 1 },
  ]);
  assert.deepEqual(JSON.parse((await list(sql`where n > 5`))!), []);
});

engineTest("DialectProfile.containsText() ignores letter case, also beyond ASCII", async (t) => {
  const { database } = t;
  const contains = async (text: string, pattern: string) => {
    const condition = database.profile.containsText(sql`c`, pattern);
    const found = await one(
      database,
      sql`select count(*) from (select ${database.profile.value(text, { kind: "text" })} as c) x
        where ${condition}`,
    );
    return found === "1";
  };
  assert.ok(await contains("Grüße aus Köln", "AUS"));
  assert.ok(await contains("CAFÉ", "é"));
  assert.ok(await contains("École", "éCOLE"));
  assert.ok(await contains("ПРИВЕТ", "привет"));
  assert.ok(await contains("100 %", "\\%"));
  assert.ok(!await contains("100", "\\%"));
  assert.ok(!await contains("abc", "a\\_c"));
  assert.ok(await contains("a\\c", "\\\\"));
  assert.ok(await contains("anything", ""));
  assert.ok(!await contains("cafe", "é"));
});

engineTest("DialectProfile.now() is an instant of a timestamp column", async ({ database }) => {
  const { profile } = database;
  const json = profile.jsonObject([[
    "at",
    profile.jsonValue(profile.now(), { kind: "timestamp" }),
  ]]);
  const { at } = JSON.parse((await one(database, sql`select ${json}`))!);
  assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
});

function addEvent(database: Database, organizationId: string, table: string, id: string) {
  return database.profile.compile(sql`
    insert into ${database.profile.kernelTable("events")}
      (id, organization_id, name, addon_key, model, table_name, payload, request_id, created_at)
    values (${id}, ${organizationId}, 'a.b.created', 'a', 'b', ${table}, '{}', 'r',
      '2026-11-21T08:50:59.123Z')`);
}

engineTest("DialectProfile.unchangedSince() answers by organization and table", async (t) => {
  const { database } = t;
  const { profile } = database;
  const token = () => one(database, sql`select ${profile.changeToken(ORG_A, "t")}`);
  const unchanged = async (since: string) =>
    await one(database, sql`select ${profile.unchangedSince(ORG_A, "t", since)}`);
  const before = (await token())!;
  assert.equal(await unchanged(before), "1");
  await database.batch(ORG_A, [addEvent(database, ORG_A, "other", noteId(1))]);
  await database.batch(ORG_B, [addEvent(database, ORG_B, "t", noteId(2))]);
  assert.equal(await unchanged(before), "1");
  await database.batch(ORG_A, [addEvent(database, ORG_A, "t", noteId(3))]);
  assert.equal(await unchanged(before), "0");
  assert.equal(await unchanged((await token())!), "1");
});

Deno.test({
  name: "DialectProfile.unchangedSince() is exact for overlapping transactions [postgres]",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using test = await openTestDatabase("postgres");
    const { database } = test;
    const replica = await openDatabase({ url: test.url, logger: silentLogger });
    const { profile } = database;
    const token = async () => (await one(replica, sql`select ${profile.changeToken(ORG_A, "t")}`))!;
    const unchanged = (since: string) =>
      one(replica, sql`select ${profile.unchangedSince(ORG_A, "t", since)}`);
    let early = "";
    let late = "";
    await database.transaction(ORG_A, async (slow) => {
      await slow.execute(addEvent(database, ORG_A, "t", noteId(1)));
      early = await token();
      // Begins after the slow one and commits before it.
      await database.transaction(ORG_A, async (fast) => {
        await fast.execute(addEvent(database, ORG_A, "t", noteId(2)));
        assert.equal(await unchanged(early), "1", "nothing has been committed yet");
      });
      assert.equal(await unchanged(early), "0", "the fast one has been committed");
      late = await token();
      assert.equal(await unchanged(late), "1", "the slow one is still open");
    });
    // A counter would miss this: the slow one's row has the smaller sequence.
    assert.equal(await unchanged(late), "0", "the slow one has been committed");
    assert.equal(await unchanged(await token()), "1");
    await replica.close();
  },
});
