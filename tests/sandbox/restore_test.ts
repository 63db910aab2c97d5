/**
 * An instance that is set back is as good as new: nothing that one organization left is there for
 * the next, results, memory, globals and fuel are those of new instances, and what cannot be set back
 * is made anew. Workers run the real code, with a count of the instances they make.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Snapshot } from "../../src/sandbox/guest/snapshot.ts";
import { GuestMemory } from "../../src/sandbox/guest/memory.ts";
import { globalExport } from "../../src/sandbox/guest/reserved.ts";
import { GUEST_SOURCE } from "../../src/sandbox/guest_source.ts";
import { WorkerHandle } from "../../src/sandbox/guest_worker.ts";
import { readModule, rewriteChecked } from "../../src/sandbox/module/instrument.ts";
import { prepareModule } from "../../src/sandbox/module/prepare.ts";
import { startWalledWorker, workerUrl } from "../../src/sandbox/permissions.ts";
import type { Interrupt, LoadedModule } from "../../src/sandbox/sandbox.ts";
import { Watchdog } from "../../src/sandbox/watchdog.ts";
import { FIXTURE_EXPORTS, guestFixture } from "../_support/guests/fixtures.ts";
import { partsOf } from "../_support/guests/healthy.ts";
import { type MetacoreParts, metacoreWat } from "../_support/guests/text.ts";
import { assembleWat } from "../_support/guests/wat.ts";
import { FakeHost, invocation, loadedFromWat } from "./guest_fixture.ts";
import { generateModule } from "./module/generator.ts";
import { run, type Running } from "./module/running.ts";

const OPTIONS = { memoryLimitPages: 64, tableLimit: 100, interrupt: "both" } as const;
const SEEDS = Number(Deno.env.get("METACORE_FUZZ_MODULES") ?? 150);

/** Counts instances in front of the worker's own code, and tells of it with every answer. */
const COUNTING = `{
  const Real = WebAssembly.Instance, post = globalThis.postMessage.bind(globalThis);
  let made = 0;
  WebAssembly.Instance = new Proxy(Real, {
    construct(target, args) {
      if (WebAssembly.Module.exports(args[0]).some(({ name }) => name === "memory")) made++;
      return new target(...args);
    },
  });
  globalThis.postMessage = (message, transfer) =>
    post(message.t === "done" ? { ...message, made } : message, transfer);
}\n`;

interface Counted {
  readonly handle: WorkerHandle;
  /** Instances made before the last answer was given. */
  made(): number;
}

async function withCounted(
  run: (start: (loaded: LoadedModule) => Promise<Counted>) => Promise<void>,
): Promise<void> {
  const watchdog = await Watchdog.start();
  const handles: WorkerHandle[] = [];
  const limits = { startMs: 10_000, loadMs: 10_000, prepareMs: 5_000, graceMs: 2_000 };
  try {
    await run(async (loaded) => {
      const { slot, link } = watchdog.watch();
      const worker = startWalledWorker(workerUrl(COUNTING + GUEST_SOURCE), "counted");
      let made = NaN;
      worker.addEventListener("message", ({ data }) => made = data.made ?? made);
      const handle = new WorkerHandle(worker, slot, limits);
      handles.push(handle);
      await handle.prove(link);
      await handle.load(loaded);
      return { handle, made: () => made };
    });
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
    watchdog.close();
  }
}

/** Instructions for `run`: tells what there is as four bytes, then leaves a secret there. */
const SHOW = "(i32.store (i32.const 512)";
const SHOWN = "(call $pack (i32.const 512) (i32.const 4))";

