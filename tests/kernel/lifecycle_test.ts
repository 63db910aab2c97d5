/**
 * Coming and going of addons: the table of transitions, addons that need each other, hooks of each
 * step and what their failures mean, and changes that are made at one time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, type SystemCaller, systemCaller } from "../../mod.ts";
import {
  type InstallationChange,
  type InstallationState,
  stateAfter,
  stateOf,
} from "../../src/addons/install/transitions.ts";
import type { LifecycleStep } from "../../src/addons/lifecycle/lifecycle.ts";
import { selectHooks } from "../../src/addons/lifecycle/selection.ts";
import { isKernelError } from "../../src/base/error.ts";
import { newOwner } from "../_support/client.ts";
import { engines, hasPostgresServer } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";
import { withClient } from "../_support/postgres_server.ts";
import { createTwoRoles } from "../_support/two_roles.ts";
import { type LifeAddon, lifeBundle } from "./life_addon.ts";

Deno.test("Transitions: every state and every change", () => {
  const changes: readonly InstallationChange[] = [
    "install",
    "upgrade",
    "downgrade",
    "rollback",
    "reinstall",
    "enable",
    "disable",
    "uninstall",
    "drop",
  ];
  const table: Record<InstallationState, readonly (InstallationState | undefined)[]> = {
    absent: ["enabled", ...Array(8).fill(undefined)],
    removed: ["enabled", ...Array(7).fill(undefined), "absent"],
    enabled: [
      undefined,
      ...Array(4).fill("enabled"),
      "enabled",
      "disabled",
      "removed",
      "absent",
    ],
    disabled: [
      undefined,
      ...Array(4).fill("disabled"),
      "enabled",
      "disabled",
      "removed",
      "absent",
    ],
  };
  for (const state of ["absent", "removed", "enabled", "disabled"] as const) {
    assert.deepEqual(changes.map((change) => stateAfter(state, change)), table[state], state);
  }
  assert.equal(stateOf(undefined), "absent");
  assert.throws(() => stateOf({ status: "something" }), TypeError);
});

async function newCaller(kernel: Kernel, name?: string): Promise<SystemCaller> {
  return systemCaller((await newOwner(kernel, name)).organizationId);
}

async function install(kernel: Kernel, caller: SystemCaller, addon: LifeAddon, terms = {}) {
  return await kernel.services.addons.install(caller, { archive: await lifeBundle(addon) }, terms);
}

async function titles(kernel: Kernel, caller: SystemCaller): Promise<string[]> {
  const { rows } = await kernel.services.records.list(
    caller,
    "life_notes",
    new URLSearchParams({ per_page: "100" }),
  );
  return rows.value().map(({ title }) => String(title)).toSorted();
}

async function auditNames(kernel: Kernel, caller: SystemCaller): Promise<string[]> {
  const records = await kernel.services.audit.list(caller, { limit: 100 });
  return records.map(({ name }) => name);
}

kernelTest("Disabled, an addon shows nothing and keeps everything", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons, records, actions } = kernel.services;
  const addon: LifeAddon = {
    version: "1.0.0",
    functions: { echo: { answer: '{"success":true,"data":1}' } },
    manifest: { navigation: [{ title: "Life", items: [{ title: "Notes", url: "/notes" }] }] },
  };
  await install(kernel, caller, addon);
  const created = await records.create(caller, "life_notes", { title: "a" });
  const { id } = created.value() as { id: string };
  const disabled = await addons.disable(caller, "life");
  assert.equal(disabled.status, "disabled");
  assert.ok(disabled.disabled_at !== undefined);
  assert.deepEqual(await addons.disable(caller, "life"), disabled, "nothing happens twice");
  assert.deepEqual(await addons.manifests(caller), []);
  assert.deepEqual(await addons.navigation(caller), []);
  await assert.rejects(records.get(caller, "life_notes", id), { code: "model.not_found" });
  await assert.rejects(kernel.services.code.call(caller, "life", "echo", { input: {} }), {
    code: "addon.not_installed",
  });
  // Another version of what takes no part takes none.
  const { installation } = await install(kernel, caller, { ...addon, version: "1.1.0" });
  assert.equal(installation.status, "disabled");
  const enabled = await addons.enable(caller, "life", { revision: installation.revision });
  assert.equal(enabled.status, "enabled");
  assert.equal(enabled.disabled_at, undefined);
  assert.equal((await actions.run(caller, "life_notes", id, "echo", {})).outcome, "done");
  await assert.rejects(addons.disable(caller, "life", { revision: installation.revision }), {
    code: "addon.changed_meanwhile",
  });
  for (const change of [addons.enable, addons.disable]) {
    await assert.rejects(change.call(addons, caller, "nobody"), { code: "addon.not_installed" });
  }
  await addons.uninstall(caller, "life", "keep");
  for (const change of [addons.enable, addons.disable]) {
    await assert.rejects(change.call(addons, caller, "life"), { code: "addon.not_installed" });
  }
  await assert.rejects(addons.rollback(caller, "life"), { code: "addon.not_installed" });
});

kernelTest("Addons that are needed stay, and come back first", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons } = kernel.services;
  const base = (version: string): LifeAddon => ({ key: "base", version });
  const top: LifeAddon = {
    key: "top",
    version: "1.0.0",
    manifest: { requires: [{ key: "base", version: "^1.0.0" }] },
  };
  await assert.rejects(install(kernel, caller, top), { code: "addon.requirement_missing" });
  await install(kernel, caller, base("1.0.0"));
  await install(kernel, caller, top);
  for (
    const change of [
      () => addons.disable(caller, "base"),
      () => addons.uninstall(caller, "base", "keep"),
      () => addons.uninstall(caller, "base", "drop"),
    ]
  ) {
    await assert.rejects(change(), (thrown) => {
      assert.ok(isKernelError(thrown, "addon.needed_by_others"), String(thrown));
      assert.match(thrown.message, /top/);
      return true;
    });
  }
  await assert.rejects(install(kernel, caller, base("2.0.0")), {
    code: "addon.requirement_version",
  });
  await addons.disable(caller, "top");
  await addons.disable(caller, "base");
  await assert.rejects(addons.enable(caller, "top"), { code: "addon.requirement_missing" });
  await addons.enable(caller, "base");
  await addons.enable(caller, "top");
  await addons.uninstall(caller, "top", "drop");
  await addons.uninstall(caller, "base", "drop");
  assert.deepEqual(await addons.installations(caller), []);
});

const wasm = (name: string) => ({ target: { type: "wasm", function: name } });
const insert = (title: string) =>
  `insert into notes (id, title) values (gen_random_uuid(), '${title}')`;

/** Hooks of every step, each of which leaves a note. */
function hooked(version: string): LifeAddon {
  return {
    version,
    functions: {
      came: { exec: [insert(`installed ${version}`)] },
      began: { exec: [insert(`enabled ${version}`)] },
      early: { exec: [insert("early")] },
      changed: { exec: [insert(`upgraded ${version}`)] },
      paused: { exec: [insert(`disabled ${version}`)] },
    },
    hooks: {
      install: [{ ...wasm("came"), priority: 5 }, { ...wasm("early"), priority: 1 }],
      enable: [wasm("began")],
      disable: [wasm("paused")],
      upgrade: [wasm("changed")],
    },
  };
}

