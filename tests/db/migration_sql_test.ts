import assert from "node:assert/strict";
import fc from "fast-check";
import { isKernelError } from "../../src/base/error.ts";
import { readArchive } from "../../src/bundle/archive.ts";
import { admitMigration } from "../../src/db/migration_sql/admit.ts";
import {
  MAX_COLUMNS,
  MAX_MIGRATION_BYTES,
  MAX_STATEMENTS,
} from "../../src/db/migration_sql/limits.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import { completeChange } from "../../src/db/schema/complete.ts";
import type { SchemaChange, SchemaState, TableSpec } from "../../src/db/schema/spec.ts";
import { realBundles } from "../_support/bundles.ts";
import { grammaticalSql } from "../fixtures/migrations/grammatical_sql.ts";

const FIXTURES = new URL("../fixtures/migrations/", import.meta.url);
const SCHEMA = "addon_desk$0123456789abcdef0123456789abcdef";
const FILE = "migrations/0001_init.sql";

function fixture(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, FIXTURES));
}

/** Without comments, so that what is joined into one line stays SQL. */
async function plainFixture(name: string): Promise<string> {
  return (await fixture(name)).replace(/--.*$|\/\*[^]*?\*\//gm, "");
}

function admit(
  sql: string,
  state: SchemaState = new Map(),
  notes: string[] = [],
): Promise<readonly SchemaChange[]> {
  const context = { schema: SCHEMA, addonKey: "desk", file: FILE, state };
  return admitMigration(sql, { ...context, note: (note) => notes.push(note) });
}

function after(changes: readonly SchemaChange[], state: SchemaState = new Map()): SchemaState {
  return changes.reduce((now, change) => applyChange(now, completeChange(change)), state);
}

async function baseState(): Promise<SchemaState> {
  return after(await admit(await fixture("base.sql")));
}

async function refusal(sql: string, state?: SchemaState): Promise<Error> {
  try {
    await admit(sql, state);
  } catch (thrown) {
    if (isKernelError(thrown)) return thrown;
    throw thrown;
  }
  throw new Error(`admitted: ${sql}`);
}

function tableOf(state: SchemaState, name: string): TableSpec {
  const table = state.get(name);
  assert.ok(table, `table ${name}`);
  return table;
}

Deno.test({
  name: "loadSqlParser() loads the grammar without permission to read any file",
  permissions: "none",
  // Must stay the first test of the file: the parser is loaded once.
  async fn() {
    assert.equal((await admit("create table t (id uuid primary key)")).length, 1);
  },
});

Deno.test("admitMigration() gives changes of the physical schema, whatever the author calls it", async () => {
  const changes = await admit("create table addon_desk.t (id uuid primary key)");
  assert.deepEqual(changes.map((change) => change.kind), ["createTable"]);
  assert.deepEqual(schemasOf(changes), new Set([SCHEMA]));
});

Deno.test("admitMigration() reads every spelling of types and defaults", async () => {
  const state = after(await admit(await fixture("columns.sql")));
  const table = tableOf(state, "kinds");
  const types = Object.fromEntries(table.columns.map(({ name, type }) => [name, type]));
  const kinds = Object.fromEntries(table.columns.map(({ name, type }) => [name, type.kind]));
  assert.deepEqual(types["v1"], { kind: "text", maxLength: 20 });
  assert.deepEqual(types["v3"], { kind: "text" });
  assert.deepEqual(types["v4"], { kind: "text", maxLength: 3 });
  assert.deepEqual(types["n2"], { kind: "numeric", precision: 18, scale: 4 });
  assert.deepEqual(types["n3"], { kind: "numeric", precision: 10, scale: 0 });
  assert.deepEqual(types["a3"], { kind: "array", element: "integer" });
  const expected = {
    v7: "text",
    v9: "text",
    v10: "text",
    i2: "smallint",
    i5: "integer",
    i7: "bigint",
    f1: "real",
    f5: "double",
    b1: "boolean",
    t1: "timestamp",
    t4: "timestamp",
    d1: "date",
    h1: "time",
    j1: "json",
    y1: "bytes",
  };
  for (const [name, kind] of Object.entries(expected)) assert.equal(kinds[name], kind, name);
  const defaults = Object.fromEntries(
    table.columns.map((column) => [column.name, column.default]),
  );
  const literals = {
    v1: "it's",
    v5: "abcd",
    v6: "plain",
    i3: -5,
    i4: 6,
    i6: "9007199254740993",
    n2: 0.25,
    n3: 7,
    f3: 1000,
    b2: false,
    t5: "2026-01-31T10:00:00.000Z",
    d3: "2026-01-31",
    h1: "08:30",
    j2: '{"a": 1}',
    a1: "[]",
    a2: "[]",
    u1: "00000000-0000-0000-0000-00000000abcd",
  };
  for (const [name, value] of Object.entries(literals)) {
    assert.deepEqual(defaults[name], { kind: "literal", value }, name);
  }
  assert.equal(defaults["b3"], undefined);
  for (const name of ["t1", "t2", "t4", "d1", "d2"]) {
    assert.deepEqual(defaults[name], { kind: "now" }, name);
  }
  assert.deepEqual(defaults["id"], { kind: "uuid" });
});

Deno.test("admitMigration() reads keys, checks, references and indexes", async () => {
  const before = await baseState();
  const notes: string[] = [];
  const changes = await admit(await fixture("rules.sql"), before, notes);
  const kinds = changes.map((change) => change.kind);
  assert.deepEqual(kinds, ["createTable", ...Array(4).fill("createIndex")]);
  const orders = tableOf(after(changes, before), "orders");
  assert.deepEqual(orders.primaryKey, ["organization_id", "id"]);
  const names = orders.indexes.map((index) => index.name);
  for (
    const name of [
      "orders_number_key",
      "orders_state_idx",
      "orders_open",
      "orders_lower",
      "orders_hash",
    ]
  ) assert.ok(names.includes(name), name);
  for (const index of orders.indexes.filter((each) => each.unique)) {
    assert.deepEqual(index.keys[0]?.expression, { kind: "column", name: "organization_id" });
  }
  assert.deepEqual(
    orders.foreignKeys.map(({ name, target, onDelete }) => [name, target, onDelete]),
    [["orders_parent_id_fkey", "orders", "cascade"], ["orders_note", "notes", "no action"]],
  );
  assert.deepEqual(
    orders.checks.map((check) => check.name),
    ["orders_state_check", "orders_kind_check", "orders_amount_check", "sane", "orders_check"],
  );
  assert.deepEqual(orders.checks[0]?.expression, {
    kind: "in",
    operand: { kind: "column", name: "state" },
    values: [{ kind: "literal", value: "open" }, { kind: "literal", value: "closed" }],
  });
  assert.equal(notes.length, 2);
  assert.match(
    notes[1] ?? "",
    /^migrations\/0001_init.sql:\d+: CREATE POLICY on orders was left out/,
  );
});

Deno.test("admitMigration() leaves out foreign keys to the host's own tables, with a note", async () => {
  const notes: string[] = [];
  const sql =
    "create table visits (id uuid primary key, organization_id uuid not null references " +
    "organizations (id) on delete cascade, guide_id uuid);\n" +
    "alter table visits add foreign key (guide_id) references users (id);";
  const changes = await admit(sql, new Map(), notes);
  const [table] = changes;
  assert.equal(changes.length, 1);
  assert.ok(table?.kind === "createTable" && table.table.foreignKeys.length === 0);
  assert.match(notes.join(), /:1: the foreign key to organizations was left out.*:2: .*users/s);
});

Deno.test("admitMigration() leaves out indexes for searches inside values, with a note", async () => {
  const notes: string[] = [];
  const sql = "create table docs (id uuid primary key, tags text[], data jsonb, body text);\n" +
    "create index docs_tags on docs using gin (tags);\n" +
    "create index docs_body on docs using gin (body gin_trgm_ops);";
  const changes = await admit(sql, new Map(), notes);
  assert.deepEqual(changes.map((change) => change.kind), ["createTable"]);
  assert.equal(notes.length, 2);
  assert.match(notes[0]!, /:2: CREATE INDEX with USING gin was left out/);
});

Deno.test("admitMigration() never lets a policy of the author into the changes", async () => {
  const sql =
    "create policy wide on notes using (true); alter table notes enable row level security";
  assert.deepEqual(await admit(sql, await baseState()), []);
});

Deno.test("admitMigration() alters, renames and drops what the addon has", async () => {
  const before = await baseState();
  const state = after(await admit(await fixture("changes.sql"), before), before);
  assert.deepEqual([...state.keys()], ["remarks"]);
  const remarks = tableOf(state, "remarks");
  const columns = remarks.columns.map((column) => column.name);
  assert.deepEqual(columns.filter((name) => ["body", "rank"].includes(name)), []);
  assert.ok(columns.includes("position"));
  assert.deepEqual(remarks.columns.find((column) => column.name === "title"), {
    name: "title",
    type: { kind: "text" },
    nullable: true,
    default: { kind: "literal", value: "none" },
  });
  assert.deepEqual(remarks.foreignKeys, []);
  assert.deepEqual(remarks.checks.map((check) => check.name), ["notes_rank_check"]);
});

Deno.test("admitMigration() is idempotent where the author says IF [NOT] EXISTS", async () => {
  const sql = `
    create table if not exists t (id uuid primary key, a text, constraint t_a unique (a));
    create index if not exists t_i on t (a);
    alter table t add column if not exists b int;
    drop table if exists gone; drop index if exists gone; alter table t drop column if exists gone;`;
  const first = await admit(sql);
  assert.deepEqual(first.map((change) => change.kind), ["createTable", "createIndex", "addColumn"]);
  assert.deepEqual(await admit(sql, after(first)), []);
  const again = await refusal("create table t (id uuid primary key)", after(first));
  assert.match(again.message, /:1: t exists already/);
  assert.match(
    (await refusal("create index t_i on t (a)", after(first))).message,
    /exists already/,
  );
});

Deno.test("admitMigration() replaces a primary key only within one statement", async () => {
  const before = await baseState();
  const sql = "alter table items drop constraint items_pkey, add primary key (sku)";
  const alone = await admit("alter table items add primary key (id)", before);
  assert.deepEqual(alone, [], "the key is there already");
  // Another table points at the old key, so the new one cannot hold.
  assert.match((await refusal(sql, before)).message, /:1: .*items/);
  const free = after(await admit("drop table notes", before), before);
  assert.deepEqual(tableOf(after(await admit(sql, free), free), "items").primaryKey, [
    "organization_id",
    "sku",
  ]);
});

Deno.test("admitMigration() passes over BEGIN and COMMIT around a whole file only", async () => {
  const create = "create table t (id uuid primary key)";
  assert.equal((await admit(`begin; ${create}; commit;`)).length, 1);
  assert.equal((await admit(`start transaction; ${create}; end;`)).length, 1);
  for (
    const sql of [
      `begin; ${create}`,
      `${create}; commit`,
      `begin; ${create}; commit; ${create}`,
      `begin isolation level serializable; ${create}; commit`,
      `begin; ${create}; rollback`,
      `begin; commit; begin; ${create}; commit`,
    ]
  ) assert.match((await refusal(sql)).message, /is not allowed/, sql);
});

Deno.test("admitMigration() refuses every hostile statement with its line", async (t) => {
  const before = await baseState();
  const lines = (await fixture("hostile.txt")).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.ok(lines.length >= 80);
  for (const line of lines) {
    const bar = line.indexOf(" | ");
    const [reason, statement] = [line.slice(0, bar), line.slice(bar + 3)];
    await t.step(statement.slice(0, 80), async () => {
      const thrown = await refusal(
        `-- é ☃ 𝄞\ncreate table fine (id uuid primary key);\n${statement}`,
        before,
      );
      assert.ok(isKernelError(thrown, "schema.migration_refused"));
      assert.ok(thrown.message.startsWith(`${FILE}:3: `), thrown.message);
      assert.ok(thrown.message.includes(reason), thrown.message);
      assert.equal(thrown.kind, "invalid");
    });
  }
});

Deno.test("admitMigration() counts lines and columns in characters, not bytes", async () => {
  const sql =
    "-- ñandú 𝄞\ncreate table t (\n  id uuid primary key,\n  é_ text default '☃', b money\n);";
  const thrown = await refusal(sql.replace("é_", "e_"));
  assert.ok(isKernelError(thrown));
  assert.deepEqual(thrown.details, { file: FILE, line: 4, column: 26, statement: "CREATE TABLE" });
  const syntax = await refusal("-- ñandú 𝄞\nselect 1;\n  creat table t ()");
  assert.ok(isKernelError(syntax, "schema.migration_syntax"));
  assert.deepEqual(syntax.details, { file: FILE, line: 3, column: 3 });
  assert.match(syntax.message, /^migrations\/0001_init.sql:3: syntax error at or near "creat"/);
});

Deno.test("admitMigration() refuses text beyond its bounds before it reads it", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["create table t\0 (id uuid)", /:1: the file holds a NUL/],
    ["-- x\n\n\0", /:3: the file holds a NUL/],
    ["-- \ud800", /well-formed/],
    [" ".repeat(MAX_MIGRATION_BYTES + 1), /more than 1048576 bytes/],
    ["-- " + "é".repeat(MAX_MIGRATION_BYTES / 2), /more than 1048576 bytes/],
    ["create table t (id uuid);\n".repeat(MAX_STATEMENTS + 1), /:2001: .*at most 2000 statements/],
    [
      `create table t (${Array.from({ length: MAX_COLUMNS + 1 }, (_, i) => `c${i} int`)})`,
      /1 to 1500 columns/,
    ],
    ["create index on notes (title);\n".repeat(100), /:\d\d: notes may have 64 indexes at most/],
    [`alter table notes ${Array(200).fill("add check (title <> '')")}`, /checks and foreign keys/],
    [`alter table notes ${Array(2001).fill("alter title set not null")}`, /at most 2000 changes/],
    [`create table t (id uuid primary key, ${Array(200).fill("check (true)")})`, /164 constraints/],
    [
      Array.from({ length: 301 }, (_, i) => `create table t${i} (id uuid primary key)`).join(";\n"),
      /:299: an addon may have at most 300 tables/,
    ],
    [`create index on notes (${Array(32).fill("title")})`, /1 to 31 keys/],
    [`alter table notes add check (title in (${Array(3000).fill("'x'")}))`, /parts at most/],
    [`alter table notes alter title set default '${"x".repeat(10_001)}'`, /10000 characters/],
  ];
  const before = await baseState();
  for (const [sql, pattern] of cases) assert.match((await refusal(sql, before)).message, pattern);
});

