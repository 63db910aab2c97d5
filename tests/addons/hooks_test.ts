import assert from "node:assert/strict";
import { systemCaller } from "../../src/base/caller.ts";
import type { KernelError } from "../../src/base/error.ts";
import type { Json } from "../../src/base/json.ts";
import { createHookService } from "../../src/addons/hooks/hook_service.ts";
import type { LiveInstallation } from "../../src/addons/live_installations.ts";
import { parseManifest } from "../../src/bundle/manifest/parse.ts";
import { connectHooks, type HookBridge } from "../../src/addons/hooks/bridge.ts";
import { createHookBus, type HookFailure, ShortCircuit } from "../../src/addons/hooks/bus.ts";
import {
  actionEnvelope,
  checkTargetName,
  filterEnvelope,
  jobEnvelope,
  readFilterAnswer,
} from "../../src/addons/hooks/envelope.ts";
import type { Target } from "../../src/sandbox/abi.ts";

const ORG = "0193a000-0000-7000-8000-00000000000a";
const OTHER_ORG = "0193a000-0000-7000-8000-00000000000b";
const caller = systemCaller(ORG);

function newBus() {
  const reported: HookFailure[] = [];
  return { bus: createHookBus((failure) => reported.push(failure)), reported };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);

Deno.test("handlers run by priority, those of one priority in the order of registration", async () => {
  const { bus } = newBus();
  const seen: string[] = [];
  const add = (source: string, priority?: number) =>
    bus.onAction(
      {
        name: "save_post",
        organizationId: "every",
        source,
        ...priority !== undefined && { priority },
      },
      () => void seen.push(source),
    );
  add("c");
  add("e", 20);
  add("a", -1);
  add("d");
  add("b", 9.5);
  await bus.runAction(caller, "save_post", []);
  await bus.runAction(caller, "the_content", []);
  assert.equal(seen.join(""), "abcde");
});

Deno.test("a handler of an installation is called for its organization only", async () => {
  const { bus } = newBus();
  const seen: string[] = [];
  for (const organizationId of [ORG, OTHER_ORG, "every"]) {
    bus.onAction({ name: "x", organizationId, source: "s" }, () => void seen.push(organizationId));
    bus.onFilter(
      { name: "x", organizationId, source: "s" },
      (_caller, value) => [value, organizationId],
    );
  }
  await bus.runAction(caller, "x", []);
  assert.deepEqual(seen, [ORG, "every"]);
  const { value } = await bus.applyFilters(systemCaller(OTHER_ORG), "x", 1, []);
  assert.deepEqual(value, [[1, OTHER_ORG], "every"]);
  assert.equal(bus.hasHandlers(ORG, "filter", "x"), true);
  assert.equal(bus.hasHandlers(ORG, "filter", "y"), false);
});

Deno.test("a failing handler is reported and left out; the others go on from the last accepted value", async () => {
  const { bus, reported } = newBus();
  const filter = (source: string, handler: (value: Json) => Promise<Json> | Json) =>
    bus.onFilter({ name: "f", organizationId: ORG, source }, (_caller, value) => handler(value));
  filter("a", (value) => `${value}a`);
  filter("throws", () => {
    throw new Error("sync");
  });
  filter("rejects", () => Promise.reject(new Error("async")));
  filter("b", (value) => Promise.resolve(`${value}b`));
  const { value, failures } = await bus.applyFilters(caller, "f", "-", []);
  assert.equal(value, "-ab");
  assert.deepEqual(failures.map((one) => [one.hook, one.source, String(one.error)]), [
    ["f", "throws", "Error: sync"],
    ["f", "rejects", "Error: async"],
  ]);
  assert.deepEqual(reported, failures);
  let ran = 0;
  bus.onAction({ name: "a", organizationId: ORG, source: "s" }, () => {
    throw ran++;
  });
  bus.onAction({ name: "a", organizationId: ORG, source: "s" }, () => void ran++);
  assert.equal((await bus.runAction(caller, "a", [])).length, 1);
  assert.equal(ran, 2);
});

Deno.test("a filter can end the chain", async () => {
  const { bus } = newBus();
  const add = (source: string, next: Json | ShortCircuit) =>
    bus.onFilter({ name: "f", organizationId: ORG, source }, () => next);
  add("a", 1);
  add("b", new ShortCircuit(null));
  add("c", 3);
  assert.deepEqual(await bus.applyFilters(caller, "f", 0, []), { value: null, failures: [] });
});

Deno.test("coming and going during a dispatch changes the next one only; leaving twice is leaving once", async () => {
  const { bus } = newBus();
  const seen: string[] = [];
  const place = { name: "x", organizationId: ORG, source: "s" };
  const late = () => void seen.push("late");
  let removeSecond = () => {};
  const removeFirst = bus.onAction(place, () => {
    seen.push("first");
    removeSecond();
    bus.onAction(place, late);
  });
  removeSecond = bus.onAction(place, () => void seen.push("second"));
  await bus.runAction(caller, "x", []);
  assert.deepEqual(seen, ["first", "second"]);
  removeFirst();
  const again = bus.onAction(place, late);
  removeFirst();
  removeSecond();
  seen.length = 0;
  await bus.runAction(caller, "x", []);
  assert.deepEqual(seen, ["late", "late"]);
  again();
  again();
  seen.length = 0;
  await bus.runAction(caller, "x", []);
  assert.deepEqual(seen, ["late"]);
});

