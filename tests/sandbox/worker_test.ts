/**
 * Guest workers can always be stopped: loops in every entry point, a busy main thread, kills and
 * aborts; and they leave nothing behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError, KernelError } from "../../src/base/error.ts";
import type { Interrupt } from "../../src/sandbox/sandbox.ts";
import { ENDLESS } from "../_support/guests/endless.ts";
import { ECHO, metacoreWat } from "../_support/guests/text.ts";
import { FakeHost, invocation, loadedFromWat, textOf, withWorkers } from "./guest_fixture.ts";
import { WalledWorkers } from "../../src/sandbox/worker_source.ts";

const DEADLINE_MS = 60;

async function failure(promise: Promise<unknown>): Promise<KernelError> {
  const thrown = await promise.then(
    () => assert.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  assert.ok(thrown instanceof KernelError, String(thrown));
  return thrown;
}

/** CPU time of each thread, in milliseconds. */
async function threadTimesMs(): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for await (const { name } of Deno.readDir("/proc/self/task")) {
    try {
      const text = await Deno.readTextFile(`/proc/self/task/${name}/schedstat`);
      times.set(name, Number(text.split(" ")[0]) / 1e6);
    } catch {
      // The thread has ended since the folder was read.
    }
  }
  return times;
}

/** What each thread used since, the busiest first. */
async function busiestSince(before: Map<string, number>): Promise<number[]> {
  const now = await threadTimesMs();
  const used = [...now].map(([name, ms]) => ms - (before.get(name) ?? 0));
  return used.sort((a, b) => b - a);
}

async function threadCount(): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir("/proc/self/task")) count += 1;
  return count;
}

const isLinux = Deno.build.os === "linux";

Deno.test("an invocation gives back a copy of what the guest answers", async () => {
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(metacoreWat({ run: ECHO })));
    for (const size of [0, 5, 16_383, 16_384, 1_000_000]) {
      const input = new Uint8Array(size).map((_, at) => at);
      const result = await worker.invoke(invocation("run", { input }));
      assert.deepEqual(result.output, input);
      assert.equal(input.length, size, "the caller keeps its input");
      assert.equal(result.waitedMs, 0);
      assert.ok(result.memoryBytes >= 65_536);
    }
    assert.equal(worker.uses, 5);
    assert.equal(worker.isUsable, true);
  });
});

const NOT_HERE = new Set(["straightFills"]);
for (const interrupt of ["epoch", "counter"] satisfies Interrupt[]) {
  Deno.test(`guests without an end are stopped in time: ${interrupt}`, async (test) => {
    for (const [name, guest] of Object.entries(ENDLESS)) {
      if (NOT_HERE.has(name)) continue;
      await test.step(guest.about, () => stopsInTime(guest.wat, guest.ends, interrupt));
    }
  });
}

async function stopsInTime(
  wat: string,
  ends: readonly string[],
  interrupt: Interrupt,
): Promise<void> {
  const loaded = await loadedFromWat(wat, { interrupt });
  const source = new WalledWorkers({ prepareMs: DEADLINE_MS });
  const began = performance.now();
  await withWorkers(async (start) => {
    const end = async () => {
      const worker = await start(loaded);
      const host = new FakeHost(() => ({ bytes: new Uint8Array(10) }));
      return await worker.invoke(
        invocation("run", { timeoutMs: DEADLINE_MS, host, input: "12345678" }),
      );
    };
    const code = await end().then(() => "ok", (thrown) => (thrown as KernelError).code);
    assert.ok(ends.includes(code), `ended with ${code}, expected ${ends.join()}`);
  }, source);
  assert.ok(performance.now() - began < 1_500, "the thread has really gone");
}

Deno.test("a busy main thread does not keep a guest alive", { ignore: !isLinux }, async () => {
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(ENDLESS.inExport.wat));
    const running = failure(worker.invoke(invocation("run", { timeoutMs: 50 })));
    const before = await threadTimesMs();
    const until = performance.now() + 500;
    while (performance.now() < until);
    // The busiest thread is this one.
    const [mine = 0, guest = 0] = await busiestSince(before);
    assert.ok(mine > guest && guest < 150, `the guest burned ${guest} ms while main was busy`);
    assert.equal((await running).code, "sandbox.timeout");
    assert.equal(worker.isUsable, false);
    await worker.ended;
  });
});

