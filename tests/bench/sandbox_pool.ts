/**
 * `deno run -A tests/bench/sandbox_pool.ts`: what an invocation costs through the pool beside a direct
 * call and a raw round trip, warm and cold; what installed addons that sleep cost; what memory does
 * over many calls (`METACORE_BENCH_CALLS`). Prints; asserts nothing.
 *
 * @module
 */

import { CircuitBreakers } from "../../src/sandbox/breaker.ts";
import { compilePrepared } from "../../src/sandbox/module/compile.ts";
import { prepareModule } from "../../src/sandbox/module/prepare.ts";
import { workerUrl } from "../../src/sandbox/permissions.ts";
import { createSandbox } from "../../src/sandbox/pool.ts";
import type { GuestCode, LoadedModule } from "../../src/sandbox/sandbox.ts";
import { WalledWorkers } from "../../src/sandbox/worker_source.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { ENDLESS } from "../_support/guests/endless.ts";
import { ECHO, guest } from "../_support/guests/text.ts";
import { assembleWat } from "../_support/guests/wat.ts";
import { callOf, codeOf, eventually, realSandbox } from "../sandbox/real_sandbox.ts";

const ROUNDS = 31;
const CALLS = 400;
const MANY = Number(Deno.env.get("METACORE_BENCH_CALLS") ?? 100_000);
const GUEST = guest("gives its input back", ["ok"], { run: ECHO });
const ASKING = guest("asks the host once", ["ok"], {
  imports: ["env_get"],
  run: "(call $env_get (local.get $ptr) (local.get $len))",
});
const CALL = callOf(GUEST, { timeoutMs: 10_000 });
const RAW = "raw postMessage round trip";
const KIB = 1024;
const MIB = 1024 * 1024;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function least(values: readonly number[]): number {
  return Math.min(...values);
}

function rss(): number {
  return Deno.memoryUsage().rss;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** Microseconds of each call, the ways taking turns in every round. */
async function compare(ways: Readonly<Record<string, () => unknown>>): Promise<void> {
  const taken: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const beganMs = performance.now();
      for (let call = 0; call < CALLS; call++) await way();
      const us = (performance.now() - beganMs) * 1_000 / CALLS;
      if (round > 0) (taken[name] ??= []).push(us);
    }
  }
  for (const [name, values] of Object.entries(taken)) {
    const raw = taken[RAW] ?? [];
    // Waking a sleeping thread costs twice as much on some rounds as on others: the best round says
    // what the path costs, the median what the machine made of it.
    const ratio = (of: (values: readonly number[]) => number) => (of(values) / of(raw)).toFixed(2);
    print(
      `  ${name.padEnd(46)}${median(values).toFixed(2).padStart(9)} us  x${ratio(median)}` +
        `   best ${least(values).toFixed(2).padStart(7)} us  x${ratio(least)}`,
    );
  }
}

async function directCall(): Promise<() => unknown> {
  const instance = await WebAssembly.instantiate(
    await WebAssembly.compile(await assembleWat(GUEST.wat)),
  );
  const { run, alloc, memory } = instance.exports;
  if (typeof run !== "function" || typeof alloc !== "function") throw new Error("no exports");
  if (!(memory instanceof WebAssembly.Memory)) throw new Error("no memory");
  let calls = 0;
  let at = 0;
  return () => {
    // The guest's allocator frees nothing.
    if (calls++ % 1_000 === 0) at = Number(alloc(CALL.input.length));
    new Uint8Array(memory.buffer).set(CALL.input, at);
    const packed: unknown = run(at, CALL.input.length);
    if (typeof packed !== "bigint") throw new Error("no result");
    const start = Number(packed >> 32n);
    return new Uint8Array(memory.buffer).slice(start, start + Number(packed & 0xffffffffn));
  };
}

function rawWorker(): { echo: () => Promise<unknown>; end: () => void } {
  const url = workerUrl("onmessage = (event) => postMessage(event.data);");
  const worker = new Worker(url, { type: "module", deno: { permissions: "none" } });
  const message = { t: "x", id: 1, kind: "export", name: "run", input: CALL.input };
  const echo = () =>
    new Promise((resolve) => {
      worker.onmessage = resolve;
      worker.postMessage(message);
    });
  return { echo, end: () => worker.terminate() };
}

async function warm(): Promise<void> {
  const sandbox = realSandbox();
  const code = codeOf(GUEST, "warm");
  const asking = codeOf(ASKING, "asking");
  const source = new WalledWorkers();
  const worker = await source.start();
  await worker.load(await code.load());
  const raw = rawWorker();
  const breakers = new CircuitBreakers({
    store: {
      read: () => Promise.resolve(undefined),
      write: () => Promise.resolve(),
      claimProbe: () => Promise.resolve(false),
    },
    clock: { nowMs: Date.now },
    logger: silentLogger,
  });
  const subject = { installationId: "inst-1", organizationId: "org-a", addonKey: "warm" };
  const done = Promise.resolve();
  await compare({
    "direct call of the export, bytes in and out": await directCall(),
    [RAW]: raw.echo,
    "worker's handle, without the pool": () => worker.invoke(CALL),
    "warm invocation (aim x1.25)": () => sandbox.invoke(code, CALL),
    "warm invocation with a host call": () => sandbox.invoke(asking, CALL),
    "pool behind a closed breaker": () => breakers.run(subject, () => sandbox.invoke(code, CALL)),
    "closed breaker alone": () => breakers.run(subject, () => done),
    "nothing but an async function": async () => {
      await done;
    },
  });
  raw.end();
  await sandbox.close();
  await worker.close();
  await source.close();
}

