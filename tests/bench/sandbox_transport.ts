/**
 * `deno run -A tests/bench/sandbox_transport.ts`: what an invocation through a guest worker costs
 * beside a raw round trip of the same transport, and how late traps come. Prints; asserts nothing.
 *
 * @module
 */

import { invocation, loadedFromWat, textOf } from "../sandbox/guest_fixture.ts";
import { ECHO, metacoreWat } from "../_support/guests/text.ts";
import { workerUrl } from "../../src/sandbox/permissions.ts";
import { WalledWorkers } from "../../src/sandbox/worker_source.ts";
import type { LoadedModule } from "../../src/sandbox/sandbox.ts";

const ROUNDS = 7;
const CALLS = 3_000;
const MILLION = Number(Deno.env.get("METACORE_BENCH_CALLS") ?? 50_000);

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Microseconds of each call in rounds that take turns, so that noise hits everyone alike. */
async function compare(runs: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  const taken = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const began = performance.now();
      for (let call = 0; call < CALLS; call++) await run();
      const us = (performance.now() - began) * 1_000 / CALLS;
      // The first round warms up.
      if (round > 0) taken.set(name, [...taken.get(name) ?? [], us]);
    }
  }
  const raw = median([...taken.values()][0]!);
  for (const [name, values] of taken) {
    const us = median(values);
    print(`${name.padEnd(52)} ${us.toFixed(1).padStart(7)} us  x${(us / raw).toFixed(2)}`);
  }
}

function rawWorker(): { echo: () => Promise<unknown>; end: () => void } {
  const url = workerUrl("onmessage = (event) => postMessage(event.data);");
  const worker = new Worker(url, { type: "module", deno: { permissions: "none" } });
  const message = { t: "x", id: 1, kind: "export", name: "run", input: new Uint8Array(5) };
  return {
    echo: () =>
      new Promise((resolve) => {
        worker.onmessage = resolve;
        worker.postMessage(message);
      }),
    end: () => worker.terminate(),
  };
}

/** Milliseconds from the deadline to the trap, as the main thread hears of it. */
async function latencies(loaded: LoadedModule): Promise<number[]> {
  const late: number[] = [];
  for (let run = 0; run < 25; run++) {
    const worker = await source.start();
    await worker.load(loaded);
    let heardMs = NaN;
    // The line that the guest logs first arrives with the news of its trap.
    const host = { call: nothing, log: () => heardMs = performance.now() };
    const began = performance.now();
    await worker.invoke(invocation("run", { timeoutMs: 50, host })).catch(() => {});
    await worker.ended;
    late.push(heardMs - began - 50);
  }
  return late.sort((a, b) => a - b);
}

function nothing(): Promise<{ nothing: true }> {
  return Promise.resolve({ nothing: true });
}

/** Microseconds of single calls after a pause, in which a worker prepares its next instance. */
async function single(run: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let call = 0; call < 400; call++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const began = performance.now();
    await run();
    taken.push((performance.now() - began) * 1_000);
  }
  return median(taken);
}

const source = new WalledWorkers();
const start = async (loaded: LoadedModule) => {
  const worker = await source.start();
  await worker.load(loaded);
  return worker;
};
const gonextWat = `(module (memory (export "memory") 1)
  (func (export "gn_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "gn_free") (param i32 i32))
  (func (export "gn_handle_hook") (param i32 i32 i32 i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get 2)) (i64.const 32)) (i64.extend_i32_u (local.get 3)))))`;
const loaded = await loadedFromWat(metacoreWat({ run: ECHO }));
const asking = await loadedFromWat(metacoreWat({
  imports: ["env_get"],
  run: "(call $env_get (local.get $ptr) (local.get $len))",
}));
const idle = await loadedFromWat(metacoreWat({ imports: ["env_get"], run: ECHO }));
const raw = rawWorker();
const fresh = await start(loaded);
const [one, two] = [await start(loaded), await start(loaded)];
const kept = await start(await loadedFromWat(gonextWat, { abi: "gonext/1" }));
const calling = await start(asking);
const couldCall = await start(idle);
const reply = { bytes: new TextEncoder().encode("value") };
const host = { call: () => Promise.resolve(reply), log: () => {} };
const hook = invocation({ kind: "hook", name: "h" }, { input: "hello", host, timeoutMs: 60_000 });
const plain = invocation("run", { input: "hello", host, timeoutMs: 60_000 });
let turn = 0;
print(`start of a worker with module: ${await startMs()} ms`);
await compare({
  "raw postMessage round trip": raw.echo,
  "GoNext, kept instance": () => kept.invoke(hook),
  "metacore, fresh instance, back to back": () => fresh.invoke(plain),
  "metacore, fresh instance, two workers by turns": () => (turn++ % 2 ? one : two).invoke(plain),
  "metacore, module that could call the host": () => couldCall.invoke(plain),
  "metacore, with one host call": () => calling.invoke(plain),
});
for (
  const [name, run] of [
    ["raw", raw.echo],
    ["GoNext, kept", () => kept.invoke(hook)],
    ["metacore, fresh", () => fresh.invoke(plain)],
    ["metacore, one host call", () => calling.invoke(plain)],
  ] as const
) {
  print(`single call after a pause, ${name.padEnd(25)} ${(await single(run)).toFixed(1)} us`);
}
const spins = {
  loop: "(loop (br 0))",
  fills: "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0))",
  recursion: "(drop (call $fib (i32.const 70)))",
};
const fib = `(func $fib (param i32) (result i32) (if (result i32)
  (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
  (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
    (call $fib (i32.sub (local.get 0) (i32.const 2)))))))`;
for (const [name, spin] of Object.entries(spins)) {
  const wat = metacoreWat({
    imports: ["log"],
    more: fib,
    run: `(call $log (i32.const 0) (i32.const 0)) ${spin} (i64.const 0)`,
  });
  const late = await latencies(await loadedFromWat(wat));
  const at = (share: number) => late[Math.floor(late.length * share)]!.toFixed(1);
  print(
    `trap after the deadline (aim 5 ms), ${name}: median ${at(0.5)}, p90 ${at(0.9)}, max ${
      late.at(-1)!.toFixed(1)
    } ms`,
  );
}
await memoryGrowth();
raw.end();
await Promise.all([fresh, one, two, kept, calling, couldCall].map((worker) => worker.close()));
await source.close();

async function startMs(): Promise<string> {
  const taken: number[] = [];
  for (let at = 0; at < 15; at++) {
    const began = performance.now();
    const worker = await start(loaded);
    taken.push(performance.now() - began);
    await worker.close();
  }
  return median(taken).toFixed(1);
}

async function memoryGrowth(): Promise<void> {
  for (let call = 0; call <= MILLION; call++) {
    const { output } = await fresh.invoke(plain);
    if (textOf(output) !== "hello") throw new Error("wrong answer");
    if (call === 100 || call === 10_000 || call % (MILLION / 4) === 0) {
      const maps = (await Deno.readTextFile("/proc/self/maps")).split("\n").length;
      const status = await Deno.readTextFile("/proc/self/status");
      const kib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
      const rss = (kib("VmRSS") / 1024).toFixed(0);
      print(
        `after ${call} fresh instances: RSS ${rss} MiB, ${maps} mappings, ${
          (kib("VmSize") / 1_048_576).toFixed(1)
        } GiB of addresses`,
      );
    }
  }
}
