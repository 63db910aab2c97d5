/**
 * Hostile bundles through the front door, on both engines: each is refused with its own code, and the
 * database holds afterwards what it held before, row for row. What is taken leaves nothing when it
 * goes.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type Kernel, type KernelError, systemCaller } from "../../mod.ts";
import { isKernelError } from "../../src/base/error.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import { type Client, newOwner } from "../_support/client.ts";
import { engines } from "../_support/engines.ts";
import { HOSTILE_CLASSES, SOUND_DOCUMENT, withValue } from "../_support/hostile.ts";
import { type Dump, dumpDatabase, isDumpable, leftovers } from "../_support/leftovers.ts";
import { startKernel, type TestPlace, testPlace } from "../_support/kernel.ts";
import { realBundles } from "../_support/bundles.ts";

/** What stays by design: what happened, that something changed, and which versions were seen. */
const HISTORY = ["events", "catalogs", "seen_versions", "audit"]
  .flatMap((table) => [`metacore.${table}`, `metacore_${table}`]);

interface World {
  readonly kernel: Kernel;
  readonly place: TestPlace;
  readonly owner: Client;
  dump(): Promise<Dump>;
  install(archive: Uint8Array): Promise<void>;
}

function worldTest(name: string, run: (world: World) => Promise<void>): void {
  for (const engine of engines) {
    Deno.test(`${name} [${engine}]`, async (context) => {
      await using place = await testPlace(engine, "file");
      if (!isDumpable(place)) return await notCovered(context);
      const kernel = await startKernel(place.databaseUrl);
      try {
        const owner = await newOwner(kernel);
        const caller = systemCaller(owner.organizationId);
        await run({
          kernel,
          place,
          owner,
          dump: () => dumpDatabase(place),
          install: async (archive) => {
            await kernel.services.addons.install(caller, { archive });
          },
        });
      } finally {
        await kernel.stop();
      }
    });
  }
}

async function notCovered(context: Deno.TestContext): Promise<void> {
  await context.step({ name: "NOT COVERED: no superuser to look with", ignore: true, fn() {} });
}

async function refusalOf(attempt: Promise<unknown>): Promise<KernelError> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(isKernelError(error), `threw ${error}`);
    return error;
  }
  throw new assert.AssertionError({ message: "it was installed" });
}

async function packed(
  document: unknown,
  files: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  return await packBundle(
    new Map([["manifest.json", JSON.stringify(document)], ...Object.entries(files)]),
  );
}

worldTest("hostile bundles are refused by code and leave nothing", async (world) => {
  const before = await world.dump();
  for (const { what, code, archives } of HOSTILE_CLASSES) {
    const samples = fc.sample(archives, { numRuns: /bombs|large/.test(what) ? 1 : 3, seed: 5 });
    for (const archive of samples) {
      assert.equal((await refusalOf(world.install(archive))).code, code, what);
      const plan = world.kernel.services.addons.plan(systemCaller(world.owner.organizationId), {
        archive,
      });
      assert.equal((await refusalOf(plan)).code, code, `plan: ${what}`);
    }
    const answer = await world.owner.install(samples[0]!);
    const isRefusal = answer.status === 501 || (answer.status >= 400 && answer.status < 500);
    assert.ok(isRefusal, `${what}: ${answer.status}`);
    assert.equal(answer.body.code, code, what);
  }
  assert.deepEqual(leftovers(before, await world.dump()), []);
});

const MIGRATIONS: readonly [string, string, string][] = [
  ["a broken text", "create table;", "schema.migration_syntax"],
  ["a role", "create role evil superuser;", "schema.migration_refused"],
  ["a grant", "grant all on schema public to public;", "schema.migration_refused"],
  ["a program", "copy t from program 'id';", "schema.migration_refused"],
  ["another schema", "create table public.evil (id uuid);", "schema.migration_refused"],
  ["the kernel's tables", "drop table metacore.users;", "schema.migration_refused"],
  [
    "a function",
    "create function f() returns int language sql as 'select 1';",
    "schema.migration_refused",
  ],
  ["a transaction", "commit;", "schema.migration_refused"],
  ["a setting", "set row_security = off;", "schema.migration_refused"],
  [
    "half a file",
    "create table a (id uuid primary key); drop table gone;",
    "schema.migration_refused",
  ],
];

worldTest("bad migrations are refused by code and leave nothing", async (world) => {
  const before = await world.dump();
  for (const [what, sql, code] of MIGRATIONS) {
    const archive = await packed(SOUND_DOCUMENT, { "migrations/0001_x.sql": sql });
    assert.equal((await refusalOf(world.install(archive))).code, code, what);
  }
  assert.deepEqual(leftovers(before, await world.dump()), []);
});

const NAMES = [
  "select",
  "order",
  "user",
  "table",
  "rowid",
  "oid",
  "sqlite_x",
  "pg_x",
  "current_user",
];