async function cold(): Promise<void> {
  const sandbox = realSandbox({ maxWorkers: 4, maxWorkersPerAddon: 1 });
  const first = codeOf(GUEST, "first");
  await sandbox.invoke(first, CALL);
  const times: number[] = [];
  for (let round = 0; round < 30; round++) {
    await eventually(() => sandbox.stats().spareWorkers === 1, 5_000);
    const code = codeOf(GUEST, `cold${round}`);
    await code.load();
    const beganMs = performance.now();
    await sandbox.invoke(code, CALL);
    times.push(performance.now() - beganMs);
    sandbox.retire(code.addonKey);
  }
  const worst = Math.max(...times);
  print(
    `cold invocation from a spare worker (aim 5 ms): ${median(times).toFixed(2)} ms, worst ${
      worst.toFixed(2)
    }`,
  );
  const starts: number[] = [];
  for (let round = 0; round < 10; round++) {
    const fresh = createSandbox({ source: new WalledWorkers(), limits: { spareWorkers: 0 } });
    const beganMs = performance.now();
    await fresh.invoke(first, CALL);
    starts.push(performance.now() - beganMs);
    await fresh.close();
  }
  print(`first invocation of a process (watchdog and worker): ${median(starts).toFixed(2)} ms`);
  await sandbox.close();
}

/** 1,000 different modules; only their prepared bytes stay while they sleep. */
async function manyInstalled(): Promise<void> {
  const sandbox = realSandbox({ maxWorkers: 50, maxWorkersPerAddon: 1, idleTimeoutMs: 600_000 });
  const originals: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < 1_000; at++) {
    const wat = GUEST.wat.replace("(module", `(module (func (export "unique${at}"))`);
    originals.push(await assembleWat(wat));
  }
  // The assembler's memory is not what is measured.
  await pause(500);
  const before = rss();
  const codes: GuestCode[] = [];
  for (const [at, original] of originals.entries()) {
    const prepared = await prepareModule(original, {
      interrupt: "epoch",
      policy: { memoryLimitPages: 320, exports: ["run"], handles: [], holds: () => true },
    });
    const load = async (): Promise<LoadedModule> => ({
      ...prepared,
      module: await compilePrepared(prepared, { timeoutMs: 5_000 }),
    });
    codes.push({ id: prepared.id, addonKey: `addon${at}`, load });
  }
  await pause(500);
  const each = (rss() - before) / codes.length / KIB;
  print(
    `1,000 installed codes asleep (aim 100 KiB): ${each.toFixed(1)} KiB of resident memory each`,
  );
  const active = codes.slice(0, 49);
  const beforeActive = rss();
  for (const code of active) await sandbox.invoke(code, CALL);
  await pause(500);
  const eachActive = (rss() - beforeActive) / active.length / MIB;
  print(`49 active and a spare one: ${eachActive.toFixed(2)} MiB each`);
  const wakes: number[] = [];
  for (const code of codes.slice(100, 130)) {
    await pause(1_050);
    const beganMs = performance.now();
    await sandbox.invoke(code, CALL);
    wakes.push(performance.now() - beganMs);
    if (wakes.length === 10) break;
  }
  print(`waking one, compiling it included: ${median(wakes).toFixed(2)} ms`);
  await sandbox.close();
}

async function manyCalls(): Promise<void> {
  const sandbox = realSandbox();
  const code = codeOf(GUEST, "many");
  for (let call = 0; call < 100; call++) await sandbox.invoke(code, CALL);
  const after100 = rss();
  const beganMs = performance.now();
  for (let call = 100; call < MANY; call++) await sandbox.invoke(code, CALL);
  const us = (performance.now() - beganMs) * 1_000 / MANY;
  const change = (rss() / after100 - 1) * 100;
  print(
    `after ${MANY} calls (${us.toFixed(1)} us each): ${(rss() / MIB).toFixed(0)} MiB, ` +
      `${change.toFixed(1)} % (aim 15) against ${(after100 / MIB).toFixed(0)} MiB after 100`,
  );
  await sandbox.close();
}

/** A healthy addon alone, and beside one that loops in all of its places. */
async function noisyNeighbour(): Promise<void> {
  const sandbox = realSandbox({ maxWorkers: 4, maxWorkersPerAddon: 1 });
  const healthy = codeOf(GUEST, "healthy");
  const loud = codeOf(ENDLESS.inExport, "loud");
  const measure = async () => {
    const times: number[] = [];
    for (const untilMs = performance.now() + 3_000; performance.now() < untilMs;) {
      const beganMs = performance.now();
      await sandbox.invoke(healthy, CALL);
      times.push(performance.now() - beganMs);
    }
    const sorted = times.toSorted((a, b) => a - b);
    return { p99: sorted[Math.floor(sorted.length * 0.99)]!, calls: sorted.length };
  };
  await measure();
  const alone = await measure();
  let isLoud = true;
  const noise = Array.from({ length: 8 }, async () => {
    while (isLoud) await sandbox.invoke(loud, callOf(GUEST, { timeoutMs: 500 })).catch(() => {});
  });
  const beside = await measure();
  isLoud = false;
  sandbox.kill("loud");
  await Promise.all(noise);
  print(
    `beside a looping addon: p99 ${beside.p99.toFixed(2)} ms against ${
      alone.p99.toFixed(2)
    } alone, ` +
      `${(beside.calls / alone.calls * 100).toFixed(0)} % of the calls`,
  );
  await sandbox.close();
}

await warm();
await cold();
await noisyNeighbour();
await manyCalls();
await manyInstalled();
