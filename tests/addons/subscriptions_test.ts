import assert from "node:assert/strict";
import { createEnforcer } from "../../src/access/enforcer.ts";
import type { BackendCall } from "../../src/addons/backend/backend.ts";
import type { CompiledEvent } from "../../src/addons/compiled/compiled_addon.ts";
import { within } from "../../src/addons/compiled/deadline.ts";
import { chainLength } from "../../src/addons/subscriptions/chain.ts";
import { placeCursor, readCursor } from "../../src/addons/subscriptions/cursor_store.ts";
import { Delivery } from "../../src/addons/subscriptions/delivery.ts";
import {
  createSubscriptions,
  type SubscriptionsOptions,
} from "../../src/addons/subscriptions/service.ts";
import { interestsIn, subscribersOf } from "../../src/addons/subscriptions/subscriber.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { requestIdOf } from "../../src/http/middleware/request_id.ts";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";
import type { AuditRecord } from "../../src/telemetry/audit.ts";
import {
  engineTest,
  hasPostgresServer,
  openTestDatabase,
  type TestDatabase,
} from "../_support/engines.ts";
import { eventRow, InstalledWorld, ORG, OTHER_ORG } from "./installed_world.ts";

/** Declares what a v2 manifest can: hooks after changes of its own records. */
function hearing(key: string, model: string, more: JsonObject = {}): JsonObject {
  return {
    key,
    backend: { runtime: "webhook", url: "https://backend.example.com" },
    model_definitions: [{
      table_name: `${model}s`,
      model_key: model,
      label: "",
      columns: [{ name: "title", type: "string" }],
    }],
    lifecycle_hooks: {
      [model]: ["after_create", "after_update", "after_delete"].map((event) => ({
        event,
        target: { type: "webhook", url: `https://backend.example.com/${event}` },
      })),
    },
    ...more,
  };
}

/** A world with subscriptions whose handlers are the test's. */
class Heard {
  readonly calls: BackendCall[] = [];
  readonly records: AuditRecord[] = [];
  answer: (call: BackendCall) => Promise<number> | number = () => 200;
  compiled: Record<string, (event: CompiledEvent) => Promise<void>> = {};
  constructor(readonly world: InstalledWorld) {}

  subscriptions(change: Partial<SubscriptionsOptions> = {}) {
    const { database, catalog, logger, clock } = this.world;
    const audit = {
      record: (one: AuditRecord) => void this.records.push(one),
      flush: async () => {},
    };
    return createSubscriptions({
      database,
      catalog,
      logger,
      clock,
      audit,
      enforcer: createEnforcer({ audit, metrics: createMetrics(), logger, clock }),
      code: { openOf: () => Promise.reject(new Error("no code here")) },
      compiled: { find: () => ({ manifest: {}, events: this.compiled }) },
      backend: {
        call: async (call) => {
          this.calls.push(call);
          const status = await this.answer(call);
          return { status, body: new Uint8Array(), truncated: false, contentType: "" };
        },
      },
      ...change,
    });
  }

  events(): string[] {
    return this.calls.map(({ event, body }) => {
      const { payload } = (body as JsonObject)["event"] as JsonObject;
      return `${event} ${(payload as JsonObject)["n"] ?? ""}`.trim();
    });
  }
}

async function heardOf({ database }: TestDatabase): Promise<Heard> {
  return new Heard(await new InstalledWorld(database).start());
}

async function placed(heard: Heard, addonKey: string, organizationId = ORG): Promise<void> {
  const { database } = heard.world;
  await placeCursor(
    database.kysely,
    { organizationId, addonKey },
    "2026-01-01T00:00:00.000Z",
    "move",
  );
}

