import assert from "node:assert/strict";
import { KernelError } from "../../src/base/error.ts";
import { DEFAULT_HOST_LIMITS } from "../../src/addons/host/limits.ts";
import type { EgressRequest } from "../../src/egress/egress.ts";
import { engineTest, openTestDatabase } from "../_support/engines.ts";
import {
  call,
  contextOf,
  gonext,
  ids,
  json,
  makeHostWorld,
  ORG,
  OTHER_ORG,
  text,
  worldTest,
} from "./host_world.ts";

engineTest("kv: values by organization and addon, counters, sentinels", async (t) => {
  const world = await makeHostWorld(t.database);
  const port = gonext(world, ["kv.read", "kv.write"]);
  const get = (key: string) => call(port, "gonext_data.gn_kv_get", key);
  assert.deepEqual(await get("a"), { status: -4 });
  assert.deepEqual(await call(port, "gonext_data.gn_kv_set", "a", "one"), { status: 0 });
  assert.equal(text(await get("a")), "one");
  await call(port, "gonext_data.gn_kv_set", "a", "");
  assert.deepEqual(await get("a"), { status: 0 });
  const other = world.port({
    ...contextOf(ids(["kv.read"]), OTHER_ORG),
    abi: "gonext/1",
  });
  assert.deepEqual(await call(other, "gonext_data.gn_kv_get", "a"), { status: -4 });
  assert.deepEqual(await call(other, "gonext_data.gn_kv_set", "a", "x"), { status: -1 });
  assert.deepEqual(await call(port, "gonext_data.gn_kv_incr", "n", 5n), { status: 5 });
  assert.deepEqual(await call(port, "gonext_data.gn_kv_incr", "n", -7n), { status: -2 });
  assert.deepEqual(await call(port, "gonext_data.gn_kv_incr", "n", 2n ** 31n), {
    status: 2 ** 31 - 2,
  });
  assert.deepEqual(await call(port, "gonext_data.gn_kv_incr", "n", 2n), { status: -2 });
  assert.equal(text(await get("n")), `${2 ** 31 - 2}`);
  assert.deepEqual(await call(port, "gonext_data.gn_kv_incr", "a", 1n), { status: -2 });
  assert.deepEqual(await call(port, "gonext_data.gn_kv_del", "n"), { status: 0 });
  assert.deepEqual(await call(port, "gonext_data.gn_kv_del", "n"), { status: 0 });
  for (const key of ["", "k".repeat(257), "a\0b", "unreadable", "too_large"]) {
    assert.deepEqual(await call(port, "gonext_data.gn_kv_get", key), { status: -3 }, key);
  }
  const none = gonext(world, []);
  assert.deepEqual(await call(none, "gonext_data.gn_kv_get", ""), { status: -1 });
});

engineTest(
  "kv: the oldest other keys make room, under a lock that concurrent writers respect",
  async (t) => {
    const world = await makeHostWorld(t.database);
    const { values } = world.services;
    const owner = { organizationId: ORG, addonKey: "tickets" };
    const quota = { maxBytes: 10, maxKeys: 3 };
    const set = async (key: string, size: number) => {
      world.nowMs++;
      await values.set(owner, { key, value: new Uint8Array(size), quota });
    };
    const keys = async () => {
      const rows = await t.database.kysely.selectFrom("addon_values").select("key").orderBy("key")
        .execute();
      return rows.map((row) => row.key).join("");
    };
    for (const key of ["a", "b", "c"]) await set(key, 2);
    await set("a", 3);
    await set("d", 2);
    assert.equal(await keys(), "bcd", "an overwritten value keeps its age");
    await set("e", 9);
    assert.equal(await keys(), "e");
    await assert.rejects(set("f", 11), { kind: "quota" });
    assert.equal(await keys(), "e");
    await values.clear(owner);
    const wide = { maxBytes: 1_000, maxKeys: 100 };
    await Promise.all(
      Array.from({ length: 20 }, () => values.add(owner, { key: "n", delta: 1n, quota: wide })),
    );
    assert.equal(new TextDecoder().decode(await values.get(owner, "n")), "20");
    const two = { maxBytes: 1_000, maxKeys: 2 };
    await Promise.all(
      Array.from(
        { length: 12 },
        (_, n) => values.set(owner, { key: `k${n}`, value: new Uint8Array(1), quota: two }),
      ),
    );
    const left = await t.database.kysely.selectFrom("addon_values").select("key").execute();
    assert.equal(left.length, 2);
  },
  { needs: "several sessions" },
);

