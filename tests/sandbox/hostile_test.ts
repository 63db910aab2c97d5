import assert from "node:assert/strict";
import { functionNames } from "../../src/sandbox/module/function_names.ts";
import { originalOffsets } from "../../src/sandbox/module/positions.ts";
import { DEFAULT_TABLE_LIMIT } from "../../src/sandbox/module/prepare.ts";
import { trapReport } from "../../src/sandbox/trap_report.ts";
import { ENDLESS } from "../_support/guests/endless.ts";
import { ANY_HOOK, GONEXT_LIARS } from "../_support/guests/gonext.ts";
import { BAD_ARGUMENTS, flood, LOG_BOMBS, REENTRANT } from "../_support/guests/host_calls.ts";
import { BAD_ALLOCATORS, BAD_RESULTS, OVERSIZED } from "../_support/guests/memory.ts";
import { CORE_IMPORTS, ECHO, guest, type GuestSet } from "../_support/guests/text.ts";
import { assembleWat } from "../_support/guests/wat.ts";
import {
  callOf,
  codeOf,
  ending,
  eventually,
  idleCpuMs,
  LIMIT_PAGES,
  realSandbox,
  residentBytes,
  threadCount,
} from "./real_sandbox.ts";

const HEALTHY = guest("gives its input back", ["ok"], { run: ECHO });
/** A thread that still runs takes as much as the time that is looked at. */
const IDLE_CPU_MS = 100;
/** After every set of guests; the worst is looked at for two seconds below. */
const LOOK_MS = 600;
const A_JOB = { kind: "job", name: ANY_HOOK } as const;
/** Whether a body is JSON is looked at by who has to read it, above the sandbox. */
const ALSO_FINE: ReadonlySet<string> = new Set(["noJson: ok"]);
const REWRITE = {
  memoryLimitPages: LIMIT_PAGES,
  tableLimit: DEFAULT_TABLE_LIMIT,
  interrupt: "epoch",
} as const;
/** WebAssembly core specification, "numeric instructions". */
const I32_DIV_U = 0x6e;
const MEGABYTE = 1024 * 1024;

const SETS: Readonly<Record<string, GuestSet>> = {
  "guests that never end": ENDLESS,
  "results that lie": BAD_RESULTS,
  "allocators that lie": BAD_ALLOCATORS,
  "sizes out of proportion": OVERSIZED,
  "pointers outside memory": BAD_ARGUMENTS,
  "re-entrant guests": REENTRANT,
  "log bombs": LOG_BOMBS,
  "GoNext guests that lie": GONEXT_LIARS,
  floods: Object.fromEntries(CORE_IMPORTS.map((name) => [name, flood(name)])),
};

for (const [about, guests] of Object.entries(SETS)) {
  Deno.test(`hostile: ${about} end with the right error and leave no trace`, async () => {
    const sandbox = realSandbox({ maxWorkers: 4, maxWorkersPerAddon: 1 });
    const healthy = codeOf(HEALTHY, "healthy");
    await ending(sandbox, healthy, callOf(HEALTHY, { timeoutMs: 5_000 }));
    assert.ok(await eventually(() => sandbox.stats().spareWorkers === 1, 5_000));
    const threads = threadCount();
    const wrong: string[] = [];
    for (const [name, hostile] of Object.entries(guests)) {
      const code = codeOf(hostile, `hostile-${name}`);
      await code.load().catch(() => {});
      // The time is for the guest, not for a busy machine that starts a thread.
      await eventually(() => sandbox.stats().spareWorkers === 1, 5_000);
      const call = callOf(hostile, name === "jobSpins" ? { target: A_JOB } : {});
      const ended = await ending(sandbox, code, call);
      if (!hostile.ends.some((allowed) => allowed === ended)) wrong.push(`${name}: ${ended}`);
      const askedMs = performance.now();
      const answer = await ending(sandbox, healthy, callOf(HEALTHY, { timeoutMs: 1_000 }));
      const tookMs = performance.now() - askedMs;
      if (answer !== "ok") wrong.push(`after ${name} a healthy addon: ${answer}, ${tookMs} ms`);
      sandbox.retire(code.addonKey);
    }
    assert.deepEqual(wrong.filter((what) => !ALSO_FINE.has(what)), []);
    const isCalm = () => sandbox.stats().workers === 2 && sandbox.stats().spareWorkers === 1;
    assert.ok(await eventually(isCalm, 5_000), JSON.stringify(sandbox.stats()));
    const cpuMs = await idleCpuMs(LOOK_MS);
    assert.ok(cpuMs < IDLE_CPU_MS, `${cpuMs} ms of processor time in ${LOOK_MS} idle ms`);
    assert.equal(threadCount(), threads, "threads");
    await sandbox.close();
  });
}