/** Ways to leave something behind; each shows 0, or what a new instance has, when nothing is left. */
const LEAVERS: Readonly<Record<string, MetacoreParts & { readonly isSetBack: boolean }>> = {
  "low memory": {
    isSetBack: true,
    more: '(data (i32.const 1024) "\\01\\00\\00\\00")',
    run: `${SHOW} (i32.load (i32.const 1024))) (i32.store (i32.const 1024) (i32.const 7)) ${SHOWN}`,
  },
  "high memory": {
    isSetBack: true,
    run:
      `${SHOW} (i32.load (i32.const 65532))) (i32.store (i32.const 65532) (i32.const 7)) ${SHOWN}`,
  },
  "memory that bulk operations filled": {
    isSetBack: true,
    run: `${SHOW} (i32.load (i32.const 40000)))
      (memory.fill (i32.const 1024) (i32.const 7) (i32.const 60000)) ${SHOWN}`,
  },
  "a global": {
    isSetBack: true,
    more: "(global $g (mut i32) (i32.const 3))",
    run: `${SHOW} (global.get $g)) (global.set $g (i32.const 7)) ${SHOWN}`,
  },
  "globals of 64 bits and with fractions": {
    isSetBack: true,
    more: `(global $a (mut i64) (i64.const -9223372036854775807))
      (global $b (mut f32) (f32.const -0)) (global $c (mut f64) (f64.const 0x1p-1074))`,
    run: `${SHOW} (i32.xor (i32.wrap_i64 (global.get $a)) (i32.xor
        (i32.reinterpret_f32 (global.get $b))
        (i32.wrap_i64 (i64.reinterpret_f64 (global.get $c))))))
      (global.set $a (i64.const 7)) (global.set $b (f32.const 7)) (global.set $c (f64.const 7))
      ${SHOWN}`,
  },
  "a start function's work": {
    isSetBack: true,
    more: `(global $g (mut i32) (i32.const 0))
      (func $begin (global.set $g (i32.add (global.get $g) (i32.const 5)))
        (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1))))
      (start $begin)`,
    run: `${SHOW} (i32.add (global.get $g) (i32.load (i32.const 2048))))
      (global.set $g (i32.const 70)) (i32.store (i32.const 2048) (i32.const 7)) ${SHOWN}`,
  },
  "memory that has grown": {
    isSetBack: false,
    run: `${SHOW} (memory.size)) (drop (memory.grow (i32.const 1)))
      (i32.store (i32.const 65536) (i32.const 7)) ${SHOWN}`,
  },
  "a table's element": {
    isSetBack: false,
    more: "(table $t 2 funcref)",
    run: `${SHOW} (ref.is_null (table.get $t (i32.const 1))))
      (table.set $t (i32.const 1) (ref.func $run)) ${SHOWN}`,
  },
  "a table's size": {
    isSetBack: false,
    more: "(table $t 2 funcref)",
    run: `${SHOW} (table.size $t)) (drop (table.grow $t (ref.null func) (i32.const 1))) ${SHOWN}`,
  },
  "a filled table": {
    isSetBack: false,
    more: "(table $t 2 funcref)",
    run: `${SHOW} (ref.is_null (table.get $t (i32.const 1))))
      (table.fill $t (i32.const 0) (ref.func $run) (i32.const 2)) ${SHOWN}`,
  },
  "a copied table": {
    isSetBack: false,
    more: "(table $t 2 funcref) (elem (i32.const 0) $run)",
    run: `${SHOW} (ref.is_null (table.get $t (i32.const 1))))
      (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 1)) ${SHOWN}`,
  },
  "a table from a segment": {
    isSetBack: false,
    more: "(table $t 2 funcref) (elem $e func $run)",
    run: `${SHOW} (ref.is_null (table.get $t (i32.const 1))))
      (table.init $t $e (i32.const 1) (i32.const 0) (i32.const 1)) ${SHOWN}`,
  },
};

const DROPPED: Readonly<Record<string, MetacoreParts>> = {
  "a dropped data segment": {
    more: '(data $d "\\05")',
    run: `(memory.init $d (i32.const 512) (i32.const 0) (i32.const 1)) (data.drop $d) ${SHOWN}`,
  },
  "a dropped element segment": {
    more: "(table $t 2 funcref) (elem $e func $run)",
    run: `(elem.drop $e) ${SHOWN}`,
  },
  "a global that is a reference": {
    more: "(global $g (mut funcref) (ref.null func))",
    run: `${SHOW} (ref.is_null (global.get $g))) (global.set $g (ref.func $run)) ${SHOWN}`,
  },
  "a global that is a vector": {
    more: "(global $g (mut v128) (v128.const i32x4 0 0 0 0))",
    run: `${SHOW} (i32x4.extract_lane 0 (global.get $g)))
      (global.set $g (v128.const i32x4 7 7 7 7)) ${SHOWN}`,
  },
  "a global that is not a number": {
    more: "(global $g (mut f64) (f64.const nan:0x8000000000001))",
    run: `${SHOW} (i32.wrap_i64 (i64.reinterpret_f64 (global.get $g))))
      (global.set $g (f64.const 7)) ${SHOWN}`,
  },
};

