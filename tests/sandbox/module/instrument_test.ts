/**
 * Rewritten modules give what the originals give, and stop where they are told to: in every kind of
 * loop and call, in start functions, in bulk operations.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RESERVED_EXPORTS } from "../../../src/sandbox/guest/reserved.ts";
import { featureNames } from "../../../src/sandbox/module/features.ts";
import { instrumentModule, readModule } from "../../../src/sandbox/module/instrument.ts";
import { originalOffsets } from "../../../src/sandbox/module/positions.ts";
import { functionNames } from "../../../src/sandbox/module/function_names.ts";
import { isKernelError } from "../../../src/base/error.ts";
import { assembleWat } from "../../_support/guests/wat.ts";
import { run } from "./running.ts";

const LIMITS = { memoryLimitPages: 16, tableLimit: 100 };
const INTERRUPTS = ["epoch", "counter", "both"] as const;
const BUDGET = 100_000;

/** Endless ways to run; each exports `run` without parameters. `poke` lets the test set the epoch. */
const ENDLESS: Readonly<Record<string, string>> = {
  "a tight loop": `(func (export "run") (loop (br 0)))`,
  "a loop with parameters": `(func (export "run") (i32.const 1)
    (loop (param i32) (i32.const 1) (i32.add) (br 0)))`,
  "a loop in a deep nest": `(func (export "run") ${"(block ".repeat(100)}
    (loop (br 0))${")".repeat(100)})`,
  "a loop left by a table of branches": `(func (export "run") (loop $l
    (block $a (block $b (br_table $l $l $l (i32.const 9))))))`,
  "tail calls in a circle": `(func $a (return_call $b)) (func $b (return_call $a))
    (func (export "run") (call $a))`,
  "indirect tail calls": `(table funcref (elem $a)) (type $t (func))
    (func $a (return_call_indirect (type $t) (i32.const 0))) (func (export "run") (call $a))`,
  "a tree of calls without loop or recursion": Array.from(
    { length: 61 },
    (_, at) =>
      at === 60
        ? `(func $f60)`
        : `(func $f${at} ${at === 0 ? '(export "run")' : ""} (call $f${at + 1}) (call $f${
          at + 1
        }))`,
  ).join("\n"),
  "legacy exceptions, all caught": `(tag $e) (func $f (throw $e)) (func (export "run")
    (loop $l (try (do (call $f)) (catch_all)) (br $l)))`,
  "a tree of recursion that catches everything": `(tag $e)
    (func $f (param i32) (try
      (do (if (i32.eqz (local.get 0)) (then (throw $e)))
        (call $f (i32.sub (local.get 0) (i32.const 1)))
        (call $f (i32.sub (local.get 0) (i32.const 1))))
      (catch_all)))
    (func (export "run") (call $f (i32.const 60)))`,
};

async function rewritten(wat: string, interrupt: typeof INTERRUPTS[number]) {
  return instrumentModule(await assembleWat(`(module ${wat})`), { ...LIMITS, interrupt });
}

function refusal(code: string, pattern: RegExp) {
  return (error: unknown) => isKernelError(error, code) && pattern.test(error.message);
}

Deno.test("endless guests stop when their budget is used up, and stay stopped", async (t) => {
  for (const [name, wat] of Object.entries(ENDLESS)) {
    await t.step(name, async () => {
      for (const interrupt of ["counter", "both"] as const) {
        const guest = run(await rewritten(wat, interrupt), {}, BUDGET);
        assert.throws(() => guest.call("run"), { name: "RuntimeError", message: "unreachable" });
        assert.ok(guest.isExhausted());
        assert.ok(guest.fuelUsed() < BUDGET + 10_000, `${guest.fuelUsed()}`);
        const before = performance.now();
        assert.throws(() => guest.call("run"), { message: "unreachable" });
        assert.ok(performance.now() - before < 1_000);
      }
    });
  }
});

