/**
 * A crash before a statement of a step back, of disabling and of removing leaves what was or what
 * should be, whole: rows of the kernel, tables of the addon, its columns on another addon's table.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, type SystemCaller, systemCaller } from "../../mod.ts";
import type { Database } from "../../src/db/database.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { newOwner } from "../_support/client.ts";
import { engines } from "../_support/engines.ts";
import { startKernel, testPlace } from "../_support/kernel.ts";
import { type LifeAddon, lifeBundle, UPGRADE } from "./life_addon.ts";

type Change = (kernel: Kernel, caller: SystemCaller) => Promise<unknown>;

const CHANGES: Readonly<Record<string, Change>> = {
  "a step back": ({ services }, caller) => services.addons.rollback(caller, "life"),
  "disabling": ({ services }, caller) => services.addons.disable(caller, "life"),
  "removing": ({ services }, caller) => services.addons.uninstall(caller, "life", "keep"),
  "removing with data": ({ services }, caller) => services.addons.uninstall(caller, "life", "drop"),
};

/** Statements between two crashes: starting on Postgres takes its time. */
const STRIDE = { sqlite: 1, postgres: 4 } as const;

for (const engine of engines) {
  for (const [what, change] of Object.entries(CHANGES)) {
    Deno.test(`${what}: a crash before a statement leaves the old state or the new [${engine}]`, async () => {
      await using reference = await testPlace(engine, "file");
      const other = await prepared(reference.databaseUrl);
      const before = await stateOf(reference.databaseUrl);
      const finishing = await startKernel(reference.databaseUrl);
      await change(finishing, other);
      await finishing.stop();
      const after = await stateOf(reference.databaseUrl);
      assert.notEqual(before, after);
      await using place = await testPlace(engine, "file");
      const caller = await prepared(place.databaseUrl);
      let [crashes, state] = [0, await stateOf(place.databaseUrl)];
      for (let at = 1; state === before; at += STRIDE[engine]) {
        let [seen, isArmed] = [0, false];
        const kernel = await startKernel(place.databaseUrl, {
          fault: {
            beforeStatement: () => {
              if (isArmed && ++seen >= at) throw new Error("crash");
            },
          },
        });
        isArmed = true;
        const outcome = await change(kernel, caller).then(() => "finished", () => "crashed");
        isArmed = false;
        await kernel.stop().catch(() => {});
        if (outcome === "crashed") crashes++;
        state = await stateOf(place.databaseUrl);
      }
      assert.equal(state, after);
      assert.ok(crashes >= 8 / STRIDE[engine], `only ${crashes} crashes`);
    });
  }
}

/** The upgraded addon beside one whose model it extends; both have rows. */
async function prepared(databaseUrl: string): Promise<SystemCaller> {
  const kernel = await startKernel(databaseUrl);
  const caller = systemCaller((await newOwner(kernel)).organizationId);
  const { addons, records, code } = kernel.services;
  const extensions = [{ model: "other_notes", columns: [{ name: "mark", type: "string" }] }];
  const extending = (addon: LifeAddon): LifeAddon => ({ ...addon, manifest: { extensions } });
  await addons.install(caller, { archive: await lifeBundle({ key: "other", version: "1.0.0" }) });
  for (const addon of UPGRADE) {
    await addons.install(caller, { archive: await lifeBundle(extending(addon)) });
    await code.call(caller, "life", "look", { input: {} });
  }
  await records.create(caller, "life_notes", { title: "a", state: "open" });
  await records.create(caller, "other_notes", { title: "b", mark: "x" });
  await kernel.stop();
  return caller;
}

/** Everything that is kept of addons, without what differs from run to run. */
async function stateOf(url: string): Promise<string> {
  const database = await openDatabase({ url, logger: silentLogger });
  try {
    const { kysely } = database;
    const state = {
      installations: await kysely.selectFrom("installations").selectAll().orderBy("addon_key")
        .execute(),
      bundles: await kysely.selectFrom("bundles").select("digest").orderBy("digest").execute(),
      modules: await kysely.selectFrom("prepared_modules").select("id as name").orderBy("id")
        .execute(),
      migrations: await kysely.selectFrom("addon_migrations").selectAll().orderBy("version")
        .execute(),
      seen: await kysely.selectFrom("seen_versions").select(["addon_key", "version"])
        .orderBy("addon_key").execute(),
      catalogs: await kysely.selectFrom("catalogs").select("version").execute(),
      events: await kysely.selectFrom("events").select("name").orderBy("sequence").execute(),
      tables: await tablesOf(database),
    };
    return JSON.stringify(
      state,
      (key, value) =>
        key.endsWith("_at") && value !== null
          ? "a time"
          : key.startsWith("secret_") || key === "id"
          ? undefined
          : typeof value === "bigint"
          ? String(value)
          : value,
    ).replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "an id");
  } finally {
    await database.close();
  }
}

async function tablesOf(database: Database): Promise<unknown[]> {
  const [organization] = await database.kysely.selectFrom("organizations").select("id").execute();
  return await database.transaction(organization!.id, async (tx) => {
    const tables: unknown[] = [];
    for (const schema of ["addon_life", "addon_other"]) {
      for (const spec of (await tx.profile.introspect(tx, schema)).values()) {
        const { sql } = tx.profile.compile(tx.profile.table(spec.name));
        const { rows } = await tx.execute({ sql: `select * from ${sql}`, parameters: [] });
        tables.push(spec, rows.map((row) => [row["title"], row["state"], row["mark"]]));
      }
    }
    return tables;
  });
}