Deno.test("admitMigration() survives deep nesting of every kind", async () => {
  const before = await baseState();
  const add = (rule: string) => `alter table notes add check (${rule})`;
  for (const depth of [300, 5_000, 9_000, 10_000, 100_000]) {
    for (
      const sql of [
        add(`${"(".repeat(depth)}1=1${")".repeat(depth)} and title ~ 'x'`),
        add(`${"not ".repeat(depth)}true`),
        add(`1${"+1".repeat(depth)} > 0`),
        add(`length(title)${"::int".repeat(depth)} > 0`),
        add(`${"lower(".repeat(depth)}title${")".repeat(depth)} = ''`),
        `alter table notes alter title set default 'x'${"::text".repeat(depth)}`,
        `select ${"(select ".repeat(depth)}1${")".repeat(depth)}`,
      ]
    ) {
      const thrown = await refusal(sql, before);
      assert.match(thrown.message, /:1: /);
    }
  }
  assert.equal((await admit("create table t (id uuid primary key)")).length, 1);
});

Deno.test("admitMigration() admits the migrations of the real bundles", async (t) => {
  for (const { name, archive } of await realBundles()) {
    const files = await readArchive(archive);
    const key = name.replace(/-\d.*$/, "");
    for (const file of files.filter((each) => each.path.endsWith(".sql"))) {
      await t.step(`${key} ${file.path}`, async () => {
        const sql = new TextDecoder().decode(file.bytes);
        const schema = `addon_${key}`;
        const context = { schema, addonKey: key, file: file.path };
        const changes = await admitMigration(sql, { ...context, state: new Map() });
        const created = changes.filter((change) => change.kind === "createTable");
        const indexed = changes.filter((change) => change.kind === "createIndex");
        assert.equal(created.length, sql.match(/^CREATE TABLE/gm)?.length);
        assert.equal(indexed.length, sql.match(/^CREATE (UNIQUE )?INDEX/gm)?.length);
        assert.deepEqual(schemasOf(changes), new Set([schema]));
        const state = after(changes);
        for (const table of state.values()) assert.ok(table.tenantPolicy, table.name.table);
        assert.deepEqual(await admitMigration(sql, { ...context, state }), []);
      });
    }
  }
});

