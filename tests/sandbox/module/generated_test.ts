/**
 * Differential and fuzz tests of the rewriter: generated modules give the same results, traps,
 * memory and globals before and after; mutated bytes give a valid module or a KernelError, never
 * anything else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KernelError } from "../../../src/base/error.ts";
import { functionNames } from "../../../src/sandbox/module/function_names.ts";
import { inspectModule } from "../../../src/sandbox/module/inspect.ts";
import { instrumentModule, readModule } from "../../../src/sandbox/module/instrument.ts";
import { originalOffsets } from "../../../src/sandbox/module/positions.ts";
import { rewriteModule } from "../../../src/sandbox/module/rewrite.ts";
import { assembleWat } from "../../_support/guests/wat.ts";
import { generateModule } from "./generator.ts";
import { run, type Running } from "./running.ts";

const SEEDS = Number(Deno.env.get("METACORE_FUZZ_MODULES") ?? 150);
const MUTATIONS = Number(Deno.env.get("METACORE_FUZZ_MUTATIONS") ?? 4_000);
const OPTIONS = { memoryLimitPages: 64, tableLimit: 100 };
const INTERRUPTS = ["epoch", "counter", "both"] as const;
const ARGUMENTS = [[0, 0n, 0], [5, -3n, 2.5], [-70_000, 1n << 40n, -Infinity]] as const;

/** Everything that can be seen of running each export with each set of arguments. */
function observe(guest: Running, exports: readonly string[]): unknown[] {
  const { memory, budget, g1, g2 } = guest.instance.exports;
  assert.ok(memory instanceof WebAssembly.Memory && budget instanceof WebAssembly.Global);
  assert.ok(g1 instanceof WebAssembly.Global && g2 instanceof WebAssembly.Global);
  const seen: unknown[] = exports.flatMap((name) =>
    ARGUMENTS.map((parameters) => {
      budget.value = 300;
      const ended = outcome(() => guest.call(name, ...parameters));
      return [name, ended, budget.value, g1.value, g2.value];
    })
  );
  return [...seen, checksum(memory)];
}

function outcome(call: () => unknown): string {
  try {
    return `gave ${call()}`;
  } catch (error) {
    return error instanceof Error ? `threw ${error.name}: ${error.message}` : "threw a tag";
  }
}

function checksum(memory: WebAssembly.Memory): string {
  let sum = 7;
  for (const word of new Int32Array(memory.buffer)) {
    if (word !== 0) sum = Math.imul(sum, 31) + word | 0;
  }
  return `${memory.buffer.byteLength}:${sum}`;
}

Deno.test("generated modules do the same after rewriting, and cost the same fuel each time", () => {
  const endings = new Map<string, number>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const { bytes, exports } = generateModule(seed);
    const expected = observe(run(bytes), exports);
    for (const entry of expected.slice(0, -1)) {
      const ending = String(Array.isArray(entry) ? entry[1] : "").replace(/^gave.*/, "gave");
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    for (const interrupt of INTERRUPTS) {
      const rewritten = instrumentModule(bytes, { ...OPTIONS, interrupt });
      const [once, again] = [run(rewritten), run(rewritten)];
      assert.deepEqual(observe(once, exports), expected, `seed ${seed}, ${interrupt}`);
      observe(again, exports);
      assert.equal(once.fuelUsed(), again.fuelUsed(), `fuel of seed ${seed}`);
    }
  }
  // The generator has to reach what it is for.
  assert.ok(endings.get("gave")! > SEEDS, JSON.stringify([...endings]));
  assert.ok(endings.get("threw RuntimeError: unreachable")! > 0, JSON.stringify([...endings]));
  assert.ok(endings.size > 4, JSON.stringify([...endings]));
});

