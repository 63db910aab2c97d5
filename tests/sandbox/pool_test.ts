import assert from "node:assert/strict";
import { isKernelError, KernelError } from "../../src/base/error.ts";
import { countsAgainstGuest, sandboxError } from "../../src/sandbox/errors.ts";
import type { PoolLimits } from "../../src/sandbox/limits.ts";
import { createSandbox } from "../../src/sandbox/pool.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import {
  FakeCode,
  FakeSource,
  FakeTiming,
  type FakeWorker,
  invocation,
  outcome,
  settle,
} from "./pool_fakes.ts";

interface Pool {
  readonly sandbox: Sandbox;
  readonly source: FakeSource;
  readonly timing: FakeTiming;
}

/** Runs a test over a pool without spare workers unless it asks for them; nothing may be left. */
function poolTest(name: string, limits: Partial<PoolLimits>, work: (pool: Pool) => Promise<void>) {
  Deno.test(`pool ${name}`, async () => {
    const source = new FakeSource();
    const timing = new FakeTiming();
    const sandbox = createSandbox({
      source,
      timing,
      limits: { maxWorkers: 4, maxWorkersPerAddon: 2, spareWorkers: 0, turnMs: 0, ...limits },
    });
    await work({ sandbox, source, timing });
    const closing = sandbox.close();
    await timing.advance(10_000);
    await closing;
    assert.equal(source.alive.size, 0, "workers left");
    assert.equal(timing.pending, 0, "timers left");
    assert.equal(source.closes, 1);
    assert.deepEqual(
      { workers: sandbox.stats().workers, waiting: sandbox.stats().waiting },
      { workers: 0, waiting: 0 },
    );
  });
}

function only(workers: readonly FakeWorker[]): FakeWorker {
  assert.equal(workers.length, 1);
  return workers[0]!;
}

/** Ends whatever runs until nothing runs. */
async function finishAll(source: FakeSource): Promise<void> {
  for (await settle(); source.busy.length > 0; await settle()) {
    for (const worker of source.busy) worker.finish();
  }
}

poolTest("starts nothing before the first invocation, then reuses its worker", {}, async (pool) => {
  const { sandbox, source, timing } = pool;
  await timing.advance(100_000);
  assert.equal(source.attempts, 0);
  const code = new FakeCode("a");
  for (let round = 0; round < 3; round++) {
    const call = sandbox.invoke(code, invocation());
    await finishAll(source);
    assert.equal((await call).waitedMs, 0);
  }
  assert.equal(only(source.started).uses, 3);
  assert.equal(code.loads, 1);
});

poolTest("blocks who comes after the last worker until one returns", {}, async (pool) => {
  const { sandbox, source, timing } = pool;
  const code = new FakeCode("a");
  const calls = [1, 2, 3].map(() => sandbox.invoke(code, invocation()));
  await settle();
  assert.equal(source.busy.length, 2);
  assert.equal(sandbox.stats().waiting, 1);
  await timing.advance(40);
  source.busy[0]!.finish();
  await settle();
  assert.equal(sandbox.stats().waiting, 0);
  assert.equal(source.begun[2]!.timeoutMs, 9_960, "waiting counts against its time");
  await finishAll(source);
  const last = await calls[2]!;
  assert.equal(last.waitedMs, 40);
  assert.equal(last.durationMs, 43);
  await Promise.all(calls);
  assert.equal(source.started.length, 2);
});

poolTest("ends a wait at its deadline or its caller's wish; nothing leaks", {}, async (pool) => {
  const { sandbox, source, timing } = pool;
  const code = new FakeCode("a");
  const running = [1, 2].map(() => sandbox.invoke(code, invocation()));
  await settle();
  const abort = new AbortController();
  const late = outcome(sandbox.invoke(code, invocation({ timeoutMs: 25 })));
  const gone = outcome(sandbox.invoke(code, invocation({ signal: abort.signal })));
  await timing.advance(24);
  assert.equal(sandbox.stats().waiting, 2);
  await timing.advance(1);
  assert.equal(await late, "sandbox.busy");
  abort.abort();
  assert.equal(await gone, "sandbox.cancelled");
  assert.equal(sandbox.stats().waiting, 0);
  assert.equal(timing.pending, 0);
  await finishAll(source);
  await Promise.all(running);
  assert.equal(source.begun.length, 2, "neither of them ran");
  assert.equal(
    await outcome(sandbox.invoke(code, invocation({ signal: abort.signal }))),
    "sandbox.cancelled",
  );
});

