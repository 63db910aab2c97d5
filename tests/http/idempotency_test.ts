/**
 * Requests with an idempotency key: done once, whatever is repeated, wherever, and whenever a process
 * dies.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { CompiledAddon, HostModelDefinition, Kernel } from "../../mod.ts";
import { systemCaller } from "../../mod.ts";
import { denied } from "../../src/access/errors.ts";
import type { Caller, UserCaller } from "../../src/base/caller.ts";
import { SystemIds } from "../../src/base/ids.ts";
import type { KernelError } from "../../src/base/error.ts";
import type { FaultPort } from "../../src/db/database.ts";
import type { KeptAnswer, RequestClaim } from "../../src/idempotency/idempotency.ts";
import { keepResult } from "../../src/idempotency/keep_result.ts";
import { createIdempotency } from "../../src/idempotency/store.ts";
import { hostModel } from "../../src/models/host_model.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { type Client, logIn, newOwner } from "../_support/client.ts";
import { engines, engineTest, hasPostgresServer } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";
import { withApp } from "./services.ts";

const NOTES: HostModelDefinition = {
  key: "notes",
  columns: { title: { type: "string", required: true } },
};

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function post(
  kernel: Kernel,
  { token }: Pick<Client, "token">,
  body: unknown,
  key?: string,
  path = "/api/dynamic/notes",
): Promise<Reply> {
  const headers = new Headers({
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
  });
  if (key !== undefined) headers.set("idempotency-key", key);
  const request = new Request(`http://kernel.test${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  const response = await kernel.fetch(request, { remoteAddress: "192.0.2.1" });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

async function titles(kernel: Kernel, organizationId: string): Promise<string[]> {
  const caller = systemCaller(organizationId);
  const page = await kernel.services.records.list(
    caller,
    "notes",
    new URLSearchParams("per_page=200"),
  );
  return page.rows.value().map((row) => String(row["title"])).sort();
}

kernelTest("idempotency: a repeat gets the first answer and does nothing", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const first = await post(kernel, owner, { title: "one" }, "k1");
  assert.equal(first.status, 201, first.text);
  assert.equal(first.headers.get("idempotent-replay"), null);
  const again = await post(kernel, owner, { title: "one" }, "k1");
  assert.deepEqual([again.status, again.text], [201, first.text]);
  assert.equal(again.headers.get("idempotent-replay"), "true");

  const reused = await post(kernel, owner, { title: "two" }, "k1");
  assert.equal(reused.status, 422);
  assert.equal(JSON.parse(reused.text).code, "http.idempotency_key_reused");
  for (const bad of ["", "a b", "x".repeat(256)]) {
    const invalid = await post(kernel, owner, { title: "one" }, bad);
    assert.equal(JSON.parse(invalid.text).code, "http.idempotency_key_invalid", bad);
    assert.equal(invalid.status, 400);
  }
  // What failed has done nothing, and may be tried again under the same key.
  const refused = await post(kernel, owner, {}, "k2");
  assert.equal(refused.status, 422);
  assert.equal((await post(kernel, owner, { title: "three" }, "k2")).status, 201);
  // Keys belong to a user, a method and a path.
  const other = await newOwner(kernel);
  const theirs = await post(kernel, other, { title: "one" }, "k1");
  assert.deepEqual([theirs.status, theirs.headers.get("idempotent-replay")], [201, null]);
  const elsewhere = await post(kernel, owner, { title: "four" }, "k1", "/api/data/notes");
  assert.deepEqual([elsewhere.status, elsewhere.headers.get("idempotent-replay")], [201, null]);
  assert.equal((await post(kernel, owner, { title: "five" })).status, 201);
  assert.equal((await post(kernel, owner, { title: "five" })).status, 201);
  assert.deepEqual(await titles(kernel, owner.organizationId), [
    "five",
    "five",
    "four",
    "one",
    "three",
  ]);
  assert.deepEqual(await titles(kernel, other.organizationId), ["one"]);
}, { models: [NOTES] });

kernelTest(
  "idempotency: a kept answer is for whoever may still do it, and for the same query",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const { access, auth } = kernel.services;
    const system = systemCaller(owner.organizationId);
    const [email, password] = ["member@example.test", "correct horse battery"];
    const { organizationId } = owner;
    await auth.createUser({ organizationId, name: "Member", email, password, role: "clerk" });
    const member = await logIn(kernel, email, password);
    await access.grantToUser(system, member.userId, "notes.create");
    const create = (query = "") =>
      post(kernel, member, { title: "mine" }, "k1", `/api/dynamic/notes${query}`);
    const first = await create();
    assert.equal(first.status, 201, first.text);
    await access.revokeFromUser(system, member.userId, "notes.create");
    const refused = await create();
    assert.deepEqual([refused.status, JSON.parse(refused.text).code], [403, "access.denied"]);
    assert.equal(refused.headers.get("idempotent-replay"), null);
    await access.grantToUser(system, member.userId, "notes.create");
    const again = await create();
    assert.deepEqual([again.status, again.text], [201, first.text]);
    const asked = await create("?as=draft");
    assert.equal(JSON.parse(asked.text).code, "http.idempotency_key_reused");
    assert.deepEqual(await titles(kernel, owner.organizationId), ["mine"]);
  },
  { models: [NOTES] },
);

Deno.test("idempotency: before any kept answer the permission of its route is asked for", async () => {
  const asked: string[] = [];
  await withApp({
    idempotency: {
      once: () => Promise.resolve({ answer: { status: 200, body: "{}" }, kept: true }),
    },
    access: {
      check: (_caller, permission) => {
        asked.push(permission);
        return Promise.reject(denied(permission));
      },
    },
    registry: {
      snapshot: () =>
        Promise.resolve({
          version: "1",
          models: [],
          origin: {},
          find: (name) => name === "Addon_Desk.notes" ? hostModel(NOTES) : undefined,
        }),
    },
  }, async ({ ask }) => {
    const repeat = async (path: string) => {
      const answer = await ask(path, { method: "POST", headers: { "idempotency-key": "k" } });
      return [answer.status, (await answer.json()).code];
    };
    const model = "/api/dynamic/Addon_Desk.notes";
    const paths = [
      model,
      `${model}/me/${new SystemIds().next()}/action/send`,
      `${model}/action/send`,
      "/api/metacore/tools/execute",
    ];
    for (const path of paths) assert.deepEqual(await repeat(path), [403, "access.denied"], path);
    assert.deepEqual(asked, ["notes.create", "notes.update", "notes.update", "tools.execute"]);
    assert.deepEqual(await repeat("/api/dynamic/gone"), [404, "model.not_found"]);
  });
});

for (const engine of engines) {
  Deno.test({
    name: `idempotency: two kernels on one database do parallel repeats once [${engine}]`,
    ignore: engine === "postgres" && !hasPostgresServer,
    fn: async () => {
      await using place = await testPlace(engine, "file");
      const kernel = await startKernel(place.databaseUrl, { models: [NOTES] });
      // A file of SQLite belongs to one process.
      const second = engine === "sqlite"
        ? kernel
        : await startKernel(place.databaseUrl, { models: [NOTES] });
      const kernels = [kernel, second];
      try {
        const owner = await newOwner(kernels[0]!);
        const keys = Array.from({ length: 10 }, (_, index) => `key-${index}`);
        const replies = await Promise.all(
          keys.flatMap((key) =>
            [0, 1, 0, 1].map((at) => post(kernels[at]!, owner, { title: key }, key))
          ),
        );
        for (const reply of replies) {
          if (reply.status === 201) continue;
          assert.equal(reply.status, 409, reply.text);
          assert.equal(JSON.parse(reply.text).code, "http.idempotency_in_progress");
          assert.equal(reply.headers.get("retry-after"), "1");
        }
        const later = await Promise.all(
          keys.flatMap((key) => kernels.map((each) => post(each, owner, { title: key }, key))),
        );
        for (const reply of later) {
          assert.deepEqual([reply.status, reply.headers.get("idempotent-replay")], [201, "true"]);
        }
        const ids = new Set(
          [...replies, ...later].filter(({ status }) => status === 201)
            .map(({ text }) => JSON.parse(text).data.id),
        );
        assert.equal(ids.size, keys.length);
        assert.deepEqual(await titles(kernels[1]!, owner.organizationId), [...keys].sort());
      } finally {
        for (const each of new Set(kernels)) await each.stop();
      }
    },
  });
}

class Crash extends Error {}

/** Crashes before the n-th statement after it was armed. */
class Crasher implements FaultPort {
  seen = 0;
  crashAt = Infinity;