function shown(bytes: Uint8Array): string {
  return [...bytes].join(" ");
}

async function outputs(
  { handle }: Counted,
  times: number,
  name = "run",
  input: string | Uint8Array = "hello",
): Promise<string[]> {
  const seen: string[] = [];
  for (let time = 0; time < times; time++) {
    const { output } = await handle.invoke(
      invocation(name, { input, organizationId: `org-${time}`, host: new FakeHost(answer) }),
    );
    seen.push(shown(output));
  }
  return seen;
}

function answer() {
  return { bytes: new TextEncoder().encode('{"success":true,"data":{"rows":[]}}') };
}

Deno.test("nothing that an invocation leaves is there for the next one", async (t) => {
  await withCounted(async (start) => {
    for (const [name, { isSetBack, ...parts }] of Object.entries(LEAVERS)) {
      await t.step(name, async () => {
        const worker = await start(await loadedFromWat(metacoreWat(parts)));
        const seen = await outputs(worker, 5);
        assert.deepEqual(seen, Array(5).fill(seen[0]));
        // The first is not set back, because many workers run once; the second is.
        assert.equal(worker.made(), isSetBack ? 2 : 5);
      });
    }
    for (const [name, parts] of Object.entries(DROPPED)) {
      await t.step(name, async () => {
        const worker = await start(await loadedFromWat(metacoreWat(parts)));
        const seen = await outputs(worker, 4);
        assert.deepEqual(seen, Array(4).fill(seen[0]));
        assert.equal(worker.made(), 4);
      });
    }
  });
});

Deno.test("what a start draws from chance or time is drawn anew for each invocation", async (t) => {
  const shows = (call: string, imported: string): MetacoreParts => ({
    imports: imported,
    more: `(func (export "_initialize") ${call})`,
    run: "(call $pack (i32.const 768) (i32.const 16))",
  });
  const drawn = shows(
    "(drop (call $random (i32.const 768) (i32.const 16)))",
    '(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))',
  );
  const timed = shows(
    "(drop (call $time (i32.const 1) (i64.const 0) (i32.const 768)))",
    `(import "wasi_snapshot_preview1" "clock_time_get"
      (func $time (param i32 i64 i32) (result i32)))`,
  );
  const quiet = shows(
    "(drop (call $arguments (i32.const 768) (i32.const 772)))",
    `(import "wasi_snapshot_preview1" "args_sizes_get"
      (func $arguments (param i32 i32) (result i32)))`,
  );
  await withCounted(async (start) => {
    await t.step("chance", async () => {
      const worker = await start(await loadedFromWat(metacoreWat(drawn)));
      assert.equal(new Set(await outputs(worker, 5)).size, 5);
    });
    await t.step("time", async () => {
      const worker = await start(await loadedFromWat(metacoreWat(timed)));
      await outputs(worker, 4);
      assert.equal(worker.made(), 4);
    });
    await t.step("neither", async () => {
      const worker = await start(await loadedFromWat(metacoreWat(quiet)));
      await outputs(worker, 4);
      assert.equal(worker.made(), 2);
    });
  });
});

Deno.test("an instance that failed is not used again, the worker may be", async () => {
  const wat = metacoreWat({
    more: "(global $g (mut i32) (i32.const 3))",
    run: `(if (i32.eq (local.get $len) (i32.const 1)) (then (return (i64.const 0x100000000ffffff))))
      ${SHOW} (global.get $g)) (global.set $g (i32.const 7)) ${SHOWN}`,
  });
  await withCounted(async (start) => {
    const worker = await start(await loadedFromWat(wat));
    const good = await outputs(worker, 3);
    assert.equal(worker.made(), 2);
    await assert.rejects(worker.handle.invoke(invocation("run", { input: "x" })), {
      code: "sandbox.bad_result",
    });
    assert.deepEqual(await outputs(worker, 3), good);
    assert.equal(worker.made(), 3);
  });
});