poolTest("bounds who may wait and says when to come back", {
  maxWaiting: 3,
  maxWaitingPerAddon: 2,
}, async (pool) => {
  const { sandbox, source } = pool;
  const [a, b, c] = [new FakeCode("a"), new FakeCode("b"), new FakeCode("c")];
  const kept: Promise<unknown>[] = [];
  for (const code of [a, a, b, b]) {
    kept.push(sandbox.invoke(code, invocation()));
    await settle();
  }
  kept.push(sandbox.invoke(a, invocation()));
  const displaced = sandbox.invoke(a, invocation());
  await assert.rejects(
    sandbox.invoke(a, invocation()),
    (thrown) =>
      thrown instanceof KernelError && thrown.code === "sandbox.busy" &&
      thrown.details?.["retry_after_seconds"] === 1 && thrown.message.includes('"a"'),
  );
  kept.push(sandbox.invoke(b, invocation()));
  // The queue is full; who waits with two gives way to who waits with none, and only to that.
  kept.push(sandbox.invoke(c, invocation()));
  assert.equal(await outcome(displaced), "sandbox.busy");
  assert.equal(await outcome(sandbox.invoke(b, invocation())), "sandbox.busy");
  assert.equal(sandbox.stats().waiting, 3);
  assert.equal(sandbox.stats().refused, 3);
  await finishAll(source);
  await Promise.all(kept);
  assert.ok(source.mostAlive <= 4);
});

poolTest(
  "serves an addon in order, addons by turns, and never more than its share",
  {},
  async (pool) => {
    const { sandbox, source } = pool;
    const codes = { a: new FakeCode("a"), b: new FakeCode("b"), c: new FakeCode("c") };
    const calls: Promise<unknown>[] = [];
    const call = (key: keyof typeof codes, name: string) =>
      calls.push(
        sandbox.invoke(
          codes[key],
          invocation({ target: { kind: "export", name: `${key}${name}` } }),
        ),
      );
    for (let at = 0; at < 6; at++) call("a", String(at));
    for (let at = 0; at < 4; at++) call("b", String(at));
    call("c", "0");
    await settle();
    assert.deepEqual(
      source.busy.map(({ invocation }) => invocation!.target.name),
      ["a0", "a1", "b0", "b1"],
      "two of four places each",
    );
    source.busy[0]!.finish();
    await settle();
    const order = source.begun.map(({ target }) => target.name);
    assert.deepEqual(order.slice(4), ["c0"], "who has no worker comes before the flood's next");
    await finishAll(source);
    await Promise.all(calls);
    const ofA = source.begun.map(({ target }) => target.name).filter((name) =>
      name.startsWith("a")
    );
    assert.deepEqual(ofA, ["a0", "a1", "a2", "a3", "a4", "a5"]);
    assert.ok(source.mostAlive <= 4);
  },
);

poolTest("lets a worker finish its turn before another addon gets its place", {
  maxWorkers: 1,
  maxWorkersPerAddon: 1,
  turnMs: 100,
}, async (pool) => {
  const { sandbox, source, timing } = pool;
  const [a, b] = [new FakeCode("a"), new FakeCode("b")];
  const calls: Promise<unknown>[] = [];
  for (let at = 0; at < 4; at++) calls.push(sandbox.invoke(a, invocation()));
  await settle();
  calls.push(sandbox.invoke(b, invocation({ organizationId: "org-b" })));
  for (let at = 0; at < 2; at++) {
    await timing.advance(40);
    only(source.busy).finish();
    await settle();
    assert.equal(source.started.length, 1, "the turn goes on");
  }
  await timing.advance(20);
  only(source.busy).finish();
  await settle();
  assert.equal(only(source.busy).invocation?.organizationId, "org-b");
  await finishAll(source);
  await Promise.all(calls);
  assert.equal(source.started.length, 3, "a, b, and a again");
  assert.equal(source.mostAlive, 1);
});

