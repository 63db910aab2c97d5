/**
 * Addons of the host application: installed like any other, hooks in the transaction, brought along
 * when the application brings another manifest; and starts that are refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type CompiledAddon, type Kernel, type SystemCaller, systemCaller } from "../../mod.ts";
import { createCompiledAddons } from "../../src/addons/compiled/registry.ts";
import type { LifecycleContext } from "../../src/addons/compiled/compiled_addon.ts";
import { upgradeCompiled } from "../../src/addons/compiled/upgrade.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { logIn, newOwner } from "../_support/client.ts";
import { engines, hasPostgresServer } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";
import { lifeBundle, lifeManifest } from "./life_addon.ts";

// Border: what JSON.stringify makes of it is JSON.
const manifestOf = (version: string, more: object = {}) =>
  lifeManifest({ version, ...more }) as JsonObject;

async function newCaller(kernel: Kernel): Promise<SystemCaller> {
  return systemCaller((await newOwner(kernel)).organizationId);
}

/** Writes a note in the transaction of the change. */
async function mark(context: LifecycleContext, title: string): Promise<void> {
  const insert = "insert into notes (id, title) values (gen_random_uuid(), $1)";
  const { changes } = await context.transaction.execute(insert, [title]);
  assert.equal(changes, 1);
}

async function marks(kernel: Kernel, caller: SystemCaller): Promise<string[]> {
  const { rows } = await kernel.services.records.list(caller, "life_notes", new URLSearchParams());
  return rows.value().map(({ title }) => String(title)).toSorted();
}

/** What the hooks of the tests below do; each test says it anew. */
let failing: string | undefined;
const heard: string[] = [];

function hookOf(step: string) {
  return async (context: LifecycleContext) => {
    const { addonKey, version, fromVersion } = context;
    heard.push(
      [step, addonKey, version, ...fromVersion === undefined ? [] : [fromVersion]].join(" "),
    );
    await mark(context, step);
    if (failing !== step) return;
    // No such column: a statement that fails.
    await context.transaction.execute("update notes set nothing = 1");
  };
}

const ADDON: CompiledAddon = {
  manifest: manifestOf("1.0.0"),
  onInstall: hookOf("install"),
  onEnable: hookOf("enable"),
  onDisable: hookOf("disable"),
  onUninstall: hookOf("uninstall"),
  onUpgrade: hookOf("upgrade"),
};

kernelTest("A compiled addon comes and goes like any other", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons, records } = kernel.services;
  heard.length = 0;
  failing = "enable";
  await assert.rejects(addons.installRegistered(caller, "life"), {
    code: "addon.lifecycle_failed",
  });
  assert.deepEqual(await addons.installations(caller), []);
  failing = undefined;
  const plan = await addons.planRegistered(caller, "life");
  assert.deepEqual([plan.operation, plan.signature.status], ["install", "compiled"]);
  const { installation, installSecret } = await addons.installRegistered(caller, "life");
  assert.deepEqual([installation.source, installation.signature], ["compiled", {
    status: "compiled",
  }]);
  assert.equal(installSecret?.length, 64);
  assert.deepEqual(await marks(kernel, caller), ["enable", "install"]);
  const again = await addons.planRegistered(caller, "life");
  assert.equal(again.operation, "reinstall");
  const planHash = again.plan_hash;
  const repeated = await addons.installRegistered(caller, "life", undefined, { planHash });
  assert.equal(repeated.operation, "reinstall");
  await records.create(caller, "life_notes", { title: "a" });
  for (const version of ["1.0.0", "9.9.9"]) {
    await assert.rejects(addons.install(caller, { archive: await lifeBundle({ version }) }), {
      code: "addon.key_is_compiled",
    });
  }
  await assert.rejects(addons.installRegistered(caller, "life", "2.0.0"), {
    code: "addon.not_registered",
  });
  await assert.rejects(addons.installRegistered(caller, "nobody"), {
    code: "addon.not_registered",
  });
  failing = "disable";
  assert.equal((await addons.disable(caller, "life")).status, "disabled");
  await addons.enable(caller, "life");
  assert.deepEqual(await marks(kernel, caller), ["a", "enable", "enable", "install"]);
  failing = "uninstall";
  await addons.uninstall(caller, "life", "keep");
  assert.deepEqual(await addons.installations(caller), []);
  failing = undefined;
  await addons.installRegistered(caller, "life");
  assert.deepEqual(
    await marks(kernel, caller),
    ["a", "enable", "enable", "enable", "install", "install"],
  );
  assert.deepEqual(heard, [
    "install life 1.0.0",
    "enable life 1.0.0",
    "install life 1.0.0",
    "enable life 1.0.0",
    "disable life 1.0.0",
    "enable life 1.0.0",
    "disable life 1.0.0",
    "uninstall life 1.0.0",
    "install life 1.0.0",
    "enable life 1.0.0",
  ]);
}, { addons: [ADDON] });