Deno.test("the caller hears of the deadline even when the thread is silent", async () => {
  await withWorkers(async (start) => {
    const waits = metacoreWat({
      imports: ["env_get"],
      run: "(call $env_get (local.get $ptr) (local.get $len))",
    });
    const worker = await start(await loadedFromWat(waits));
    const host = new FakeHost(() => new Promise(() => {}));
    const began = performance.now();
    const error = await failure(worker.invoke(invocation("run", { timeoutMs: 80, host })));
    const took = performance.now() - began;
    assert.equal(error.code, "sandbox.timeout");
    assert.ok(took >= 79 && took < 1_500, `after ${took} ms`);
    assert.equal(host.calls[0]!.signal.aborted, true, "the host function is told");
    assert.ok(Math.abs(host.calls[0]!.deadlineMs - began - 80) < 200);
    await worker.ended;
  });
});

Deno.test("kill and abort stop a guest, each with its own error", async (test) => {
  const loaded = await loadedFromWat(ENDLESS.inExport.wat);
  await test.step("kill", () =>
    withWorkers(async (start) => {
      const worker = await start(loaded);
      const running = failure(worker.invoke(invocation("run")));
      setTimeout(() => worker.stop("killed"), 20);
      assert.equal((await running).code, "sandbox.killed");
      await worker.ended;
    }));
  await test.step("abort", () =>
    withWorkers(async (start) => {
      const worker = await start(loaded);
      const controller = new AbortController();
      const running = failure(worker.invoke(invocation("run", { signal: controller.signal })));
      setTimeout(() => controller.abort(), 20);
      assert.equal((await running).code, "sandbox.cancelled");
      await worker.ended;
    }));
  await test.step("abort before the start leaves the worker alone", () =>
    withWorkers(async (start) => {
      const worker = await start(await loadedFromWat(metacoreWat({ run: ECHO })));
      const signal = AbortSignal.abort();
      const error = await failure(worker.invoke(invocation("run", { signal })));
      assert.equal(error.code, "sandbox.cancelled");
      assert.equal(textOf((await worker.invoke(invocation("run", { input: "a" }))).output), "a");
    }));
  await test.step("close while a guest runs", () =>
    withWorkers(async (start) => {
      const worker = await start(loaded);
      const running = failure(worker.invoke(invocation("run")));
      await worker.close();
      assert.equal((await running).code, "sandbox.killed");
      assert.equal(worker.isUsable, false);
      assert.equal((await failure(worker.invoke(invocation("run")))).code, "sandbox.closed");
    }));
});

Deno.test("a trap ends the worker, a refused payload does not", async () => {
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(metacoreWat({ run: "unreachable" })));
    const big = new Uint8Array(8_388_609);
    assert.equal(
      (await failure(worker.invoke(invocation("run", { input: big })))).code,
      "sandbox.payload_too_large",
    );
    assert.equal(worker.isUsable, true);
    const error = await failure(worker.invoke(invocation("run")));
    assert.equal(error.code, "sandbox.trap");
    assert.equal(error.details?.["reason"], "unreachable");
    const { stack } = error.cause as { stack: string };
    assert.match(stack, /wasm-function\[\d+\]:0x[0-9a-f]+/);
    assert.equal(worker.isUsable, false);
    await worker.ended;
  });
});

Deno.test("an instance serves one metacore invocation, or one organization of GoNext", async () => {
  const counting = metacoreWat({
    more: "(global $n (mut i32) (i32.const 48))",
    run: `(global.set $n (i32.add (global.get $n) (i32.const 1)))
      (i32.store (i32.const 16) (global.get $n)) (call $pack (i32.const 16) (i32.const 1))`,
  });
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(counting));
    for (let use = 0; use < 3; use++) {
      assert.equal(textOf((await worker.invoke(invocation("run"))).output), "1");
    }
    assert.equal(worker.organizationId, undefined);
  });
  const gonext = `(module (memory (export "memory") 1) (global $n (mut i32) (i32.const 48))
    (func (export "gn_alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "gn_free") (param i32 i32))
    (func (export "gn_handle_hook") (param i32 i32 i32 i32) (result i64)
      (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (i32.store (i32.const 16) (global.get $n)) (i64.const 0x1000000001)))`;
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(gonext, { abi: "gonext/1" }));
    const call = async (organizationId: string) => {
      const hook = invocation({ kind: "hook", name: "h" }, { organizationId });
      return textOf((await worker.invoke(hook)).output);
    };
    assert.deepEqual([await call("a"), await call("a"), await call("a")], ["1", "2", "3"]);
    assert.equal(worker.organizationId, "a");
    assert.deepEqual([await call("b"), await call("a")], ["1", "1"]);
  });
});

