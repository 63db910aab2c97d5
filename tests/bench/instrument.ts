/**
 * What being interruptible costs: tight loops and real modules, as they are against rewritten for
 * the epoch and for the counter, interleaved in one process; and how long rewriting takes in a fresh
 * process. Prints ratios; asserts nothing. Run by itself: `deno run -A tests/bench/instrument.ts`.
 *
 * @module
 */

import { instrumentModule, readModule } from "../../src/sandbox/module/instrument.ts";
import { rewriteModule } from "../../src/sandbox/module/rewrite.ts";
import { assembleWat } from "../_support/guests/wat.ts";
import { loadReal, type Mode, REAL_MODULES } from "../sandbox/module/real_modules.ts";
import { run } from "../sandbox/module/running.ts";

const MODES: readonly Mode[] = ["original", "epoch", "counter"];
const LEAST_ROUNDS = 11;

/** Loops in which a check weighs most: each exports `run`, which works some milliseconds. */
const LOOPS: Readonly<Record<string, string>> = {
  fib: `(func $fib (param i32) (result i32)
      (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
        (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
          (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "run") (result i32) (call $fib (i32.const 31)))`,
  sieve: `(func (export "run") (result i32) (local $i i32) (local $j i32) (local $found i32)
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 1000000))
      (local.set $i (i32.const 2))
      (loop $outer
        (if (i32.eqz (i32.load8_u (local.get $i))) (then
          (local.set $found (i32.add (local.get $found) (i32.const 1)))
          (local.set $j (i32.add (local.get $i) (local.get $i)))
          (loop $inner (if (i32.lt_u (local.get $j) (i32.const 1000000)) (then
            (i32.store8 (local.get $j) (i32.const 1))
            (local.set $j (i32.add (local.get $j) (local.get $i))) (br $inner))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $outer (i32.lt_u (local.get $i) (i32.const 1000000))))
      (local.get $found))`,
  matmul: `(func (export "run") (result i32)
      (local $i i32) (local $j i32) (local $k i32) (local $sum f64)
      (loop $a (local.set $j (i32.const 0))
        (loop $b (local.set $k (i32.const 0)) (local.set $sum (f64.const 0))
          (loop $c
            (local.set $sum (f64.add (local.get $sum) (f64.mul
              (f64.load (i32.shl (i32.add (i32.shl (local.get $i) (i32.const 7))
                (local.get $k)) (i32.const 3)))
              (f64.load offset=131072 (i32.shl (i32.add (i32.shl (local.get $k) (i32.const 7))
                (local.get $j)) (i32.const 3))))))
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (br_if $c (i32.lt_u (local.get $k) (i32.const 128))))
          (f64.store offset=262144 (i32.shl (i32.add (i32.shl (local.get $i) (i32.const 7))
            (local.get $j)) (i32.const 3)) (local.get $sum))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br_if $b (i32.lt_u (local.get $j) (i32.const 128))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $a (i32.lt_u (local.get $i) (i32.const 128))))
      (i32.const 1))`,
  "byte copy": `(func (export "run") (result i32) (local $i i32) (local $n i32)
      (loop $n (local.set $i (i32.const 0)) (loop $l
        (i32.store8 offset=1000000 (local.get $i) (i32.load8_u (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 1000000))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $n (i32.lt_u (local.get $n) (i32.const 10))))
      (local.get $i))`,
  "bulk copy of 64 bytes": `(func (export "run") (result i32) (local $i i32)
      (loop $l
        (memory.copy (i32.const 100000) (local.get $i) (i32.const 64))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 1000000))))
      (local.get $i))`,
  "indirect calls": `(table funcref (elem $one $two)) (type $t (func (param i32) (result i32)))
    (func $one (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $two (param i32) (result i32) (i32.xor (local.get 0) (i32.const 5)))
    (func (export "run") (result i32) (local $i i32) (local $x i32)
      (loop $l
        (local.set $x (call_indirect (type $t) (local.get $x)
          (i32.and (local.get $i) (i32.const 1))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 5000000))))
      (local.get $x))`,
};

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

