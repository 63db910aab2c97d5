/**
 * Upgrades, steps back and forward: what changes by itself, what only a migration changes, what is
 * refused and then has changed nothing; and a hundred upgrades while calls go on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, type SystemCaller, systemCaller } from "../../mod.ts";
import { isKernelError } from "../../src/base/error.ts";
import { newOwner } from "../_support/client.ts";
import { hasPostgresServer } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import { type LifeAddon, lifeBundle, lifeManifest } from "./life_addon.ts";

async function newCaller(kernel: Kernel, name?: string): Promise<SystemCaller> {
  return systemCaller((await newOwner(kernel, name)).organizationId);
}

async function install(kernel: Kernel, caller: SystemCaller, addon: LifeAddon, terms = {}) {
  return await kernel.services.addons.install(caller, { archive: await lifeBundle(addon) }, terms);
}

interface Note {
  readonly id: string;
  readonly [column: string]: unknown;
}

async function note(kernel: Kernel, caller: SystemCaller, input: object): Promise<Note> {
  const created = await kernel.services.records.create(caller, "life_notes", { ...input });
  return created.value() as Note; // Border: a created record is an object with its id.
}

async function read(kernel: Kernel, caller: SystemCaller, id: string): Promise<Note> {
  return (await kernel.services.records.get(caller, "life_notes", id)).value() as Note;
}

/** Everything that an upgrade could have changed. */
async function everything(kernel: Kernel, caller: SystemCaller) {
  const { addons, events, metadata } = kernel.services;
  return {
    installations: await addons.installations(caller),
    manifests: await addons.manifests(caller),
    table: await metadata.table(caller, "life_notes"),
    events: (await events.read(caller, 0, 1_000)).length,
  };
}

const BASE: LifeAddon = {
  version: "1.0.0",
  columns: [{ name: "state", type: "string", size: 20 }, { name: "size", type: "integer" }],
};

kernelTest("Upgrade: columns and indexes come by themselves, none goes", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  await install(kernel, caller, BASE);
  const { id } = await note(kernel, caller, { title: "a", state: "open", size: 3 });
  const before = await kernel.services.addons.installation(caller, "life");
  const result = await install(kernel, caller, {
    version: "1.1.0",
    // `size` is gone, `state` gets an index, `rank` and `code` come with indexes of their own.
    columns: [
      { name: "state", type: "string", size: 20, index: true },
      { name: "rank", type: "integer", default: 7, required: true, index: true },
      { name: "code", type: "string", unique: true },
    ],
  });
  assert.equal(result.operation, "upgrade");
  assert.equal(result.installSecret, undefined);
  const { installation } = result;
  assert.equal(installation.id, before.id);
  assert.equal(installation.version, "1.1.0");
  assert.equal(installation.previous_version, "1.0.0");
  assert.equal(installation.revision, before.revision + 1);
  const { rank, state, size } = await read(kernel, caller, id);
  assert.deepEqual([rank, state, size], [7, "open", undefined]);
  await note(kernel, caller, { title: "b", code: "x" });
  await assert.rejects(note(kernel, caller, { title: "c", code: "x" }));
  // What went from the manifest stayed in the table: going back finds it.
  const back = await kernel.services.addons.rollback(caller, "life");
  assert.equal(back.operation, "rollback");
  assert.equal(back.installation.version, "1.0.0");
  assert.equal(back.installation.previous_version, "1.1.0");
  assert.equal((await read(kernel, caller, id))["size"], 3);
  const forward = await kernel.services.addons.rollback(caller, "life");
  assert.equal(forward.installation.version, "1.1.0");
  assert.equal((await read(kernel, caller, id))["rank"], 7);
  const names = (await kernel.services.events.read(caller, 0, 100)).map(({ name }) => name)
    .filter((name) => name.startsWith("kernel."));
  assert.deepEqual(names, [
    "kernel.addon.installed",
    "kernel.addon.upgraded",
    "kernel.addon.rolled_back",
    "kernel.addon.rolled_back",
  ]);
});

