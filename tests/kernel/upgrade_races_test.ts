/**
 * Changes of installations that meet: two steps back at once, a replica that learns of upgrades late,
 * actions that hold the very tables that an upgrade alters.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, type SystemCaller, systemCaller } from "../../mod.ts";
import type { Database } from "../../src/db/database.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { newOwner } from "../_support/client.ts";
import { engines, hasPostgresServer, openTestDatabase } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";
import { type LifeAddon, lifeBundle } from "./life_addon.ts";

async function newCaller(kernel: Kernel): Promise<SystemCaller> {
  return systemCaller((await newOwner(kernel)).organizationId);
}

/** A version that tells which it is. */
function telling(n: number): LifeAddon {
  return { version: `1.${n}.0`, functions: { look: { query: `select '${n}' as code` } } };
}

async function install(kernel: Kernel, caller: SystemCaller, addon: LifeAddon): Promise<void> {
  const archive = await lifeBundle(addon);
  await kernel.services.addons.install(caller, { archive }, { acceptedCapabilities: "all" });
}

/** Waits until somebody waits for a lock that another holds. */
async function waitingForLock(database: Database): Promise<void> {
  await database.transaction(null, (tx) =>
    tx.execute({
      sql: `do $$ begin while not exists (select from pg_locks
        where locktype = 'advisory' and not granted and database =
          (select oid from pg_database where datname = current_database())) loop
        perform pg_sleep(0.001); end loop; end $$`,
      parameters: [],
    }));
}

async function look(kernel: Kernel, caller: SystemCaller): Promise<string> {
  const answer = await kernel.services.code.call(caller, "life", "look", { input: {} });
  return JSON.parse(new TextDecoder().decode(answer)).data.rows[0].code;
}

kernelTest("Two steps back at once are one: the version left is not lost", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons } = kernel.services;
  for (const n of [1, 2]) await install(kernel, caller, telling(n));
  const outcomes = await Promise.allSettled([1, 2].map(() => addons.rollback(caller, "life")));
  const refused = outcomes.flatMap((each) => each.status === "rejected" ? [each.reason.code] : []);
  assert.deepEqual(refused, ["addon.no_previous_version"]);
  const { version, previous_version } = await addons.installation(caller, "life");
  assert.deepEqual([version, previous_version], ["1.1.0", "1.2.0"]);
  await addons.rollback(caller, "life");
  assert.equal(await look(kernel, caller), "2");
});

Deno.test({
  name: "A replica that has not heard of two upgrades still runs the version it knows",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using place = await testPlace("postgres", "file");
    const here = await startKernel(place.databaseUrl);
    let nowMs = Date.now();
    const there = await startKernel(place.databaseUrl, { clock: { nowMs: () => nowMs } });
    try {
      const caller = await newCaller(here);
      await install(here, caller, telling(1));
      // It knows the version, and has never run its code.
      await there.services.addons.manifests(caller);
      await there.services.records.list(caller, "life_notes", new URLSearchParams());
      for (const n of [2, 3]) await install(here, caller, telling(n));
      assert.equal(await look(there, caller), "1");
      nowMs += 1_001;
      assert.equal(await look(there, caller), "3");
    } finally {
      await Promise.all([here.stop(), there.stop()]);
    }
  },
});

Deno.test({
  name: "Tables are locked all at once: who holds one of them and wants another comes through",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using place = await openTestDatabase("postgres");
    const { database } = place;
    const tables = ["notes", "others"].map((table) => ({ schema: "ring", table }));
    await database.schemaTransaction(null, async (tx) => {
      await tx.execute({ sql: "create schema ring", parameters: [] });
      for (const { table } of tables) {
        await tx.execute({ sql: `create table ring.${table} (id int)`, parameters: [] });
      }
    });
    const locking = Promise.withResolvers<void>();
    const call = database.transaction(null, async (tx) => {
      await tx.execute({ sql: "lock table ring.others in row exclusive mode", parameters: [] });
      locking.resolve();
      // The change holds the first table now, and waits for the second.
      await tx.execute({
        sql: `do $$ begin while not exists (select from pg_locks
          where relation = 'ring.others'::regclass and not granted) loop
          perform pg_sleep(0.001); perform pg_stat_clear_snapshot(); end loop; end $$`,
        parameters: [],
      });
      await tx.execute({ sql: "lock table ring.notes in row exclusive mode", parameters: [] });
    });
    await locking.promise;
    const change = database.schemaTransaction(null, async (tx) => {
      await tx.lockTables(tables);
      const timeout = "select current_setting('statement_timeout') as ms";
      return (await tx.execute({ sql: timeout, parameters: [] })).rows[0]?.["ms"];
    });
    await call;
    // What a single attempt may take is no limit of what comes after it.
    assert.equal(await change, "5min");
  },
});