engineTest("secrets: sealed at rest, bound to their place, read by their addon only", async (t) => {
  const world = await makeHostWorld(t.database);
  const { secrets } = world.services;
  const owner = { organizationId: ORG, addonKey: "tickets" };
  await secrets.set(owner, "api.key", "hunter2 é");
  await secrets.set(owner, "other", "x");
  assert.deepEqual(await secrets.names(owner), ["api.key", "other"]);
  const port = gonext(world, []);
  assert.equal(text(await call(port, "env.gn_secrets_get", "api.key", 10)), "hunter2 é");
  assert.equal(text(await call(port, "env_platform.gn_secrets_get", "api.key")), "hunter2 é");
  assert.deepEqual(await call(port, "env.gn_secrets_get", "missing"), { status: -1 });
  const elsewhere = world.port({ ...contextOf(ids([]), OTHER_ORG), abi: "gonext/1" });
  assert.deepEqual(await call(elsewhere, "env.gn_secrets_get", "api.key"), { status: -1 });
  const rows = await t.database.kysely.selectFrom("addon_secrets").selectAll().orderBy("name")
    .execute();
  assert.doesNotMatch(JSON.stringify(rows), /hunter2/);
  await t.database.kysely.updateTable("addon_secrets").set({ sealed: rows[0]!.sealed })
    .where("name", "=", "other").execute();
  assert.deepEqual(await call(port, "env.gn_secrets_get", "other"), { status: -1 });
  const results = world.records.filter((one) => one.name.endsWith(".platform.secrets.get"))
    .map((one) => one.details?.result);
  assert.deepEqual(results, ["ok", "not_found", "not_found", "decrypt_failed"]);
  assert.doesNotMatch(JSON.stringify(world.records), /hunter2/);
  assert.equal(await secrets.remove(owner, "other"), true);
  assert.equal(await secrets.remove(owner, "other"), false);
  for (
    const [name, value] of [["", "x"], ["a b", "x"], ["a", "x".repeat(65_537)], ["a", "\uD800"]]
  ) {
    await assert.rejects(secrets.set(owner, name!, value!), { code: "addon.invalid_secret" });
  }
});

worldTest(
  "audit: own prefix only, never the kernel's own names, a bucket of a hundred a minute",
  async (world) => {
    const emit = (event: string, meta = "") =>
      call(gonext(world, []), "env.gn_audit_emit", event, meta);
    assert.deepEqual(await emit("tickets.login", '{"a":1,"b":{"c":2}}'), { status: 0 });
    assert.deepEqual(world.records.find((one) => one.name === "plugin.tickets.login")?.details, {
      a: 1,
      b: '{"c":2}',
    });
    assert.deepEqual(await emit("plugin.tickets"), { status: 0 });
    const forged = [
      "orders.login",
      "ticketsx",
      "",
      "capability.violation",
      "tickets.platform.secrets.get",
      "plugin.tickets.platform",
      "tickets".repeat(60),
    ];
    for (const event of forged) assert.deepEqual(await emit(event), { status: -1 }, event);
    assert.deepEqual(await emit("tickets.x", "[]"), { status: -1 });
    const sdk = (payload: string) => call(gonext(world, []), "env_platform.gn_audit_emit", payload);
    assert.deepEqual(await sdk('{"event":"tickets.sdk","meta":{"a":true}}'), { status: 0 });
    assert.deepEqual(await sdk('{"event":"kernel.sdk"}'), { status: -1 });
    for (let n = 0; n < 97; n++) assert.deepEqual(await emit("tickets.x"), { status: 0 });
    assert.deepEqual(await emit("tickets.x"), { status: -1 });
    world.nowMs += 600;
    assert.deepEqual(await emit("tickets.x"), { status: 0 });
    assert.deepEqual(await emit("tickets.x"), { status: -1 });
  },
);

