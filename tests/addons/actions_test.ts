/**
 * Actions: who may, on which records, with what input, what runs, and what becomes of its answer.
 *
 * @module
 */

import assert from "node:assert/strict";
import { sql } from "kysely";
import type {
  CompiledActionContext,
  HandlerSql,
} from "../../src/addons/compiled/compiled_addon.ts";
import { checkState } from "../../src/addons/actions/conditions.ts";
import { readPayload } from "../../src/addons/actions/fields.ts";
import { systemCaller } from "../../src/base/caller.ts";
import { KernelError } from "../../src/base/error.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import type {
  ActionDefinition,
  ActionFieldDefinition,
  ConditionDefinition,
} from "../../src/bundle/manifest/manifest.ts";
import type { Transaction } from "../../src/db/database.ts";
import { engineTest } from "../_support/engines.ts";
import {
  backendAnswer,
  isSigned,
  makeActionWorld,
  ORG,
  OWNER,
  serveBackend,
} from "./action_world.ts";

const MODEL = {
  table_name: "invoices",
  model_key: "invoices",
  label: "Invoices",
  org_scoped: true,
  columns: [
    { name: "title", type: "string", required: true },
    { name: "status", type: "string", default: "'draft'" },
    { name: "amount", type: "decimal" },
  ],
};

function manifest(actions: readonly JsonObject[], extra: JsonObject = {}): JsonObject {
  return {
    key: "billing",
    model_definitions: [MODEL],
    actions: {
      invoices: actions.map((action) => ({ name: action["key"]!, label: "x", ...action })),
    },
    backend: { runtime: "wasm", entry: "backend/b.wasm", exports: ["approve", "echo"] },
    ...extra,
  };
}

function coded(code: string, text = "") {
  return (thrown: KernelError) => {
    assert.equal(thrown.code, code, thrown.message);
    assert.ok(thrown.message.includes(text), thrown.message);
    return true;
  };
}

/** The same for code of the host, which has SQL of its own. */
async function writeStatus(sqlOf: HandlerSql | undefined, id: string, status: string) {
  assert.ok(sqlOf !== undefined, "no transaction");
  await sqlOf.execute("update invoices set status = $1 where id = $2", [status, id]);
}

/** Sets the status of a record in the action's own transaction. */
async function setStatus(
  tx: Transaction | undefined,
  id: string,
  status: string,
): Promise<void> {
  assert.ok(tx !== undefined, "no transaction");
  const table = tx.profile.table({ schema: "addon_billing", table: "invoices" });
  const uuid = { kind: "uuid" } as const;
  await tx.execute(
    tx.profile.compile(
      sql`update ${table} set status = ${status} where id = ${tx.profile.value(id, uuid)}`,
    ),
  );
}

const APPROVE = {
  key: "approve",
  requiresState: ["draft"],
  trigger: { type: "wasm", export: "approve", run_in_tx: true },
};

engineTest(
  "actions: of several approvals at once exactly one passes, whatever runs them",
  async (t) => {
    const approved: string[] = [];
    await using world = await makeActionWorld(t.database, {
      manifests: [manifest([
        APPROVE,
        { ...APPROVE, key: "accept", trigger: { type: "compiled", run_in_tx: true } },
      ])],
      guest: {
        approve: async ({ row }, tx) => {
          const id = String((row as JsonObject)["id"]);
          approved.push(id);
          await setStatus(tx, id, "approved");
          return { success: true };
        },
      },
      compiled: {
        billing: {
          actions: {
            "invoices::accept": async ({ transaction, recordId }) => {
              approved.push(recordId!);
              await writeStatus(transaction, recordId!, "approved");
              return { success: true };
            },
          },
        },
      },
    });
    for (const action of ["approve", "accept"]) {
      approved.length = 0;
      const invoice = (await world.records.create(OWNER, "invoices", { title: action })).value();
      const id = String(invoice["id"]);
      const results = await Promise.allSettled(
        Array.from({ length: 5 }, () => world.actions.run(OWNER, "invoices", id, action, {})),
      );
      const done = results.filter((result) => result.status === "fulfilled");
      assert.equal(done.length, 1, `${action}: ${done.length} passed`);
      for (const result of results) {
        if (result.status === "rejected") coded("addon.action_invalid_state")(result.reason);
      }
      assert.deepEqual(approved, [id]);
      const now = (await world.records.get(OWNER, "invoices", id)).value();
      assert.equal(now["status"], "approved");
    }
  },
  { maxConnections: 8 },
);