kernelTest(
  "Upgrade: a migration renames and drops; the step back is refused",
  async ({ kernel }) => {
    const caller = await newCaller(kernel);
    const { addons } = kernel.services;
    await install(kernel, caller, BASE);
    const { id } = await note(kernel, caller, { title: "a", state: "open", size: 3 });
    await install(kernel, caller, {
      version: "2.0.0",
      columns: [{ name: "phase", type: "string", size: 20 }],
      migrations: {
        "0002_phase.sql": `alter table notes rename column state to phase;
        alter table notes drop column size;`,
      },
    });
    assert.equal((await read(kernel, caller, id))["phase"], "open");
    const before = await everything(kernel, caller);
    const plan = await addons.planRollback(caller, "life");
    assert.equal(plan.operation, "rollback");
    assert.deepEqual(plan.obstacles.map(({ code }) => code), ["addon.rollback_impossible"]);
    await assert.rejects(addons.rollback(caller, "life"), (thrown) => {
      assert.ok(isKernelError(thrown, "addon.rollback_impossible"), String(thrown));
      assert.match(thrown.message, /state/);
      assert.match(thrown.message, /size/);
      return true;
    });
    assert.deepEqual(await everything(kernel, caller), before);
  },
);

kernelTest("Upgrade: what is refused has changed nothing", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  await install(kernel, caller, BASE);
  await note(kernel, caller, { title: "a", state: "open", size: 3 });
  const before = await everything(kernel, caller);
  const refused: readonly (readonly [string, LifeAddon, object?])[] = [
    ["schema.type_conflict", {
      version: "1.1.0",
      columns: [{ name: "state", type: "uuid" }, { name: "size", type: "integer" }],
    }],
    ["schema.migration_refused", {
      ...BASE,
      version: "1.1.0",
      migrations: {
        "0002_bad.sql": "create function evil() returns int language sql as 'select 1'",
      },
    }],
    ["addon.capabilities_not_accepted", {
      ...BASE,
      version: "1.1.0",
      capabilities: [{ kind: "http:fetch", target: "api.example.com" }],
    }],
    ["addon.version_changed", { ...BASE, manifest: { description: "other contents" } }],
    ["addon.version_rollback", { ...BASE, version: "0.9.0" }],
    ["addon.plan_changed", { ...BASE, version: "1.1.0" }, { planHash: "0".repeat(64) }],
    ["addon.changed_meanwhile", { ...BASE, version: "1.1.0" }, { revision: 7 }],
    ["addon.requirement_missing", {
      ...BASE,
      version: "1.1.0",
      manifest: { requires: [{ key: "missing_one", version: "^1.0.0" }] },
    }],
  ];
  for (const [code, addon, terms] of refused) {
    const thrown = await install(kernel, caller, addon, terms).then(() => undefined, (e) => e);
    assert.ok(isKernelError(thrown), `${code}: ${thrown}`);
    if (code.includes("migration")) assert.match(thrown.message, /0002_bad/);
    assert.equal(thrown.code, code, thrown.message);
    assert.deepEqual(await everything(kernel, caller), before, code);
  }
});

