import assert from "node:assert/strict";
import { createWriteHooks } from "../../src/addons/lifecycle/write_hooks.ts";
import type { RecordWrite } from "../../src/addons/compiled/compiled_addon.ts";
import {
  type LiveInstallation,
  OrganizationInstallations,
} from "../../src/addons/live_installations.ts";
import { KernelError } from "../../src/base/error.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { parseManifest } from "../../src/bundle/mod.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import type { Model } from "../../src/models/model.ts";
import { createSnapshot } from "../../src/models/snapshot.ts";
import { createRecordService } from "../../src/records/service.ts";
import { engineTest, type TestDatabase } from "../_support/engines.ts";
import { callerA, callerB, failure, makeWorld, ORG_A } from "./world.ts";

const DOCUMENT: JsonObject = {
  key: "shop",
  name: "Shop",
  version: "1.0.0",
  backend: { runtime: "wasm", entry: "backend/backend.wasm", exports: ["guard", "late_guard"] },
  model_definitions: ["order", "note"].map((model_key) => ({
    table_name: `${model_key}s`,
    model_key,
    label: "",
    columns: [{ name: "title", type: "string" }, { name: "total", type: "integer" }],
  })),
  lifecycle_hooks: {
    order: [
      ...["before_create", "before_update", "before_delete"].map((event) => ({
        event,
        priority: 1,
        target: { type: "wasm", function: "guard" },
      })),
      { event: "before_create", priority: 5, target: { type: "wasm", function: "late_guard" } },
      { event: "after_create", target: { type: "wasm", function: "guard" } },
    ],
  },
};

/** An addon whose functions are the test's. */
async function shopOf({ database }: TestDatabase) {
  const manifest = parseManifest(DOCUMENT);
  const models = modelsOf(manifest, "addon_shop");
  const world = await makeWorld(database, models);
  // Border: of the row only what names the installation is looked at here.
  const installation = {
    row: { addon_key: "shop" },
    manifest,
    signature: null,
  } as unknown as LiveInstallation;
  const origin = new OrganizationInstallations([installation]);
  const snapshot = createSnapshot("1", models, origin);
  const registry = { snapshot: () => Promise.resolve(snapshot), invalidate: () => {} };
  const inputs: { readonly name: string; readonly input: JsonObject }[] = [];
  const state = {
    answer: (_name: string, _input: JsonObject): Json | undefined => undefined,
    compiled: undefined as
      | Readonly<Record<string, (write: RecordWrite) => Promise<JsonObject | undefined>>>
      | undefined,
  };
  const hooks = createWriteHooks({
    code: {
      openOf: (_caller, opened, name, work) =>
        work((call) => {
          assert.equal(opened, installation);
          assert.equal(call.timeoutMs, 5_000);
          // Border: hooks of addons are given JSON objects.
          const input = call.input({ installationId: "i" }) as JsonObject;
          inputs.push({ name, input });
          const answer = state.answer(name, input);
          const text = answer === undefined ? "" : JSON.stringify(answer);
          return Promise.resolve(new TextEncoder().encode(text));
        }),
    },
    compiled: {
      find: (key) =>
        key !== "shop" || state.compiled === undefined
          ? undefined
          : { manifest: {}, beforeWrite: state.compiled },
    },
  });
  const access = { ...nothing, allows: () => Promise.resolve(true) };
  const records = createRecordService({ database, registry, access, hooks, clock: world.clock });
  return { records, inputs, state, hooks, models };
}

const nothing = {
  check: () => Promise.resolve(),
  grantToRole: () => Promise.resolve(),
  grantToUser: () => Promise.resolve(),
  revokeFromRole: () => Promise.resolve(),
  revokeFromUser: () => Promise.resolve(),
};

engineTest(
  "hooks stand before each write of their model, in their order, with what is written",
  async (t) => {
    const { records, inputs } = await shopOf(t);
    const made = (await records.create(callerA, "order", { title: "A" })).value();
    const id = String(made["id"]);
    await records.update(callerA, "order", id.toUpperCase(), { title: "B" });
    await records.remove(callerA, "order", id);
    assert.deepEqual(inputs.map(({ name, input }) => [name, input["event"], input["record_id"]]), [
      ["guard", "before_create", undefined],
      ["late_guard", "before_create", undefined],
      ["guard", "before_update", id],
      ["guard", "before_delete", id],
    ]);
    assert.deepEqual(inputs[0]!.input, {
      event: "before_create",
      model: "order",
      input: { title: "A" },
    });
    assert.deepEqual(inputs[2]!.input["input"], { title: "B" });
    assert.deepEqual(inputs[2]!.input["before"], made);
    assert.equal("input" in inputs[3]!.input, false);
    assert.equal((inputs[3]!.input["before"] as JsonObject)["title"], "B");
  },
);

