/**
 * Hostile addons through the front door, on both engines: what they do to themselves is told, what
 * they do to others is nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createKernel, type Kernel } from "../../mod.ts";
import { addonBundle, fixtureModule } from "../_support/addon.ts";
import { type Answer, type Client, newOwner } from "../_support/client.ts";
import { engines } from "../_support/engines.ts";
import { kernelTest, startKernel, TEST_KEYS, testPlace } from "../_support/kernel.ts";
import { withClient } from "../_support/postgres_server.ts";

const OPERATOR = "operator-token-for-tests-long-enough";

async function installed(owner: Client, key = "probe", timeoutMs = 2_000): Promise<string> {
  const archive = await addonBundle({
    key,
    ...await fixtureModule("probe"),
    exports: ["echo", "calls", "fail", "spin"],
    capabilities: [
      { kind: "event:emit", target: `${key}.*` },
      { kind: "http:fetch", target: "api.example.com" },
    ],
    timeoutMs,
  });
  const answer = await owner.install(archive);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return String((await owner.create(`${key}_notes`, { title: "first" })).id);
}

function run(owner: Client, id: string, action: string, key = "probe"): Promise<Answer> {
  return owner.send("POST", `/api/dynamic/${key}_notes/${id}/action/${action}`);
}

async function until(what: () => boolean | Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  const giveUpMs = performance.now() + timeoutMs;
  while (!await what()) {
    assert.ok(performance.now() < giveUpMs, `not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function busyWorkers(kernel: Kernel): Promise<number> {
  const request = new Request("http://kernel.test/api/operator/sandbox", {
    headers: { authorization: `Bearer ${OPERATOR}` },
  });
  const answer = await kernel.fetch(request, { remoteAddress: "192.0.2.1" });
  assert.equal(answer.status, 200);
  return (await answer.json()).data.busyWorkers;
}

kernelTest(
  "An addon that holds transactions leaves the database to everybody else",
  async ({ kernel, engine, adminUrl }) => {
    const [loud, other] = [await newOwner(kernel), await newOwner(kernel, "Other")];
    const id = await installed(loud);
    await installed(other);
    const flood = Array.from({ length: 30 }, () => run(loud, id, "spin_tx"));
    await until(async () => await busyWorkers(kernel) > 0);
    const startedMs = performance.now();
    await other.create("probe_notes", { title: "meanwhile" });
    const writeMs = performance.now() - startedMs;
    // One transaction of the addon at most is waited for, never the whole flood.
    assert.ok(writeMs < 2_000, `a write took ${writeMs} ms`);
    assert.equal((await other.get("/api/dynamic/probe_notes")).body.meta.total, 2);
    const ends = await Promise.all(flood);
    const late = ends.filter(({ status }) => status === 504);
    assert.ok(late.length >= 1 && late.length <= 7, `${late.length} timeouts`);
    for (const { status, headers, body } of ends) {
      if (status === 504) continue;
      assert.equal(status, 503, JSON.stringify(body));
      assert.ok(Number(headers.get("retry-after")) >= 1);
    }
    if (engine === "postgres" && adminUrl !== undefined) {
      const { rows } = await withClient(
        adminUrl,
        (client) =>
          client.query(`select state from pg_stat_activity
          where datname = current_database() and state like 'idle in transaction%'`),
      );
      assert.deepEqual(rows, [], "a transaction was left open");
    }
  },
  { sandbox: { timeoutMs: 1_000 }, operatorToken: OPERATOR },
);

kernelTest("Timeouts inside transactions leave no trace", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const id = await installed(owner, "probe", 100);
  for (let at = 0; at < 20; at++) {
    const { status, body } = await run(owner, id, "spin_tx");
    assert.equal(status, 504, JSON.stringify(body));
    if (at % 4 === 3) await owner.send("POST", "/api/metacore/installations/probe/code/reset");
  }
  assert.equal((await run(owner, id, "echo")).status, 200);
  await owner.create("probe_notes", { title: "after" });
  assert.equal(await busyWorkers(kernel), 0);
}, { operatorToken: OPERATOR });

kernelTest("A client that hangs up, an operator and an uninstall end a call at once", async (t) => {
  const { kernel } = t;
  const owner = await newOwner(kernel);
  const other = await newOwner(kernel, "Other");
  const id = await installed(owner, "probe", 10_000);
  const otherId = await installed(other, "probe", 10_000);
  const isRunning = async () => await busyWorkers(kernel) > 0;
  for (const action of ["spin", "spin_tx"]) {
    const stop = new AbortController();
    const request = new Request(
      `http://kernel.test/api/dynamic/probe_notes/${id}/action/${action}`,
      {
        method: "POST",
        headers: { authorization: `Bearer ${owner.token}` },
        signal: stop.signal,
      },
    );
    const gone = kernel.fetch(request, { remoteAddress: "192.0.2.1" });
    await until(isRunning);
    stop.abort();
    assert.equal((await gone).status, 499);
    await until(async () => !await isRunning());
    await owner.create("probe_notes", { title: "the database is free" });
  }
  const stopped = run(owner, id, "spin");
  await until(isRunning);
  const answer = await owner.send("POST", "/api/metacore/installations/probe/code/stop");
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal((await stopped).status, 503);
  const startedMs = performance.now();
  const [mine, theirs] = [run(owner, id, "spin"), run(other, otherId, "spin")];
  await until(async () => await busyWorkers(kernel) === 2);
  const removed = await owner.send("DELETE", "/api/metacore/installations/probe");
  assert.ok(removed.status < 300, JSON.stringify(removed.body));
  assert.equal((await mine).status, 503);
  assert.ok(performance.now() - startedMs < 5_000, "the removed addon ran on");
  assert.equal(await busyWorkers(kernel), 1, "the other organization's call goes on");
  await other.send("POST", "/api/metacore/installations/probe/code/stop");
  assert.equal((await theirs).status, 503);
}, { operatorToken: OPERATOR });

kernelTest("Five hundred calls of a slow addon: 503 for most, nothing for others", async (t) => {
  const owner = await newOwner(t.kernel);
  const id = await installed(owner);
  const quiet = await newOwner(t.kernel, "Quiet");
  const quietId = await installed(quiet, "quiet");
  assert.equal((await run(quiet, quietId, "echo", "quiet")).status, 200);
  const flood = Array.from({ length: 500 }, () => run(owner, id, "spin"));
  for (let at = 0; at < 5; at++) {
    assert.equal((await run(quiet, quietId, "echo", "quiet")).status, 200);
    await owner.create("probe_notes", { title: `n${at}` });
  }
  const ends = await Promise.all(flood);
  const refused = ends.filter(({ status }) => status === 503);
  assert.ok(refused.length > 400, `${refused.length} refused`);
  for (const { headers } of refused) assert.ok(Number(headers.get("retry-after")) >= 1);
  for (const { status } of ends) assert.ok(status === 503 || status === 504, `${status}`);
}, { sandbox: { timeoutMs: 300 } });

for (const engine of engines) {
  Deno.test(`The breaker survives a restart, is seen by replicas, told in the audit [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const first = await startKernel(place.databaseUrl);
    const owner = await newOwner(first);
    const id = await installed(owner);
    assert.equal((await run(owner, id, "echo")).status, 200);
    for (let at = 0; at < 5; at++) assert.equal((await run(owner, id, "fail")).status, 502);
    const startedMs = performance.now();
    const refused = await run(owner, id, "echo");
    assert.equal(refused.status, 503, JSON.stringify(refused.body));
    assert.ok(performance.now() - startedMs < 1_000);
    const { body } = await owner.get("/api/metacore/audit");
    const told = body.filter((each: { name: string }) => each.name === "circuit.changed");
    assert.equal(told.length, 1, JSON.stringify(body));
    await first.stop();
    const again = await startKernel(place.databaseUrl);
    const replica = engine === "postgres" ? await startKernel(place.databaseUrl) : undefined;
    const path = `/api/dynamic/probe_notes/${id}/action/echo`;
    const ask = (kernel: Kernel) =>
      kernel.fetch(
        new Request(`http://kernel.test${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${owner.token}` },
        }),
        { remoteAddress: "192.0.2.1" },
      );
    assert.equal((await ask(again)).status, 503);
    if (replica !== undefined) assert.equal((await ask(replica)).status, 503);
    await again.stop();
    await replica?.stop();
  });

  Deno.test(`A kernel stops in time while guests run [${engine}]`, async () => {
    await using place = await testPlace(engine, "memory");
    const kernel = createKernel({
      databaseUrl: place.databaseUrl,
      unsignedBundles: "allow",
      ...TEST_KEYS,
      operatorToken: OPERATOR,
    });
    await kernel.start();
    const owner = await newOwner(kernel);
    const id = await installed(owner, "probe", 1_000);
    const running = [run(owner, id, "spin"), run(owner, id, "spin_tx")];
    await until(async () => await busyWorkers(kernel) > 0);
    const startedMs = performance.now();
    await kernel.stop();
    assert.ok(performance.now() - startedMs < 5_000);
    for (const { status } of await Promise.all(running)) assert.ok(status >= 500, `${status}`);
  });
}