Deno.test("endless guests stop when another thread sets the epoch", async (t) => {
  const watchdog = new Worker(
    `data:text/javascript,onmessage=({data})=>{
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0,15);
      Atomics.store(new Int32Array(data),0,1);}`,
    { type: "module", deno: { permissions: "none" } },
  );
  for (const [name, wat] of Object.entries(ENDLESS)) {
    await t.step(name, async () => {
      const guest = run(await rewritten(wat, "epoch"));
      const epoch = guest.instance.exports[RESERVED_EXPORTS.epoch];
      assert.ok(epoch instanceof WebAssembly.Memory);
      watchdog.postMessage(epoch.buffer);
      assert.throws(() => guest.call("run"), { name: "RuntimeError", message: "unreachable" });
      assert.throws(() => guest.call("run"), { message: "unreachable" });
    });
  }
  watchdog.terminate();
});

Deno.test("neither loop heads nor entries nor bulk operations let the epoch pass", async (t) => {
  // `poke` sets the epoch in the guest's own thread: what follows must not be reached.
  const places: Readonly<Record<string, string>> = {
    "loop head": `(loop (call $reached) (br 0))`,
    "function entry": `(call $rec)`,
    "memory.fill": `(memory.fill (i32.const 0) (i32.const 0) (i32.const 9)) (call $reached)`,
    "memory.copy": `(memory.copy (i32.const 0) (i32.const 0) (i32.const 9)) (call $reached)`,
    "memory.init": `(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (call $reached)`,
    "memory.grow": `(drop (memory.grow (i32.const 1))) (call $reached)`,
    "table.grow": `(drop (table.grow 0 (ref.null func) (i32.const 1))) (call $reached)`,
    "table.fill": `(table.fill 0 (i32.const 0) (ref.null func) (i32.const 1)) (call $reached)`,
    "table.copy": `(table.copy (i32.const 0) (i32.const 0) (i32.const 1)) (call $reached)`,
    "table.init": `(table.init $e (i32.const 0) (i32.const 0) (i32.const 1)) (call $reached)`,
  };
  for (const [name, code] of Object.entries(places)) {
    await t.step(name, async () => {
      const bytes = await rewritten(
        `(import "m" "poke" (func $poke)) (import "m" "reached" (func $reached))
        (memory 1) (table 3 funcref) (data $d "x") (elem $e func $rec)
        (func $rec (call $reached) (call $rec))
        (func (export "run") (call $poke) ${code})`,
        "epoch",
      );
      let reached = 0;
      const guest = run(bytes, { m: { poke: () => guest.stop(), reached: () => reached++ } });
      assert.throws(() => guest.call("run"), { message: "unreachable" });
      assert.equal(reached, 0);
    });
  }
});

Deno.test("bulk operations cost fuel by their length, growing a fixed amount", async () => {
  const bytes = await rewritten(
    `(memory (export "memory") 16) (table 50 funcref)
    (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 7) (local.get 0)))
    (func (export "copy") (param i32) (memory.copy (i32.const 0) (i32.const 8) (local.get 0)))
    (func (export "tables") (param i32) (local i64 f32)
      (table.fill 0 (i32.const 0) (ref.null func) (local.get 0)))
    (func (export "grow") (param i32) (drop (memory.grow (local.get 0))))`,
    "counter",
  );
  const cost = (name: string, length: number) => {
    const guest = run(bytes);
    guest.call(name, length);
    return guest.fuelUsed();
  };
  assert.equal(cost("fill", 640_000) - cost("fill", 0), 10_000);
  assert.equal(cost("copy", 64_000) - cost("copy", 0), 1_000);
  assert.equal(cost("tables", 48) - cost("tables", 0), 12);
  assert.equal(cost("grow", 0), 4_096);
  const guest = run(bytes);
  guest.call("fill", 3);
  const memory = guest.instance.exports.memory;
  assert.ok(memory instanceof WebAssembly.Memory);
  assert.deepEqual([...new Uint8Array(memory.buffer, 0, 4)], [7, 7, 7, 0]);
});

