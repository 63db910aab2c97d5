/**
 * GoNext plugins through the front door: uploaded as a bundle, then filters, actions and jobs as a
 * host application runs them, on both engines (contract/gonext.md §2, §5 to §7).
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type HookFailure,
  isKernelError,
  type Json,
  type Kernel,
  ShortCircuit,
  systemCaller,
} from "../../mod.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import { fixtureModule } from "../_support/addon.ts";
import { type Client, newOwner } from "../_support/client.ts";
import { kernelTest } from "../_support/kernel.ts";

const FILTERS = [
  "the_content",
  "echo",
  "keep",
  "count",
  "call",
  "panic",
  "fail",
  "spin",
  "unheard",
];
const ACTIONS = ["publish", "panic", "fail"];
const JOBS = ["ok", "call", "flaky", "panic", "unheard"];
const EVERY_CAPABILITY = [
  "hooks.subscribe",
  "jobs.enqueue",
  "kv.read",
  "kv.write",
  "db.read",
  "db.write",
  "http.fetch",
  "users.read",
  "media.read",
  "cache.invalidate",
];

async function pluginBundle(name: string, capabilities = EVERY_CAPABILITY): Promise<Uint8Array> {
  const { wasm, map } = await fixtureModule("probe_gonext");
  const manifest = {
    apiVersion: "gonext.io/v1",
    name,
    version: "1.0.0",
    entry: "backend/plugin.wasm",
    capabilities,
    hooks: { actions: ACTIONS, filters: FILTERS },
    jobs: JOBS,
    storage: { kv: { max_bytes: 1_000, max_keys: 10 } },
  };
  return await packBundle(
    new Map([
      ["manifest.json", new TextEncoder().encode(JSON.stringify(manifest))],
      ["backend/plugin.wasm", wasm],
      ["backend/plugin.wasm.map", map],
    ]),
  );
}

async function installPlugin(kernel: Kernel, name = "press-kit"): Promise<Client> {
  const owner = await newOwner(kernel, `Owner of ${name}`);
  const installed = await owner.install(await pluginBundle(name));
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  return owner;
}

/** What a filter gave; demands that nobody failed. */
async function filter(kernel: Kernel, owner: Client, name: string, value: Json): Promise<Json> {
  const caller = systemCaller(owner.organizationId);
  const { value: filtered, failures } = await kernel.services.hooks.applyFilters(
    caller,
    name,
    value,
    [],
  );
  assert.deepEqual(failures, []);
  return filtered;
}

/** Calls a host function through the plugin. */
async function host(kernel: Kernel, owner: Client, call: string, ...args: Json[]) {
  // Border: the fixture answers in this form.
  return await filter(kernel, owner, "call", { call, args }) as { status: number; text: string };
}

function codeOf({ error }: HookFailure): string {
  assert.ok(isKernelError(error), String(error));
  return error.code;
}