engineTest("actions: what the code gets, what its answer becomes, whose facts win", async (t) => {
  let answer: Json | undefined;
  const inputs: JsonObject[] = [];
  await using world = await makeActionWorld(t.database, {
    manifests: [manifest([
      { key: "echo", trigger: { type: "wasm", export: "echo" } },
      { key: "in_tx", trigger: { type: "wasm", export: "echo", run_in_tx: true } },
      { key: "nothing", trigger: { type: "noop" } },
      { key: "stray", trigger: { type: "compiled" } },
    ])],
    guest: {
      echo: async (input, tx) => {
        inputs.push(input);
        if (tx !== undefined) {
          await setStatus(tx, String((input["row"] as JsonObject)["id"]), "written");
        }
        return answer;
      },
    },
  });
  const { id } = (await world.records.create(OWNER, "invoices", { title: "one" })).value();
  const run = (key: string, payload: JsonObject = {}) =>
    world.actions.run(OWNER, "billing.invoices", String(id), key, payload);
  answer = { success: true, data: { n: 1 }, meta: { model: "mine", own: 2 } };
  const { meta, ...echoed } = await run("echo", { note: "x" });
  assert.deepEqual(echoed, { outcome: "done", data: { n: 1 } });
  assert.deepEqual(meta, {
    own: 2,
    model: "invoices",
    action: "echo",
    trigger_type: "wasm",
  });
  const [input] = inputs;
  assert.equal((input!["row"] as JsonObject)["title"], "one");
  assert.deepEqual(input!["payload"], { note: "x" });
  assert.equal((input!["user"] as JsonObject)["id"], OWNER.userId);

  answer = { success: false, error: { code: "no", message: "not today" } };
  const declined = await run("in_tx");
  assert.equal(declined.outcome, "declined");
  assert.deepEqual(declined.error, { code: "no", message: "not today" });
  assert.equal(declined.meta["rolled_back"], true);
  const kept = (await world.records.get(OWNER, "invoices", String(id))).value();
  assert.equal(kept["status"], "draft", "what a declining action wrote is rolled back");
  answer = undefined;
  assert.equal((await run("in_tx")).meta["rolled_back"], false);
  assert.deepEqual((await run("nothing")).meta["no_op"], true);
  await assert.rejects(run("stray"), coded("addon.trigger_unsupported", '"compiled"'));
  await assert.rejects(run("constructor"), coded("addon.action_not_found"));
  world.denied.add("invoices.update");
  await assert.rejects(run("echo"), coded("access.denied", "invoices.update"));
});

engineTest("actions: a success that could not be committed is no success", async (t) => {
  await using world = await makeActionWorld(t.database, {
    manifests: [manifest([{
      key: "late",
      trigger: { type: "wasm", export: "echo", run_in_tx: true },
    }])],
    guest: {
      echo: async ({ row }, tx) => {
        await setStatus(tx, String((row as JsonObject)["id"]), "lost");
        // The engine gives the transaction up here, and the code does not notice.
        await tx!.execute({ sql: "select nonsense", parameters: [] }).catch(() => {});
        return { success: true };
      },
    },
  });
  const { id } = (await world.records.create(OWNER, "invoices", { title: "one" })).value();
  await assert.rejects(world.actions.run(OWNER, "invoices", String(id), "late", {}));
  const kept = (await world.records.get(OWNER, "invoices", String(id))).value();
  assert.equal(kept["status"], "draft");
});

