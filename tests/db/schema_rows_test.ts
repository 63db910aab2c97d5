/**
 * Schema changes on tables that hold rows: nothing is lost, keys go on holding, and the tenant wall
 * stands before, during and after.
 *
 * @module
 */

import assert from "node:assert/strict";
import { completeTable } from "../../src/db/schema/complete.ts";
import type { ColumnSpec, SchemaChange } from "../../src/db/schema/spec.ts";
import { engines, engineTest, openTestDatabase, type TestDatabase } from "../_support/engines.ts";
import { A, B, bench, id, name, pointer, SCHEMA, tableSpec, text } from "./schema_bench.ts";

/** A test of what only Postgres has. */
function postgresTest(title: string, run: (t: TestDatabase) => Promise<void>): void {
  Deno.test({
    name: `${title} [postgres]`,
    ignore: !engines.includes("postgres"),
    fn: async () => {
      await using t = await openTestDatabase("postgres");
      await run(t);
    },
  });
}

const widen: SchemaChange = {
  kind: "alterColumn",
  table: name("parent"),
  column: { name: "label", type: { kind: "text" }, nullable: true },
};

engineTest("render: rows behind every kind of foreign key survive a rebuild", async (t) => {
  const b = await bench(t, tableSpec("parent", [text("label")]), tableSpec("child"));
  await b.make(
    { kind: "createTable", table: tableSpec("grandchild") },
    { kind: "createTable", table: tableSpec("guard") },
    { kind: "createTable", table: tableSpec("loose") },
    ...pointer("child", "parent", "cascade"),
    ...pointer("grandchild", "child", "cascade"),
    ...pointer("guard", "grandchild", "restrict"),
    ...pointer("loose", "parent", "set null"),
    ...pointer("parent", "guard", "no action"),
    ...pointer("parent", "parent", "restrict"),
  );
  await b.insert(A, "parent", { id: id(1), label: "one" });
  await b.insert(A, "parent", { id: id(2), label: "two", parent_id: id(1) });
  await b.insert(A, "child", { id: id(3), parent_id: id(1) });
  await b.insert(A, "grandchild", { id: id(4), child_id: id(3) });
  await b.insert(A, "guard", { id: id(5), grandchild_id: id(4) });
  await b.insert(A, "loose", { id: id(6), parent_id: id(2) });
  await b.run(A, `update ${b.sql("parent")} set guard_id = '${id(5)}' where id = '${id(1)}'`);

  await b.make(widen);

  assert.deepEqual(await b.column("parent", "label"), ["one", "two"]);
  assert.deepEqual(await b.column("parent", "parent_id"), [null, id(1)]);
  assert.deepEqual(await b.column("parent", "guard_id"), [id(5), null]);
  assert.deepEqual(await b.column("child", "parent_id"), [id(1)]);
  assert.deepEqual(await b.column("grandchild", "child_id"), [id(3)]);
  assert.deepEqual(await b.column("guard", "grandchild_id"), [id(4)]);
  assert.deepEqual(await b.column("loose", "parent_id"), [id(2)]);
  await assert.rejects(b.insert(A, "child", { id: id(7), parent_id: id(99) }));
  await b.run(A, `delete from ${b.sql("parent")} where id = '${id(2)}'`);
  assert.deepEqual(await b.column("loose", "parent_id"), [null], "set null still acts");
  await assert.rejects(b.run(A, `delete from ${b.sql("child")}`), "restrict still acts");
});

engineTest("render: on delete set null leaves the tenant column alone", async (t) => {
  const b = await bench(t, tableSpec("parent", [text("label")]), tableSpec("child"));
  await b.make(...pointer("child", "parent", "set null"));
  await b.insert(A, "parent", { id: id(1) });
  await b.insert(A, "child", { id: id(2), parent_id: id(1) });
  await b.run(A, `delete from ${b.sql("parent")}`);
  assert.deepEqual(await b.column("child", "parent_id"), [null]);
  assert.deepEqual(await b.column("child", "organization_id"), [A]);
});