kernelTest("Upgrade: rights are accepted by name, and the plan by its hash", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons } = kernel.services;
  await install(kernel, caller, BASE);
  const next: LifeAddon = {
    ...BASE,
    version: "1.1.0",
    columns: [...BASE.columns!, { name: "rank", type: "integer" }],
    capabilities: [{ kind: "http:fetch", target: "api.example.com" }],
  };
  const archive = await lifeBundle(next);
  const plan = await addons.plan(caller, { archive });
  assert.equal(plan.operation, "upgrade");
  assert.deepEqual(plan.capabilities.added, [{ kind: "http:fetch", target: "api.example.com" }]);
  assert.equal(plan.changes.length, 1);
  assert.match(plan.changes[0]!.description, /rank/);
  assert.equal((await addons.installation(caller, "life")).version, "1.0.0");
  const stations: string[] = [];
  const result = await addons.install(caller, { archive }, {
    onProgress: ({ station }) => {
      if (stations.at(-1) !== station) stations.push(station);
      throw new Error("who listens badly holds up nothing");
    },
    planHash: plan.plan_hash,
    acceptedCapabilities: ["http:fetch api.example.com"],
  });
  assert.equal(result.installation.version, "1.1.0");
  assert.deepEqual(stations, [
    "verify",
    "open",
    "admit",
    "plan",
    "migrate",
    "hooks",
    "commit",
    "finish",
  ]);
  // What was accepted once need not be accepted again.
  await install(kernel, caller, { ...next, version: "1.2.0" });
  const empty = await addons.plan(caller, {
    archive: await lifeBundle({ ...next, version: "1.2.0" }),
  });
  assert.deepEqual(empty.changes, []);
  assert.equal(empty.operation, "reinstall");
});

kernelTest("Downgrade: by word only; versions seen are remembered", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons } = kernel.services;
  await install(kernel, caller, { ...BASE, version: "2.0.0" });
  await assert.rejects(install(kernel, caller, BASE), { code: "addon.version_rollback" });
  const { operation } = await install(kernel, caller, BASE, { downgrade: "allow" });
  assert.equal(operation, "downgrade");
  await addons.uninstall(caller, "life", "drop");
  await assert.rejects(install(kernel, caller, BASE), { code: "addon.version_rollback" });
  await install(kernel, caller, BASE, { downgrade: "allow" });
  await assert.rejects(addons.rollback(caller, "life"), { code: "addon.no_previous_version" });
});

kernelTest("Upgrade of settings: kept, added, and back again", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons } = kernel.services;
  const setting = (key: string, value: string) => ({
    key,
    label: key,
    type: "string",
    default_value: value,
  });
  const withSettings = (version: string, settings: object[]): LifeAddon => ({
    ...BASE,
    version,
    manifest: { settings },
  });
  const first = withSettings("1.0.0", [setting("left", "l"), setting("kept", "k")]);
  await install(kernel, caller, first, { settings: { left: "mine", kept: "mine too" } });
  const second = withSettings("1.1.0", [setting("kept", "k"), setting("added", "a")]);
  const { installation } = await install(kernel, caller, second);
  assert.deepEqual(installation.settings, { kept: "mine too", added: "a" });
  const back = await addons.rollback(caller, "life");
  assert.deepEqual(back.installation.settings, { left: "mine", kept: "mine too" });
});

kernelTest("Manifests name frontends by version, each served as it was", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const caller = systemCaller(owner.organizationId);
  const entries: string[] = [];
  for (const version of ["1.0.0", "1.1.0"]) {
    const manifest = { frontend: { entry: "remoteEntry.js", format: "federation" } };
    const archive = await packBundle(
      new Map([
        ["manifest.json", JSON.stringify(lifeManifest({ version, manifest }))],
        ["frontend/remoteEntry.js", `// ${version}`],
      ]),
    );
    await kernel.services.addons.install(caller, { archive });
    const [{ frontend }] = await kernel.services.addons.manifests(caller) as [
      { frontend: { entry: string } },
    ]; // Border: a manifest that the test has just written.
    entries.push(frontend.entry);
  }
  assert.equal(new Set(entries).size, 2);
  for (const [at, entry] of entries.entries()) {
    assert.equal((await owner.get(entry)).body, `// 1.${at}.0`);
  }
});

/** A version whose function, column and answer can only be had together. */
function mixable(n: number): LifeAddon {
  const column = `c${n}`;
  const older = Array.from({ length: n }, (_, at) => ({ name: `c${at}`, type: "string" }))
    .slice(-2);
  return {
    version: `1.${n}.0`,
    columns: [...older, { name: column, type: "string", default: `'v${n}'`, required: true }],
    functions: {
      [`look${n}`]: { query: `select '${n}' as code, max(${column}) as data from notes` },
    },
    manifest: {
      // One name for all versions leads to a function of its own in each: an action of one version
      // finds no such function in the module of another.
      actions: {
        life_notes: [
          {
            key: "look",
            name: "look",
            label: "look",
            trigger: { type: "wasm", export: `look${n}` },
          },
        ],
      },
    },
  };
}