kernelTest(
  "GoNext: filters hand on, actions tell, failures are typed and leave the value",
  async ({ kernel }) => {
    const owner = await installPlugin(kernel);
    const { hooks } = kernel.services;
    const caller = systemCaller(owner.organizationId);
    assert.equal(await filter(kernel, owner, "the_content", "hello"), "HELLO");
    assert.deepEqual(await filter(kernel, owner, "echo", { a: [1, "ñ", null] }), {
      a: [1, "ñ", null],
    });
    assert.equal(await filter(kernel, owner, "keep", "as it was"), "as it was");
    assert.equal(await filter(kernel, owner, "echo", null), null);
    assert.deepEqual(await hooks.runAction(caller, "publish", [{ call: "gn_time_ms" }]), []);
    const stranger = await newOwner(kernel, "Without plugins");
    assert.equal(await filter(kernel, stranger, "the_content", "hello"), "hello");
    const failures = [
      ["the_content", 7, "sandbox.bad_payload"],
      ["fail", "x", "sandbox.guest_error"],
      ["panic", "x", "sandbox.trap"],
      ["unheard", "x", "sandbox.unknown_target"],
      ["echo", "x".repeat(1024 * 1024), "sandbox.payload_too_large"],
    ] as const;
    for (const [name, value, code] of failures) {
      const filtered = await hooks.applyFilters(caller, name, value, []);
      assert.equal(filtered.value, value, name);
      assert.deepEqual(filtered.failures.map(codeOf), [code], name);
      assert.deepEqual(
        filtered.failures.map(({ hook, source }) => [hook, source]),
        [[name, "press_kit"]],
      );
    }
    const told = await hooks.runAction(caller, "panic", ["the guest's own words"]);
    assert.deepEqual(told.map(codeOf), ["sandbox.trap"]);
    const [trap] = await kernel.services.code.traps(caller, "press_kit");
    assert.equal(trap!.guestMessage, "the guest's own words");
    assert.ok(trap!.frames.some(({ file }) => file?.endsWith(".ts")));
  },
);

kernelTest("GoNext: the host's own handlers stand in line with plugins", async ({ kernel }) => {
  const owner = await installPlugin(kernel);
  const { hooks } = kernel.services;
  const add = (priority: number, handler: (value: Json) => Json | ShortCircuit) =>
    hooks.onFilter(
      { name: "the_content", organizationId: "every", source: "host", priority },
      (_caller, value) => handler(value),
    );
  add(5, (value) => `${value} before`);
  add(20, (value) => `${value} after`);
  add(15, () => {
    throw new Error("the host's own fault");
  });
  const caller = systemCaller(owner.organizationId);
  const first = await hooks.applyFilters(caller, "the_content", "text", []);
  assert.equal(first.value, "TEXT BEFORE after");
  assert.deepEqual(first.failures.map(({ source }) => source), ["host"]);
  const remove = add(7, (value) => new ShortCircuit(`${value}!`));
  const cut = await hooks.applyFilters(caller, "the_content", "text", []);
  assert.deepEqual([cut.value, cut.failures.length], ["text before!", 0]);
  remove();
  // Uninstalling shows at once.
  const gone = await owner.send("DELETE", "/api/metacore/installations/press_kit");
  assert.ok(gone.status < 300, JSON.stringify(gone.body));
  const last = await hooks.applyFilters(caller, "the_content", "text", []);
  assert.equal(last.value, "text before after");
});

kernelTest(
  "GoNext: an instance is kept for its organization, never handed to another",
  async ({ kernel }) => {
    const [one, other] = [await installPlugin(kernel), await installPlugin(kernel)];
    for (let n = 1; n <= 3; n++) assert.equal(await filter(kernel, one, "count", 0), n);
    assert.equal(await filter(kernel, other, "count", 0), 1);
    const counted = await filter(kernel, one, "count", 0);
    assert.ok(counted === 4 || counted === 1, `${counted}: of nobody else`);
    const caller = systemCaller(one.organizationId);
    await kernel.services.hooks.applyFilters(caller, "panic", "x", []);
    assert.equal(await filter(kernel, one, "count", 0), 1, "a trapped instance is thrown away");
  },
);

kernelTest("GoNext: jobs run once each, told which attempt it is", async ({ kernel }) => {
  const owner = await installPlugin(kernel);
  const { code } = kernel.services;
  const caller = systemCaller(owner.organizationId);
  const run = (name: string, job = {}) => code.runJob(caller, "press_kit", name, job);
  await run("ok", { idempotencyKey: "k", payload: { a: 1 } });
  await run("call", { payload: { call: "gn_kv_set", args: ["from", "a job"] } });
  assert.equal((await host(kernel, owner, "gn_kv_get", "from")).text, "a job");
  await assert.rejects(run("flaky", { retryCount: 0 }), { code: "sandbox.guest_error" });
  await run("flaky", { retryCount: 1 });
  await assert.rejects(run("panic"), { code: "sandbox.trap" });
  await assert.rejects(run("unheard"), { code: "sandbox.unknown_target" });
  await assert.rejects(run("undeclared"), { code: "addon.function_not_exported" });
  await assert.rejects(run("ok", { payload: "x".repeat(1024 * 1024) }), {
    code: "sandbox.payload_too_large",
  });
});