Deno.test("calls are free only as long as they are few and short", async () => {
  const adding = (times: number) => "(i32.add (i32.const 1)) ".repeat(times);
  const bytes = await rewritten(
    `(func $short (param i32) (result i32) (local.get 0) ${adding(30)})
    (func $long (param i32) (result i32) (local.get 0) ${adding(80)})
    (func $above (param i32) (result i32) ${"(call $short ".repeat(3)} (local.get 0)))))
    (func (export "short") (drop (call $short (i32.const 1))))
    (func (export "long") (drop (call $long (i32.const 1))))
    (func (export "above") (drop (call $above (i32.const 1))))`,
    "counter",
  );
  const cost = (name: string) => {
    const guest = run(bytes);
    guest.call(name);
    return guest.fuelUsed();
  };
  assert.equal(cost("short"), 0);
  assert.equal(cost("long"), 1);
  assert.equal(cost("above"), 1);
  // Straight-line code with thousands of calls is stopped between them.
  const many = run(
    await rewritten(
      `(func $short (param i32) (result i32) (local.get 0) ${adding(30)})
      (func (export "run") ${"(drop (call $short (i32.const 1)))".repeat(3_000)})`,
      "counter",
    ),
  );
  many.call("run");
  assert.equal(many.fuelUsed(), 3_001);
});

Deno.test("the epoch is read atomically; what counts in old offsets is left out", async () => {
  const original = await assembleWat(`(module (func (loop (br 0))))`);
  const custom = (name: string) => {
    const content = [name.length, ...new TextEncoder().encode(name), 1, 2, 3];
    return [0, content.length, ...content];
  };
  const names = [".debug_info", "sourceMappingURL", "metadata.code.branch_hint", "producers"];
  const bytes = instrumentModule(Uint8Array.from([...original, ...names.flatMap(custom)]), {
    ...LIMITS,
    interrupt: "epoch",
  });
  const { declarations, notes } = readModule(bytes);
  // A plain load might be moved out of the loop; only instructions count here, not the memory.
  assert.deepEqual(featureNames(notes.features), ["threads"]);
  assert.deepEqual(
    declarations.sections.flatMap(({ name }) => name === undefined ? [] : [name]),
    ["name", "producers"],
  );
});

Deno.test("start functions wait to be called, under a reserved name", async () => {
  for (const interrupt of INTERRUPTS) {
    const bytes = await rewritten(
      `(global $g (export "g") (mut i32) (i32.const 1))
      (func $s (global.set $g (i32.const 2)) (loop (br 0))) (start $s)`,
      interrupt,
    );
    const guest = run(bytes, {}, BUDGET);
    const global = guest.instance.exports.g;
    assert.ok(global instanceof WebAssembly.Global);
    assert.equal(global.value, 1);
    if (interrupt === "epoch") guest.stop();
    assert.throws(() => guest.call(RESERVED_EXPORTS.start), { message: "unreachable" });
    assert.equal(global.value, interrupt === "epoch" ? 1 : 2);
  }
});

Deno.test("memories and tables stop growing at the limit", async () => {
  const bounds = ["", "1000", "3"];
  for (const interrupt of INTERRUPTS) {
    for (const max of bounds) {
      const bytes = await rewritten(
        `(memory 1 ${max}) (table 1 ${max} funcref)
        (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "table") (param i32) (result i32)
          (table.grow 0 (ref.null func) (local.get 0)))`,
        interrupt,
      );
      const guest = run(bytes);
      const [pages, elements] = max === "3" ? [3, 3] : [16, 100];
      assert.equal(guest.call("memory", pages), -1);
      assert.equal(guest.call("memory", pages! - 1), 1);
      assert.equal(guest.call("memory", 1), -1);
      assert.equal(guest.call("table", elements), -1);
      assert.equal(guest.call("table", elements! - 1), 1);
      assert.equal(guest.call("table", 1), -1);
    }
  }
  await assert.rejects(
    rewritten("(memory 17)", "epoch"),
    refusal("sandbox.module_refused", /begins with 17 memory pages; 16 are allowed/),
  );
  await assert.rejects(
    rewritten("(table 101 funcref)", "epoch"),
    refusal("sandbox.module_refused", /begins with 101 table elements; 100 are allowed/),
  );
});