kernelTest(
  "A hundred upgrades under load: no call fails, none sees two versions",
  async ({ kernel }) => {
    const caller = await newCaller(kernel);
    const { addons, actions } = kernel.services;
    await install(kernel, caller, mixable(0));
    const { id } = await note(kernel, caller, { title: "a" });
    let isOver = false;
    let calls = 0;
    const seen = new Set<string>();
    const failures: string[] = [];
    const caller1 = async () => {
      while (!isOver) {
        try {
          const { outcome, data } = await actions.run(caller, "life_notes", id, "look", {});
          calls++;
          // Border: the answer of `db_query` for one row.
          const { code, data: value } = (data as { rows: Partial<Note>[] }).rows[0]!;
          if (outcome !== "done" || value !== `v${code}`) failures.push(JSON.stringify(data));
          seen.add(String(code));
        } catch (thrown) {
          failures.push(
            isKernelError(thrown) ? `${thrown.code}: ${thrown.message}` : String(thrown),
          );
        }
        // Where nothing is waited for, the upgrades would never come to their turn.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const load = Array.from({ length: 4 }, caller1);
    const archives = await Promise.all(
      Array.from({ length: 100 }, (_, at) => lifeBundle(mixable(at + 1))),
    );
    for (const archive of archives) {
      const before = calls;
      await addons.install(caller, { archive });
      // Four calls are always under way; one at least has come through beside or since each upgrade.
      while (calls === before && failures.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    isOver = true;
    await Promise.all(load);
    assert.deepEqual(failures.slice(0, 5), []);
    assert.equal((await addons.installation(caller, "life")).version, "1.100.0");
    assert.ok(seen.size > 20 && calls >= 100, `${calls} calls saw ${seen.size} versions`);
  },
);

/** A replica looks for news every second; a machine that is busy takes its time. */
const REPLICA_MS = 20_000;

Deno.test({
  name: "Upgrades on one replica: calls on another go on, and see the new version soon",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using place = await testPlace("postgres", "file");
    const [here, there] = [
      await startKernel(place.databaseUrl),
      await startKernel(place.databaseUrl),
    ];
    try {
      const caller = await newCaller(here);
      await install(here, caller, mixable(0));
      const { id } = await note(here, caller, { title: "a" });
      for (let n = 1; n <= 5; n++) {
        await install(n % 2 === 0 ? here : there, caller, mixable(n));
        for (const kernel of [here, there]) {
          const endMs = performance.now() + REPLICA_MS;
          for (let seen = ""; seen !== String(n);) {
            const { data } = await kernel.services.actions.run(
              caller,
              "life_notes",
              id,
              "look",
              {},
            );
            // Border: the answer of `db_query` for one row.
            const row = (data as { rows: Partial<Note>[] }).rows[0]!;
            seen = String(row["code"]);
            assert.equal(row["data"], `v${seen}`);
            const late =
              `a replica shows version ${seen} ${REPLICA_MS} ms after the upgrade to ${n}`;
            assert.ok(seen === String(n) || performance.now() < endMs, late);
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      }
      // From both at one time: each waits for its turn, or finds itself too late.
      const outcomes = await Promise.allSettled(
        [6, 7, 8, 9].map((n) => install(n % 2 === 0 ? here : there, caller, mixable(n))),
      );
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") {
          assert.equal(outcome.reason.code, "addon.version_rollback");
        }
      }
      for (const { services: { addons } } of [here, there]) {
        assert.equal((await addons.installation(caller, "life")).version, "1.9.0");
      }
    } finally {
      await Promise.all([here.stop(), there.stop()]);
    }
  },
});