engineTest(
  "events are delivered in their order, once, from where the addon was installed",
  async (t) => {
    const heard = await heardOf(t);
    const { world } = heard;
    await world.put(hearing("shop", "order"));
    await world.emit("shop.order.created", { n: 0 });
    await placed(heard, "shop");
    for (const n of [1, 2, 3]) await world.emit("shop.order.updated", { n });
    await world.emit("other.thing.created", { n: 4 });
    await world.emit("shop.order.created", { n: 5 }, OTHER_ORG);
    const subscriptions = heard.subscriptions();
    await subscriptions.drain(ORG);
    await subscriptions.drain(ORG);
    assert.deepEqual(heard.events(), [1, 2, 3].map((n) => `shop.order.updated ${n}`));
    const [{ body, url, headers }] = heard.calls as [BackendCall];
    assert.equal(url, "https://backend.example.com/after_update");
    assert.deepEqual(headers, { "X-Metacore-Invocation": "event" });
    const { event, subscription } = body as Record<string, JsonObject>;
    assert.deepEqual(Object.keys(event!).sort(), [
      "actor_id",
      "created_at",
      "id",
      "name",
      "payload",
      "sequence",
    ]);
    assert.deepEqual(subscription, { event: "shop.order.updated", hook: "after_update" });
    // A restart goes on where the cursor is.
    await world.emit("shop.order.deleted", { n: 6 });
    await heard.subscriptions().drain(ORG);
    assert.deepEqual(heard.events().slice(3), ["shop.order.deleted 6"]);
  },
);

engineTest("an addon without a cursor begins at the end of the log", async (t) => {
  const heard = await heardOf(t);
  await heard.world.put(hearing("shop", "order"));
  await heard.world.emit("shop.order.created", { n: 1 });
  const subscriptions = heard.subscriptions();
  await subscriptions.drain(ORG);
  await heard.world.emit("shop.order.created", { n: 2 });
  await subscriptions.drain(ORG);
  assert.deepEqual(heard.events(), ["shop.order.created 2"]);
});

engineTest(
  "a failed delivery is tried again later and later, and left behind after ten",
  async (t) => {
    const heard = await heardOf(t);
    const { world } = heard;
    await world.put(hearing("shop", "order"));
    await placed(heard, "shop");
    await world.emit("shop.order.created", { n: 1 });
    await world.emit("shop.order.created", { n: 2 });
    heard.answer = (call) => heardN(call) === 1 ? 500 : 200;
    const subscriptions = heard.subscriptions();
    await subscriptions.drain(ORG);
    await subscriptions.drain(ORG);
    assert.equal(heard.calls.length, 1, "not before its time");
    const waits = [1, 2, 4, 8, 16, 32, 64, 128, 256];
    for (const [index, seconds] of waits.entries()) {
      world.clock.ms += seconds * 1000 - 1;
      await subscriptions.drain(ORG);
      assert.equal(heard.calls.length, index + 1);
      world.clock.ms += 1;
      await subscriptions.drain(ORG);
    }
    assert.deepEqual(heard.events(), [
      ...Array(10).fill("shop.order.created 1"),
      "shop.order.created 2",
    ]);
    const [skipped] = heard.records;
    assert.equal(skipped!.name, "subscription.event_skipped");
    assert.equal(skipped!.details!["reason"], "the backend answered 500");
    const cursor = await readCursor(t.database.kysely, { organizationId: ORG, addonKey: "shop" });
    assert.deepEqual([cursor!.failures, cursor!.last_error, cursor!.claimed_until], [
      0,
      null,
      null,
    ]);
  },
);

const CREATED = "shop.order.created";

function heardN(call: BackendCall): Json | undefined {
  const { payload } = (call.body as JsonObject)["event"] as JsonObject;
  return (payload as JsonObject)["n"];
}

engineTest(
  "two processes never deliver one event at once, and a claim that was left ends",
  async (t) => {
    const heard = await heardOf(t);
    const { world } = heard;
    await world.put(hearing("shop", "order"));
    await placed(heard, "shop");
    await world.emit("shop.order.created", { n: 1 });
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<number>();
    heard.answer = () => {
      entered.resolve();
      return leave.promise;
    };
    const first = heard.subscriptions().drain(ORG);
    await entered.promise;
    await heard.subscriptions().drain(ORG);
    assert.equal(heard.calls.length, 1, "the other process keeps away");
    // The first one is taken for dead after a minute.
    world.clock.ms += 60_001;
    heard.answer = () => 200;
    await heard.subscriptions().drain(ORG);
    assert.equal(heard.calls.length, 2);
    leave.resolve(500);
    await first;
    const cursor = await readCursor(t.database.kysely, { organizationId: ORG, addonKey: "shop" });
    assert.deepEqual(
      [cursor!.failures, cursor!.retry_at],
      [0, null],
      "the late one changes nothing",
    );
  },
);