Deno.test("an instance whose `free` failed is not used again", async () => {
  const wat = metacoreWat({
    more: '(func (export "free") (param i32 i32) unreachable)',
    run: "(call $pack (local.get $ptr) (local.get $len))",
  });
  await withCounted(async (start) => {
    const worker = await start(await loadedFromWat(wat));
    assert.equal(new Set(await outputs(worker, 4)).size, 1);
    assert.equal(worker.made(), 4);
  });
});

Deno.test("an instance that was set back costs the same fuel, to the last check", async () => {
  const wat = metacoreWat({
    more: "(global $g (mut i32) (i32.const 0))",
    run: `(local.set $i (i32.add (i32.const 300000) (global.get $g)))
      (global.set $g (i32.const 1000))
      (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (memory.fill (i32.const 1024) (i32.const 1) (i32.const 4096)) ${SHOWN}`,
  });
  for (const interrupt of ["counter", "both"] satisfies Interrupt[]) {
    await withCounted(async (start) => {
      const loaded = await loadedFromWat(wat, { interrupt });
      const worker = await start(loaded);
      const used = new Set<number | undefined>();
      for (let time = 0; time < 4; time++) {
        used.add((await worker.handle.invoke(invocation("run"))).fuelUsed);
      }
      assert.equal(worker.made(), 2);
      const [fuel] = used;
      assert.ok(used.size === 1 && fuel !== undefined && fuel > 300_000);
      assert.equal((await worker.handle.invoke(invocation("run", { fuel }))).fuelUsed, fuel);
      await assert.rejects(worker.handle.invoke(invocation("run", { fuel: fuel - 1 })), {
        code: "sandbox.fuel_exhausted",
      });
    });
  }
});

/** Calls of each compiled guest; the last one comes after all others have left their traces. */
const CALLS: Readonly<Record<string, readonly (readonly [string, string | Uint8Array])[]>> = {
  probe: [["echo", '{"a":1}'], ["work", '{"rounds":300}'], ["count", ""], ["raw", "x"], [
    "count",
    "",
  ]],
  expenses: [["summary", "{}"], ["summary", '{"payload":{}}']],
  clang: [["echo", "[1]"], ["work", "5000"], ["call", partsOf("db_query", "a", "b", "c")]],
  rust: [["echo", "[1]"], ["work", "a b a"], ["call", partsOf("env_get", "a", "b", "c")]],
  go: [["echo", "[1]"], ["work", '{"words":["a","b"],"rounds":2}']],
};

Deno.test("compiled guests answer the same on an instance that was set back", async (t) => {
  await withCounted(async (start) => {
    for (const fixture of ["probe", "expenses", "clang", "rust", "go"] as const) {
      await t.step(fixture, async () => {
        const prepared = await prepareModule(await guestFixture(fixture), {
          interrupt: "both",
          policy: {
            memoryLimitPages: 1_024,
            exports: [...FIXTURE_EXPORTS[fixture]],
            handles: [],
            holds: () => true,
          },
        });
        const loaded = { ...prepared, module: await WebAssembly.compile(prepared.bytes) };
        const used = await start(loaded);
        const before = new Map<string, string>();
        const endingOf = async (...call: Parameters<typeof ending>) => {
          const ended = await ending(...call);
          // Where Go's maps put things, and what that costs, depends on its seed.
          return fixture === "go" ? ended.replace(/ for .*/, "") : ended;
        };
        for (let round = 0; round < 3; round++) {
          for (const [name, input] of CALLS[fixture] ?? []) {
            const ended = await endingOf(used, name, input);
            const key = `${name} ${input}`;
            assert.equal(ended, before.get(key) ?? ended, key);
            before.set(key, ended);
          }
        }
        for (const [name, input] of CALLS[fixture] ?? []) {
          const fresh = await start({ ...loaded, restorable: undefined });
          assert.equal(await endingOf(fresh, name, input), before.get(`${name} ${input}`), name);
          await fresh.handle.close();
        }
        // Go draws a seed when it begins, Rust's allocator takes new pages for its first block.
        const calls = 3 * (CALLS[fixture] ?? []).length;
        const isSetBack = fixture !== "go" && fixture !== "rust";
        assert.equal(used.made() < calls, isSetBack, `${used.made()} for ${calls} calls`);
      });
    }
  });
});