async function walkThrough(kernel: Kernel): Promise<void> {
  const caller = await newCaller(kernel);
  const { addons } = kernel.services;
  await install(kernel, caller, hooked("1.0.0"));
  assert.deepEqual(await titles(kernel, caller), ["early", "enabled 1.0.0", "installed 1.0.0"]);
  await install(kernel, caller, hooked("1.1.0"));
  await addons.rollback(caller, "life");
  await addons.disable(caller, "life");
  await addons.enable(caller, "life");
  assert.deepEqual(await titles(kernel, caller), [
    "disabled 1.0.0",
    "early",
    "enabled 1.0.0",
    "enabled 1.0.0",
    "installed 1.0.0",
    "upgraded 1.0.0",
    "upgraded 1.1.0",
  ]);
  await addons.uninstall(caller, "life", "keep");
}

kernelTest(
  "Hooks: code of every step runs in its transaction",
  ({ kernel }) => walkThrough(kernel),
);

Deno.test({
  name: "Hooks: code runs in its transaction under two roles, too",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using database = await createTwoRoles();
    const { databaseUrl, databaseOwnerUrl } = database;
    const kernel = await startKernel(databaseUrl, { databaseOwnerUrl });
    try {
      await walkThrough(kernel);
      // The role of the pool can plan what the owner then carries out.
      const caller = await newCaller(kernel, "Planner");
      const archive = await lifeBundle({
        ...hooked("1.2.0"),
        columns: [{ name: "rank", type: "integer", required: true, default: 1 }],
      });
      const plan = await kernel.services.addons.plan(caller, { archive });
      assert.ok(plan.changes.some(({ description }) => description.includes("rank")));
      const terms = { planHash: plan.plan_hash };
      await kernel.services.addons.install(caller, { archive }, terms);
      const rows = await withClient(
        database.adminUrl,
        (client) => client.query("select 1 from addon_life.notes"),
      );
      assert.equal(rows.rowCount, 11);
    } finally {
      await kernel.stop();
    }
  },
});