Deno.test("modules that lack sections get them; an empty one stays valid", async () => {
  for (const interrupt of INTERRUPTS) {
    const empty = run(await rewritten("", interrupt));
    const expected = {
      epoch: [RESERVED_EXPORTS.epoch],
      counter: [RESERVED_EXPORTS.counter, RESERVED_EXPORTS.checkTable],
      both: [RESERVED_EXPORTS.epoch, RESERVED_EXPORTS.counter, RESERVED_EXPORTS.checkTable],
    };
    assert.deepEqual(Object.keys(empty.instance.exports), expected[interrupt]);
    const only = run(await rewritten(`(func (export "f") (result i32) (i32.const 5))`, interrupt));
    assert.equal(only.call("f"), 5);
  }
});

Deno.test("a guest cannot reach what is appended", async () => {
  // Invalid before, valid after: the module would refill its own fuel.
  const names = [
    `(func (export "run") (global.set 0 (i32.const 9)))`,
    `(func (export "run") (drop (i32.load (i32.const 0))))`,
    `(func (export "run") (drop (table.get 0 (i32.const 0))))`,
  ];
  for (const wat of names) {
    const bytes = await assembleUnchecked(wat);
    for (const interrupt of INTERRUPTS) {
      assert.throws(
        () => instrumentModule(bytes, { ...LIMITS, interrupt }),
        (error) => isKernelError(error, "sandbox.invalid_module"),
      );
    }
  }
  for (const name of Object.values(RESERVED_EXPORTS)) {
    await assert.rejects(
      rewritten(`(func (export "${name}"))`, "epoch"),
      refusal("sandbox.module_refused", /reserved name/),
    );
  }
});

/** wabt checks indices, so the bytes come from a valid module whose declarations are then cut out. */
async function assembleUnchecked(wat: string): Promise<Uint8Array<ArrayBuffer>> {
  const declared = `(table 1 funcref) (memory 1) (global (mut i32) (i32.const 0)) ${wat}`;
  const bytes = await assembleWat(`(module ${declared})`);
  const kept: number[] = [...bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length;) {
    const end = at + 2 + bytes[at + 1]!;
    if (![4, 5, 6].includes(bytes[at]!)) kept.push(...bytes.subarray(at, end));
    at = end;
  }
  return Uint8Array.from(kept);
}

Deno.test("traps are found in the original, by function and offset", async () => {
  const wat = `(import "m" "f" (func $imported)) (memory 1) (table 1 funcref)
    (func $deep (param i32) (result i32) (local i64)
      (loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br_if $l (i32.gt_s (local.get 0) (i32.const 0))))
      (drop (memory.grow (i32.const 0)))
      (i32.div_u (i32.const 1) (local.get 0)))
    (func $mid (param i32) (result i32) (loop (result i32)
      (i32.add (call $deep (local.get 0)) (i32.const 1))))
    (func $outer (export "run") (result i32) (call $mid (i32.const 3)))`;
  const original = await assembleWat(`(module ${wat})`);
  const imports = { m: { f: () => {} } };
  const frames = (bytes: Uint8Array<ArrayBuffer>) => {
    try {
      run(bytes, imports).call("run");
    } catch (error) {
      const text = error instanceof Error ? error.stack ?? "" : "";
      return [...text.matchAll(/wasm-function\[\d+\]:0x([0-9a-f]+)/g)]
        .map(([, offset]) => parseInt(offset!, 16));
    }
    throw new Error("it did not trap");
  };
  const expected = frames(original);
  assert.equal(expected.length, 3);
  for (const interrupt of INTERRUPTS) {
    const options = { ...LIMITS, interrupt };
    const map = originalOffsets(original, options);
    const found = frames(instrumentModule(original, options));
    assert.notDeepEqual(found, expected);
    assert.deepEqual(
      found.map(map),
      expected.map((offset, frame) => ({ functionIndex: frame + 1, offset })),
    );
    for (const outside of [0, 8, 1e9]) assert.equal(map(outside), undefined);
    const names = functionNames(instrumentModule(original, options));
    assert.deepEqual([...names.values()], ["imported", "deep", "mid", "outer"]);
  }
});
