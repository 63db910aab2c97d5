/**
 * `db_query`, `db_exec` and their GoNext sisters over the real guest SQL, on tables as an install
 * makes them.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { HostContext } from "../../src/addons/host/context.ts";
import { applyChanges } from "../../src/addons/install/apply.ts";
import { planInstall } from "../../src/addons/install/plan.ts";
import { parseManifest } from "../../src/bundle/manifest/parse.ts";
import type { Database } from "../../src/db/database.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import { engineTest } from "../_support/engines.ts";
import { call, contextOf, ids, json, makeHostWorld, ORG, OTHER_ORG, rights } from "./host_world.ts";

const QUERY = "metacore_host.db_query";
const EXEC = "metacore_host.db_exec";
const INSERT = "insert into notes (title, size) values ($1, $2) returning title, size";

/** A table `notes` in the schema of an addon. */
async function installNotes(database: Database, key: string, schema: string): Promise<void> {
  const manifest = parseManifest({
    key,
    name: key,
    version: "1.0.0",
    model_definitions: [{
      table_name: "notes",
      model_key: `${key}_note`,
      label: "Notes",
      columns: [
        { name: "title", type: "string", unique: true, required: true },
        { name: "size", type: "int" },
      ],
    }],
  });
  await database.schemaTransaction(null, async (tx) => {
    const current = await tx.profile.introspect(tx, schema);
    const models = modelsOf(manifest, schema);
    const plan = planInstall({ schema, current, migrations: [], models });
    await applyChanges(tx, current, plan.changes);
  });
}

async function realWorld(database: Database) {
  const schema = database.profile.addonSchema("tickets", "schema-per-tenant", ORG);
  const orders = database.profile.addonSchema("orders", "shared", ORG);
  await installNotes(database, "tickets", schema);
  await installNotes(database, "orders", orders);
  const world = await makeHostWorld(database, { guestSql: database.guestSql });
  const findSchema = (key: string) => key === "orders" ? orders : undefined;
  const own: Partial<HostContext> = { schemaName: schema, findSchema };
  return { world, own, schema };
}

const insert = (title: string, size = 1) => [INSERT, JSON.stringify([title, size])] as const;

engineTest("a guest reads and writes its own tables, and counts are made anew", async (t) => {
  const { world, own, schema } = await realWorld(t.database);
  const written = json(await call(world.port(own), EXEC, ...insert("one", 7)));
  assert.deepEqual(written.data?.rows, [{ title: "one", size: 7 }], JSON.stringify(written));
  assert.equal(written.data.rowsAffected, 1);
  const sql = "select title, size as n from addon_tickets.notes where size = $1";
  const read = json(await call(world.port(own), QUERY, sql, "[7]"));
  assert.deepEqual(read.data?.rows, [{ title: "one", n: 7 }], JSON.stringify(read));
  assert.deepEqual(read.meta.schema, "addon_tickets");
  const events = await t.database.kysely.selectFrom("events").selectAll().execute();
  assert.deepEqual(
    events.map((one) => [one.name, one.table_name, one.organization_id, one.payload]),
    [
      ["tickets.notes.changed", `${schema}.notes`, ORG, '{"changes":1}'],
    ],
  );
});

engineTest("refusals of real SQL have the contract's words", async (t) => {
  const { world, own } = await realWorld(t.database);
  const code = async (name: string, sql: string, args = "") =>
    json(await call(world.port(own), name, sql, args)).error?.code ?? "ok";
  assert.equal(await code(EXEC, ...insert("one")), "ok");
  assert.equal(await code(EXEC, ...insert("one")), "constraint_violation");
  assert.equal(await code(QUERY, "delete from notes"), "invalid_sql");
  assert.equal(await code(QUERY, "select 1; select 2"), "invalid_sql");
  assert.equal(await code(QUERY, "select set_config('app.current_org', 'x', true)"), "invalid_sql");
  assert.equal(await code(QUERY, "select $1", "[]"), "arg_count_mismatch");
  assert.equal(await code(QUERY, "select 1 / 0"), "db_error");
  for (const table of ["metacore.users", "pg_catalog.pg_class", "addon_orders.notes", "public.x"]) {
    assert.equal(await code(QUERY, `select 1 from ${table}`), "forbidden", table);
  }
});

engineTest(
  "another organization's rows are not there; another addon's only by capability",
  async (t) => {
    const { world, own } = await realWorld(t.database);
    const run = async (context: Partial<HostContext>, name: string, sql: string, args = "") =>
      json(await call(world.port({ ...own, ...context }), name, sql, args));
    await run({}, EXEC, ...insert("mine"));
    const stranger = contextOf(rights(), OTHER_ORG);
    const count = "select count(*) as n from notes";
    assert.deepEqual((await run({ ...stranger, ...own }, QUERY, count)).data.rows, [{ n: 0 }]);
    const forging = "insert into notes (organization_id, title) values ($1, 'forged')";
    const forged = await run({}, EXEC, forging, JSON.stringify([{ $uuid: OTHER_ORG }]));
    assert.equal(forged.error?.code, "forbidden", JSON.stringify(forged));
    const orders = "select title from addon_orders.notes";
    const reader = contextOf(rights({ kind: "db:read", target: "addon_orders.notes" }));
    assert.deepEqual((await run({ ...reader, ...own }, QUERY, orders)).data?.rows, []);
    const write = "update addon_orders.notes set title = 'x'";
    assert.equal((await run({ ...reader, ...own }, EXEC, write)).error.code, "forbidden");
  },
);

engineTest(
  "in an action's transaction a failed statement changes nothing, and reads see writes",
  async (t) => {
    const { world, own } = await realWorld(t.database);
    const count = "select count(*) as n from notes";
    await assert.rejects(
      t.database.transaction(ORG, async (transaction) => {
        const port = world.port({ ...own, transaction, transactionMode: "action" });
        assert.equal(json(await call(port, EXEC, ...insert("one"))).success, true);
        const broken = json(await call(port, EXEC, ...insert("one")));
        assert.equal(broken.error?.code, "constraint_violation");
        assert.equal(json(await call(port, EXEC, ...insert("two"))).success, true);
        assert.deepEqual(json(await call(port, QUERY, count)).data.rows, [{ n: 2 }]);
        throw new Error("declined");
      }),
      /declined/,
    );
    assert.deepEqual(json(await call(world.port(own), QUERY, count)).data.rows, [{ n: 0 }]);
    assert.deepEqual(await t.database.kysely.selectFrom("events").selectAll().execute(), []);
  },
);

engineTest("a plugin's statements run on the same roads", async (t) => {
  const { world, own } = await realWorld(t.database);
  const context = { ...contextOf(ids(["db.read", "db.write"])), ...own, abi: "gonext/1" as const };
  const port = world.port(context);
  const args = JSON.stringify(["one", 2]);
  const write = "insert into notes (title, size) values ($1, $2)";
  assert.deepEqual(await call(port, "gonext_data.gn_db_write", write, args), { status: 1 });
  const update = "update notes set size = size + 1";
  assert.deepEqual(await call(port, "gonext_data.gn_db_write", update, ""), { status: 1 });
  const rows = await call(port, "gonext_data.gn_db_read", "select title, size from notes", "[]");
  assert.deepEqual(json(rows), [{ title: "one", size: 3 }]);
  assert.deepEqual(await call(port, "gonext_data.gn_db_read", "select 1 from x.y", ""), {
    status: -1,
  });
});
