/**
 * `deno run -A tests/bench/extism.ts`: a call of a guest through this kernel's workers beside the same
 * call through `@extism/extism`, in the same run. Extism is a development dependency for this file
 * alone. Prints ratios; asserts nothing.
 *
 * Not alike: Extism keeps one instance for all calls, ours is new for each call of a metacore guest;
 * Extism's guest has the extension's kernel as a second module; neither Extism figure has a deadline,
 * all of ours have one.
 *
 * @module
 */

import createPlugin, { type CallContext, type Plugin } from "@extism/extism";
import type { GuestWorker } from "../../src/sandbox/worker_port.ts";
import { WalledWorkers } from "../../src/sandbox/worker_source.ts";
import { GONEXT, goNextWat } from "../_support/guests/gonext.ts";
import { CALLERS, HEALTHY, partsOf } from "../_support/guests/healthy.ts";
import { assembleWat } from "../_support/guests/wat.ts";
import { invocation, loadedFromWat } from "../sandbox/guest_fixture.ts";

const ROUNDS = 5;
const CALLS = 500;
const VALUE = "500.00";
const BASE = "kernel, fresh instance";

const EXTISM_GUEST = `(module
  (import "extism:host/env" "input_offset" (func $input_offset (result i64)))
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (import "extism:host/user" "env_get" (func $env_get (param i64) (result i64)))
  (memory (export "memory") 1)
  (func (export "echo") (result i32)
    (call $output_set (call $input_offset) (call $input_length)) (i32.const 0))
  (func (export "ask") (result i32) (local $answer i64)
    (local.set $answer (call $env_get (call $input_offset)))
    (call $output_set (local.get $answer) (call $length (local.get $answer))) (i32.const 0)))`;

const ASKING_HOOK = goNextWat({
  imports: '(import "gonext_data" "gn_kv_get" (func $get (param i32 i32) (result i64)))',
  // One buffer for the input, one for the answer: a kept instance would fill up.
  alloc: `(func $alloc (export "gn_alloc") (param $size i32) (result i32)
    (select (i32.const 4096) (i32.const 8192) (i32.eq (local.get $size) (i32.const 14))))`,
  hook: "(call $get (local.get $ptr) (local.get $len))",
});

type Call = () => Promise<string>;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

async function openExtism(place: "worker" | "caller"): Promise<Plugin> {
  const wasm = [{ data: await assembleWat(EXTISM_GUEST) }];
  return await createPlugin({ wasm }, {
    runInWorker: place === "worker",
    functions: {
      "extism:host/user": { env_get: (context: CallContext) => context.store(VALUE) },
    },
  });
}

function extismCall(plugin: Plugin, name: string, input: string): Call {
  return async () => (await plugin.call(name, input))?.text() ?? "";
}

/** Median microseconds of each call over rounds that take turns; the first round warms up. */
async function measure(
  calls: Readonly<Record<string, { readonly call: Call; readonly expect: string }>>,
): Promise<ReadonlyMap<string, number>> {
  const taken = new Map<string, number[]>(Object.keys(calls).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, { call, expect }] of Object.entries(calls)) {
      const began = performance.now();
      for (let at = 0; at < CALLS; at++) {
        const got = await call();
        if (got !== expect) throw new Error(`${name} gave ${JSON.stringify(got)}`);
      }
      if (round > 0) taken.get(name)?.push((performance.now() - began) * 1_000 / CALLS);
    }
  }
  return new Map([...taken].map(([name, values]) => [name, median(values)]));
}

function report(title: string, figures: ReadonlyMap<string, number>): void {
  print(title);
  const own = figures.get(BASE) ?? NaN;
  for (const [name, us] of figures) {
    print(`  ${name.padEnd(46)}${us.toFixed(1).padStart(9)} us  x${(us / own).toFixed(2)}`);
  }
}

const host = {
  call: () => Promise.resolve({ bytes: new TextEncoder().encode(VALUE) }),
  log: () => {},
};

/** Workers of this kernel, each with a module. */
class KernelWorkers {
  readonly #source = new WalledWorkers();
  readonly #workers: GuestWorker[] = [];

  async call(
    wat: string,
    input: string | Uint8Array,
    target: Parameters<typeof invocation>[0] = "run",
  ): Promise<Call> {
    const abi = typeof target === "string" ? "metacore/1" : "gonext/1";
    const worker = await this.#source.start();
    this.#workers.push(worker);
    await worker.load(await loadedFromWat(wat, { abi }));
    const run = invocation(target, { input, host, timeoutMs: 60_000 });
    const decoder = new TextDecoder();
    return async () => decoder.decode((await worker.invoke(run)).output);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
    await this.#source.close();
  }
}

/** Measures and prints. */
export async function compareWithExtism(): Promise<void> {
  const workers = new KernelWorkers();
  const [inline, inWorker] = [await openExtism("caller"), await openExtism("worker")];
  print(`\none call, median of ${ROUNDS} rounds of ${CALLS}; x = against ${BASE}`);
  for (const size of [16, 4_096]) {
    const input = "x".repeat(size);
    const figures = await measure({
      [BASE]: { call: await workers.call(HEALTHY.echo.wat, input), expect: input },
      "kernel, kept instance (GoNext)": {
        call: await workers.call(GONEXT.echo.wat, input, { kind: "hook", name: "h" }),
        expect: input,
      },
      "extism, worker": { call: extismCall(inWorker, "echo", input), expect: input },
      "extism, caller's thread": { call: extismCall(inline, "echo", input), expect: input },
    });
    report(`echo of ${size} bytes`, figures);
  }
  const input = "approval_limit";
  const figures = await measure({
    [BASE]: { call: await workers.call(CALLERS.env_get.wat, partsOf(input)), expect: VALUE },
    "kernel, kept instance (GoNext)": {
      call: await workers.call(ASKING_HOOK, input, { kind: "hook", name: "h" }),
      expect: VALUE,
    },
    "extism, worker": { call: extismCall(inWorker, "ask", input), expect: VALUE },
    "extism, caller's thread": { call: extismCall(inline, "ask", input), expect: VALUE },
  });
  report("one host function", figures);
  await Promise.all([inline.close(), inWorker.close(), workers.close()]);
}

if (import.meta.main) await compareWithExtism();