engineTest("cron: checked, idempotent by handler, bounded", async (t) => {
  const world = await makeHostWorld(t.database);
  const register = (schedule: string, handler: string) =>
    call(gonext(world, []), "env.gn_cron_register", schedule, handler);
  const good = ["0 * * * *", "*/5 1-3,7 * JAN-mar 0,sun", "@daily", "59 23 31 12 7"];
  for (const schedule of good) {
    assert.deepEqual(await register(schedule, "h"), { status: 0 }, schedule);
  }
  const bad = [
    "",
    "* * * *",
    "60 * * * *",
    "* * 0 * *",
    "5-1 * * * *",
    "*/0 * * * *",
    "a * * * *",
    "@never",
    "* * * * * *",
    "1-2-3 * * * *",
    "*/2/3 * * * *",
    `${"1,".repeat(80)}1 * * * *`,
  ];
  for (const schedule of bad) {
    assert.deepEqual(await register(schedule, "h"), { status: -1 }, schedule);
  }
  for (const handler of ["", "a b", "a\n", "é"]) {
    assert.deepEqual(await register("@daily", handler), { status: -1 }, handler);
  }
  const sdk = '{"schedule":"@hourly","handler":"h2"}';
  assert.deepEqual(await call(gonext(world, []), "env.gn_cron_register", sdk), { status: 0 });
  const owner = { organizationId: ORG, addonKey: "tickets" };
  assert.deepEqual(await world.services.schedules.list(owner), [
    { handler: "h", schedule: "59 23 31 12 7" },
    { handler: "h2", schedule: "@hourly" },
  ]);
  for (let n = 0; n < 40; n++) {
    await world.services.schedules.register(owner, { handler: `x${n}`, schedule: "@daily" })
      .catch((thrown) => assert.equal(thrown.kind, "quota"));
  }
  assert.equal((await world.services.schedules.list(owner)).length, 32);
});

worldTest(
  "metrics: MessagePack and JSON tags, a dam that refuses whole observations",
  async (world) => {
    const limits = { ...DEFAULT_HOST_LIMITS.metric };
    assert.ok(limits.calls < 1_000);
    const observe = (name: string, value: number, tags: string | Uint8Array) =>
      call(gonext(world, []), "env.gn_metric_observe", name, value, tags);
    const packed = Uint8Array.of(0x81, 0xa1, 0x6b, 0xd9, 0x01, 0x76);
    assert.deepEqual(await observe("hits", 2, packed), { status: 0 });
    assert.deepEqual(await observe("hits", 3, '{"k":"v"}'), { status: 0 });
    assert.match(world.metricsText(), /metacore_guest:tickets_sum\{[^}]*\} 5/);
    assert.match(world.metricsText(), /metacore_guest_last:tickets\{metric="hits",tag_k="v"\} 3/);
    assert.deepEqual(await observe("", 1, ""), { status: -1 });
    assert.deepEqual(await observe("hits", NaN, ""), { status: -1 });
    const bad = [
      Uint8Array.of(0x81),
      Uint8Array.of(0x91, 0x01),
      Uint8Array.of(0x81, 0xa1, 0x6b, 0x01),
      Uint8Array.of(...packed, 0),
      Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff),
      '{"k":1}',
      "{",
      "x",
      JSON.stringify({ k: "v".repeat(257) }),
    ];
    for (const tags of bad) assert.deepEqual(await observe("hits", 1, tags), { status: -3 });
    for (let n = 0; n < 999; n++) {
      assert.deepEqual(await observe("hits", 1, JSON.stringify({ k: `v${n}`, same: "s" })), {
        status: 0,
      });
    }
    const before = world.metricsText().match(/metacore_guest:tickets_count\{[^}]*\}/g)?.length;
    assert.deepEqual(await observe("hits", 1, '{"fresh":"x","k":"one too many"}'), { status: -4 });
    assert.deepEqual(await observe("hits", 1, '{"k":"one too many"}'), { status: -4 });
    assert.deepEqual(await observe("hits", 1, '{"k":"v"}'), { status: 0 });
    assert.deepEqual(await observe("hits", 1, '{"k":"v","same":"s"}'), { status: 0 });
    assert.equal(
      world.metricsText().match(/metacore_guest:tickets_count\{[^}]*\}/g)?.length,
      before! + 1,
    );
    const exceeded = world.records.filter((one) =>
      one.name === "plugin.metric_cardinality_exceeded"
    );
    assert.deepEqual(exceeded.map((one) => one.details), [
      { metric: "hits", overflowing_tag: "k", limit: 1000 },
    ]);
  },
);