Deno.test({
  name: "Who enables an addon lets a call that holds one of the extended tables come through",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using place = await testPlace("postgres", "file");
    const altered: string[] = [];
    const kernel = await startKernel(place.databaseUrl, {
      fault: {
        beforeStatement: (_count, sql) => {
          if (sql.includes("other_mark") && /alter table/i.test(sql)) altered.push(sql);
        },
      },
    });
    const database = await openDatabase({ url: place.databaseUrl, logger: silentLogger });
    try {
      const caller = await newCaller(kernel);
      const { addons, records } = kernel.services;
      const tables = ["first", "second"];
      const extensions = tables.map((table) => ({
        model: `life_${table}`,
        columns: [{ name: "other_mark", type: "string" }],
      }));
      await install(kernel, caller, { key: "other", version: "1.0.0", manifest: { extensions } });
      await addons.disable(caller, "other");
      const definitions = tables.map((table) => ({
        table_name: table,
        model_key: `life_${table}`,
        label: table,
        org_scoped: true,
        columns: [{ name: "title", type: "string" }],
      }));
      await install(kernel, caller, {
        version: "1.0.0",
        manifest: { model_definitions: definitions },
      });
      const { promise: held, resolve: hold } = Promise.withResolvers<void>();
      const call = database.transaction(caller.organizationId, async (tx) => {
        await tx.execute({
          sql: "lock table addon_life.second in row exclusive mode",
          parameters: [],
        });
        hold();
        // The change holds the first table now, or waits for both at once.
        await tx.execute({
          sql: `do $$ begin while not exists (select from pg_locks
            where relation = 'addon_life.second'::regclass and not granted) loop
            perform pg_sleep(0.001); perform pg_stat_clear_snapshot(); end loop; end $$`,
          parameters: [],
        });
        await tx.execute({
          sql: "lock table addon_life.first in row exclusive mode",
          parameters: [],
        });
      });
      await held;
      await Promise.all([call, addons.enable(caller, "other")]);
      // Neither had to be ended and begin anew.
      assert.equal(altered.length, tables.length);
      const created = await records.create(caller, "life_second", { other_mark: "x" });
      assert.equal((created.value() as Record<string, unknown>)["other_mark"], "x");
    } finally {
      await database.close();
      await kernel.stop();
    }
  },
});

Deno.test({
  name: "Who installs an addon that extends another waits for both in the order of their names",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using place = await testPlace("postgres", "file");
    const kernel = await startKernel(place.databaseUrl);
    const database = await openDatabase({ url: place.databaseUrl, logger: silentLogger });
    try {
      const caller = await newCaller(kernel);
      const extending = (key: string, other: string): LifeAddon => ({
        key,
        version: "1.0.0",
        manifest: {
          extensions: [{
            model: `${other}_notes`,
            columns: [{ name: `${key}_mark`, type: "string" }],
          }],
        },
      });
      await install(kernel, caller, extending("alpha", "beta"));
      const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
      const { promise: held, resolve: hold } = Promise.withResolvers<void>();
      const holding = database.transaction(null, async (tx) => {
        await tx.lock("install:addon_alpha");
        hold();
        await go;
      });
      await held;
      const installing = install(kernel, caller, extending("beta", "alpha"));
      await waitingForLock(database);
      const isFree = await database.transaction(null, async (tx) => {
        const { rows } = await tx.execute({
          sql:
            "select pg_try_advisory_xact_lock(hashtextextended('install:addon_beta', 0)) as free",
          parameters: [],
        });
        return rows[0]?.["free"];
      });
      letGo();
      await Promise.all([holding, installing]);
      assert.equal(isFree, true);
      // Both have put their columns on the other's model.
      for (const [model, column] of [["alpha_notes", "beta_mark"], ["beta_notes", "alpha_mark"]]) {
        const created = await kernel.services.records.create(caller, model!, { [column!]: "x" });
        assert.equal((created.value() as Record<string, unknown>)[column!], "x");
      }
    } finally {
      await database.close();
      await kernel.stop();
    }
  },
});

for (const engine of engines) {
  Deno.test(`While a backend thinks about a change, everybody sees it and nobody waits [${engine}]`, async () => {
    let asked = Promise.withResolvers<void>();
    let answered = Promise.withResolvers<void>();
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async () => {
        asked.resolve();
        await answered.promise;
        return new Response("{}");
      },
    );
    const host = `127.0.0.1:${server.addr.port}`;
    await using place = await testPlace(engine, "memory");
    const kernel = await startKernel(place.databaseUrl, {
      egress: { hosts: [host], privateAddresses: [host] },
    });
    const whileAsked = async (change: () => Promise<unknown>, work: () => Promise<void>) => {
      [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const changing = change();
      try {
        await Promise.race([asked.promise, changing]);
        await work();
      } finally {
        answered.resolve();
        await changing;
      }
    };
    try {
      const caller = await newCaller(kernel);
      const { addons, records, actions } = kernel.services;
      const hooks = [
        { target: { type: "wasm", function: "look" } },
        { target: { type: "webhook", url: `http://${host}/life` } },
      ];
      const look = { type: "wasm", export: "look", run_in_tx: true };
      const manifest = {
        actions: { life_notes: [{ key: "look", name: "look", label: "look", trigger: look }] },
      };
      await install(kernel, caller, { ...telling(1), manifest });
      // Border: a created record is an object with its id.
      const { id } = (await records.create(caller, "life_notes", {})).value() as { id: string };
      const next = { ...telling(2), manifest, hooks: { upgrade: hooks, disable: hooks } };
      await whileAsked(() => install(kernel, caller, next), async () => {
        // In a transaction: of places for these, SQLite has one.
        const { data } = await actions.run(caller, "life_notes", id, "look", {});
        assert.equal((data as { rows: { code: string }[] }).rows[0]?.code, "2");
      });
      await whileAsked(() => addons.disable(caller, "life"), async () => {
        await assert.rejects(actions.run(caller, "life_notes", id, "look", {}), {
          code: "model.not_found",
        });
      });
    } finally {
      await kernel.stop();
    }
  });
}

