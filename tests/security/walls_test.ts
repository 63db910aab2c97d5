/**
 * Each wall taken away, one at a time: the attack fails at the next. Of the walls round the SQL of
 * addons, two are tried where they stand: the parser in `tests/db/guest_sql_sqlite_test.ts` ("with
 * the parser taken away") and `guest_sql_postgres_test.ts`, the database's role in the latter.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createEgressBehind } from "../../src/egress/create_egress.ts";
import { GUEST_SOURCE } from "../../src/sandbox/guest_source.ts";
import { workerUrl } from "../../src/sandbox/permissions.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";
import { addonBundle, fixtureModule } from "../_support/addon.ts";
import { newOwner } from "../_support/client.ts";
import { assembleWat } from "../_support/guests/wat.ts";
import { kernelTest } from "../_support/kernel.ts";

interface Secret extends AsyncDisposable {
  readonly port: number;
  requests: number;
}

/** Something inside that nobody may reach. */
function secretServer(): Secret {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
    secret.requests++;
    return new Response("secret");
  });
  const secret: Secret = {
    port: server.addr.port,
    requests: 0,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return secret;
}

kernelTest(
  "Without the enforcer: tenants, SQL, addresses, names and limits hold",
  async ({ kernel }) => {
    await using secret = secretServer();
    const [mine, theirs] = [await newOwner(kernel), await newOwner(kernel, "Other")];
    const archive = await addonBundle({
      key: "probe",
      ...await fixtureModule("probe"),
      exports: ["calls"],
      capabilities: [
        { kind: "event:emit", target: "probe.*" },
        { kind: "http:fetch", target: "api.example.com" },
      ],
      timeoutMs: 10_000,
    });
    for (const owner of [mine, theirs]) assert.equal((await owner.install(archive)).status, 200);
    const { id } = await mine.create("probe_notes", { title: "mine" });
    await theirs.create("probe_notes", { title: "theirs" });
    const calls = async (...list: (readonly string[])[]) => {
      const answer = await mine.send("POST", `/api/dynamic/probe_notes/${id}/action/calls`, {
        calls: list.map(([call, ...args]) => ({ call, args })),
        then: "done",
      });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body.data.map((text: string | null) => text === null ? null : JSON.parse(text));
    };
    const query = "db_query";
    const [rows, moved] = await calls(
      [query, "select title from notes order by title", "[]"],
      ["db_exec", "update notes set title = 'taken' where title = 'theirs'", "[]"],
    );
    assert.deepEqual(rows.data.rows, [{ title: "mine" }]);
    assert.equal(moved.data.rowsAffected, 0);
    const refused = await calls(
      [query, "select email from metacore.users", "[]"],
      [query, "select * from pg_catalog.pg_roles", "[]"],
      [query, "select set_config('app.current_org', '', false)", "[]"],
      [query, "select 1; select 2", "[]"],
      ["db_exec", "drop table notes", "[]"],
    );
    for (const answer of refused) {
      assert.equal(answer.success, false, JSON.stringify(answer));
      assert.ok(["forbidden", "invalid_sql"].includes(answer.error.code), answer.error.code);
    }
    // The capability names another host: shadow mode lets that pass, and that alone.
    const [inside, metadata, forged] = await calls(
      ["http_fetch", `http://127.0.0.1:${secret.port}/`, "GET", ""],
      ["http_fetch", "http://169.254.169.254/latest/", "GET", ""],
      ["event_emit", "kernel.addon.installed", "{}"],
    );
    for (const answer of [inside, metadata, forged]) {
      assert.equal(answer.error, "forbidden", JSON.stringify(answer));
    }
    assert.equal(secret.requests, 0);
    const many = await calls(...Array.from({ length: 40 }, () => [query, "select 1", "[]"]));
    assert.equal(many.at(-1).success, false, "the budget of an invocation has no shadow");
  },
  { enforcement: "shadow", egress: { hosts: "any", privateAddresses: [] } },
);

/** Tells what a guest's module could name, once the worker's own code has begun. */
const PROBE = `
{
  const post = postMessage.bind(globalThis);
  const Names = Object;
  addEventListener("message", ({ data }) => {
    if (data === "names") post({ t: "names", names: Names.getOwnPropertyNames(globalThis) });
  });
}`;

Deno.test("Without Deno's permissions for guests: nothing is left to name, nothing links", async () => {
  const worker = new Worker(workerUrl(PROBE + GUEST_SOURCE), {
    type: "module",
    deno: { permissions: "inherit" },
  });
  const { port1, port2 } = new MessageChannel();
  const messages: { t: string; [key: string]: unknown }[] = [];
  const next = () =>
    new Promise<(typeof messages)[number]>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
    });
  try {
    const stop = new SharedArrayBuffer(4);
    let answer = next();
    worker.postMessage({ t: "init", stop, watchdog: port1, bell: stop }, [port1]);
    const { t, breaches } = await answer;
    assert.equal(t, "ready");
    assert.ok((breaches as string[]).length > 0, "the kernel would end this worker here");
    answer = next();
    worker.postMessage("names");
    const names = (await answer)["names"] as string[];
    const reaching = ["Deno", "fetch", "Worker", "WebSocket", "process", "eval", "importScripts"];
    assert.deepEqual(names.filter((name) => reaching.includes(name)), []);
    const module = await WebAssembly.compile(
      await assembleWat(`(module
        (import "constructor" "constructor" (func $make (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "alloc") (param i32) (result i32) (i32.const 0))
        (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`),
    );
    answer = next();
    worker.postMessage({
      t: "load",
      module,
      abi: "metacore/1",
      startFunctions: [],
      imports: [{
        module: "constructor",
        name: "constructor",
        parameters: ["i32", "i32"],
        results: ["i32"],
      }],
      interrupt: "epoch",
      memoryLimitBytes: 65_536,
      prepareMs: 500,
    });
    const loaded = await answer;
    assert.equal(loaded.t, "failed", JSON.stringify(loaded));
  } finally {
    worker.terminate();
    port2.close();
  }
});

Deno.test("Without the gate of outbound HTTP: the worker of a request reaches nothing inside", async () => {
  await using secret = secretServer();
  const egress = createEgressBehind({
    policy: "any",
    clock: { nowMs: () => 0 },
    logger: silentLogger,
    metrics: createMetrics(),
    audit: { record: () => {}, flush: () => Promise.resolve() },
    resolve: () => Promise.resolve(["127.0.0.1"]),
  }, {
    gate: {
      admitHost: () => {},
      route: ({ hostname, port }) =>
        Promise.resolve({ hostname, port: Number(port), addresses: ["127.0.0.1"] }),
    },
  });
  try {
    for (const host of ["127.0.0.1", "name.test"]) {
      await assert.rejects(
        egress.fetch({
          addonKey: "probe",
          organizationId: "01890a5d-ac96-774b-bcce-b302099a8001",
          method: "GET",
          url: `http://${host}:${secret.port}/`,
          headers: [],
          isAllowed: () => true,
          maxResponseBytes: 1_000,
          timeoutMs: 5_000,
        }),
        { code: "egress.forbidden" },
      );
    }
  } finally {
    await egress.close();
  }
  assert.equal(secret.requests, 0);
});