const PAY = {
  key: "pay",
  requiresState: ["draft", "sent"],
  condition: { field: "amount", operator: "neq", value: 0 },
  fields: [
    {
      name: "method",
      label: "Method",
      type: "select",
      required: true,
      options: [
        { value: "card", label: "Card" },
        { value: 2, label: "Two" },
      ],
    },
    { name: "sum", label: "Sum", type: "number", default: "12.50" },
    { name: "note", label: "Note", type: "text", size: 5 },
  ],
  trigger: { type: "compiled" },
};

engineTest(
  "actions: conditions, then input, then interceptors, and none of it is skipped",
  async (t) => {
    const seen: JsonObject[] = [];
    const handled: CompiledActionContext[] = [];
    await using world = await makeActionWorld(t.database, {
      manifests: [manifest([PAY])],
      compiled: {
        billing: {
          actions: {
            "invoices::pay": (context) => {
              handled.push(context);
              return Promise.resolve({ success: true, data: context.payload });
            },
          },
        },
      },
    });
    const draft = (await world.records.create(OWNER, "invoices", { title: "a", amount: 5 }))
      .value();
    const free = (await world.records.create(OWNER, "invoices", { title: "b", amount: 0 })).value();
    const paid = (await world.records.create(OWNER, "invoices", { title: "c", status: "paid" }))
      .value();
    const pay = (record: JsonObject, payload: JsonObject) =>
      world.actions.run(OWNER, "invoices", String(record["id"]), "pay", payload);

    await assert.rejects(pay(paid, {}), (thrown: KernelError) => {
      coded("addon.action_invalid_state", "needs status to be draft or sent; it is paid")(thrown);
      assert.deepEqual(thrown.details, {
        action: "pay",
        field: "status",
        expected: ["draft", "sent"],
        actual: "paid",
      });
      return true;
    });
    await assert.rejects(pay(free, {}), coded("addon.action_invalid_state", "amount"));
    await assert.rejects(pay(draft, { method: "cash", sum: "x", note: "longer" }), (thrown) => {
      assert.ok(thrown instanceof KernelError && thrown.code === "addon.action_invalid");
      assert.deepEqual(
        Object.entries(thrown.fields ?? {}).map(([name, [first]]) => [name, first?.code]),
        [["method", "invalid_option"], ["sum", "numeric"], ["note", "max"]],
      );
      return true;
    });
    assert.equal(handled.length, 0);

    const removals = ["invoices::pay", "*::pay", "*", "other::pay"].map((name, index) =>
      world.actions.intercept(name, (run) => {
        seen.push({ name, payload: run.payload, record: run.recordId ?? null });
        return index === 0 ? { ...run.payload, added: true } : undefined;
      })
    );
    const result = await pay(draft, { method: "2", extra: { kept: 1 } });
    const expected = { method: 2, sum: 12.5, extra: { kept: 1 }, added: true };
    assert.deepEqual(result.data, expected);
    assert.deepEqual(seen.map(({ name }) => name), ["invoices::pay", "*::pay", "*"]);
    assert.deepEqual(seen[1]!["payload"], expected);
    removals.forEach((remove) => remove());
    seen.length = 0;
    world.actions.intercept("*::*", () => {
      throw new KernelError({ code: "host.refused", kind: "forbidden", message: "no" });
    });
    await assert.rejects(pay(draft, { method: "card" }), coded("host.refused"));
    assert.equal(handled.length, 1);
    assert.deepEqual(seen, []);
    assert.throws(() => world.actions.intercept("invoices", () => undefined), {
      code: "addon.invalid_interceptor",
    });
  },
);