poolTest("ends the longest idle worker of another addon for room, never a busy one", {
  maxWorkers: 3,
  maxWorkersPerAddon: 3,
}, async (pool) => {
  const { sandbox, source, timing } = pool;
  const codes = ["a", "b", "c", "d"].map((key) => new FakeCode(key));
  const [a, b, c, d] = codes;
  for (const code of [a!, b!]) {
    const call = sandbox.invoke(code, invocation());
    await timing.advance(10);
    await finishAll(source);
    await call;
  }
  const busy = sandbox.invoke(c!, invocation());
  await settle();
  const [ofA, ofB, ofC] = source.started;
  let go = () => {};
  source.beforeEnd = () => new Promise((resolve) => go = resolve);
  const fourth = sandbox.invoke(d!, invocation());
  await settle();
  assert.equal(source.attempts, 3, "the place is not free before the thread has gone");
  source.beforeEnd = () => Promise.resolve();
  go();
  await settle();
  assert.deepEqual([ofA!.closes, ofB!.closes, ofC!.closes], [1, 0, 0]);
  assert.equal(source.mostAlive, 3);
  await finishAll(source);
  await Promise.all([busy, fourth]);
});

poolTest(
  "prefers a worker that keeps the organization's instance, else the newest",
  {},
  async (pool) => {
    const { sandbox, source } = pool;
    source.keepsInstances = true;
    const code = new FakeCode("a");
    const calls = ["org-a", "org-b"].map((organizationId) =>
      sandbox.invoke(code, invocation({ organizationId }))
    );
    await settle();
    const [first, second] = source.busy;
    second!.finish();
    await settle();
    first!.finish();
    await Promise.all(calls);
    const again = sandbox.invoke(code, invocation({ organizationId: "org-b" }));
    assert.equal(second!.invocation?.organizationId, "org-b");
    await finishAll(source);
    await again;
    source.keepsInstances = false;
    second!.organizationId = first!.organizationId = undefined;
    const newest = sandbox.invoke(code, invocation({ organizationId: "org-c" }));
    assert.equal(second!.invocation?.organizationId, "org-c", "the one that ran last");
    await finishAll(source);
    await newest;
  },
);

poolTest("rotates a worker after its uses and retires an idle one", {
  maxUsesPerWorker: 3,
  idleTimeoutMs: 1_000,
}, async (pool) => {
  const { sandbox, source, timing } = pool;
  const code = new FakeCode("a");
  source.finishesAtOnce = true;
  for (let round = 0; round < 4; round++) await sandbox.invoke(code, invocation());
  assert.deepEqual(source.started.map(({ uses }) => uses), [3, 1]);
  await timing.advance(999);
  assert.equal(source.alive.size, 1);
  await timing.advance(2);
  assert.equal(source.alive.size, 0);
  assert.equal(sandbox.stats().workers, 0);
  assert.equal(timing.pending, 0, "an empty pool has no timer");
});

poolTest(
  "gives up a worker after a trap, a timeout, its own word or its end",
  {},
  async (pool) => {
    const { sandbox, source } = pool;
    const code = new FakeCode("a");
    const failures: [string, (worker: FakeWorker) => void][] = [
      ["sandbox.trap", (worker) => worker.fail(sandboxError("sandbox.trap", "trap"))],
      ["sandbox.timeout", (worker) => worker.fail(sandboxError("sandbox.timeout", "late"))],
      ["sandbox.guest_error", (worker) => {
        worker.isUsable = false;
        worker.fail(sandboxError("sandbox.guest_error", "no"));
      }],
      ["sandbox.worker_failed", (worker) => worker.die()],
    ];
    for (const [expected, fail] of failures) {
      const failed = outcome(sandbox.invoke(code, invocation()));
      await settle();
      const worker = only(source.busy);
      fail(worker);
      assert.equal(await failed, expected);
      await settle();
      assert.equal(worker.closes, 1, expected);
      assert.equal(source.alive.size, 0);
    }
    const sound = outcome(sandbox.invoke(code, invocation()));
    await settle();
    const last = only(source.busy);
    last.fail(sandboxError("sandbox.guest_error", "an answer like any other"));
    assert.equal(await sound, "sandbox.guest_error");
    assert.equal(last.closes, 0);
    last.die();
    await settle();
    const next = sandbox.invoke(code, invocation());
    await finishAll(source);
    await next;
    const { traps, timeouts } = sandbox.stats();
    assert.deepEqual({ traps, timeouts }, { traps: 1, timeouts: 1 });
  },
);