Deno.test("start functions run once per instance, the host only inside an invocation", async (test) => {
  const started = (imports: "env_get" | undefined, begin: string) =>
    metacoreWat({
      ...(imports === undefined ? {} : { imports: [imports] }),
      more: `(func $begin ${begin}) (start $begin)
        (func (export "_initialize") (i32.store8 (i32.const 17) (i32.const 98)))`,
      run: "(call $pack (i32.const 16) (i32.const 2))",
    });
  await test.step("prepared while idle", () =>
    withWorkers(async (start) => {
      const wat = started(undefined, "(i32.store8 (i32.const 16) (i32.const 97))");
      const worker = await start(await loadedFromWat(wat));
      assert.ok(worker.memoryBytes > 0, "an instance is ready");
      for (let use = 0; use < 2; use++) {
        assert.equal(textOf((await worker.invoke(invocation("run"))).output), "ab");
      }
    }));
  await test.step("a start that calls the host waits for an invocation", () =>
    withWorkers(async (start) => {
      const wat = started(
        "env_get",
        `(drop (call $env_get (i32.const 0) (i32.const 0)))
         (i32.store8 (i32.const 16) (i32.const 97))`,
      );
      const worker = await start(await loadedFromWat(wat));
      for (let use = 0; use < 2; use++) {
        const host = new FakeHost();
        const { output } = await worker.invoke(invocation("run", { host }));
        assert.equal(textOf(output), "ab");
        assert.equal(host.calls.length, 1);
      }
    }));
  await test.step("a start that traps, and imports that are unknown, fail at load", async () => {
    for (
      const [wat, reason] of [
        [started(undefined, "unreachable"), "unreachable"],
        [
          '(module (import "constructor" "constructor" (func)) (memory (export "memory") 1))',
          "link",
        ],
      ] as const
    ) {
      await withWorkers(async (start) => {
        const error = await failure(start(await loadedFromWat(wat)));
        assert.equal(error.code, "sandbox.instantiation_failed");
        if (reason !== "link") assert.equal(error.details?.["reason"], reason);
        else assert.match(error.message, /import constructor\.constructor\(\)/);
      });
    }
  });
  await test.step("_start may end with exit code 0, not with another", async () => {
    const exits = (code: number) =>
      `(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) i32.const 64)
        (func (export "_start") (call $exit (i32.const ${code})))
        (func (export "run") (param i32 i32) (result i64) i64.const 0))`;
    await withWorkers(async (start) => {
      const worker = await start(await loadedFromWat(exits(0)));
      assert.equal((await worker.invoke(invocation("run"))).output.length, 0);
    });
    await withWorkers(async (start) => {
      const error = await failure(start(await loadedFromWat(exits(3))));
      assert.equal(error.details?.["reason"], "exit");
    });
  });
});

Deno.test("fuel is counted to the unit, and its end is no timeout", async () => {
  const turns = metacoreWat({
    run: `(local.set $r (i64.load (local.get $ptr)))
      (block $done (loop $turn
        (br_if $done (i64.eqz (local.get $r)))
        (local.set $r (i64.sub (local.get $r) (i64.const 1))) (br $turn))) (i64.const 0)`,
  });
  const input = (count: bigint) => new Uint8Array(new BigUint64Array([count]).buffer);
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(turns, { interrupt: "both" }));
    const used = async (count: bigint, fuel?: number) =>
      (await worker.invoke(
        invocation("run", { input: input(count), ...(fuel === undefined ? {} : { fuel }) }),
      )).fuelUsed!;
    const none = await used(0n);
    assert.equal(await used(1_000n), none + 1_000);
    assert.equal(await used(1_000_000n), none + 1_000_000);
    assert.equal(await used(1_000n, none + 1_000), none + 1_000, "exactly enough");
    const error = await failure(used(1_000n, none + 999));
    assert.equal(error.code, "sandbox.fuel_exhausted");
  });
});