engineTest("a stop takes no failure for the handler's and gives the claim back", async (t) => {
  const heard = await heardOf(t);
  await heard.world.put(hearing("shop", "order"));
  await placed(heard, "shop");
  await heard.world.emit("shop.order.created", { n: 1 });
  const subscriptions = heard.subscriptions();
  heard.answer = (call) =>
    new Promise((_resolve, reject) => {
      call.caller.signal!.addEventListener("abort", () => reject(new Error("stopped")));
      queueMicrotask(() => void subscriptions.stop());
    });
  await subscriptions.drain(ORG);
  await subscriptions.stop();
  heard.answer = () => 200;
  await heard.subscriptions().drain(ORG);
  assert.deepEqual(heard.events(), ["shop.order.created 1", "shop.order.created 1"]);
});

engineTest("what a disabled addon missed stays missed where its cursor is moved", async (t) => {
  const heard = await heardOf(t);
  const { world } = heard;
  await world.put(hearing("shop", "order"));
  await placed(heard, "shop");
  await world.setStatus("shop", "disabled");
  await world.emit("shop.order.created", { n: 1 });
  const subscriptions = heard.subscriptions();
  await subscriptions.drain(ORG);
  await placed(heard, "shop");
  await world.setStatus("shop", "enabled");
  await world.emit("shop.order.created", { n: 2 });
  await subscriptions.drain(ORG);
  assert.deepEqual(heard.events(), ["shop.order.created 2"]);
});

engineTest("events of others are heard with the capability alone", async (t) => {
  const heard = await heardOf(t);
  const { world } = heard;
  const listener = (key: string, capabilities: Json[]): JsonObject => ({
    ...hearing(key, `${key}_note`),
    capabilities,
    lifecycle_hooks: {
      "shop.order": [{
        event: "after_create",
        target: { type: "webhook", url: `https://backend.example.com/${key}` },
      }],
    },
  });
  await world.put(hearing("shop", "order", { lifecycle_hooks: {} }));
  await world.put(listener("rightful", [{ kind: "event:subscribe", target: "shop.*" }]));
  await world.put(listener("curious", [{ kind: "event:subscribe", target: "shop.orders" }]));
  for (const key of ["rightful", "curious"]) await placed(heard, key);
  await world.emit("shop.order.created", { n: 1 });
  await heard.subscriptions().drain(ORG);
  assert.deepEqual(heard.calls.map(({ url }) => url), ["https://backend.example.com/rightful"]);
});

engineTest("an addon that answers each event with another one comes to an end", async (t) => {
  const heard = await heardOf(t);
  const { world } = heard;
  await world.put(hearing("shop", "order"));
  await placed(heard, "shop");
  const named: string[] = [];
  heard.answer = async ({ caller: { requestId } }) => {
    named.push(requestId);
    const row = { ...eventRow(world.ids, CREATED, {}), request_id: requestId };
    await t.database.kysely.insertInto("events").values(row).execute();
    return 200;
  };
  await world.emit(CREATED);
  await heard.subscriptions().drain(ORG);
  assert.deepEqual(named, [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `req~${n}`));
  assert.deepEqual(
    heard.records.map(({ name, requestId, details }) => [name, requestId, details]),
    [
      ["subscription.chain_cut", "req~9", {
        event: "shop.order.created",
        sequence: heard.records[0]!.details!["sequence"],
        deliveries: 9,
      }],
    ],
  );
  // What comes afterwards from elsewhere is heard as before.
  named.length = 0;
  heard.answer = ({ caller }) => {
    named.push(caller.requestId);
    return 200;
  };
  await world.emit(CREATED);
  await heard.subscriptions().drain(ORG);
  assert.deepEqual(named, ["req~1"]);
  // Nobody keeps their own changes from being heard by the name of a request.
  const headers = { "x-request-id": "req~9" };
  const asked = requestIdOf(new Request("http://kernel.test/", { headers }), world.ids);
  assert.equal(chainLength(asked), 0);
});