Deno.test("A hook finds a worker with its module when the transaction begins", async () => {
  const counts: Promise<number>[] = [];
  const kernel: Kernel = await startKernel("sqlite::memory:", {
    operatorToken: OPERATOR,
    fault: {
      beforeStatement: (_count, sql) => {
        if (!/^insert into "?metacore_installations/.test(sql)) return;
        counts.push(workersWithCode(kernel));
      },
    },
  });
  try {
    const caller = await newCaller(kernel);
    const hooks = { install: [{ target: { type: "wasm", function: "look" } }] };
    await install(kernel, caller, { ...telling(1), hooks });
    assert.equal(counts.length, 1);
    assert.ok(await counts[0]! >= 1);
  } finally {
    await kernel.stop();
  }
});

const OPERATOR = "an operator's token of more than 32 bytes".replaceAll(" ", "-");

/** Workers that hold the module of an addon, or are just being started. */
async function workersWithCode(kernel: Kernel): Promise<number> {
  const answer = await kernel.fetch(
    new Request("http://kernel.test/api/operator/sandbox", {
      headers: { authorization: `Bearer ${OPERATOR}` },
    }),
  );
  const { data } = await answer.json();
  return data.workers - data.spareWorkers;
}

/** The same once there is one left, or two seconds later: what starts or ends takes a moment. */
async function settledWorkers(kernel: Kernel): Promise<number> {
  for (let asked = 0; await workersWithCode(kernel) !== 1 && asked < 200; asked++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return await workersWithCode(kernel);
}

kernelTest("An upgrade that fails leaves no worker behind", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const caller = systemCaller(owner.organizationId);
  await install(kernel, caller, telling(1));
  await look(kernel, caller);
  assert.equal(await settledWorkers(kernel), 1);
  for (const n of [2, 3, 4]) {
    const archive = await lifeBundle(telling(n));
    await assert.rejects(
      kernel.services.addons.install(caller, { archive }, { planHash: "0".repeat(64) }),
      { code: "addon.plan_changed" },
    );
  }
  assert.equal(await settledWorkers(kernel), 1);
  assert.equal(await look(kernel, caller), "1");
}, { operatorToken: OPERATOR });

Deno.test({
  name: "Changes that wait for each other leave the database to everybody else",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using place = await testPlace("postgres", "file");
    const kernel = await startKernel(place.databaseUrl);
    const database = await openDatabase({ url: place.databaseUrl, logger: silentLogger });
    try {
      const [caller, neighbour] = [
        await newCaller(kernel),
        systemCaller(
          (await newOwner(kernel, "Other")).organizationId,
        ),
      ];
      await install(kernel, neighbour, telling(1));
      const [held, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const holding = database.transaction(null, async (tx) => {
        await tx.lock(`install:${caller.organizationId}`);
        held.resolve();
        await go.promise;
      });
      await held.promise;
      const keys = Array.from({ length: 12 }, (_, at) => `addon_${at}`);
      const installing = Promise.all(
        keys.map((key) => install(kernel, caller, { key, version: "1.0.0" })),
      );
      // All that get a connection at once have one now.
      await waitingForLock(database);
      const reads = await Promise.allSettled(
        Array.from(
          { length: 8 },
          () => kernel.services.records.list(neighbour, "life_notes", new URLSearchParams()),
        ),
      );
      go.resolve();
      await Promise.all([holding, installing]);
      assert.deepEqual(new Set(reads.map(({ status }) => status)), new Set(["fulfilled"]));
      assert.equal((await kernel.services.addons.installations(caller)).length, keys.length);
    } finally {
      await database.close();
      await kernel.stop();
    }
  },
});

kernelTest("A kernel that stops lets changes end, and begins no other", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons } = kernel.services;
  const archive = await lifeBundle(telling(1));
  const stopping = Promise.withResolvers<void>();
  const { operation, installation } = await addons.install(caller, { archive }, {
    onProgress: ({ station }) => {
      if (station === "hooks") stopping.resolve(kernel.stop());
    },
  });
  assert.deepEqual([operation, installation.version], ["install", "1.1.0"]);
  await stopping.promise;
  await assert.rejects(addons.uninstall(caller, "life", "keep"), { code: "db.closed" });
});