/**
 * Best times of one piece of work in each mode, taken in turns: what else runs only adds to them, and
 * the engine's compilers take thousands of calls to settle.
 */
async function measure(works: readonly (() => unknown)[], durationMs: number): Promise<number[]> {
  const best = works.map(() => Infinity);
  const end = performance.now() + durationMs;
  for (let round = 0; round < LEAST_ROUNDS || performance.now() < end; round++) {
    for (const [at, work] of works.entries()) {
      const start = performance.now();
      await work();
      best[at] = Math.min(best[at]!, performance.now() - start);
    }
  }
  return best;
}

function report(name: string, times: readonly number[]): void {
  const original = times[0]!;
  const ratios = times.slice(1).map((time) => (time / original).toFixed(2).padStart(9)).join("");
  print(`  ${name.padEnd(26)}${original.toFixed(2).padStart(10)} ms${ratios}`);
}

async function measureLoops(): Promise<void> {
  const product = [1, 1];
  for (const [name, wat] of Object.entries(LOOPS)) {
    const bytes = await assembleWat(`(module (memory 40) ${wat})`);
    const works = MODES.map((mode) => {
      const guest = run(
        mode === "original"
          ? bytes
          : instrumentModule(bytes, { memoryLimitPages: 40, tableLimit: 10, interrupt: mode }),
      );
      return () => guest.call("run");
    });
    const times = await measure(works, 1_000);
    report(name, times);
    for (const at of [0, 1]) product[at]! *= times[at + 1]! / times[0]!;
  }
  const means = product.map((value) => value ** (1 / Object.keys(LOOPS).length));
  print(`  ${"geometric mean".padEnd(39)}${means.map((m) => m.toFixed(2).padStart(9)).join("")}`);
}

async function measureReal(): Promise<void> {
  for (const real of REAL_MODULES) {
    const loaded = [];
    for (const mode of MODES) loaded.push(await loadReal(real, mode));
    report(real.name, await measure(loaded.map(({ work }) => work), 5_000));
  }
}

/** In a process of its own: what costs is the engine warming the walker up. */
async function rewriteTimes(path: string): Promise<string[]> {
  const rounds: string[][] = [];
  for (let round = 0; round < 5; round++) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--cached-only", "--allow-read", import.meta.filename!, path],
    }).output();
    rounds.push(new TextDecoder().decode(stdout).trim().split(" "));
  }
  const size = rounds[0]![0]!;
  return [size, ...[1, 2, 3].map((at) => Math.min(...rounds.map((r) => Number(r[at]))).toFixed(1))];
}

async function rewriteOnce(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  const options = { memoryLimitPages: 65_536, tableLimit: 1e6, interrupt: "epoch" } as const;
  const rewrite = () => {
    const start = performance.now();
    const { declarations, notes } = readModule(bytes);
    rewriteModule(declarations, notes, options);
    return performance.now() - start;
  };
  const start = performance.now();
  WebAssembly.validate(bytes);
  const validateMs = performance.now() - start;
  print(`${bytes.length} ${validateMs} ${rewrite()} ${rewrite()}`);
}

async function measureRewriting(): Promise<void> {
  for (const { name, path } of REAL_MODULES) {
    const [size, validate, cold, warm] = await rewriteTimes(path);
    const mega = Number(size) / 1e6;
    print(
      `  ${name.padEnd(26)}${mega.toFixed(2).padStart(7)} MB, rewrite cold ${cold} ms, ` +
        `${(Number(cold) / mega).toFixed(1)} ms/MB, warm ${warm} ms; validate once ${validate} ms`,
    );
  }
}

if (Deno.args[0] !== undefined) {
  await rewriteOnce(Deno.args[0]);
} else {
  print("rewriting in fresh processes");
  await measureRewriting();
  print("tight loops                   original     epoch  counter");
  await measureLoops();
  print("real modules");
  await measureReal();
  Deno.exit(0);
}