worldTest("net: statuses, envelopes, dropped headers, hosts by list", async (world) => {
  let request: EgressRequest | undefined;
  world.answerHttp = (given) => {
    request = given;
    return { status: 201, headers: [["A", "1"]], body: Uint8Array.of(0, 255), truncated: false };
  };
  const fetch = (payload: unknown, capabilityIds = ["http.fetch"], hosts = ["api.example.com"]) =>
    call(
      gonext(world, capabilityIds, hosts),
      "env_net.gn_http_fetch",
      typeof payload === "string" ? payload : JSON.stringify(payload),
    );
  const url = "https://api.example.com/x?key=hunter2";
  const headers = { Authorization: "x", COOKIE: "x", host: "x", "X-A": "1" };
  const reply = json(await fetch({ url, method: "PUT", headers, body: "AAE=" }));
  assert.deepEqual(reply, { status: 201, headers: { a: "1" }, body: "AP8=" });
  assert.deepEqual([request?.headers, request?.body], [[["X-A", "1"]], Uint8Array.of(0, 1)]);
  await fetch({ url, body: [1, 2] });
  assert.deepEqual(request?.body, Uint8Array.of(1, 2));
  assert.deepEqual(await fetch("{", []), { status: -2 });
  for (const bad of ["{", "[]", {}, { url, body: 1 }, { url, body: [256] }, { url, headers: [] }]) {
    assert.deepEqual(await fetch(bad), { status: -1 }, JSON.stringify(bad));
  }
  assert.deepEqual(await fetch({ url: "https://evil.example.com" }), { status: -3 });
  for (const [code, status] of [["egress.forbidden", -3], ["egress.rate_limited", -4]] as const) {
    world.answerHttp = () => {
      throw new KernelError({ code, kind: "forbidden", message: "why" });
    };
    assert.deepEqual(await fetch({ url }), { status });
  }
  world.answerHttp = () => {
    throw new KernelError({ code: "egress.transport", kind: "unavailable", message: "reset" });
  };
  assert.deepEqual(json(await fetch({ url })), { status: 0, error: "reset" });
  assert.doesNotMatch(JSON.stringify(world.records), /hunter2/);
});