Deno.test(
  "a hundred timeouts leave no thread and no work behind",
  { ignore: !isLinux },
  async () => {
    const loaded = await loadedFromWat(ENDLESS.inExport.wat);
    const source = new WalledWorkers();
    try {
      const once = async () => {
        const worker = await source.start();
        await worker.load(loaded);
        const error = await failure(worker.invoke(invocation("run", { timeoutMs: 5 })));
        assert.equal(error.code, "sandbox.timeout");
        await worker.ended;
      };
      await once();
      const threads = await settledThreads(await threadCount());
      for (let use = 0; use < 100; use++) await once();
      // The runtime keeps a few threads of its own; a worker that stayed would show a hundredfold.
      const bound = threads + 8;
      assert.ok(await settledThreads(bound) <= bound, "threads are gone");
      const before = await threadTimesMs();
      await new Promise((resolve) => setTimeout(resolve, 300));
      const [most = 0] = await busiestSince(before);
      assert.ok(most < 60, `${most} ms of CPU in 300 ms of rest`);
    } finally {
      await source.close();
    }
  },
);

/** Waits until there are at most so many threads, or five seconds have passed. */
async function settledThreads(most: number): Promise<number> {
  const until = performance.now() + 5_000;
  while (await threadCount() > most && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return await threadCount();
}

Deno.test("host failures end the invocation in their own words", async () => {
  const asks = metacoreWat({
    imports: ["env_get"],
    run: `(try (do (drop (call $env_get (local.get $ptr) (local.get $len)))) (catch_all))
      (i64.const 0)`,
  });
  const loaded = await loadedFromWat(asks);
  for (
    const [thrown, code] of [
      [new KernelError({ code: "room.word", kind: "forbidden", message: "no" }), "room.word"],
      [new Error("secret detail"), "sandbox.trap"],
    ] as const
  ) {
    await withWorkers(async (start) => {
      const worker = await start(loaded);
      const host = new FakeHost(() => Promise.reject(thrown));
      const error = await failure(worker.invoke(invocation("run", { host })));
      assert.equal(error.code, code);
      if (code === "sandbox.trap") {
        assert.equal(error.details?.["reason"], "host_failure");
        assert.doesNotMatch(JSON.stringify(error.details) + error.message, /secret/);
      }
      assert.ok(!isKernelError(error) || !worker.isUsable);
    });
  }
});

Deno.test("the stack of a trap is short: it does not hold the worker's own code", async () => {
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(metacoreWat({ run: "unreachable" })));
    const { cause } = await failure(worker.invoke(invocation("run")));
    assert.ok(typeof cause === "object" && cause !== null && "stack" in cause);
    assert.match(String(cause.stack), /wasm:\/\//);
    // With the code in each address, as in `data:` URLs, it takes milliseconds to write and is cut.
    assert.ok(String(cause.stack).length < 4_096, String(cause.stack).slice(0, 300));
  });
});

Deno.test("a watchdog that dies takes its workers along, and another one takes its place", async () => {
  const loaded = await loadedFromWat(metacoreWat({ run: ECHO }));
  const threads: Worker[] = [];
  const RealWorker = globalThis.Worker;
  // The watchdog's thread is nobody's to reach: it is seen when it is started.
  globalThis.Worker = class extends RealWorker {
    constructor(...args: ConstructorParameters<typeof RealWorker>) {
      super(...args);
      threads.push(this);
    }
  };
  const source = new WalledWorkers();
  try {
    const before = await source.start();
    await before.load(loaded);
    assert.ok(before.isUsable);
    threads[0]!.dispatchEvent(new ErrorEvent("error", { cancelable: true, message: "gone" }));
    assert.ok(!before.isUsable);
    assert.equal((await failure(before.invoke(invocation("run")))).code, "sandbox.closed");
    await before.close();
    const [one, other] = await Promise.all([source.start(), source.start()]);
    assert.equal(threads.length, 5, "one watchdog for both");
    await one.load(loaded);
    await one.invoke(invocation("run"));
    await Promise.all([one.close(), other.close()]);
    threads[0]!.terminate();
  } finally {
    globalThis.Worker = RealWorker;
    await source.close();
  }
});