kernelTest("What an addon put on the models of another goes with its data", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons, records, events } = kernel.services;
  await install(kernel, caller, { version: "1.0.0" });
  const more: LifeAddon = {
    key: "more",
    version: "1.0.0",
    manifest: {
      extensions: [{ model: "life_notes", columns: [{ name: "more_color", type: "string" }] }],
    },
  };
  await install(kernel, caller, more);
  await records.create(caller, "life_notes", { title: "a", more_color: "red" });
  const red = async () => {
    const params = new URLSearchParams({ f_more_color: "red" });
    return (await records.list(caller, "life_notes", params)).meta.total;
  };
  assert.equal(await red(), 1);
  await addons.disable(caller, "more");
  await assert.rejects(records.create(caller, "life_notes", { title: "b", more_color: "red" }));
  await addons.enable(caller, "more");
  assert.equal(await red(), 1);
  await addons.uninstall(caller, "more", "drop");
  await install(kernel, caller, { ...more, version: "1.0.1" });
  assert.equal(await red(), 0);
  const names = (await events.read(caller, 0, 100)).map(({ name }) => name);
  assert.ok(names.includes("kernel.addon.cleared"), names.join());
});

kernelTest("Hooks that fail: coming is refused, going is not held up", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons, code } = kernel.services;
  const failing = (step: string, ends: object): LifeAddon => ({
    version: "1.0.0",
    timeoutMs: 400,
    functions: {
      write: { exec: [insert(`written by ${step}`)] },
      fail: ends,
      echo: { answer: "{}" },
    },
    hooks: { [step]: [{ ...wasm("write"), priority: 1 }, { ...wasm("fail"), priority: 2 }] },
  });
  const ways = [
    { ends: "trap" },
    { ends: "loop" },
    { answer: '{"success":false,"error":{"code":"no","message":"not today"}}' },
    { answer: "not JSON" },
  ] as const;
  for (const step of ["install", "enable"]) {
    for (const way of ways) {
      await assert.rejects(install(kernel, caller, failing(step, way)), (thrown) => {
        assert.ok(isKernelError(thrown, "addon.lifecycle_failed"), String(thrown));
        assert.equal(thrown.details?.["step"], step);
        if ("answer" in way && way.answer.startsWith("{")) {
          assert.match(thrown.message, /not today/);
        }
        return true;
      });
      assert.deepEqual(await addons.installations(caller), []);
    }
  }
  await install(kernel, caller, { version: "0.9.0" });
  for (const way of ways) {
    await assert.rejects(install(kernel, caller, failing("upgrade", way)), {
      code: "addon.lifecycle_failed",
    });
    assert.equal((await addons.installation(caller, "life")).version, "0.9.0");
    assert.deepEqual(await titles(kernel, caller), []);
  }
  for (const way of ways) {
    await install(kernel, caller, failing("disable", way), { downgrade: "allow" });
    assert.equal((await addons.disable(caller, "life")).status, "disabled");
    await addons.enable(caller, "life");
    assert.deepEqual(await titles(kernel, caller), [], "what the hook wrote is undone");
    await code.call(caller, "life", "echo", { input: {} });
    await addons.uninstall(caller, "life", "drop");
    await install(kernel, caller, failing("uninstall", way), { downgrade: "allow" });
    await addons.uninstall(caller, "life", "drop");
    assert.deepEqual(await addons.installations(caller), []);
  }
  const failures = (await auditNames(kernel, caller)).filter((n) => n === "lifecycle.hook_failed");
  // Disabling, the disabling of an uninstall, and uninstalling, each way.
  assert.equal(failures.length, 3 * ways.length);
});