engineTest("completeTable: uniqueness and foreign keys stay inside an organization", async (t) => {
  const unique = {
    name: "uidx_parent_label",
    keys: [{ expression: { kind: "column", name: "label" } }],
    unique: true,
  } as const;
  const b = await bench(
    t,
    completeTable({ ...tableSpec("parent", [text("label")]), indexes: [unique] }),
    tableSpec("child"),
  );
  await b.make(...pointer("child", "parent", "cascade"));
  await b.insert(A, "parent", { id: id(1), label: "same" });
  await b.insert(B, "parent", { id: id(1), label: "same" });
  await b.insert(B, "parent", { id: id(2), label: "other" });
  await assert.rejects(b.insert(A, "parent", { id: id(3), label: "same" }));
  await assert.rejects(b.insert(A, "child", { id: id(4), parent_id: id(2) }));
  await b.insert(B, "child", { id: id(4), parent_id: id(2) });
});

engineTest("render: foreign keys outlive the key they first hung on", async (t) => {
  const b = await bench(t, tableSpec("parent", [text("code", "required")]), tableSpec("child"));
  const index = {
    name: "other_key",
    keys: ["organization_id", "id"].map((each) => ({
      expression: { kind: "column", name: each } as const,
    })),
    unique: true,
  };
  const key = (...columns: string[]): SchemaChange => ({
    kind: "setPrimaryKey",
    table: name("parent"),
    columns: ["organization_id", ...columns],
  });
  await b.make(...pointer("child", "parent", "no action"));
  await b.insert(A, "parent", { id: id(1), code: "one" });
  await b.insert(A, "child", { id: id(2), parent_id: id(1) });
  await b.make({ kind: "createIndex", table: name("parent"), index }, key("code"));
  await assert.rejects(b.run(A, `delete from ${b.sql("parent")}`), "now on the index");
  await b.make(key("id"), { kind: "dropIndex", table: name("parent"), index: index.name });
  await assert.rejects(b.run(A, `delete from ${b.sql("parent")}`), "on the primary key again");
  await b.run(A, `delete from ${b.sql("child")}`);
  await b.run(A, `delete from ${b.sql("parent")}`);
});