engineTest(
  "a poke looks soon, a sweep finds what other processes made, neither outlives a stop",
  async (t) => {
    const heard = await heardOf(t);
    const { world } = heard;
    await world.put(hearing("shop", "order"));
    await placed(heard, "shop");
    const subscriptions = heard.subscriptions({ sweepEveryMs: 100 });
    const next = () => {
      const called = Promise.withResolvers<void>();
      heard.answer = () => {
        called.resolve();
        return 200;
      };
      return called.promise;
    };
    subscriptions.start();
    const poked = next();
    await world.emit("shop.order.created", { n: 1 });
    subscriptions.poke(ORG);
    await poked;
    const swept = next();
    await world.emit("shop.order.created", { n: 2 });
    await swept;
    await subscriptions.stop();
    subscriptions.poke(ORG);
    assert.deepEqual(heard.events(), ["shop.order.created 1", "shop.order.created 2"]);
  },
);

Deno.test({
  name: "an event that commits late is not passed over by one with a higher number [postgres]",
  // Where there is one writer, numbers are given out in the order of commits.
  ignore: !hasPostgresServer,
  fn: lateCommit,
});

async function lateCommit(): Promise<void> {
  await using t = await openTestDatabase("postgres");
  const heard = await heardOf(t);
  const { world } = heard;
  await world.put(hearing("shop", "order"));
  await placed(heard, "shop");
  const inserted = Promise.withResolvers<void>();
  const commit = Promise.withResolvers<void>();
  const late = t.database.transaction(ORG, async (tx) => {
    await tx.kysely.insertInto("events").values(
      eventRow(world.ids, "shop.order.created", { n: 1 }),
    )
      .execute();
    inserted.resolve();
    await commit.promise;
  });
  await inserted.promise;
  await world.emit("shop.order.created", { n: 2 });
  const delivered = heard.subscriptions().drain(ORG);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const early = heard.events();
  commit.resolve();
  assert.deepEqual(early, [], "nothing before the gap is closed");
  await late;
  await delivered;
  await heard.subscriptions().drain(ORG);
  assert.deepEqual(heard.events(), ["shop.order.created 1", "shop.order.created 2"]);
}

engineTest("patterns and filters pick events; handlers of each kind are called", async (t) => {
  const heard = await heardOf(t);
  const { world } = heard;
  await world.put(hearing("shop", "order", { lifecycle_hooks: {} }));
  const { snapshot } = await world.catalog.view(ORG);
  const installation = await world.installation("shop");
  const interested = (event: string, filter?: JsonObject) => {
    const manifest = {
      ...installation.manifest,
      subscriptions: [{
        event,
        handler: { type: "compiled" as const, name: "heard" },
        ...(filter === undefined ? {} : { filter }),
      }],
    };
    const installations = new Map([["shop", { ...installation, manifest }]]);
    return subscribersOf({ snapshot, installations })[0]!;
  };
  const meets = (pattern: string, name: string, filter?: JsonObject, payload: Json = {}) =>
    interestsIn(interested(pattern, filter), { name, payload }).length === 1;
  assert.ok(meets("shop.order.created", "shop.order.created"));
  assert.ok(!meets("shop.order.created", "shop.order.createdx"));
  // As everywhere, a model is named in any letter case; an event of the addon's own is not a record's.
  assert.ok(meets("shop.Order.created", "shop.order.created"));
  assert.ok(!meets("Order.created", "shop.order.created"));
  assert.ok(meets("Order.created", "Order.created"));
  assert.ok(!meets("shop.Order.paid", "shop.order.paid"));
  assert.ok(meets("shop.*", "shop.order.created"));
  assert.ok(!meets("shop.*", "shops.order.created"));
  assert.ok(meets("*.created", "shop.order.created"));
  assert.ok(meets("*", "anything"));
  const paid = { "after.status": "paid", "after.tags": ["a", { b: 1 }] };
  const payload = (status: Json, tags: Json) => ({ after: { status, tags } });
  assert.ok(meets("*", "x", paid, payload("paid", ["a", { b: 1 }])));
  assert.ok(!meets("*", "x", paid, payload("open", ["a", { b: 1 }])));
  assert.ok(!meets("*", "x", paid, payload("paid", ["a", { b: 2 }])));
  assert.ok(!meets("*", "x", paid, payload("paid", ["a"])));
  assert.ok(!meets("*", "x", { "constructor.name": "Object" }, {}));
  assert.ok(meets("*", "x", { "after.gone": null }, payload("paid", [])));
  assert.ok(!meets("*", "x", { "after": "paid" }, "paid"));
});