Deno.test("Hooks of a step: by priority, those of upgrades by the version that is left", () => {
  const hook = (event: LifecycleStep, name: string, priority: number, from?: string) => ({
    event,
    priority,
    handler: { type: "wasm", function: name } as const,
    ...(from === undefined ? {} : { from }),
  });
  const lifecycle_hooks = [
    hook("install", "second", 2),
    hook("upgrade", "new", 0, ">=2.0.0"),
    hook("upgrade", "old", 0, "<2.0.0"),
    hook("upgrade", "any", -1),
    hook("install", "first", 1),
    hook("install", "third", 2),
    hook("enable", "began", -9),
  ];
  const selected = (steps: readonly LifecycleStep[], from?: string) =>
    selectHooks({ lifecycle_hooks }, steps, from)
      .map(({ handler }) => "function" in handler ? handler.function : "");
  assert.deepEqual(selected(["install", "enable"]), ["first", "second", "third", "began"]);
  assert.deepEqual(selected(["upgrade"], "1.9.9"), ["any", "old"]);
  assert.deepEqual(selected(["upgrade"], "v2.1"), ["any", "new"]);
  assert.deepEqual(selected(["upgrade"]), ["any"]);
  assert.deepEqual(selected(["disable"]), []);
});

kernelTest("An upgrade closes the breaker of what failed before", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { code } = kernel.services;
  const addon = (version: string, does: object): LifeAddon => ({
    version,
    functions: { does },
    hooks: { upgrade: [wasm("does")] },
  });
  await install(kernel, caller, addon("1.0.0", { ends: "trap" }));
  for (let i = 0; i < 20; i++) {
    await code.call(caller, "life", "does", { input: {} }).catch(() => {});
  }
  assert.equal((await code.status(caller, "life")).breaker, "open");
  await install(kernel, caller, addon("1.0.1", { answer: "{}" }));
  assert.equal((await code.status(caller, "life")).breaker, "closed");
  await code.call(caller, "life", "does", { input: {} });
});

kernelTest("Changes at one time: one after the other, each whole", async ({ kernel }) => {
  const caller = await newCaller(kernel);
  const { addons, records } = kernel.services;
  const versions = await Promise.all(
    ["1.0.0", "1.1.0", "1.2.0"].map((version, at) =>
      lifeBundle({
        version,
        columns: Array.from({ length: at }, (_, n) => ({ name: `c${n}`, type: "string" })),
      })
    ),
  );
  const outcomes = async (work: readonly Promise<unknown>[]) =>
    (await Promise.allSettled(work)).map((each) =>
      each.status === "fulfilled" ? "done" : each.reason.code ?? String(each.reason)
    );
  // The very same at one time: the first installs, the others find it there.
  const same = await outcomes(
    Array.from({ length: 6 }, () => addons.install(caller, { archive: versions[0]! })),
  );
  assert.deepEqual(same, Array(6).fill("done"));
  assert.equal((await addons.installations(caller)).length, 1);
  const mixed = await outcomes(versions.map((archive) => addons.install(caller, { archive })));
  for (const outcome of mixed) assert.match(outcome, /^(?:done|addon\.version_rollback)$/);
  assert.equal((await addons.installation(caller, "life")).version, "1.2.0");
  await records.create(caller, "life_notes", { title: "a", c0: "x", c1: "y" });
  const { revision } = await addons.installation(caller, "life");
  const pinned = await outcomes(
    Array.from({ length: 4 }, () => addons.disable(caller, "life", { revision })),
  );
  assert.deepEqual(pinned.toSorted(), [
    ...Array(3).fill("addon.changed_meanwhile"),
    "done",
  ]);
  const chaos = await outcomes([
    addons.enable(caller, "life"),
    addons.uninstall(caller, "life", "drop"),
    addons.install(caller, { archive: versions[2]! }),
    addons.disable(caller, "life"),
    addons.uninstall(caller, "life", "keep"),
    addons.install(caller, { archive: versions[2]! }),
  ]);
  for (const outcome of chaos) assert.match(outcome, /^(?:done|addon\.not_installed)$/);
  await addons.install(caller, { archive: versions[2]! });
  await addons.enable(caller, "life");
  await records.create(caller, "life_notes", { title: "b", c0: "x", c1: "y" });
  // Two organizations on the same tables.
  const other = await newCaller(kernel, "Other");
  const both = await outcomes([
    addons.install(other, { archive: versions[2]! }),
    addons.uninstall(caller, "life", "drop"),
  ]);
  assert.deepEqual(both, ["done", "done"]);
  await records.create(other, "life_notes", { title: "c", c0: "x", c1: "y" });
});