poolTest(
  "gives up a kept instance that has grown to most of its limit, not one born great",
  {},
  async (pool) => {
    const { sandbox, source } = pool;
    source.keepsInstances = true;
    const code = new FakeCode("a");
    const run = async (memoryBytes: number) => {
      const call = sandbox.invoke(code, invocation());
      await settle();
      only(source.busy).memoryBytes = memoryBytes;
      await finishAll(source);
      await call;
      await settle();
    };
    await run(810_000);
    await run(810_000);
    assert.equal(source.alive.size, 1);
    await run(820_000);
    assert.equal(source.alive.size, 0);
  },
);

poolTest("keeps a spare worker from the first use on and hands it to a cold addon", {
  spareWorkers: 1,
}, async (pool) => {
  const { sandbox, source, timing } = pool;
  source.finishesAtOnce = true;
  const bad = new FakeCode("bad");
  bad.loading = () => Promise.reject(sandboxError("sandbox.compile_failed", "too bad"));
  assert.equal(await outcome(sandbox.invoke(bad, invocation())), "sandbox.compile_failed");
  await timing.advance(20);
  assert.equal(sandbox.stats().spareWorkers, 1, "a worker that got no module is still spare");
  assert.equal(source.attempts, 1);
  source.beforeStart = () => new Promise(() => {});
  await sandbox.invoke(new FakeCode("a"), invocation());
  assert.equal(source.attempts, 1, "a cold invocation waits for no start");
  source.beforeStart = () => Promise.resolve();
  await timing.advance(20);
  assert.equal(sandbox.stats().spareWorkers, 1, "replaced in the background");
  const spare = source.started.at(-1)!;
  spare.die();
  await timing.advance(1_000);
  assert.equal(sandbox.stats().spareWorkers, 1, "replaced when it dies");
  for (const key of ["a", "b", "c", "d"]) await sandbox.invoke(new FakeCode(key), invocation());
  await timing.advance(20);
  assert.equal(sandbox.stats().spareWorkers, 0, "workers that have just run are not sacrificed");
  await timing.advance(1_100);
  assert.equal(sandbox.stats().spareWorkers, 1, "one that has cooled is");
  assert.ok(source.mostAlive <= 4);
});

poolTest("shares one load of the same code and does not keep a failed one", {}, async (pool) => {
  const { sandbox, source } = pool;
  const code = new FakeCode("a");
  let fail: (thrown: unknown) => void = () => {};
  const good = code.loading;
  code.loading = () => new Promise((_, reject) => fail = reject);
  const calls = [1, 2].map(() => outcome(sandbox.invoke(code, invocation())));
  await settle();
  assert.equal(code.loads, 1);
  code.loading = good;
  fail(sandboxError("sandbox.compile_failed", "not in time"));
  assert.deepEqual(await Promise.all(calls), ["sandbox.compile_failed", "sandbox.compile_failed"]);
  const third = sandbox.invoke(code, invocation());
  await finishAll(source);
  await third;
  assert.equal(code.loads, 2);
});