worldTest(
  "names that collide only in databases do not, and what is installed leaves nothing",
  async (world) => {
    const before = await world.dump();
    const column = { name: "title", type: "string", index: true, unique: true };
    let models = 0;
    const model = (name: string) => ({
      table_name: name,
      model_key: `m${models++}`,
      label: name,
      columns: [column],
    });
    const long = "t".repeat(63);
    const documents = [
      { key: "aa", models: ["b_c", `${long}a`, `${long}b`] },
      { key: "aa_b", models: ["c"] },
      { key: "k".repeat(64), models: [`${long}c`, "x_y"] },
      { key: `${"k".repeat(63)}l`, models: [`${long}d`, "x__y"] },
      { key: "words", models: [...NAMES] },
    ].map(({ key, models }) => ({
      key,
      name: key,
      version: "1.0.0",
      model_definitions: models.map((name) => model(name)),
    }));
    documents.push({
      key: "columns",
      name: "Columns",
      version: "1.0.0",
      model_definitions: [{
        ...model("wide"),
        columns: [
          ...NAMES.map((name) => ({ ...column, name })),
          { ...column, name: "c".repeat(63) },
          { ...column, name: `${"c".repeat(62)}d` },
        ],
      }],
    });
    for (const document of documents) await world.install(await packed(document));
    for (const { key, model_definitions } of documents) {
      for (const { model_key, columns } of model_definitions) {
        const record = Object.fromEntries(columns.map(({ name }) => [name, key]));
        const created = await world.owner.create(model_key, record);
        assert.deepEqual({ ...created, ...record }, created, model_key);
      }
    }
    for (const { key } of documents) await drop(world, key);
    assert.deepEqual(leftovers(before, await world.dump(), HISTORY), []);
  },
);

async function drop(world: World, key: string): Promise<void> {
  const caller = systemCaller(world.owner.organizationId);
  await world.kernel.services.addons.uninstall(caller, key, "drop");
}

worldTest("indexes of one name are refused by code and leave nothing", async (world) => {
  const before = await world.dump();
  const v3 = (indices: unknown[], table: string) => ({
    apiVersion: "asteby.com/v3",
    kind: "Addon",
    metadata: { key: "hostile", name: "Hostile", version: "1.0.0" },
    models: [{ key: "Item", table, columns: [{ name: "title", type: "text" }], indices }],
  });
  const index = { name: "items", columns: ["title"] };
  const clash = await refusalOf(world.install(await packed(v3([index], "items"))));
  assert.equal(clash.code, "schema.duplicate_index");
  const json = { name: "j", type: "jsonb" };
  const foreign = {
    ...v3([], "items"),
    models: [
      { key: "Item", table: "items", columns: [json] },
      {
        key: "Part",
        table: "parts",
        columns: [{ name: "item", type: "text" }],
        foreign_keys: [{ columns: ["item"], references: { model: "Item", columns: ["id"] } }],
      },
    ],
  };
  assert.equal(
    (await refusalOf(world.install(await packed(foreign)))).code,
    "schema.foreign_key_type",
  );
  assert.deepEqual(leftovers(before, await world.dump()), []);
});

worldTest(
  "extensions that collide with columns of others are refused and leave nothing",
  async (world) => {
    await world.install(
      await packed({
        key: "crm",
        name: "CRM",
        version: "1.0.0",
        model_definitions: [{
          table_name: "customers",
          model_key: "Customer",
          columns: [{ name: "name", type: "string" }],
        }],
      }),
    );
    const before = await world.dump();
    for (const name of ["name", "id", "organization_id", "deleted_at"]) {
      const type = name === "name" ? "string" : name.endsWith("_at") ? "timestamp" : "uuid";
      const document = withValue(SOUND_DOCUMENT, ["extensions", "0", "columns", "0"], {
        name,
        type,
      });
      const error = await refusalOf(world.install(await packed(document)));
      assert.match(error.code, /^addon\.extension_|^addon\.invalid_extension$/, name);
    }
    assert.deepEqual(leftovers(before, await world.dump()), []);
    await world.install(await packed(SOUND_DOCUMENT));
    await world.owner.create("crm.Customer", { name: "Acme", vat: "ES1" });
    await drop(world, "hostile");
    // The column stays, empty: other organizations may share the table.
    const left = leftovers(before, await world.dump(), HISTORY).filter((line) =>
      !/^[+-] (table|column) addon_crm\.customers/.test(line)
    );
    assert.equal(left.length, 1, left.join("\n"));
    assert.match(left[0]!, /^\+ row addon_crm\.customers .*Acme/);
    assert.doesNotMatch(left[0]!, /ES1/);
  },
);

worldTest("every real bundle goes without a trace", async (world) => {
  const before = await world.dump();
  const caller = systemCaller(world.owner.organizationId);
  for (const { name, archive } of await realBundles()) {
    await world.install(archive);
    const [installation] = await world.kernel.services.addons.installations(caller);
    await drop(world, installation!.addon_key);
    assert.deepEqual(leftovers(before, await world.dump(), HISTORY), [], name);
  }
});