Deno.test("names have 1 to 256 bytes, priorities are numbers", () => {
  const { bus } = newBus();
  const add = (name: string, priority = 1) =>
    bus.onAction({ name, organizationId: ORG, source: "s", priority }, () => {});
  assert.throws(() => add(""), { code: "sandbox.bad_payload" });
  assert.throws(() => add("é".repeat(129)), { code: "sandbox.payload_too_large" });
  assert.throws(() => add("x", NaN), RangeError);
  checkTargetName("é".repeat(128));
});

Deno.test("envelopes are those of the contract, and bounded", () => {
  assert.equal(text(actionEnvelope([])), '{"kind":"action","args":[]}');
  assert.equal(text(filterEnvelope(null, [1])), '{"kind":"filter","value":null,"args":[1]}');
  assert.equal(text(jobEnvelope({})), '{"idempotency_key":"","retry_count":0,"payload":null}');
  assert.equal(
    text(jobEnvelope({ idempotencyKey: "k", retryCount: -3, payload: { a: 1 } })),
    '{"idempotency_key":"k","retry_count":0,"payload":{"a":1}}',
  );
  const frame = actionEnvelope([""]).length;
  assert.equal(actionEnvelope(["x".repeat(1024 * 1024 - frame)]).length, 1024 * 1024);
  assert.throws(() => actionEnvelope(["x".repeat(1024 * 1024 - frame + 1)]), {
    code: "sandbox.payload_too_large",
  });
});

Deno.test("answers of filters: value, missing, absent, undecodable", () => {
  assert.deepEqual(readFilterAnswer(bytes('{"value":{"a":[1]}}'), "in"), { a: [1] });
  assert.equal(readFilterAnswer(bytes('{"value":null}'), "in"), null);
  assert.equal(readFilterAnswer(bytes("{}"), "in"), null);
  assert.equal(readFilterAnswer(bytes('{"toString":1}'), "in"), null);
  assert.equal(readFilterAnswer(new Uint8Array(), "in"), "in");
  const bad = ["x", "[]", "1", "null", '{"value":', `{"value":${"[".repeat(100_000)}`];
  for (const answer of bad) {
    assert.throws(() => readFilterAnswer(bytes(answer), "in"), { code: "sandbox.bad_payload" });
  }
  assert.throws(() => readFilterAnswer(Uint8Array.of(0x7b, 0xff, 0x7d), 1), {
    code: "sandbox.bad_payload",
  });
});

Deno.test("the bridge calls the guest in its organization, at priority 10, and keeps the value when it fails", async () => {
  const { bus, reported } = newBus();
  const calls: string[] = [];
  let answer: () => Promise<Uint8Array> = () => Promise.resolve(bytes('{"value":"guest"}'));
  const bridge: HookBridge = {
    bus,
    addonKey: "seo",
    organizationId: ORG,
    hooks: { actions: ["wp_head"], filters: ["the_content"] },
    maySubscribe: () => true,
    invoke: (who, target: Target, envelope) => {
      calls.push(`${who.organizationId === ORG} ${target.kind} ${target.name} ${text(envelope)}`);
      return answer();
    },
  };
  bus.onFilter(
    { name: "the_content", organizationId: "every", source: "host", priority: 9 },
    (_c, v) => `${v}!`,
  );
  const disconnect = connectHooks(bridge);
  await bus.runAction(caller, "wp_head", [1]);
  const apply = async (value: Json, who = caller) =>
    (await bus.applyFilters(who, "the_content", value, ["p"])).value;
  assert.equal(await apply("a"), "guest");
  assert.equal(await apply("a", systemCaller(OTHER_ORG)), "a!");
  assert.deepEqual(calls, [
    'true hook wp_head {"kind":"action","args":[1]}',
    'true hook the_content {"kind":"filter","value":"a!","args":["p"]}',
  ]);
  answer = () => Promise.resolve(bytes("junk"));
  assert.equal(await apply("a"), "a!");
  answer = () => Promise.reject(new Error("trap"));
  assert.equal(await apply("a"), "a!");
  assert.deepEqual(reported.map((one) => one.source), ["seo", "seo"]);
  disconnect();
  disconnect();
  const before = calls.length;
  await bus.runAction(caller, "wp_head", []);
  assert.equal(await apply("a"), "a!");
  assert.equal(calls.length, before);
});