poolTest("tries starts again, and tells who waits after the third failure", {}, async (pool) => {
  const { sandbox, source, timing } = pool;
  const code = new FakeCode("a");
  source.finishesAtOnce = true;
  source.beforeStart = () => Promise.reject(sandboxError("sandbox.worker_failed", "no threads"));
  const other = new FakeCode("b");
  const calls = [code, code, other, other].map((of) => outcome(sandbox.invoke(of, invocation())));
  await settle();
  assert.equal(source.attempts, 4);
  await timing.advance(50);
  assert.equal(source.attempts, 5, "four at one time count once; then one at a time is tried");
  assert.equal(sandbox.stats().waiting, 4, "two failures are borne");
  await timing.advance(100);
  assert.deepEqual(await Promise.all(calls), Array(4).fill("sandbox.worker_failed"));
  const attempts = source.attempts;
  await assert.rejects(
    sandbox.invoke(code, invocation()),
    (thrown) =>
      thrown instanceof KernelError && thrown.code === "sandbox.worker_failed" &&
      thrown.message.includes("no threads") && thrown.details?.["retry_after_seconds"] === 1,
  );
  assert.equal(source.attempts, attempts, "refused without another attempt");
  await timing.advance(10_000);
  assert.equal(source.attempts, attempts, "nobody asks, nothing is tried");
  source.beforeStart = () => Promise.resolve();
  await sandbox.invoke(code, invocation());
});

poolTest("gives up a start or a load that hangs", { loadTimeoutMs: 500 }, async (pool) => {
  const { sandbox, source, timing } = pool;
  const code = new FakeCode("a");
  source.beforeLoad = () => new Promise(() => {});
  const impatient = outcome(sandbox.invoke(code, invocation({ timeoutMs: 100 })));
  await timing.advance(100);
  assert.equal(await impatient, "sandbox.timeout", "it waited for nobody but its own module");
  assert.equal(sandbox.stats().timeouts, 1);
  const hung = outcome(sandbox.invoke(code, invocation()));
  await timing.advance(400);
  assert.equal(await hung, "sandbox.worker_failed");
  await settle();
  assert.equal(source.alive.size, 0);
  source.beforeLoad = () => Promise.resolve();
  let arrive = () => {};
  source.beforeStart = () => new Promise((resolve) => arrive = resolve);
  const late = sandbox.invoke(code, invocation());
  await timing.advance(500);
  source.beforeStart = () => Promise.resolve();
  arrive();
  await settle();
  assert.equal(only(source.started.slice(1)).closes, 1, "what comes too late is ended");
  await timing.advance(50);
  await finishAll(source);
  await late;
});

poolTest("kills what runs and what waits of an addon or one organization", {}, async (pool) => {
  const { sandbox, source } = pool;
  const code = new FakeCode("a");
  const call = (key: FakeCode, organizationId: string) =>
    outcome(sandbox.invoke(key, invocation({ organizationId })));
  const ofA = call(code, "org-a");
  const ofB = call(code, "org-b");
  const waits = call(code, "org-a");
  const other = call(new FakeCode("b"), "org-a");
  await settle();
  assert.equal(sandbox.kill("a", "org-c"), 0);
  assert.equal(sandbox.kill("a", "org-a"), 2);
  assert.deepEqual(await Promise.all([ofA, waits]), ["sandbox.killed", "sandbox.killed"]);
  assert.equal(sandbox.kill("a"), 1);
  assert.equal(await ofB, "sandbox.killed");
  await finishAll(source);
  assert.equal(await other, "ok");
});

poolTest("stops a running invocation whose caller goes away", {}, async (pool) => {
  const { sandbox, source } = pool;
  const abort = new AbortController();
  const call = outcome(sandbox.invoke(new FakeCode("a"), invocation({ signal: abort.signal })));
  await settle();
  assert.equal(source.busy.length, 1);
  abort.abort();
  assert.equal(await call, "sandbox.cancelled");
  await settle();
  assert.equal(source.alive.size, 0);
});

poolTest("retires workers of an addon: idle at once, busy after their work", {}, async (pool) => {
  const { sandbox, source } = pool;
  const code = new FakeCode("a");
  const calls = [1, 2].map(() => sandbox.invoke(code, invocation()));
  await settle();
  const [idle, busy] = source.busy;
  idle!.finish();
  await settle();
  sandbox.retire("a");
  await settle();
  assert.deepEqual([idle!.closes, busy!.closes], [1, 0]);
  busy!.finish();
  await Promise.all(calls);
  await settle();
  assert.equal(busy!.closes, 1);
});