engineTest(
  "a function is given event and subscription; what it declines is tried again",
  async (t) => {
    const heard = await heardOf(t);
    const { world } = heard;
    await world.put(hearing("shop", "order", {
      backend: { runtime: "wasm", entry: "backend/backend.wasm", exports: ["heard"] },
      lifecycle_hooks: {
        order: [{ event: "after_create", target: { type: "wasm", function: "heard" } }],
      },
    }));
    await placed(heard, "shop");
    await world.emit("shop.order.created", { id: "1", after: { title: "A" } });
    const inputs: JsonObject[] = [];
    let answer: Json = { success: false, error: { code: "no", message: "not today" } };
    const subscriptions = heard.subscriptions({
      code: {
        openOf: async (caller, { manifest }, name, work) => {
          assert.deepEqual([caller.kind, manifest.key, name], ["system", "shop", "heard"]);
          return await work((call) => {
            // Border: handlers are given JSON objects.
            inputs.push(call.input({ installationId: "i" }) as JsonObject);
            return Promise.resolve(new TextEncoder().encode(JSON.stringify(answer)));
          });
        },
      },
    });
    await subscriptions.drain(ORG);
    const cursor = await readCursor(t.database.kysely, { organizationId: ORG, addonKey: "shop" });
    assert.deepEqual([cursor!.failures, cursor!.last_error], [1, "not today"]);
    answer = { success: true };
    world.clock.ms += 1_000;
    await subscriptions.drain(ORG);
    assert.equal(inputs.length, 2);
    const { event, subscription } = inputs[1] as Record<string, JsonObject>;
    assert.deepEqual(subscription, { event: "shop.order.created", hook: "after_create" });
    assert.deepEqual(event!["payload"], { id: "1", after: { title: "A" } });
    assert.equal(event!["name"], "shop.order.created");
    await subscriptions.drain(ORG);
    assert.equal(inputs.length, 2);
  },
);

Deno.test("code of the host that never ends holds up neither a stop nor a write", async () => {
  const never = () => new Promise<never>(() => {});
  const stop = new AbortController();
  const wait = within(
    { timeoutMs: 60_000, late: () => new Error("late"), signal: stop.signal },
    never,
  );
  stop.abort(new Error("stopped"));
  await assert.rejects(wait, /stopped/);
  const timed = { timeoutMs: 1, late: () => new Error("late") };
  await assert.rejects(within(timed, never), /late/);
  await assert.rejects(within(timed, () => Promise.reject(new Error("its own"))), /its own/);
  assert.equal(await within(timed, () => 7), 7);
});

engineTest("a handler of the host that never ends is left at a stop", async (t) => {
  const heard = await heardOf(t);
  const { world } = heard;
  await world.put(hearing("shop", "order"));
  const installation = await world.installation("shop");
  const [subscriber] = subscribersOf(await world.catalog.view(ORG));
  const began = Promise.withResolvers<void>();
  const delivery = new Delivery({
    code: { openOf: () => Promise.reject(new Error("no code here")) },
    compiled: {
      find: () => ({
        manifest: {},
        events: {
          heard: () => {
            began.resolve();
            return new Promise<never>(() => {});
          },
        },
      }),
    },
    enforcer: { check: () => true },
  });
  const stop = new AbortController();
  const interest = {
    ...subscriber!.interests[0]!,
    handler: { type: "compiled" as const, name: "heard" },
  };
  const event = {
    id: "e",
    sequence: 1,
    organizationId: ORG,
    name: "shop.order.created",
    addonKey: "shop",
    model: "order",
    recordId: null,
    payload: {},
    actorId: null,
    requestId: "r",
    createdAt: "2026-01-01T00:00:00.000Z",
  };
  const served = { ...subscriber!, installation };
  const call = delivery.call(served, interest, event, stop.signal);
  await began.promise;
  stop.abort(new Error("the kernel stops"));
  await assert.rejects(call, /the kernel stops/);
});