Deno.test("the bridge asks no guest about null, and does nothing for a dispatch that outlives it", async () => {
  const { bus } = newBus();
  let calls = 0;
  const connect = (hooks: HookBridge["hooks"]) =>
    connectHooks({
      bus,
      addonKey: "seo",
      organizationId: ORG,
      hooks,
      maySubscribe: () => true,
      invoke: () => {
        calls++;
        return Promise.resolve(new Uint8Array());
      },
    });
  const disconnect = connect({ actions: [], filters: ["f"] });
  assert.equal((await bus.applyFilters(caller, "f", null, [])).value, null);
  assert.equal(calls, 0);
  bus.onFilter(
    { name: "f", organizationId: ORG, source: "host", priority: 1 },
    (_caller, value) => {
      disconnect();
      return value;
    },
  );
  assert.equal((await bus.applyFilters(caller, "f", 1, [])).value, 1);
  assert.equal(calls, 0);
});

Deno.test("hooks are connected all or none: a missing right, or a name out of bounds", async () => {
  const { bus } = newBus();
  const bridge = (filters: string[], maySubscribe: (hook: string) => boolean) => ({
    bus,
    addonKey: "seo",
    organizationId: ORG,
    hooks: { actions: ["a"], filters },
    maySubscribe,
    invoke: () => Promise.reject(new Error("must not be called")),
  });
  assert.throws(() => connectHooks(bridge(["f"], (hook) => hook !== "f")), {
    code: "addon.hook_forbidden",
  });
  assert.throws(() => connectHooks(bridge(["f", "x".repeat(300)], () => true)), {
    code: "sandbox.payload_too_large",
  });
  assert.equal(bus.hasHandlers(ORG, "action", "a"), false);
  assert.equal(bus.hasHandlers(ORG, "filter", "f"), false);
  assert.deepEqual(await bus.runAction(caller, "a", []), []);
});

/** An installation of a plugin, as the catalog would give it. */
function plugin(
  key: string,
  change: { digest?: string; status?: string; settings?: string } = {},
): LiveInstallation {
  const manifest = parseManifest({
    apiVersion: "gonext.io/v1",
    name: key,
    version: "1.0.0",
    entry: "a.wasm",
    hooks: { filters: ["f"] },
  });
  const row = {
    id: `id-${key}`,
    addon_key: key,
    status: change.status ?? "enabled",
    bundle_digest: change.digest ?? "1",
    settings: change.settings,
  };
  // Only what hooks look at.
  return { manifest, row: row as LiveInstallation["row"], signature: null };
}

function newService(catalog: Map<string, ReadonlyMap<string, LiveInstallation>>) {
  const { bus, reported } = newBus();
  const seen: string[] = [];
  const service = createHookService({
    bus,
    installations: (organizationId) => Promise.resolve(catalog.get(organizationId) ?? NONE),
    maySubscribe: ({ manifest }) => manifest.key !== "forbidden",
    invoke: (who, { manifest, row }) => {
      const settings = row.settings ?? "";
      seen.push(`${who.organizationId.slice(-1)} ${manifest.key} ${row.bundle_digest}${settings}`);
      return Promise.resolve(new Uint8Array());
    },
    report: (failure) => reported.push(failure),
    maxOrganizations: 2,
  });
  const run = async (organizationId = ORG) => {
    seen.length = 0;
    await service.applyFilters(systemCaller(organizationId), "f", 1, []);
    return seen.join();
  };
  return { bus, reported, run };
}

const NONE: ReadonlyMap<string, LiveInstallation> = new Map();
const installed = (...list: LiveInstallation[]) =>
  new Map(list.map((one) => [one.manifest.key, one]));

Deno.test("the service connects the enabled plugins of the caller's organization, and follows changes", async () => {
  const catalog = new Map<string, ReadonlyMap<string, LiveInstallation>>();
  const { run, reported } = newService(catalog);
  assert.equal(await run(), "");
  catalog.set(ORG, installed(plugin("one"), plugin("two", { status: "disabled" })));
  assert.equal(await run(), "a one 1");
  assert.equal(await run(OTHER_ORG), "");
  assert.equal((await Promise.all([run(), run()]))[1], "a one 1,a one 1");
  catalog.set(ORG, installed(plugin("one", { digest: "2" }), plugin("two")));
  assert.equal(await run(), "a one 2,a two 1");
  catalog.set(ORG, installed(plugin("one", { digest: "2", settings: "!" }), plugin("two")));
  assert.equal(await run(), "a one 2!,a two 1");
  catalog.set(ORG, installed(plugin("two"), plugin("forbidden")));
  assert.equal(await run(), "a two 1");
  assert.deepEqual(reported.map((one) => [one.source, (one.error as KernelError).code]), [
    ["forbidden", "addon.hook_forbidden"],
  ]);
  catalog.delete(ORG);
  assert.equal(await run(), "");
});

Deno.test("organizations that have not been called for long hold no handlers, and get them back", async () => {
  const third = "0193a000-0000-7000-8000-00000000000c";
  const all = [ORG, OTHER_ORG, third];
  const catalog = new Map(all.map((id) => [id, installed(plugin("one"))] as const));
  const { run, bus } = newService(catalog);
  for (const id of all) await run(id);
  assert.deepEqual(all.map((id) => bus.hasHandlers(id, "filter", "f")), [false, true, true]);
  assert.equal(await run(ORG), "a one 1");
});