poolTest(
  "retires workers of one code of an addon, and leaves the next version's",
  {},
  async (pool) => {
    const { sandbox, source } = pool;
    const [old, next] = [new FakeCode("a", "a1"), new FakeCode("a", "a2")];
    const calls = [old, next].map((code) => sandbox.invoke(code, invocation()));
    await settle();
    const [first, second] = source.busy;
    sandbox.retire("a", "a1");
    await finishAll(source);
    await Promise.all(calls);
    await settle();
    assert.deepEqual([first!.closes, second!.closes], [1, 0]);
  },
);

poolTest("warms a worker that the next call finds ready", {}, async (pool) => {
  const { sandbox, source } = pool;
  const code = new FakeCode("a");
  assert.equal(await sandbox.warm(code, 1_000), "warm");
  assert.equal(await sandbox.warm(code, 1_000), "warm", "one is enough");
  assert.equal(only(source.started).uses, 0);
  const call = sandbox.invoke(code, invocation());
  assert.equal(source.busy.length, 1, "it runs at once");
  await finishAll(source);
  await call;
  assert.equal(code.loads, 1);
});

poolTest("warms nothing where nothing is free, fails, or takes too long", {
  maxWorkers: 2,
  maxWorkersPerAddon: 2,
}, async (pool) => {
  const { sandbox, source, timing } = pool;
  const broken = new FakeCode("broken");
  broken.loading = () => Promise.reject(new Error("broken"));
  assert.equal(await sandbox.warm(broken, 1_000), "cold");
  let arrive = () => {};
  source.beforeLoad = () => new Promise((resolve) => arrive = resolve);
  const slow = sandbox.warm(new FakeCode("slow"), 1_000);
  await timing.advance(1_000);
  assert.equal(await slow, "cold");
  arrive();
  source.beforeLoad = () => Promise.resolve();
  await settle();
  const calls = ["b", "c"].map((key) => sandbox.invoke(new FakeCode(key), invocation()));
  await settle();
  await finishAll(source);
  await Promise.all(calls);
  const before = source.started.length;
  assert.equal(await sandbox.warm(new FakeCode("d"), 1_000), "cold", "nobody gives way for it");
  assert.equal(source.started.length, before);
});

poolTest("retires a worker that is still being made for it", {}, async (pool) => {
  const { sandbox, source } = pool;
  const abort = new AbortController();
  let arrive = () => {};
  source.beforeLoad = () => new Promise((resolve) => arrive = resolve);
  const code = new FakeCode("a");
  const call = outcome(sandbox.invoke(code, invocation({ signal: abort.signal })));
  await settle();
  sandbox.retire("a");
  abort.abort();
  assert.equal(await call, "sandbox.cancelled");
  arrive();
  await settle();
  assert.equal(source.alive.size, 0, "nobody waits for it any more");
});

poolTest("moves a place from an addon's old code to its new", {
  maxWorkersPerAddon: 1,
}, async (pool) => {
  const { sandbox, source } = pool;
  source.finishesAtOnce = true;
  await sandbox.invoke(new FakeCode("a", "a@1"), invocation());
  await sandbox.invoke(new FakeCode("a", "a@2"), invocation());
  assert.equal(source.started.length, 2);
  assert.equal(source.mostAlive, 1);
});