engineTest(
  "a hook changes the input for the next one and for the record, whose rules still hold",
  async (t) => {
    const { records, inputs, state } = await shopOf(t);
    state.answer = (name) =>
      name === "guard"
        ? { success: true, data: { input: { title: "From the hook", total: 3 } } }
        : undefined;
    const made = (await records.create(callerA, "order", { title: "A" })).value();
    assert.deepEqual([made["title"], made["total"]], ["From the hook", 3]);
    assert.deepEqual(inputs[1]!.input["input"], { title: "From the hook", total: 3 });
    state.answer = () => ({ success: true, data: { input: { total: "many" } } });
    await assert.rejects(records.create(callerA, "order", {}), failure("record.invalid"));
    state.answer = () => ({
      success: true,
      data: { input: { organization_id: ORG_A, title: "B" } },
    });
    const theirs = (await records.create(callerB, "order", {})).value();
    assert.equal(theirs["organization_id"], callerB.organizationId);
  },
);

engineTest("a hook that declines, fails or answers nonsense refuses the write", async (t) => {
  const { records, state } = await shopOf(t);
  const made = (await records.create(callerA, "order", { title: "A" })).value();
  const id = String(made["id"]);
  const declined = failure("addon.write_refused", "invalid", /the period is closed/);
  state.answer = () => ({
    success: false,
    error: { code: "closed", message: "the period is closed" },
  });
  await assert.rejects(records.create(callerA, "order", { title: "B" }), declined);
  await assert.rejects(records.update(callerA, "order", id, { title: "B" }), declined);
  await assert.rejects(records.remove(callerA, "order", id), declined);
  state.answer = () => {
    throw new KernelError({ code: "sandbox.trap", kind: "internal", message: "trap" });
  };
  await assert.rejects(records.create(callerA, "order", {}), failure("sandbox.trap"));
  state.answer = () => ({ success: true, data: { input: [] } });
  await assert.rejects(records.create(callerA, "order", {}), failure("addon.write_refused"));
  state.answer = () => undefined;
  const list = await records.list(callerA, "order", new URLSearchParams());
  assert.equal((list.rows.value() as JsonObject[]).length, 1);
  assert.equal((await records.get(callerA, "order", id)).value()["title"], "A");
});

engineTest("code of the host stands before writes of its addon's models", async (t) => {
  const { records, state, inputs } = await shopOf(t);
  const writes: RecordWrite[] = [];
  state.compiled = {
    note: (write) => {
      writes.push(write);
      if (write.input?.["title"] === "bad") return Promise.reject(new Error("no bad titles"));
      return Promise.resolve(write.change === "create" ? { ...write.input, total: 7 } : undefined);
    },
  };
  const made = (await records.create(callerA, "note", { title: "A" })).value();
  assert.equal(made["total"], 7);
  await records.update(callerA, "note", String(made["id"]), { title: "B" });
  await assert.rejects(
    records.create(callerA, "note", { title: "bad" }),
    failure("addon.write_refused", "invalid", /no bad titles/),
  );
  assert.deepEqual(writes.map(({ change, recordId }) => [change, recordId]), [
    ["create", undefined],
    ["update", made["id"]],
    ["create", undefined],
  ]);
  assert.deepEqual(inputs, []);
});

engineTest("models without hooks are not asked about", async (t) => {
  const { hooks, models } = await shopOf(t);
  const [order, note] = models as [Model, Model];
  const changes = ["create", "update", "delete"] as const;
  assert.deepEqual(changes.map((change) => hooks.has(order, change)), [true, true, true]);
  assert.deepEqual(changes.map((change) => hooks.has(note, change)), [false, false, false]);
});

engineTest("a hook of the host that never ends is left when nobody waits any more", async (t) => {
  const { records, state } = await shopOf(t);
  const gone = new AbortController();
  state.compiled = {
    order: () => {
      gone.abort(new Error("the client has gone"));
      return new Promise<never>(() => {});
    },
  };
  const caller = { ...callerA, signal: gone.signal };
  await assert.rejects(records.create(caller, "order", { title: "A" }), /client has gone/);
});