engineTest("actions: without a record only where they are placed so", async (t) => {
  await using world = await makeActionWorld(t.database, {
    manifests: [manifest([
      { key: "import", placement: "table", trigger: { type: "wasm", export: "echo" } },
      { key: "on_row", trigger: { type: "wasm", export: "echo" } },
      {
        key: "impossible",
        placement: "table",
        requiresState: ["draft"],
        trigger: { type: "wasm", export: "echo" },
      },
      {
        key: "in_tx",
        placement: "create",
        trigger: { type: "wasm", export: "echo", run_in_tx: true },
      },
    ])],
    guest: {
      echo: ({ row, payload }, tx) => ({
        success: true,
        data: { row: row!, payload: payload!, tx: tx !== undefined },
      }),
    },
  });
  const run = (key: string) => world.actions.runOnModel(OWNER, "invoices", key, { a: 1 });
  assert.deepEqual((await run("import")).data, { row: null, payload: { a: 1 }, tx: false });
  assert.deepEqual((await run("in_tx")).data, { row: null, payload: { a: 1 }, tx: true });
  await assert.rejects(run("on_row"), coded("addon.action_needs_record"));
  await assert.rejects(run("impossible"), coded("addon.action_invalid_state"));
  await assert.rejects(run("nope"), coded("addon.action_not_found"));
});

engineTest("actions: an extension's action runs the extending addon's code", async (t) => {
  const extension = {
    key: "audit",
    extensions: [{
      model: "billing.invoices",
      actions: [{ key: "inspect", name: "inspect", label: "x" }],
    }],
    hooks: { "billing.invoices::inspect": "https://audit.example.com/inspect" },
  };
  await using world = await makeActionWorld(t.database, {
    manifests: [manifest([]), extension],
    backend: () => backendAnswer(200, { seen: true }),
  });
  const { id } = (await world.records.create(OWNER, "invoices", { title: "one" })).value();
  const result = await world.actions.run(OWNER, "invoices", String(id), "inspect", {});
  assert.deepEqual(result.data, { seen: true });
  const [call] = world.calls;
  assert.equal(call!.installation.row.addon_key, "audit");
  assert.equal(call!.url, "https://audit.example.com/inspect");
  assert.equal((call!.body as JsonObject)["hook"], "invoices::inspect");
});

function webhooks(url: string): JsonObject {
  return manifest([
    { key: "send" },
    { key: "direct", trigger: { type: "webhook" } },
    { key: "silent", trigger: { type: "webhook" } },
  ], {
    backend: { runtime: "webhook", url },
    hooks: {
      "invoices::send": `${url}/hooks/se%20nd?x=1`,
      "invoices::silent": "",
      "invoices::direct": "/rel",
    },
  });
}

engineTest("actions: a webhook is called signed, over a socket, and its answer read", async (t) => {
  await using backend = serveBackend();
  const { url, requests } = backend;
  backend.answer = () =>
    Response.json({ success: true, data: { sent: 1 }, meta: { model: "x", ref: "r" } });
  await using world = await makeActionWorld(t.database, {
    manifests: [webhooks(url)],
    backend: "real",
  });
  world.clock.ms = Date.now();
  const { id } = (await world.records.create(OWNER, "invoices", { title: "one" })).value();
  const run = (key: string) => world.actions.run(OWNER, "invoices", String(id), key, { note: "ñ" });
  const { meta, ...sent } = await run("send");
  assert.deepEqual(sent, { outcome: "done", data: { sent: 1 } });
  assert.deepEqual([meta["model"], meta["ref"], meta["trigger_type"]], [
    "invoices",
    "r",
    "webhook",
  ]);
  const [request] = requests as [typeof requests[number]];
  const { body, headers } = request;
  const { id: installationId, secret } = world.installed.get("billing")!;
  assert.ok(isSigned(request, secret), "the signature is not the contract's");
  assert.equal(headers.get("x-metacore-event"), "invoices::send");
  assert.equal(headers.get("x-metacore-invocation"), "action");
  assert.equal(headers.get("x-metacore-user-id"), OWNER.userId);
  const sentBody = JSON.parse(body);
  assert.equal(sentBody.record.title, "one");
  delete sentBody.record;
  assert.deepEqual(sentBody, {
    record_id: id,
    payload: { note: "ñ" },
    hook: "invoices::send",
    org_id: ORG,
    addon_key: "billing",
    installation_id: installationId,
    model: "invoices",
    action: "send",
  });

  backend.answer = () => new Response("plain words");
  assert.equal((await run("direct")).data, "plain words");
  assert.equal(new URL(requests[1]!.url).pathname, "/rel");
  assert.deepEqual((await run("silent")).meta["no_op"], true);
  assert.equal(requests.length, 2, "no address, no call");
  backend.answer = () =>
    Response.json({ success: false, error: { code: "busy", message: "later" } }, {
      status: 409,
    });
  const declined = await run("direct");
  assert.deepEqual([declined.outcome, declined.error?.code], ["declined", "busy"]);
  backend.answer = () => new Response("broken", { status: 500 });
  await assert.rejects(
    run("direct"),
    coded("addon.backend_failed", "addon billing webhook returned 500: broken"),
  );
  backend.answer = () => Response.json({ error: "no" }, { status: 404 });
  await assert.rejects(run("direct"), coded("addon.backend_failed", "404"));
  await backend.shutdown();
  await assert.rejects(run("direct"), coded("addon.backend_unreachable"));
});