kernelTest("A hook of the host application that does not come back", async ({ kernel, engine }) => {
  if (engine === "postgres") return; // Its allowance is five times as long, and the same.
  const caller = await newCaller(kernel);
  const since = performance.now();
  await assert.rejects(
    kernel.services.addons.installRegistered(caller, "life"),
    (thrown: Error) => {
      assert.match(thrown.message, /took too long/);
      return true;
    },
  );
  assert.ok(performance.now() - since < 5_000);
  assert.deepEqual(await kernel.services.addons.installations(caller), []);
}, {
  addons: [{
    manifest: manifestOf("1.0.0"),
    onInstall: async (context) => {
      await mark(context, "begun");
      await new Promise(() => {});
    },
  }],
});

for (const engine of engines) {
  Deno.test(`Compiled anew: installations follow, or stay and are told of [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    failing = undefined;
    const start = (manifest: JsonObject) =>
      startKernel(place.databaseUrl, { addons: [{ ...ADDON, manifest }] });
    const column = (type: string) => ({ columns: [{ name: "rank", type }] });
    const first = await start(manifestOf("1.0.0"));
    const caller = await newCaller(first);
    await first.services.addons.installRegistered(caller, "life");
    await first.services.records.create(caller, "life_notes", { title: "a" });
    await first.stop();
    heard.length = 0;
    // The version as it was, the manifest another.
    const second = await start(manifestOf("1.0.0", column("integer")));
    await second.services.records.create(caller, "life_notes", { title: "b", rank: 1 });
    const { revision } = await second.services.addons.installation(caller, "life");
    await second.stop();
    const again = await start(manifestOf("1.0.0", column("integer")));
    const same = await again.services.addons.installation(caller, "life");
    assert.equal(same.revision, revision, "nothing happens twice");
    await again.stop();
    const refused = await start(manifestOf("1.1.0", column("uuid")));
    assert.equal((await refused.services.addons.installation(caller, "life")).version, "1.0.0");
    await refused.services.records.create(caller, "life_notes", { title: "c", rank: 2 });
    const names = (await refused.services.audit.list(caller)).map(({ name }) => name);
    assert.ok(names.includes("compiled.upgrade_refused"), names.join());
    await refused.stop();
    const third = await start(manifestOf("1.2.0", {
      ...column("integer"),
      capabilities: [{ kind: "http:fetch", target: "api.example.com" }],
    }));
    assert.equal((await third.services.addons.installation(caller, "life")).version, "1.2.0");
    await third.stop();
    assert.deepEqual(heard, ["upgrade life 1.0.0 1.0.0", "upgrade life 1.2.0 1.0.0"]);
  });
}

Deno.test({
  name:
    "Compiled anew, several kernels start at one time: one of them upgrades, nobody is told off",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using place = await testPlace("postgres", "file");
    const problems: string[] = [];
    const note = (message: string) => void problems.push(message);
    const logger = { ...silentLogger, warn: note, error: note };
    const start = (version: string) =>
      startKernel(place.databaseUrl, {
        logger,
        addons: [{ ...ADDON, manifest: manifestOf(version) }],
      });
    failing = undefined;
    const first = await start("1.0.0");
    const callers = [await newCaller(first), await newCaller(first)];
    for (const caller of callers) await first.services.addons.installRegistered(caller, "life");
    heard.length = 0;
    const kernels = await Promise.all([1, 2, 3].map(() => start("1.1.0")));
    try {
      assert.deepEqual(heard, callers.map(() => "upgrade life 1.1.0 1.0.0"));
      for (const caller of callers) {
        for (const { services: { addons, events } } of kernels) {
          const { version, revision } = await addons.installation(caller, "life");
          assert.deepEqual([version, revision], ["1.1.0", 2]);
          const names = (await events.read(caller, 0, 100)).map(({ name }) => name);
          const told = names.filter((name) => name.startsWith("kernel.addon."));
          assert.deepEqual(told, ["kernel.addon.installed", "kernel.addon.upgraded"]);
        }
      }
      assert.deepEqual(problems, []);
      await takenOutBeforeUpgrade(place.databaseUrl, first, callers);
    } finally {
      await Promise.all([first, ...kernels].map((kernel) => kernel.stop()));
    }
  },
});

/** What somebody takes out while it is its turn does not come back. */
async function takenOutBeforeUpgrade(
  url: string,
  { services: { addons, audit } }: Kernel,
  callers: readonly SystemCaller[],
): Promise<void> {
  const database = await openDatabase({ url, logger: silentLogger });
  try {
    const outcome = await upgradeCompiled({
      database,
      // It goes back to what the first kernel brings.
      compiled: await createCompiledAddons([{ manifest: manifestOf("1.0.0") }], {
        kernelContractVersion: "2.0.0",
      }),
      addons: {
        installRegistered: async (caller, ...order) => {
          await addons.uninstall(caller, "life", "keep");
          return await addons.installRegistered(caller, ...order);
        },
      },
      audit: { record: ({ name }) => assert.fail(name), flush: async () => {} },
      logger: silentLogger,
    });
    assert.deepEqual(outcome, { upgraded: 0, failed: 0 });
    for (const caller of callers) {
      assert.deepEqual(await addons.installations(caller), []);
      const names = (await audit.list(caller)).map(({ name }) => name);
      assert.ok(!names.includes("compiled.upgrade_refused"), names.join());
    }
  } finally {
    await database.close();
  }
}

Deno.test("boot: after those that are needed; the first that fails ends the start", async () => {
  const booted: string[] = [];
  const addon = (key: string, requires: readonly string[], boot?: () => void): CompiledAddon => ({
    manifest: {
      key,
      name: key,
      version: "1.0.0",
      requires: requires.map((each) => ({ key: each, version: "^1.0.0" })),
    },
    boot: boot ?? (() => {
      booted.push(key);
    }),
  });
  const broken = () => {
    throw new Error("no licence");
  };
  const start = (addons: readonly CompiledAddon[]) => startKernel("sqlite::memory:", { addons });
  const kernel = await start([
    addon("top", ["middle"]),
    addon("middle", ["base"]),
    addon("base", []),
  ]);
  await kernel.stop();
  assert.deepEqual(booted, ["base", "middle", "top"]);
  await assert.rejects(
    start([addon("top", ["base"]), addon("base", [], broken)]),
    (thrown: Error) => {
      assert.match(thrown.message, /"base".*no licence/);
      return true;
    },
  );
  assert.deepEqual(booted, ["base", "middle", "top"], "what needs it was not booted");
  await assert.rejects(start([addon("one_a", ["one_b"]), addon("one_b", ["one_a"])]), {
    code: "addon.requirement_cycle",
  });
});

Deno.test("Compiled addons that are none are refused by name", async () => {
  const options = { kernelContractVersion: "2.0.0" };
  const refused: readonly (readonly [RegExp, readonly JsonObject[]])[] = [
    [/without a key/, [{}]],
    [/Bad Key/, [{ ...manifestOf("1.0.0"), key: "Bad Key" }]],
    [/"life".*two/, [manifestOf("1.0.0"), manifestOf("1.1.0")]],
    [/"life"/, [manifestOf("1.0.0", { functions: { echo: {} } })]],
    [/"life"/, [{ ...manifestOf("1.0.0"), kernel: ">=9.0.0" }]],
  ];
  for (const [message, manifests] of refused) {
    const made = createCompiledAddons(manifests.map((manifest) => ({ manifest })), options);
    await assert.rejects(made, (thrown: Error & { code?: string }) => {
      assert.equal(thrown.code, "addon.invalid_compiled");
      assert.match(thrown.message, message);
      return true;
    });
  }
  const [one, other] = await Promise.all(
    [1, 2].map(() => createCompiledAddons([{ manifest: manifestOf("1.0.0") }], options)),
  );
  assert.equal(one!.bundleOf("life")!.digest, other!.bundleOf("life")!.digest);
  assert.equal(one!.find("nobody"), undefined);
});

for (const engine of engines) {
  Deno.test(`Code of the host application needs no signature; what was uploaded under its key does not come back [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const email = `compiled-${engine}@example.test`;
    const password = "correct horse battery";
    const manifest = (version: string) => ({ key: "inside", name: "Inside", version });
    const first = await startKernel(place.databaseUrl);
    await first.services.auth.createOrganization({
      organizationName: "Acme",
      name: "Olivia Owner",
      email,
      password,
    });
    const text = JSON.stringify(manifest("1.0.0"));
    const uploaded = await packBundle(new Map([["manifest.json", text]]));
    const before = await logIn(first, email, password);
    assert.equal((await before.install(uploaded)).status, 200);
    await first.stop();
    const second = await startKernel(place.databaseUrl, {
      unsignedBundles: "refuse",
      addons: [{ manifest: manifest("2.0.0") }, {
        manifest: { ...manifest("1.0.0"), key: "more" },
      }],
    });
    const owner = await logIn(second, email, password);
    const base = "/api/metacore/installations";
    const fresh = await owner.send("POST", `${base}/more`);
    assert.equal(fresh.status, 200, JSON.stringify(fresh.body));
    const refused = await owner.install(uploaded, "other");
    assert.deepEqual([refused.status, refused.body.code], [403, "bundle.unsigned"]);
    const upgrade = await owner.send("POST", "/api/kernel/addons/inside/upgrade", {
      target_version: "2.0.0",
    });
    assert.equal(upgrade.status, 200, JSON.stringify(upgrade.body));
    const back = await owner.send("POST", `${base}/inside/rollback`);
    assert.deepEqual([back.status, back.body.code], [409, "addon.no_previous_version"]);
    await second.stop();
  });
}