engineTest("render: defaults give values of the column's form", async (t) => {
  const literal = "a'\\b\"); drop table x; -- $1 🦊";
  const b = await bench(
    t,
    tableSpec("parent", [
      { name: "at", type: { kind: "timestamp" }, nullable: false, default: { kind: "now" } },
      { name: "day", type: { kind: "date" }, nullable: false, default: { kind: "now" } },
      { name: "key", type: { kind: "uuid" }, nullable: false, default: { kind: "uuid" } },
      {
        name: "note",
        type: { kind: "text" },
        nullable: false,
        default: { kind: "literal", value: literal },
      },
      {
        name: "flag",
        type: { kind: "boolean" },
        nullable: false,
        default: { kind: "literal", value: true },
      },
    ]),
  );
  for (let i = 1; i <= 20; i++) await b.insert(A, "parent", { id: id(i) });
  for (const key of await b.column("parent", "key")) {
    assert.match(key!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  assert.equal(new Set(await b.column("parent", "key")).size, 20);
  const [at] = await b.column("parent", "at");
  const instant = Date.parse(at!.replace(" ", "T").replace(/[+]00$/, "Z"));
  assert.ok(Math.abs(instant - Date.now()) < 60_000, at!);
  if (t.engine === "sqlite") assert.match(at!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.match((await b.column("parent", "day"))[0]!, /^\d{4}-\d\d-\d\d$/);
  assert.equal((await b.column("parent", "note"))[0], literal);
  assert.match((await b.column("parent", "flag"))[0]!, /^(1|true)$/);
});

engineTest("render: a column that becomes required is filled in every organization", async (t) => {
  const b = await bench(t, tableSpec("parent", [text("label")]));
  await b.insert(A, "parent", { id: id(1) });
  await b.insert(B, "parent", { id: id(2) });
  await b.insert(B, "parent", { id: id(3), label: "kept" });
  await b.make({
    kind: "alterColumn",
    table: name("parent"),
    column: { ...text("label", "required"), default: { kind: "literal", value: "new" } },
  });
  assert.deepEqual(await b.column("parent", "label"), ["new"]);
  assert.deepEqual(await b.column("parent", "label", B), ["new", "kept"]);
  if (t.engine === "postgres") {
    const rows = await b.run(A, `select id from ${b.sql("parent")}`);
    assert.equal(rows.length, 1, "row-level security is forced again");
  }
});

engineTest("render: conversions keep values on both engines alike", async (t) => {
  const b = await bench(
    t,
    tableSpec("parent", [
      { name: "day", type: { kind: "date" }, nullable: true },
      { name: "count", type: { kind: "integer" }, nullable: true },
      { name: "share", type: { kind: "double" }, nullable: true },
    ]),
  );
  await b.insert(A, "parent", { id: id(1), day: "2026-01-31", count: "42", share: "0.5" });
  await b.insert(A, "parent", { id: id(2) });
  const alter = (column: string, type: ColumnSpec["type"]): SchemaChange => ({
    kind: "alterColumn",
    table: name("parent"),
    column: { name: column, type, nullable: true },
  });
  await b.make(
    alter("day", { kind: "timestamp" }),
    alter("count", { kind: "text" }),
    alter("share", { kind: "numeric" }),
  );
  assert.match((await b.column("parent", "day"))[0]!, /^2026-01-31[T ]00:00:00(\.000)?(Z|\+00)$/);
  assert.deepEqual(await b.column("parent", "count"), ["42", null]);
  assert.deepEqual(await b.column("parent", "share"), ["0.5", null]);
});

engineTest("render: like minds the case of letters on both engines", async (t) => {
  const b = await bench(t, tableSpec("parent", [text("label")]));
  await b.make({
    kind: "addCheck",
    table: name("parent"),
    check: {
      name: "label_form",
      expression: {
        kind: "compare",
        operator: "like",
        left: { kind: "column", name: "label" },
        right: { kind: "literal", value: "A\\%[x]*_" },
      },
    },
  });
  await b.insert(A, "parent", { id: id(1), label: "A%[x]*?" });
  for (const label of ["a%[x]*?", "Ab[x]*?", "A%x*?", "A%[x]b?", "A%[x]*"]) {
    await assert.rejects(b.insert(A, "parent", { id: id(2), label }), label);
  }
});

postgresTest("renderPostgres: the policy hides other organizations from the owner", async (t) => {
  const b = await bench(t, tableSpec("parent", [text("label")]));
  await b.insert(A, "parent", { id: id(1) });
  await b.insert(B, "parent", { id: id(2) });
  const seen = async (organization: string) =>
    (await b.run(organization, `select id from ${b.sql("parent")}`)).map((row) => row.id);
  assert.deepEqual(await seen(A), [id(1)]);
  assert.deepEqual(await seen(B), [id(2)]);
  await assert.rejects(
    b.run(A, `insert into ${b.sql("parent")} (id, organization_id) values ('${id(3)}', '${B}')`),
  );
  const changed = await b.run(A, `update ${b.sql("parent")} set label = 'x' returning id`);
  assert.deepEqual(changed.map((row) => row.id), [id(1)]);
  const defaulted = await b.run(
    B,
    `insert into ${b.sql("parent")} (id) values ('${id(4)}') returning organization_id`,
  );
  assert.deepEqual(defaulted.map((row) => row.organization_id), [B]);
});

postgresTest("protectTable: whatever else let rows through is gone", async (t) => {
  const b = await bench(t, tableSpec("parent"));
  const found = async () =>
    (await b.as(A, (tx) => tx.profile.introspect(tx, SCHEMA))).get("parent")?.tenantPolicy;
  const breaks = [
    `create policy "open'\\" on ${b.sql("parent")} using (true)`,
    `alter table ${b.sql("parent")} disable row level security`,
    `alter table ${b.sql("parent")} no force row level security`,
    `drop policy rls_org_isolation on ${b.sql("parent")}`,
    `alter policy rls_org_isolation on ${b.sql("parent")} using (true)`,
    `alter policy rls_org_isolation on ${b.sql("parent")} to current_user`,
  ];
  for (const sql of breaks) {
    assert.equal(await found(), true);
    await b.run(A, sql);
    assert.equal(await found(), false, sql);
    await b.make({ kind: "protectTable", table: name("parent") });
  }
  assert.equal(await found(), true);
  await b.insert(A, "parent", { id: id(1) });
  assert.deepEqual(await b.run(B, `select id from ${b.sql("parent")}`), []);
});

engineTest("introspect: what others made is passed over", async (t) => {
  const b = await bench(t, tableSpec("parent", [text("label")]));
  const parent = b.sql("parent");
  const strange = t.engine === "postgres"
    ? [
      `create table ${b.sql("other")} (a inet default '::1', b int generated always as identity, ` +
      `c text collate "C" unique, d int generated always as (1 + 1) stored, check (c <> 'x'))`,
      `create view "${SCHEMA}".v as select 1 as one`,
      `create function "${SCHEMA}".f() returns int language sql as 'select 1'`,
      `create index strange on ${parent} ((label || 'x')) where label <> ''`,
      `create index hashed on ${parent} using hash (label)`,
      `comment on index "${SCHEMA}".strange is '{"metacore":{"keys":[{"expression":7}]}}'`,
      `comment on table ${parent} is 'not JSON'`,
      `alter table ${parent} add constraint c check (label <> 'y')`,
      `comment on constraint c on ${parent} is '{"metacore":{"expression":{"kind":"sql"}}}'`,
    ]
    : [
      `create table ${b.sql("other")} (a, b integer primary key autoincrement, ` +
      `c text collate nocase default (1 + 1) unique, d as (1 + 1), check (c like 'x'), ` +
      `foreign key (a) references elsewhere)`,
      `create table "addon_rowsx.no" (a)`,
      `create view "${SCHEMA}.v" as select 1 as one`,
      `create index "${SCHEMA}.strange" on ${parent} (label || 'x') where label is 'a'`,
      `create trigger "${SCHEMA}.tr" after delete on ${parent} begin select 1; end`,
    ];
  for (const sql of strange) await b.run(A, sql);
  const state = await b.as(A, (tx) => tx.profile.introspect(tx, SCHEMA));
  assert.deepEqual([...state.keys()].toSorted(), ["other", "parent"]);
  assert.deepEqual(state.get("other")?.columns.map((column) => column.name), ["a", "b", "c", "d"]);
  assert.deepEqual(state.get("parent"), b.state.get("parent"));
});

engineTest("dropSchema: tables in a circle of foreign keys with rows go at once", async (t) => {
  const b = await bench(t, tableSpec("parent", [text("label")]), tableSpec("child"));
  await b.make(
    ...pointer("child", "parent", "restrict"),
    ...pointer("parent", "child", "restrict"),
  );
  await b.insert(A, "parent", { id: id(1) });
  await b.insert(A, "child", { id: id(2), parent_id: id(1) });
  await b.run(A, `update ${b.sql("parent")} set child_id = '${id(2)}'`);
  await b.make({ kind: "dropSchema", schema: SCHEMA, tables: ["parent", "child"] });
  const state = await b.as(A, (tx) => tx.profile.introspect(tx, SCHEMA));
  assert.equal(state.size, 0);
});