  beforeStatement(): void {
    if (++this.seen >= this.crashAt) throw new Crash(`statement ${this.seen}`);
  }
}

for (const engine of engines) {
  Deno.test(`idempotency: a crash before any statement of a creation, then a repeat: one record [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    let timeMs = Date.now();
    const clock = { nowMs: () => timeMs };
    const options = { models: [NOTES], clock };
    const opener = await startKernel(place.databaseUrl, options);
    const owner = await newOwner(opener);
    await opener.stop();
    let replays = 0;
    let at = 1;
    for (; at < 40; at++) {
      const fault = new Crasher();
      const crashing = await startKernel(place.databaseUrl, { ...options, fault });
      // What a process reads once has been read; only the request itself is cut.
      assert.equal((await post(crashing, owner, { title: `warm ${at}` })).status, 201);
      fault.seen = 0;
      fault.crashAt = at;
      const cut = await post(crashing, owner, { title: `note ${at}` }, `key-${at}`);
      fault.crashAt = Infinity;
      await crashing.stop().catch(() => {});
      if (fault.seen < at) break;
      timeMs += 61_000;
      const kernel = await startKernel(place.databaseUrl, options);
      const repeat = await post(kernel, owner, { title: `note ${at}` }, `key-${at}`);
      assert.equal(repeat.status, 201, `${at}: ${cut.status}, then ${repeat.text}`);
      const { id, title } = JSON.parse(repeat.text).data;
      assert.equal(title, `note ${at}`);
      const found = (await titles(kernel, owner.organizationId))
        .filter((each) => each === `note ${at}`);
      assert.deepEqual(found, [`note ${at}`], `after a crash before statement ${at}`);
      if (repeat.headers.get("idempotent-replay") === "true") {
        replays++;
        if (cut.status === 201) assert.equal(JSON.parse(cut.text).data.id, id);
      }
      await kernel.stop();
    }
    assert.ok(at > 5, `only ${at} statements`);
    assert.ok(replays >= 1, "no crash came between the commit and the answer's end");
  });
}

const COUNTER: CompiledAddon = {
  manifest: {
    key: "counter",
    name: "Counter",
    version: "1.0.0",
    kernel: ">=2.0.0 <3.0.0",
    model_definitions: [{
      table_name: "counters",
      model_key: "counters",
      label: "Counters",
      org_scoped: true,
      columns: [{ name: "n", type: "integer", default: 0 }],
    }],
    actions: {
      counters: [{
        key: "raise",
        name: "raise",
        label: "Raise",
        trigger: { type: "compiled", run_in_tx: true },
      }],
    },
  },
  actions: {
    "counters::raise": async ({ transaction, recordId }) => {
      await transaction!.execute("update counters set n = n + 1 where id = $1", [recordId!]);
      return { success: true, data: { raised: true } };
    },
  },
};

for (const engine of engines) {
  Deno.test(`idempotency: a crash before any statement of an action, then a repeat: done once [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    let timeMs = Date.now();
    const options = { addons: [COUNTER], clock: { nowMs: () => timeMs } };
    const opener = await startKernel(place.databaseUrl, options);
    const owner = await newOwner(opener);
    const caller = systemCaller(owner.organizationId);
    const installed = await post(
      opener,
      owner,
      {},
      undefined,
      "/api/metacore/installations/counter",
    );
    assert.equal(installed.status, 200, installed.text);
    const { id } = (await opener.services.records.create(caller, "counters", {})).value();
    await opener.stop();
    const path = `/api/dynamic/counters/${id}/action/raise`;
    let [at, replays, count] = [1, 0, 0];
    for (; at < 60; at++) {
      const fault = new Crasher();
      const crashing = await startKernel(place.databaseUrl, { ...options, fault });
      // What a process reads once has been read; only the request itself is cut.
      assert.equal((await post(crashing, owner, {}, undefined, path)).status, 200);
      count++;
      fault.seen = 0;
      fault.crashAt = at;
      const cut = await post(crashing, owner, {}, `raise-${at}`, path);
      fault.crashAt = Infinity;
      await crashing.stop().catch(() => {});
      count++;
      if (fault.seen < at) break;
      timeMs += 61_000;
      const kernel = await startKernel(place.databaseUrl, options);
      const repeat = await post(kernel, owner, {}, `raise-${at}`, path);
      assert.equal(repeat.status, 200, `${at}: ${cut.status}, then ${repeat.text}`);
      const { success, data, meta } = JSON.parse(repeat.text);
      assert.deepEqual([success, data, meta.action], [true, { raised: true }, "raise"]);
      const row = (await kernel.services.records.get(caller, "counters", String(id))).value();
      assert.equal(row["n"], count, `after a crash before statement ${at}`);
      if (repeat.headers.get("idempotent-replay") === "true") replays++;
      await kernel.stop();
    }
    assert.ok(at > 5, `only ${at} statements`);
    assert.ok(replays >= 1, "no crash came between the commit and the answer's end");
  });
}