Deno.test("hostile: a hundred timeouts in a row leave no trace", async () => {
  const sandbox = realSandbox({ maxWorkers: 4, maxWorkersPerAddon: 1 });
  const healthy = codeOf(HEALTHY, "healthy");
  const hostile = ENDLESS.withStores;
  const code = codeOf(hostile, "hostile");
  await code.load();
  const round = () => ending(sandbox, code, callOf(hostile, { timeoutMs: 20 }));
  await ending(sandbox, healthy, callOf(HEALTHY, { timeoutMs: 5_000 }));
  // A timeout may hit while a worker is made for it, too: then it is the wait that ends.
  const ends = new Set<string>();
  let timeouts = 0;
  const once = async () => {
    const ended = await round();
    ends.add(ended);
    if (ended === "sandbox.timeout") timeouts++;
    else await ending(sandbox, healthy, callOf(HEALTHY, { timeoutMs: 1_000 }));
  };
  for (let at = 0; at < 10; at++) await once();
  sandbox.retire("hostile");
  const isCalm = () => sandbox.stats().workers <= 2 && sandbox.stats().spareWorkers === 1;
  assert.ok(await eventually(isCalm, 5_000), JSON.stringify(sandbox.stats()));
  const [threads, resident] = [threadCount(), residentBytes()];
  for (timeouts = 0; timeouts < 100;) await once();
  sandbox.retire("hostile");
  assert.deepEqual([...ends].filter((code) => code !== "sandbox.busy"), ["sandbox.timeout"]);
  assert.equal(await ending(sandbox, healthy, callOf(HEALTHY, { timeoutMs: 1_000 })), "ok");
  assert.ok(await eventually(isCalm, 5_000), JSON.stringify(sandbox.stats()));
  const cpuMs = await idleCpuMs(2_000);
  assert.ok(cpuMs < IDLE_CPU_MS, `${cpuMs} ms of processor time in two idle seconds`);
  assert.equal(threadCount(), threads, "threads");
  const grown = (residentBytes() - resident) / MEGABYTE;
  assert.ok(grown < 40, `${grown} MiB more than before`);
  await sandbox.close();
});

Deno.test("hostile: one addon in all its slots does not keep another from its worker", async () => {
  const sandbox = realSandbox({ maxWorkers: 3, maxWorkersPerAddon: 2 });
  const loud = codeOf(ENDLESS.inExport, "loud");
  const healthy = codeOf(HEALTHY, "healthy");
  await Promise.all([loud.load(), healthy.load()]);
  const noise = Array.from(
    { length: 12 },
    () => ending(sandbox, loud, callOf(ENDLESS.inExport, { timeoutMs: 1_000 })),
  );
  for (let at = 0; at < 20; at++) {
    const answer = await ending(sandbox, healthy, callOf(HEALTHY, { timeoutMs: 1_000 }));
    assert.equal(answer, "ok");
  }
  sandbox.kill("loud");
  for (const ended of await Promise.all(noise)) {
    assert.ok(["sandbox.killed", "sandbox.timeout", "sandbox.busy"].includes(ended), ended);
  }
  await sandbox.close();
});

Deno.test("hostile: a trap is told with the author's function and position", async () => {
  const sandbox = realSandbox({ spareWorkers: 0 });
  const trapping = guest("traps in a function of its own", ["sandbox.trap"], {
    more: `(func $addUp (param i32) (result i32)
      (loop $l (br_if $l (i32.eqz (local.get 0)))) (i32.div_u (local.get 0) (i32.const 0)))`,
    run: "(i64.extend_i32_u (call $addUp (i32.const 1)))",
  });
  const code = codeOf(trapping, "trapping");
  const thrown = await sandbox.invoke(code, callOf(trapping, { timeoutMs: 5_000 })).then(
    () => assert.fail("it has to trap"),
    (failure: unknown) => failure,
  );
  await sandbox.close();
  const bytes = await assembleWat(trapping.wat);
  const report = trapReport(thrown, {
    id: "trap-1",
    atMs: 0,
    target: { kind: "export", name: "run" },
    addonKey: "trapping",
    installationId: "inst-1",
    organizationId: "org-a",
    requestId: undefined,
    moduleId: code.id,
  }, {
    originalOffset: originalOffsets(bytes, REWRITE),
    functionNames: functionNames(bytes),
  });
  assert.equal(report.reason, "divide_by_zero");
  assert.deepEqual(report.frames.map((frame) => frame.function), ["addUp", "run"]);
  const [inner] = report.frames;
  assert.equal(bytes[inner!.offset!], I32_DIV_U, "the very instruction, in the author's bytes");
});