kernelTest(
  "Outbound HTTP is off: an install says that its webhook was not called",
  async ({ kernel }) => {
    const caller = await newCaller(kernel);
    const target = { type: "webhook", url: "https://life.example.com/hook" };
    const addon: LifeAddon = { version: "1.0.0", hooks: { install: [{ target }] } };
    const { installation, warnings } = await install(kernel, caller, addon);
    assert.equal(installation.status, "enabled");
    const told = warnings.filter((each) =>
      /webhook of "install" failed: .*METACORE_EGRESS/.test(each)
    );
    assert.equal(told.length, 1, warnings.join("\n"));
    assert.ok((await auditNames(kernel, caller)).includes("lifecycle.hook_failed"));
  },
);

for (const engine of engines) {
  Deno.test(`Hooks of backends are called after the commit, their failure is told [${engine}]`, async () => {
    const heard: unknown[] = [];
    let status = 200;
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async (request) => {
        heard.push([request.headers.get("x-metacore-event"), await request.json()]);
        return new Response("{}", { status });
      },
    );
    const host = `127.0.0.1:${server.addr.port}`;
    await using place = await testPlace(engine, "memory");
    const kernel = await startKernel(place.databaseUrl, {
      egress: { hosts: [host], privateAddresses: [host] },
    });
    try {
      const caller = await newCaller(kernel);
      const { addons } = kernel.services;
      const target = { type: "webhook", url: `http://${host}/life` };
      const events = ["install", "enable", "disable", "uninstall", "upgrade"];
      const addon = (version: string): LifeAddon => ({
        version,
        hooks: Object.fromEntries(events.map((event) => [event, [{ target }]])),
      });
      const { installation } = await install(kernel, caller, addon("1.0.0"));
      status = 500;
      const upgraded = await install(kernel, caller, addon("1.1.0"));
      assert.equal(upgraded.installation.version, "1.1.0");
      assert.ok(upgraded.warnings.some((each) => /webhook of "upgrade" failed.*500/.test(each)));
      status = 200;
      await addons.uninstall(caller, "life", "drop");
      const body = (event: string, version: string, from?: string) => [`lifecycle:${event}`, {
        event,
        addon_key: "life",
        installation_id: installation.id,
        org_id: caller.organizationId,
        version,
        ...from === undefined ? {} : { from_version: from },
      }];
      assert.deepEqual(heard, [
        body("install", "1.0.0"),
        body("enable", "1.0.0"),
        body("upgrade", "1.1.0", "1.0.0"),
        body("disable", "1.1.0"),
        body("uninstall", "1.1.0"),
      ]);
      const told = (await auditNames(kernel, caller)).filter((n) => n === "lifecycle.hook_failed");
      assert.equal(told.length, 1);
    } finally {
      await kernel.stop();
    }
  });
}