const CALLER: UserCaller = {
  kind: "user",
  organizationId: "0193a000-0000-7000-8000-00000000000a",
  userId: "0193a000-0000-7000-8000-0000000000a1",
  role: "owner",
  requestId: "r",
};

engineTest(
  "idempotency: rows of the dead are taken over, old ones forgotten, large answers not kept",
  async ({ database }) => {
    await database.kysely.insertInto("organizations").values({
      id: CALLER.organizationId,
      name: "Acme",
      slug: "acme",
      created_at: "2026-01-01T00:00:00.000Z",
      updated_at: "2026-01-01T00:00:00.000Z",
    }).execute();
    let timeMs = Date.parse("2026-11-21T00:00:00.000Z");
    const idempotency = createIdempotency({
      database,
      clock: { nowMs: () => timeMs },
      ids: new SystemIds(),
      logger: silentLogger,
      runTimeMs: 1_000,
    });
    const once = (key: string, work: (claim: RequestClaim) => KeptAnswer | Promise<KeptAnswer>) =>
      idempotency.once(
        { caller: CALLER, method: "POST", path: "/x", key, body: new Uint8Array() },
        async (claim) => await work(claim),
      );
    const answer = (body: string, status = 200): KeptAnswer => ({ status, body });

    // A process that hangs: its place is taken when its time is over, and it takes no effect then.
    const { promise: hanging, resolve: wake } = Promise.withResolvers<void>();
    let slowClaim: RequestClaim | undefined;
    const slow = once("a", async (claim) => {
      slowClaim = claim;
      await hanging;
      return answer('"slow"');
    });
    while (slowClaim === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    await assert.rejects(once("a", () => answer('"no"')), { code: "http.idempotency_in_progress" });
    timeMs += 1_000;
    const second = await once("a", () => answer('"second"'));
    assert.deepEqual([second.kept, second.answer.body], [false, '"second"']);
    await assert.rejects(
      database.transaction(
        CALLER.organizationId,
        (tx) => keepResult(tx, slowClaim!, '"slow"'),
      ),
      (thrown: KernelError) => thrown.code === "http.idempotency_in_progress",
    );
    wake();
    await slow;
    const third = await once("a", () => answer('"third"'));
    assert.deepEqual([third.kept, third.answer.body], [true, '"second"']);

    const large = JSON.stringify("x".repeat(1_048_576));
    assert.equal((await once("b", () => answer(large, 201))).answer.body, large);
    const told = await once("b", () => answer('"again"'));
    assert.deepEqual([told.kept, told.answer.status], [true, 201]);
    assert.equal(JSON.parse(told.answer.body!).meta.answer, "not_kept");

    await once("c", () => ({ status: 200, body: "{}", outcome: "nothing done" }));
    assert.equal((await once("c", () => answer('"done"'))).kept, false);
    await assert.rejects(once("d", () => Promise.reject(new Error("broken"))), /broken/);
    assert.equal((await once("d", () => answer('"d"'))).kept, false);

    timeMs += 24 * 3_600_000;
    const anew = await once("a", () => answer('"anew"'));
    assert.deepEqual([anew.kept, anew.answer.body], [false, '"anew"']);
    const rows = await database.kysely.selectFrom("idempotency_keys").select("key").execute();
    assert.equal(rows.length, 1, "what is over is swept");
  },
);

engineTest(
  "idempotency: nobody is given another's answer, of the same organization or of another",
  async ({ database }) => {
    const ids = new SystemIds();
    const clock = { nowMs: () => 1_000 };
    const keeper = createIdempotency({ database, clock, ids, logger: silentLogger });
    const [acme, other] = [ids.next(), ids.next()];
    const [anna, bert] = [ids.next(), ids.next()];
    for (const id of [acme, other]) {
      const at = "2026-01-01T00:00:00.000Z";
      await database.kysely.insertInto("organizations")
        .values({ id, name: "Acme", slug: id, created_at: at, updated_at: at }).execute();
    }
    const ask = (organizationId: string, userId: string | undefined) => {
      const caller: Caller = userId === undefined
        ? systemCaller(organizationId)
        : { ...systemCaller(organizationId), kind: "user", userId, role: "owner" };
      const body = new TextEncoder().encode("{}");
      const mark = `${organizationId} ${userId}`;
      return keeper.once(
        { caller, method: "POST", path: "/x", key: "k", body },
        () => Promise.resolve({ status: 200, body: mark }),
      );
    };
    const callers = [[acme, anna], [acme, bert], [other, anna], [acme, undefined]] as const;
    for (const turn of ["first", "again"]) {
      for (const [organizationId, userId] of callers) {
        const { answer, kept } = await ask(organizationId, userId);
        assert.deepEqual([answer.body, kept], [`${organizationId} ${userId}`, turn === "again"]);
      }
    }
  },
);