kernelTest("GoNext: values, secrets, audit, schedules, metrics, log", async ({ kernel }) => {
  const [owner, other] = [await installPlugin(kernel), await installPlugin(kernel)];
  const at = (call: string, ...args: Json[]) => host(kernel, owner, call, ...args);
  assert.equal((await at("gn_kv_get", "a")).status, -4);
  assert.equal((await at("gn_kv_set", "a", "one")).status, 0);
  assert.deepEqual(await at("gn_kv_get", "a"), { status: 3, text: "one" });
  assert.equal((await at("gn_kv_incr", "n", 5)).status, 5);
  assert.equal((await at("gn_kv_set", "big", "x".repeat(1_001))).status, -5);
  assert.equal((await host(kernel, other, "gn_kv_get", "a")).status, -4);
  const caller = systemCaller(owner.organizationId);
  assert.equal((await at("gn_secrets_get", "api.key")).status, -1);
  await kernel.services.secrets.set(caller, "press_kit", "api.key", "hunter2");
  assert.deepEqual(await at("gn_secrets_get", "api.key"), { status: 7, text: "hunter2" });
  assert.deepEqual(await at("gn_secrets_get", "api.key", 3), { status: 7, text: "" });
  assert.equal((await host(kernel, other, "gn_secrets_get", "api.key")).status, -1);
  assert.equal((await at("gn_audit_emit", "press-kit.login", { who: "ada" })).status, 0);
  assert.equal((await at("gn_audit_emit", "kernel.login", {})).status, -1);
  assert.equal((await at("gn_cron_register", "*/5 * * * *", "sweep")).status, 0);
  assert.equal((await at("gn_cron_register", "never", "sweep")).status, -1);
  assert.equal((await at("gn_metric_observe", "hits", 2, { page: "home" })).status, 0);
  assert.equal((await at("gn_log", "a line of the plugin", 1)).status, 0);
  const path = "/api/metacore/audit?addon_key=press_kit";
  const records = (await owner.get(path)).body;
  const emitted = records.find(({ name }: { name: string }) => name === "plugin.press-kit.login");
  assert.deepEqual(emitted?.details, { who: "ada" });
  assert.doesNotMatch(JSON.stringify(records), /hunter2/);
  assert.deepEqual(
    (await other.get(path)).body.filter(
      ({ name }: { name: string }) => name === "plugin.press-kit.login",
    ),
    [],
  );
});

kernelTest("GoNext: a plugin without a capability is told so", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const archive = await pluginBundle("bare-kit", ["hooks.subscribe"]);
  const installed = await owner.install(archive);
  // The SDKs link every function: imports are no reason to refuse, calls are refused.
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  assert.deepEqual(installed.body.warnings, [
    "jobs: run when the host application runs them; there is no queue",
    'Import "env_net.gn_http_fetch" needs the capability "http.fetch", which the manifest lacks.',
  ]);
  assert.equal((await host(kernel, owner, "gn_kv_set", "a", "b")).status, -1);
  assert.equal((await host(kernel, owner, "gn_db_read", "select 1", [])).status, -1);
  const request = JSON.stringify({ url: "https://example.com/" });
  assert.equal((await host(kernel, owner, "gn_http_fetch", request)).status, -2);
  const audit = (await owner.get("/api/metacore/audit?addon_key=bare_kit")).body;
  const violations = audit.filter(({ name }: { name: string }) => name === "capability.violation");
  assert.ok(violations.length >= 3, JSON.stringify(audit));
});