engineTest("actions: older manifests name functions of a module by hooks", async (t) => {
  await using world = await makeActionWorld(t.database, {
    manifests: [manifest([{ key: "echo" }, { key: "quiet" }], { hooks: { "invoices::echo": "" } })],
    guest: { echo: () => ({ ok: true, data: "from the module" }) },
  });
  const { id } = (await world.records.create(OWNER, "invoices", { title: "one" })).value();
  const result = await world.actions.run(OWNER, "invoices", String(id), "echo", {});
  assert.deepEqual([result.data, result.meta["trigger_type"]], ["from the module", "wasm"]);
  const quiet = await world.actions.run(OWNER, "invoices", String(id), "quiet", {});
  assert.deepEqual([quiet.meta["no_op"], quiet.meta["trigger_type"]], [true, "webhook"]);
});

engineTest("actions: a field can make a repeat the same call", async (t) => {
  let runs = 0;
  await using world = await makeActionWorld(t.database, {
    manifests: [manifest([APPROVE])],
    guest: {
      approve: async ({ row, payload }, tx) => {
        runs++;
        if ((payload as JsonObject)["fail"] === true) return { success: false, error: "no" };
        await setStatus(tx!, String((row as JsonObject)["id"]), "approved");
        return { success: true, data: { runs } };
      },
    },
  });
  // No published manifest of the flat generation has the field yet: it is put on by hand.
  await nameIdempotencyField(world.database, "ref");
  world.refresh();
  const { id } = (await world.records.create(OWNER, "invoices", { title: "one" })).value();
  const run = (payload: JsonObject, caller = OWNER) =>
    world.actions.run(caller, "invoices", String(id), "approve", payload);
  assert.equal((await run({ ref: "A", fail: true })).outcome, "declined");
  const first = await run({ ref: "A" });
  assert.deepEqual(first.data, { runs: 2 });
  // The record is approved by now, which would refuse any other call.
  const again = await run({ ref: "A" });
  assert.deepEqual(again.data, { runs: 2 });
  assert.equal(again.meta["idempotent_replay"], true);
  assert.equal(runs, 2);
  await assert.rejects(run({ ref: "A", other: 1 }), coded("http.idempotency_key_reused"));
  await assert.rejects(run({ ref: "B" }), coded("addon.action_invalid_state"));
  await assert.rejects(run({}), coded("addon.action_invalid_state"));
  await assert.rejects(
    world.actions.run(systemCaller(ORG), "invoices", String(id), "approve", { ref: "A" }),
    coded("addon.action_invalid_state"),
  );
});