worldTest(
  "users, media, translations: of the organization, -7 and 0 where a host has none",
  async (world) => {
    const read = (port = gonext(world, ["users.read", "media.read"]), id = '{"id":"u1"}') =>
      call(port, "env_net.gn_users_read", id);
    assert.deepEqual(await read(), { status: -7 });
    assert.deepEqual(await call(gonext(world, []), "env.gn_i18n_translate", "k", "es"), {
      status: 0,
    });
    await using t = await openTestDatabase("sqlite");
    const rich = await makeHostWorld(t.database, {
      findUser: (organizationId, id) =>
        Promise.resolve(
          organizationId === ORG && id === "u1"
            ? { id, displayName: "Ada", roles: ["owner"], ...{ password_hash: "x" } }
            : undefined,
        ),
      translate: (_organization, _addon, key) => key === "hi" ? "hola" : undefined,
    });
    const port = () => gonext(rich, ["users.read"]);
    assert.deepEqual(json(await read(port())), { id: "u1", display_name: "Ada", roles: ["owner"] });
    assert.deepEqual(await read(port(), '{"id":"u2"}'), { status: -6 });
    assert.deepEqual(await read(port(), "1"), { status: -1 });
    assert.deepEqual(await read(gonext(rich, [])), { status: -2 });
    assert.equal(text(await call(port(), "env.gn_i18n_translate", "hi", "es")), "hola");
    assert.deepEqual(await call(port(), "env.gn_i18n_translate", "no", "es"), { status: 0 });
  },
);

engineTest("gonext sql and cache: forms of the host and of the SDKs", async (t) => {
  const world = await makeHostWorld(t.database);
  world.answerSql = () => ({ columns: [{ name: "a" }], rows: [[1]], changes: 2 });
  const port = gonext(world, ["db.read", "db.write", "cache.invalidate"]);
  assert.deepEqual(JSON.parse(text(await call(port, "gonext_data.gn_db_read", "q", "[1]"))), [{
    a: 1,
  }]);
  const envelope = '{"sql":"q","args":[1]}';
  assert.deepEqual(JSON.parse(text(await call(port, "gonext_data.gn_db_read", envelope, ""))), {
    columns: ["a"],
    rows: [[1]],
  });
  assert.deepEqual(await call(port, "gonext_data.gn_db_write", "q", "[]"), { status: 2 });
  assert.deepEqual(await call(port, "gonext_data.gn_db_write", "q", "{}"), { status: -3 });
  assert.deepEqual(await call(gonext(world, ["db.read"]), "gonext_data.gn_db_write", "q", "{"), {
    status: -1,
  });
  assert.deepEqual(await call(port, "gonext_data.gn_cache_invalidate", '["a","b"]'), { status: 0 });
  for (const tags of ["[]", "{}", '[""]', "[1]", JSON.stringify(Array(65).fill("a"))]) {
    assert.deepEqual(await call(port, "gonext_data.gn_cache_invalidate", tags), { status: -3 });
  }
  const events = await t.database.kysely.selectFrom("events").select(["name", "payload"]).execute();
  assert.deepEqual(events, [{ name: "tickets.cache.invalidated", payload: '{"tags":["a","b"]}' }]);
});

engineTest(
  "in a transaction nothing waits for another connection: it may be the only one",
  async (t) => {
    const world = await makeHostWorld(t.database);
    const owner = { organizationId: ORG, addonKey: "tickets" };
    await world.services.secrets.set(owner, "api.key", "hunter2");
    const context = { ...contextOf(ids(["kv.read", "kv.write"])), abi: "gonext/1" as const };
    const startedMs = performance.now();
    const answers = await t.database.transaction(ORG, async (transaction) => {
      const port = world.port({ ...context, transaction, transactionMode: "action" });
      return [
        await call(port, "gonext_data.gn_kv_set", "k", "v"),
        await call(port, "gonext_data.gn_kv_get", "k"),
        await call(port, "env.gn_secrets_get", "api.key"),
        await call(port, "env.gn_cron_register", "@daily", "h"),
      ].map((reply) => "bytes" in reply ? new TextDecoder().decode(reply.bytes) : reply);
    });
    assert.deepEqual(answers, [{ status: 0 }, "v", "hunter2", { status: 0 }]);
    assert.ok(performance.now() - startedMs < 2_000);
  },
  { maxConnections: 1 },
);