async function ending(worker: Counted, name: string, input: string | Uint8Array): Promise<string> {
  const host = new FakeHost(answer);
  const { output, fuelUsed, memoryBytes } = await worker.handle.invoke(
    invocation(name, { input, host }),
  );
  const seen = [shown(output), memoryBytes, host.calls.length, host.lines.length].join();
  return `${seen} for ${fuelUsed}`;
}

const ARGUMENTS = [[0, 0n, 0], [5, -3n, 2.5], [-70_000, 1n << 40n, -Infinity]] as const;

Deno.test("generated modules do on an instance that was set back what they do on a new one", () => {
  let setBack = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const { bytes, exports } = generateModule(seed);
    const { bytes: rewritten, restorable } = rewriteChecked(readModule(bytes), OPTIONS);
    const fresh = new Map(exports.map((name) => [name, observe(run(rewritten), name)]));
    if (restorable === undefined) continue;
    let used: { guest: Running; snapshot: Snapshot } | undefined;
    for (const name of [...exports, ...exports.toReversed()]) {
      used ??= remembered(run(rewritten), restorable.globals);
      assert.deepEqual(observe(used.guest, name), fresh.get(name), `seed ${seed}, ${name}`);
      if (used.snapshot.restore()) setBack++;
      else used = undefined;
    }
  }
  assert.ok(setBack > SEEDS / 5, `only ${setBack}`);
});

function remembered(guest: Running, globals: number): { guest: Running; snapshot: Snapshot } {
  const { exports } = guest.instance;
  const snapshot = Snapshot.take(exports, new GuestMemory(exports["memory"]), globals);
  assert.ok(snapshot !== undefined);
  return { guest, snapshot };
}

/** How a call ends and all that the instance is afterwards, fuel included. */
function observe(guest: Running, name: string): unknown[] {
  const { exports } = guest.instance;
  const before = guest.fuelUsed();
  const ended = ARGUMENTS.map((parameters) => {
    try {
      return String(guest.call(name, ...parameters));
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : "a tag";
    }
  });
  const globals = Object.values(exports).flatMap((value) =>
    value instanceof WebAssembly.Global && value !== exports["$metacore.counter"]
      ? [value.value]
      : []
  );
  const { memory } = exports;
  assert.ok(memory instanceof WebAssembly.Memory);
  return [ended, guest.fuelUsed() - before, globals, hash(memory)];
}

function hash(memory: WebAssembly.Memory): string {
  let sum = 7;
  let at = 0;
  for (const word of new Int32Array(memory.buffer)) {
    at++;
    if (word !== 0) sum = Math.imul(sum, 31) + word + at | 0;
  }
  return `${memory.buffer.byteLength}:${sum}`;
}

Deno.test("the rewriter says of a module whether its instances can be set back", async () => {
  const globals = (count: number) => "(global (mut i32) (i32.const 0))".repeat(count);
  const cases: readonly (readonly [text: string, globals: number | undefined])[] = [
    ["(module)", 0],
    [`(module (global i32 (i32.const 0)) ${globals(64)})`, 64],
    [`(module ${globals(65)})`, undefined],
    ['(module (memory (export "memory") 1))', 0],
    ["(module (memory 1))", undefined],
    ['(module (memory (export "other") 1))', undefined],
    ['(module (memory 1) (global (export "memory") i32 (i32.const 0)))', undefined],
    ['(module (import "a" "b" (memory 1)))', undefined],
    ['(module (import "a" "b" (table 1 funcref)))', undefined],
    ['(module (import "a" "b" (global (mut i32))))', undefined],
    ['(module (import "a" "b" (func)))', 0],
    ["(module (global funcref (ref.null func)) (table 1 funcref) (func (drop (table.size 0))))", 0],
    ["(module (table 1 funcref) (func (drop (table.get 0 (i32.const 0)))))", 0],
    [
      '(module (memory (export "memory") 1) (data $d "x") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))',
      0,
    ],
    ["(module (tag) (func (throw 0)))", 0],
  ];
  for (const [text, expected] of cases) {
    const { restorable, bytes } = rewriteChecked(readModule(await assembleWat(text)), OPTIONS);
    assert.equal(restorable?.globals, expected, text);
    const names = WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name }) => name);
    assert.equal(names.includes(globalExport(0)), (expected ?? 0) > 0, text);
  }
});