async function nameIdempotencyField(
  database: Parameters<typeof makeActionWorld>[0],
  field: string,
): Promise<void> {
  const row = await database.kysely.selectFrom("bundles").selectAll().executeTakeFirstOrThrow();
  const document = JSON.parse(row.manifest);
  document.actions.invoices[0].idempotency = { key_field: field };
  document.actions.invoices[0].idempotencyField = field;
  await database.kysely.updateTable("bundles").set({ manifest: JSON.stringify(document) })
    .where("digest", "=", row.digest).execute();
}

Deno.test("actions: conditions and states, each word of them", () => {
  const fits = (record: JsonObject | undefined, action: Partial<ActionDefinition>) => {
    try {
      checkState({ key: "a", name: "a", label: "a", ...action }, record);
      return true;
    } catch (thrown) {
      assert.ok(thrown instanceof KernelError && thrown.code === "addon.action_invalid_state");
      return false;
    }
  };
  const condition = (operator: string, actual: Json, value?: Json) =>
    fits({ f: actual }, {
      // A stored manifest may hold what this version does not know.
      conditions: [{ field: "f", operator, value } as ConditionDefinition],
    });
  const rows: readonly (readonly [string, Json, Json | undefined, boolean])[] = [
    ["eq", "a", "a", true],
    ["eq", 1, "1", true],
    ["eq", "a", "b", false],
    ["eq", null, null, true],
    ["eq", null, "", false],
    ["neq", "a", "b", true],
    ["neq", "a", "a", false],
    ["neq", null, "a", true],
    ["in", "a", ["b", "a"], true],
    ["in", "c", ["b", "a"], false],
    ["in", "a", "a", false],
    ["not_in", "c", ["b"], true],
    ["not_in", "b", ["b"], false],
    ["not_in", "b", "b", false],
    ["truthy", "x", undefined, true],
    ["truthy", 0, undefined, false],
    ["truthy", [], undefined, true],
    ["falsy", "", undefined, true],
    ["falsy", false, undefined, true],
    ["falsy", "0", undefined, false],
    ["like", "a", "a", false],
    ["toString", "a", "a", false],
  ];
  for (const [operator, actual, value, expected] of rows) {
    const name = `${JSON.stringify(actual)} ${operator} ${JSON.stringify(value)}`;
    assert.equal(condition(operator, actual, value), expected, name);
  }
  const row = { customer: { value: "1", label: "Ana" }, "a.b": "own" };
  for (
    const [field, value] of [["customer.label", "Ana"], ["a.b", "own"], ["customer.no.x", null]]
  ) {
    const conditions = [{ field: field!, operator: "eq", value: value ?? null } as const];
    assert.equal(fits(row, { conditions }), true, `${field}`);
  }
  for (const field of ["customer.toString", "customer.label.length", "constructor.name"]) {
    assert.equal(fits(row, { conditions: [{ field, operator: "truthy" }] }), false, field);
  }
  const missing = { conditions: [{ field: "toString", operator: "truthy" }] } as const;
  assert.equal(fits({}, missing), false, "nothing is inherited");
  assert.equal(fits({ state: "open" }, { requiresState: ["open"] }), true);
  assert.equal(fits({ status: "", state: "open" }, { requiresState: ["open"] }), true);
  assert.equal(fits({ status: "done", state: "open" }, { requiresState: ["open"] }), false);
  assert.equal(
    fits({ phase: "open", status: "x" }, { requiresState: ["open"], stateField: "phase" }),
    true,
  );
  assert.equal(fits({}, { requiresState: ["open"] }), false);
  assert.equal(fits(undefined, { conditions: [{ field: "f", operator: "falsy" }] }), false);
});