Deno.test("pool close refuses, waits for what runs, and stops it after a while", async () => {
  const source = new FakeSource();
  const timing = new FakeTiming();
  const sandbox = createSandbox({ source, timing, limits: { maxWorkers: 2, spareWorkers: 0 } });
  const [a, b] = [new FakeCode("a"), new FakeCode("b")];
  const soon = sandbox.invoke(a, invocation());
  const never = outcome(sandbox.invoke(b, invocation({ timeoutMs: 60_000 })));
  const waits = outcome(sandbox.invoke(a, invocation()));
  await settle();
  let isClosed = false;
  const closing = sandbox.close().then(() => isClosed = true);
  assert.equal(await waits, "sandbox.closed");
  assert.equal(await outcome(sandbox.invoke(a, invocation())), "sandbox.closed");
  await timing.advance(5_000);
  source.busy[0]!.finish();
  await soon;
  await timing.advance(4_999);
  assert.equal(isClosed, false, "one still runs");
  await timing.advance(1);
  assert.equal(await never, "sandbox.killed");
  await closing;
  await sandbox.close();
  assert.equal(source.closes, 1);
  assert.equal(timing.pending, 0);
});

Deno.test("pool close does not wait for a start that hangs", async () => {
  const source = new FakeSource();
  source.beforeStart = () => new Promise(() => {});
  const timing = new FakeTiming();
  const sandbox = createSandbox({ source, timing });
  const call = outcome(sandbox.invoke(new FakeCode("a"), invocation()));
  await settle();
  await sandbox.close();
  assert.equal(await call, "sandbox.closed");
  assert.equal(timing.pending, 0);
});

Deno.test("pool refuses bounds and times that are out of range", async () => {
  const source = new FakeSource();
  const wrong: Partial<PoolLimits>[] = [
    { maxWorkers: 0 },
    { maxWorkers: NaN },
    { maxWorkers: 2, maxWorkersPerAddon: 3 },
    { maxWorkers: 2, spareWorkers: 2 },
    { idleTimeoutMs: 0 },
    { maxWaiting: 1.5 },
  ];
  for (const limits of wrong) assert.throws(() => createSandbox({ source, limits }), RangeError);
  const sandbox = createSandbox({ source });
  for (const timeoutMs of [0, NaN, Infinity, 3_600_001]) {
    await assert.rejects(sandbox.invoke(new FakeCode("a"), invocation({ timeoutMs })), RangeError);
  }
  await sandbox.close();
});

Deno.test("pool serves a crowd without leaking, losing or doubling anything", async () => {
  const source = new FakeSource();
  const timing = new FakeTiming();
  source.finishesAtOnce = true;
  const sandbox = createSandbox({
    source,
    timing,
    limits: { maxWorkers: 8, maxWorkersPerAddon: 4, maxUsesPerWorker: 50, turnMs: 0 },
  });
  const codes = Array.from({ length: 12 }, (_, at) => new FakeCode(`addon${at}`));
  let done = 0;
  await Promise.all(Array.from({ length: 100 }, async (_, caller) => {
    for (let round = 0; round < 100; round++) {
      await sandbox.invoke(codes[(caller + round * 7) % codes.length]!, invocation());
      done++;
    }
  }));
  assert.equal(done, 10_000);
  assert.equal(source.begun.length, 10_000);
  assert.ok(source.mostAlive <= 8, `${source.mostAlive} at one time`);
  assert.ok(source.started.every(({ uses }) => uses <= 50));
  await sandbox.close();
  assert.equal(source.alive.size, 0);
  assert.equal(timing.pending, 0);
});

poolTest(
  "counts a timeout against the code only when it had its time",
  { maxWorkers: 1, maxWorkersPerAddon: 1 },
  async ({ sandbox, source, timing }) => {
    const code = new FakeCode("a");
    for (const [waitMs, counts] of [[990, false], [400, true]] as const) {
      const first = outcome(sandbox.invoke(code, invocation({ timeoutMs: 5_000 })));
      await settle();
      const second = sandbox.invoke(code, invocation({ timeoutMs: 1_000 })).catch((thrown) =>
        thrown
      );
      await timing.advance(waitMs);
      only(source.busy).finish();
      assert.equal(await first, "ok");
      await settle();
      only(source.busy).fail(sandboxError("sandbox.timeout", "late"));
      const thrown = await second;
      assert.ok(isKernelError(thrown, "sandbox.timeout"));
      assert.equal(countsAgainstGuest(thrown), counts);
      assert.equal(/for want of a worker/.test(thrown.message), !counts);
      await settle();
    }
  },
);