Deno.test("admitMigration() gives changes or a refusal for any text, never another schema", async () => {
  const before = await baseState();
  const sources = await Promise.all(["columns.sql", "rules.sql", "changes.sql"].map(plainFixture));
  const hostile = (await fixture("hostile.txt")).split("\n").map((each) =>
    each.split(" | ")[1] ?? ""
  );
  const tokensOf = (text: string) => text.match(/'[^']*'|"[^"]*"|\w+|::|[^\s\w]/g) ?? [];
  const token = fc.constantFrom(...[...sources, ...hostile].flatMap(tokensOf));
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(2), token), { minLength: 1, maxLength: 4 });
  const mutated = fc.tuple(fc.oneof(grammaticalSql(), fc.constantFrom(...hostile)), edits)
    .map(([statement, list]) => {
      const parts = tokensOf(statement);
      for (const [at, removed, put] of list) parts.splice(at % (parts.length + 1), removed, put);
      return parts.join(" ");
    });
  const shuffled = fc.array(token, { maxLength: 12 }).map((parts) => parts.join(" "));
  const text = fc.oneof(
    { weight: 6, arbitrary: grammaticalSql() },
    { weight: 3, arbitrary: mutated },
    shuffled,
    fc.string({ unit: "binary" }),
  );
  let admitted = 0;
  const property = fc.asyncProperty(
    fc.array(text, { minLength: 1, maxLength: 2 }),
    async (parts) => {
      try {
        const changes = await admit(parts.join(";\n"), before);
        admitted += changes.length;
        for (const schema of schemasOf(changes)) assert.equal(schema, SCHEMA);
        for (const name of namesOf(changes)) assert.match(name, /^[a-z][a-z0-9_]{0,62}$/);
      } catch (thrown) {
        const isExpected = isKernelError(thrown, "schema.migration_refused") ||
          isKernelError(thrown, "schema.migration_syntax");
        assert.ok(isExpected, String(thrown));
      }
    },
  );
  await fc.assert(property, { numRuns: 250, seed: 20260131 });
  assert.ok(admitted > 10, `${admitted} changes admitted`);
});

/** Every `schema` anywhere inside values. */
function schemasOf(value: unknown): Set<unknown> {
  return valuesOf(value, new Set(["schema"]));
}

/** Every name of a table, column, index or constraint anywhere inside values. */
function namesOf(value: unknown): Set<string> {
  const keys = ["name", "table", "column", "target", "to", "index", "constraint"];
  const found = valuesOf(value, new Set(keys));
  return new Set([...found].filter((each): each is string => typeof each === "string"));
}

function valuesOf(value: unknown, keys: ReadonlySet<string>): Set<unknown> {
  if (typeof value !== "object" || value === null) return new Set();
  const own = Object.entries(value).filter(([key]) => keys.has(key)).map(([, each]) => each);
  return new Set([...own, ...Object.values(value).flatMap((each) => [...valuesOf(each, keys)])]);
}

Deno.test("a table that only declared models make is changed with if exists, and the refusal says so", async () => {
  const change = (words: string) =>
    `alter table ${words} t drop column c; alter table ${words} t rename column a to b;`;
  assert.match((await refusal(change(""))).message, /declared models make it.*"if exists"/);
  assert.deepEqual(await admit(change("if exists")), []);
});