Deno.test("actions: fields by type, good and bad", () => {
  const read = (field: Partial<ActionFieldDefinition>, value: Json): Json | string => {
    try {
      return readPayload([{ name: "f", label: "F", type: "text", ...field }], { f: value })["f"]!;
    } catch (thrown) {
      assert.ok(thrown instanceof KernelError && thrown.code === "addon.action_invalid");
      return `!${thrown.fields?.["f"]?.[0]?.code}`;
    }
  };
  const options = [{ value: "a", label: "A" }, { value: 1, label: "One" }];
  const uuid = "0193A000-0000-7000-8000-00000000000A";
  const rows: readonly (readonly [Partial<ActionFieldDefinition>, Json, Json])[] = [
    [{ type: "text" }, "x", "x"],
    [{ type: "text" }, 5, "5"],
    [{ type: "text", default: 5 }, null, "5"],
    [{ type: "text" }, true, "true"],
    [{ type: "text" }, ["x"], "!invalid_type"],
    [{ type: "text" }, { x: 1 }, "!invalid_type"],
    [{ type: "text" }, "a\0b", "!invalid_type"],
    [{ type: "text", required: true }, "", "!required"],
    [{ type: "text" }, "", ""],
    [{ type: "text", default: "d" }, "", "d"],
    [{ type: "textarea", size: 2 }, "ñá", "ñá"],
    [{ type: "textarea", size: 2 }, "ñáb", "!max"],
    [{ type: "number" }, "1.5e1", 15],
    [{ type: "number" }, "1,5", "!numeric"],
    [{ type: "number" }, "", null],
    [{ type: "number", required: true }, null, "!required"],
    [{ type: "number" }, true, "!numeric"],
    [{ type: "integer" }, "12", 12],
    [{ type: "integer" }, 1.5, "!integer"],
    [{ type: "boolean" }, "true", true],
    [{ type: "boolean" }, 0, false],
    [{ type: "boolean", required: true }, false, false],
    [{ type: "boolean" }, "maybe", "!invalid_type"],
    [{ type: "date" }, "2026-01-31", "2026-01-31"],
    [{ type: "date" }, "2026-02-30", "!invalid_type"],
    [{ type: "datetime" }, "2026-01-31T10:00:00-06:00", "2026-01-31T16:00:00.000Z"],
    [{ type: "datetime" }, "soon", "!invalid_type"],
    [{ type: "email" }, " a@b.io ", "a@b.io"],
    [{ type: "email" }, "a@b", "!email"],
    [{ type: "url" }, "https://a.b/c", "https://a.b/c"],
    [{ type: "url" }, "javascript:alert(1)", "!url"],
    [{ type: "phone" }, " +52 (55) 1234-5678 ", "+52 (55) 1234-5678"],
    [{ type: "phone" }, "911", "911"],
    [{ type: "tel" }, "555-1234 ext 3", "555-1234 ext 3"],
    [{ type: "phone" }, "call me", "!regex"],
    [{ type: "phone" }, "()", "!regex"],
    [{ type: "user" }, uuid, uuid.toLowerCase()],
    [{ type: "user" }, "me", "!uuid"],
    [{ type: "uuid" }, "x", "!uuid"],
    [{ type: "select", options }, "a", "a"],
    [{ type: "select", options }, "1", 1],
    [{ type: "select", options }, "b", "!invalid_option"],
    [{ type: "select", options }, ["a"], "!invalid_option"],
    [{ type: "select" }, "free", "free"],
    [{ type: "multi_select", options }, ["a", "1"], ["a", 1]],
    [{ type: "multi_select", options }, ["a", "b"], "!invalid_option"],
    [{ type: "multi_select", options, required: true }, [], "!required"],
    [{ type: "dynamic_rows" }, [{ any: 1 }], [{ any: 1 }]],
    [{ type: "constructor" }, { any: 1 }, { any: 1 }],
  ];
  for (const [field, value, expected] of rows) {
    assert.deepEqual(read(field, value), expected, `${field.type} ${JSON.stringify(value)}`);
  }
});

Deno.test("actions: unknown keys are passed on, those that pollute objects are not", () => {
  const sent = JSON.parse('{"a":1,"__proto__":{"admin":true},"constructor":1,"prototype":2}');
  const payload = readPayload([{ name: "b", label: "B", type: "text", default: "x" }], sent);
  assert.deepEqual(Object.entries(payload), [["a", 1], ["b", "x"]]);
  assert.equal(Object.getPrototypeOf(payload), Object.prototype);
});