Deno.test("generated modules stop wherever their fuel ends, and once the epoch is set", () => {
  for (let seed = 0; seed < SEEDS / 3; seed++) {
    const { bytes, exports } = generateModule(seed);
    const rewritten = instrumentModule(bytes, { ...OPTIONS, interrupt: "both" });
    const whole = run(rewritten);
    observe(whole, exports);
    for (const part of [0.1, 0.5, 0.9]) {
      const stopped = run(rewritten, {}, Math.floor(whole.fuelUsed() * part) - 64);
      observe(stopped, exports);
      assert.ok(stopped.isExhausted(), `seed ${seed}`);
      assert.ok(stopped.fuelUsed() <= whole.fuelUsed());
    }
    const epoch = run(instrumentModule(bytes, { ...OPTIONS, interrupt: "epoch" }));
    epoch.stop();
    for (const name of exports) {
      assert.equal(outcome(() => epoch.call(name, 1, 1n, 1)), "threw RuntimeError: unreachable");
    }
  }
});

Deno.test("mutated bytes give a valid module or a KernelError, never anything else", async () => {
  const sources = [
    ...[1, 2, 3, 4].map((seed) => generateModule(seed).bytes),
    await assembleWat(`(module (memory 1) (table 2 funcref) (func $a (export "a"))
      (func (result i32) (local i64) (loop (result i32) (memory.fill (i32.const 0)
      (i32.const 0) (i32.const 0)) (memory.grow (i32.const 1)))) (start $a))`),
  ];
  const random = randomNumbers(42);
  const seen = { valid: 0, refused: 0 };
  for (let count = 0; count < MUTATIONS; count++) {
    const bytes = mutate(sources[count % sources.length]!, random);
    const interrupt = INTERRUPTS[count % 3]!;
    const options = { ...OPTIONS, interrupt };
    // What has not been validated must do no harm either.
    const unchecked = orKernelError(() => {
      const { declarations, notes } = readModule(bytes);
      rewriteModule(declarations, notes, options);
      originalOffsets(bytes, options)(100);
    });
    orKernelError(() => inspectModule(bytes));
    orKernelError(() => functionNames(bytes));
    const rewritten = orKernelError(() => instrumentModule(bytes, options));
    if (rewritten instanceof Uint8Array) {
      seen.valid++;
      assert.ok(WebAssembly.validate(bytes) && WebAssembly.validate(rewritten));
      assert.ok(!(unchecked instanceof KernelError));
    } else {
      seen.refused++;
      // What the engine accepts may be refused for what it holds, never as malformed.
      if (WebAssembly.validate(bytes)) {
        assert.ok(rewritten instanceof KernelError);
        assert.equal(rewritten.code, "sandbox.module_refused", rewritten.message);
        assert.doesNotMatch(rewritten.message, /cannot be made interruptible/);
      }
    }
  }
  assert.ok(seen.valid > MUTATIONS / 50 && seen.refused > MUTATIONS / 50, JSON.stringify(seen));
});

function orKernelError<Result>(run: () => Result): Result | KernelError {
  try {
    return run();
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}

function mutate(source: Uint8Array, random: () => number): Uint8Array<ArrayBuffer> {
  const bytes = [...source];
  const at = () => Math.floor(random() * bytes.length);
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) {
    const kind = Math.floor(random() * 6);
    if (kind === 0) bytes[at()]! ^= 1 << Math.floor(random() * 8);
    else if (kind === 1) bytes[at()] = Math.floor(random() * 256);
    else if (kind === 2) bytes.splice(at(), 1);
    else if (kind === 3) bytes.splice(at(), 0, Math.floor(random() * 256));
    else if (kind === 4) bytes.splice(at());
    else {bytes[at()] = [
        0xff,
        0x80,
        0x40,
        0x0b,
        0xfb,
        0xfc,
        0xfd,
        0xfe,
        0x7f,
      ][Math.floor(random() * 9)]!;}
  }
  return Uint8Array.from(bytes);
}

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
    return state / 2 ** 32;
  };
}
