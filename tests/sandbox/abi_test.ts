/**
 * What crosses the border of a guest: every import in every shape, results and their failures,
 * pointers that lie, logs that flood, WASI.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KernelError } from "../../src/base/error.ts";
import type { Abi, Target } from "../../src/sandbox/abi.ts";
import {
  HOST_IMPORTS,
  type HostImport,
  LOCAL_IMPORTS,
  shapeOf,
  WASI_IMPORTS,
} from "../../src/sandbox/guest/abi_tables.ts";
import { permittedTypes } from "../../src/sandbox/module/import_lists.ts";
import type { HostReply } from "../../src/sandbox/sandbox.ts";
import { ECHO, metacoreWat } from "../_support/guests/text.ts";
import { FakeHost, invocation, loadedFromWat, textOf, withWorkers } from "./guest_fixture.ts";

const HOOK: Target = { kind: "hook", name: "do" };
const JOB: Target = { kind: "job", name: "do" };
const ABIS = ["metacore/1", "gonext/1"] as const;

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await errorOf(promise)).code;
}

async function errorOf(promise: Promise<unknown>): Promise<KernelError> {
  const thrown = await promise.then(() => undefined, (thrown: unknown) => thrown);
  assert.ok(thrown instanceof KernelError, `expected a failure, got ${thrown}`);
  return thrown;
}

/** Runs one module once. */
async function once(
  wat: string,
  abi: Abi,
  target: string | Target,
  given: Parameters<typeof invocation>[1] = {},
): Promise<Uint8Array> {
  let output = new Uint8Array();
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(wat, { abi }));
    output = new Uint8Array((await worker.invoke(invocation(target, given))).output);
  });
  return output;
}

/** Calls one import with distinct arguments and gives back its result as eight bytes at 64. */
function callerOf(entry: HostImport, abi: Abi): string {
  const [module, name] = entry.name.split(".");
  const shape = shapeOf(entry);
  const parameters = shape.slice(shape.indexOf("(") + 1, shape.indexOf(")")).split(",").join(" ");
  const result = shape.slice(shape.indexOf(")") + 1);
  const passed = entry.arguments.map(({ kind }, at) => {
    if (kind === "bytes") return `(i32.const ${256 + at * 8}) (i32.const ${at + 1})`;
    if (kind === "out") return "(i32.const 512) (i32.const 8)";
    return `(${kind}.const ${kind === "f64" ? "2.5" : "-7"})`;
  }).join(" ");
  const store = result === "i64" ? "i64.store" : "i32.store";
  const prefix = abi === "metacore/1" ? "" : "gn_";
  const handler = abi === "metacore/1"
    ? '(func (export "run") (param i32 i32) (result i64)'
    : '(func (export "gn_free") (param i32 i32)) (func (export "gn_handle_hook") (param i32 i32 i32 i32) (result i64)';
  return `(module (import "${module}" "${name}" (func $it (param ${parameters}) (result ${result})))
    (memory (export "memory") 1) (data (i32.const 256) "a.......bb......ccc.....dddd")
    (func (export "${prefix}alloc") (param i32) (result i32) (i32.const 1024))
    ${handler} (${store} (i32.const 64) (call $it ${passed})) (i64.const 0x4000000400)))`;
}

/** The eight result bytes, and what lies where answers are put. */
function resultOf(
  output: Uint8Array,
): { i64: bigint; i32: number; at: (offset: number) => string } {
  const view = new DataView(output.buffer);
  return {
    i64: view.getBigInt64(0, true),
    i32: view.getInt32(0, true),
    at: (offset) => textOf(output.slice(offset - 64, offset - 64 + 3)),
  };
}

for (const abi of ABIS) {
  Deno.test(`every host import in every shape: ${abi}`, async (test) => {
    for (const entry of HOST_IMPORTS[abi]) {
      await test.step(shapeOf(entry), async () => {
        const wat = callerOf(entry, abi);
        await withWorkers(async (start) => {
          const worker = await start(await loadedFromWat(wat, { abi }));
          const call = async (reply: HostReply) => {
            const host = new FakeHost(() => reply);
            const target = abi === "metacore/1" ? "run" : HOOK;
            const { output } = await worker.invoke(invocation(target, { host }));
            return { host, ...resultOf(output) };
          };
          const { host } = await call({ nothing: true });
          assert.equal(host.calls[0]!.name, entry.name);
          assert.deepEqual(host.calls[0]!.arguments, expectedArguments(entry));
          await checkResults(entry, call);
        });
      });
    }
  });
}

function expectedArguments(entry: HostImport): unknown[] {
  return entry.arguments.map(({ kind }, at) => {
    if (kind === "bytes") return new TextEncoder().encode("abcd".charAt(at).repeat(at + 1));
    if (kind === "out") return 8;
    return kind === "i64" ? -7n : kind === "f64" ? 2.5 : -7;
  });
}

type Call = (reply: HostReply) => Promise<ReturnType<typeof resultOf>>;

async function checkResults({ result }: HostImport, call: Call): Promise<void> {
  const bytes = new TextEncoder().encode("xyz");
  const withBytes = await call({ bytes });
  const withStatus = await call({ status: -4 });
  const withNothing = await call({ nothing: true });
  if (result.form === "status") {
    assert.deepEqual([withStatus.i32, withNothing.i32], [-4, 0]);
    assert.equal((await call({ status: 5n })).i32, 5);
  } else if (result.form === "length") {
    assert.deepEqual([withBytes.i32, withBytes.at(512)], [3, "xyz"]);
    assert.deepEqual([withStatus.i32, withNothing.i32], [-4, 0]);
    const long = await call({ bytes: new Uint8Array(9).fill(65) });
    assert.equal(long.i32, 9, "too large for the guest's buffer: its size is told");
    assert.notEqual(long.at(512), "AAA", "and nothing is written");
  } else {
    assert.deepEqual([withBytes.i64, withBytes.at(1024)], [(1024n << 32n) | 3n, "xyz"]);
    assert.equal(withNothing.i64, 0n);
    assert.equal((await call({ bytes: new Uint8Array() })).i64, 0n);
    const status = result.form === "packed" ? 0n : BigInt.asUintN(32, -4n);
    assert.equal(withStatus.i64, status);
  }
}

Deno.test("admission and linking know the same imports", () => {
  for (const abi of ABIS) {
    const shapes = [...HOST_IMPORTS[abi].map(shapeOf), ...LOCAL_IMPORTS[abi], ...WASI_IMPORTS];
    for (const shape of shapes) {
      const [, name, parameters, result] = /^(.+)\((.*)\)(.*)$/.exec(shape)!;
      const text = `(${parameters!.split(",").join(", ")}) -> ${result === "" ? "()" : result}`;
      const permitted = permittedTypes(abi, name!);
      assert.ok(Array.isArray(permitted) && permitted.includes(text), `${abi} ${shape}`);
    }
  }
});

Deno.test("arguments outside of memory and over their cap are told as such", async () => {
  const host = new FakeHost();
  const run = `(drop (call $db_query (i32.const -8) (i32.const 16) (i32.const 0) (i32.const 16)))
    (drop (call $db_query (i32.const 0) (i32.const 16385) (i32.const 65535) (i32.const 2)))
    (drop (call $db_query (i32.const -1) (i32.const 0) (i32.const 0) (i32.const -1))) (i64.const 0)`;
  await once(metacoreWat({ imports: ["db_query"], run }), "metacore/1", "run", { host });
  const [first, second, third] = host.calls.map((call) => call.arguments);
  assert.deepEqual(first, ["unreadable", new Uint8Array(16)]);
  assert.deepEqual(second, ["too_large", "unreadable"]);
  assert.deepEqual(third, [new Uint8Array(), "too_large"]);
});

Deno.test("exports are found by name, spelling and convention", async () => {
  const wat = metacoreWat({
    run: ECHO,
    more:
      `(func (export "get_all") (param i32 i32) (result i64) (call $pack (local.get 0) (local.get 1)))
      (func (export "resolve") (param i64) (result i64) (local.get 0))
      (func (export "odd") (param f32 f32) (result i64) (i64.const 0))
      (func (export "number") (param i32 i32) (result i32) (i32.const 0))
      (func (export "narrow") (param i32) (result i64) (i64.const 0))`,
  });
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(wat));
    const text = async (name: string) =>
      textOf((await worker.invoke(invocation(name, { input: "hi" }))).output);
    assert.equal(await text("run"), "hi");
    assert.equal(await text("getAll"), "hi");
    assert.equal(await text("Resolve"), "hi", "packed argument");
    assert.equal(await codeOf(text("missing")), "sandbox.missing_export");
    assert.equal(await codeOf(text("$metacore.epoch")), "sandbox.missing_export");
    assert.equal(await codeOf(text("number")), "sandbox.bad_result");
    assert.equal(await codeOf(text("narrow")), "sandbox.missing_export");
    assert.equal(await codeOf(text("")), "sandbox.bad_payload");
    assert.equal(await codeOf(text("n".repeat(257))), "sandbox.bad_payload");
    assert.equal(await text("run"), "hi", "the worker is still good");
  });
});

Deno.test("results that lie are refused", async (test) => {
  const cases: readonly [string, string, string][] = [
    ["outside", "(i64.const 0x0000ffff00000010)", "sandbox.bad_result"],
    ["pointer near 4 GiB", "(i64.const 0xfffffff000000020)", "sandbox.bad_result"],
    ["length with the sign bit", "(i64.const 0x0000001080000000)", "sandbox.bad_result"],
    ["over the cap", "(i64.const 0x0000001000800001)", "sandbox.bad_result"],
  ];
  for (const [what, run, code] of cases) {
    await test.step(what, async () => {
      const big = '(memory (export "memory") 200)';
      const memory = what === "over the cap" ? { memory: big } : {};
      const wat = metacoreWat({ run, ...memory });
      assert.equal(await codeOf(once(wat, "metacore/1", "run")), code);
    });
  }
  await test.step("length 0 with a pointer is empty", async () => {
    const wat = metacoreWat({ run: "(i64.const 0xffffffff00000000)" });
    assert.equal((await once(wat, "metacore/1", "run")).length, 0);
  });
});

Deno.test("alloc that fails is out of memory", async (test) => {
  const alloc = (body: string) =>
    metacoreWat({ run: ECHO, alloc: `(func (export "alloc") (param i32) (result i32) ${body})` });
  for (const body of ["(i32.const 0)", "unreachable", "(i32.const -4)"]) {
    await test.step(body, async () => {
      const code = await codeOf(once(alloc(body), "metacore/1", "run", { input: "12345678" }));
      assert.equal(code, "sandbox.out_of_memory");
    });
  }
  await test.step("for the answer of a host function: the import gives 0", async () => {
    const wat = metacoreWat({
      imports: ["env_get"],
      alloc: `(global $n (mut i32) (i32.const 0)) (func (export "alloc") (param i32) (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (if (i32.eq (global.get $n) (i32.const 2)) (then unreachable))
        (select (i32.const 1024) (i32.const -2) (i32.lt_u (global.get $n) (i32.const 3))))`,
      run: `(i64.store (i32.const 16) (call $env_get (local.get $ptr) (local.get $len)))
        (i64.store (i32.const 24) (call $env_get (local.get $ptr) (local.get $len)))
        (call $pack (i32.const 16) (i32.const 16))`,
    });
    const host = new FakeHost(() => ({ bytes: new Uint8Array(4) }));
    assert.deepEqual(await once(wat, "metacore/1", "run", { host }), new Uint8Array(16));
  });
  await test.step("alloc may not call the host while an answer is delivered", async () => {
    const wat = metacoreWat({
      imports: ["env_get"],
      alloc: `(func (export "alloc") (param i32) (result i32)
        (try (do (drop (call $env_get (i32.const 0) (i32.const 0)))) (catch_all)) (i32.const 1024))`,
      run: "(call $env_get (local.get $ptr) (local.get $len))",
    });
    const host = new FakeHost(() => ({ bytes: new Uint8Array(4) }));
    const error = await errorOf(once(wat, "metacore/1", "run", { host }));
    assert.equal(error.details?.["reason"], "host_failure");
  });
});

/** A GoNext guest whose handlers answer with a constant. */
function handler(answer: string, more = ""): string {
  return `(module (memory (export "memory") 32) (data (i32.const 16) "body")
    (global $freed (mut i32) (i32.const 0))
    (func (export "gn_alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "gn_free") (param i32 i32) (global.set $freed (i32.add (local.get 0) (local.get 1))))
    ${more}
    (func (export "gn_handle_hook") (param i32 i32 i32 i32) (result i64) ${answer})
    (func (export "gn_handle_job") (param i32 i32 i32 i32) (result i64) ${answer}))`;
}

Deno.test("GoNext statuses and results", async (test) => {
  const cases: readonly [answer: string, expected: string][] = [
    ["0", ""],
    ["0xffffffff", "sandbox.guest_error"],
    ["0xfffffffe", "sandbox.out_of_memory"],
    ["0xfffffffd", "sandbox.bad_payload"],
    ["0xfffffffc", "sandbox.unknown_target"],
    ["0xffffff00", "sandbox.guest_error"],
    ["0x1000000004", "body"],
    ["0x1000000000", ""],
    ["0x10ffffffff", "sandbox.bad_result"],
    ["0x10", "\0".repeat(16)],
    ["0xfffffff000000004", "sandbox.bad_result"],
    ["0x1000100001", "sandbox.bad_result"],
  ];
  for (const [answer, expected] of cases) {
    await test.step(answer, async () => {
      await withWorkers(async (start) => {
        const worker = await start(
          await loadedFromWat(handler(`(i64.const ${answer})`), { abi: "gonext/1" }),
        );
        for (const target of [HOOK, JOB]) {
          const running = worker.invoke(invocation(target, { input: "{}" }));
          if (expected.startsWith("sandbox.")) assert.equal(await codeOf(running), expected);
          else assert.equal(textOf((await running).output), expected);
        }
        assert.equal(worker.isUsable, true);
      });
    });
  }
  await test.step("name and payload arrive, results are freed, inputs are not", async () => {
    const wat = handler(
      `(if (global.get $freed) (then (return (i64.extend_i32_u (global.get $freed)))))
      (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))`,
    );
    await withWorkers(async (start) => {
      const worker = await start(await loadedFromWat(wat, { abi: "gonext/1" }));
      const call = () => worker.invoke(invocation({ kind: "hook", name: "naïve" }));
      assert.equal(textOf((await call()).output), "naïve");
      assert.equal((await call()).output.length, 1024 + 6);
    });
  });
  await test.step("missing exports are named", async () => {
    const wat =
      '(module (memory (export "memory") 1) (func (export "gn_alloc") (param i32) (result i32) i32.const 8))';
    const error = await errorOf(once(wat, "gonext/1", HOOK));
    assert.equal(error.code, "sandbox.missing_export");
    assert.match(error.message, /gn_free/);
  });
  await test.step("a failing gn_free costs the instance, not the answer", async () => {
    const wat = handler("(i64.const 0x1000000004)").replace(
      "(global.set $freed",
      "unreachable (global.set $freed",
    );
    assert.equal(textOf(await once(wat, "gonext/1", HOOK)), "body");
  });
  await test.step("an input over 1 MiB is refused before the guest is touched", async () => {
    const input = new Uint8Array(1_048_577);
    const code = await codeOf(once(handler("unreachable"), "gonext/1", HOOK, { input }));
    assert.equal(code, "sandbox.payload_too_large");
  });
});

Deno.test("a nearly full instance is not kept", async () => {
  const wat = handler(
    `(global.set $n (i32.add (global.get $n) (i32.const 49)))
    (drop (memory.grow (i32.const 480))) (i32.store (i32.const 16) (global.get $n)) (i64.const 0x1000000001)`,
    "(global $n (mut i32) (i32.const 0))",
  );
  await withWorkers(async (start) => {
    const worker = await start(await loadedFromWat(wat, { abi: "gonext/1" }));
    for (let use = 0; use < 2; use++) {
      assert.equal(textOf((await worker.invoke(invocation(HOOK))).output), "1");
    }
    assert.equal(worker.organizationId, undefined);
  });
});

Deno.test("traps have normalised reasons, and the guest's own words", async (test) => {
  const cases: readonly [string, string][] = [
    ["unreachable", "unreachable"],
    ["(i64.load (i32.const -1))", "out_of_bounds"],
    ["(i64.div_s (i64.const 1) (i64.const 0))", "divide_by_zero"],
    ["(i64.rem_u (i64.const 1) (i64.const 0))", "divide_by_zero"],
    ["(i64.div_s (i64.const 0x8000000000000000) (i64.const -1))", "integer_overflow"],
    ["(i64.trunc_f64_s (f64.const nan))", "integer_overflow"],
    ["(call_indirect (result i64) (i32.const 0))", "indirect_call"],
    ["(call_indirect (result i64) (i32.const 99))", "indirect_call"],
    ["(call_indirect (result i64) (i32.const 1))", "indirect_call"],
    ["(call $deep)", "stack_overflow"],
    ["(throw $tag)", "exception"],
    ["(memory.fill (i32.const -1) (i32.const 0) (i32.const 9)) (i64.const 0)", "out_of_bounds"],
  ];
  const more = `(table 2 2 funcref) (elem (i32.const 1) $other) (func $other) (tag $tag)
    (func $deep (result i64) (i64.add (call $deep) (i64.const 1)))`;
  for (const [run, reason] of cases) {
    await test.step(run, async () => {
      const error = await errorOf(once(metacoreWat({ run, more }), "metacore/1", "run"));
      assert.deepEqual([error.code, error.details?.["reason"]], ["sandbox.trap", reason]);
    });
  }
  await test.step("gn_panic, inside a catch_all", async () => {
    const wat = handler(
      "(try (do (call $panic (i32.const 16) (i32.const 4))) (catch_all)) (i64.const 0)",
    )
      .replace("(module", '(module (import "env" "gn_panic" (func $panic (param i32 i32)))');
    const error = await errorOf(once(wat, "gonext/1", HOOK));
    assert.deepEqual(error.details, { reason: "guest_panic", message: "body" });
  });
  await test.step("last words on standard error", async () => {
    const error = await errorOf(once(
      wasiWat(`(i32.store (i32.const 0) (i32.const 64))
      (i32.store (i32.const 4) (i32.const 5))
      (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32))) unreachable`),
      "metacore/1",
      "run",
    ));
    assert.deepEqual(error.details, { reason: "unreachable", message: "panic" });
  });
});

const WASI_TYPES: Readonly<Record<string, string>> = {
  fd_write: "(param i32 i32 i32 i32) (result i32)",
  fd_read: "(param i32 i32 i32 i32) (result i32)",
  fd_prestat_get: "(param i32 i32) (result i32)",
  fd_fdstat_get: "(param i32 i32) (result i32)",
  args_sizes_get: "(param i32 i32) (result i32)",
  environ_sizes_get: "(param i32 i32) (result i32)",
  clock_time_get: "(param i32 i64 i32) (result i32)",
  random_get: "(param i32 i32) (result i32)",
  poll_oneoff: "(param i32 i32 i32 i32) (result i32)",
  sched_yield: "(result i32)",
  proc_exit: "(param i32)",
};

/** A guest with WASI; "panic" lies at 64. */
function wasiWat(run: string): string {
  const imports = Object.entries(WASI_TYPES).map(([name, type]) =>
    `(import "wasi_snapshot_preview1" "${name}" (func $${name} ${type}))`
  ).join("\n");
  return metacoreWat({
    imports,
    run,
    more: '(data (i32.const 64) "panic\\n\\1b[31mred\\e2\\80\\aex")',
  });
}

Deno.test("WASI: a clock, random bytes, log lines and nothing else", async (test) => {
  const store = (at: number, call: string) => `(i32.store (i32.const ${at}) ${call})`;
  await test.step("numbers", async () => {
    const output = await once(
      wasiWat([
        store(128, "(call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))"),
        store(132, "(call $fd_prestat_get (i32.const 3) (i32.const 0))"),
        store(136, "(call $fd_write (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0))"),
        store(140, "(call $fd_fdstat_get (i32.const 1) (i32.const 300))"),
        store(144, "(call $args_sizes_get (i32.const 200) (i32.const 204))"),
        store(148, "(call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 208))"),
        store(152, "(call $random_get (i32.const 216) (i32.const 8))"),
        store(156, "(call $random_get (i32.const -4) (i32.const 8))"),
        store(160, "(call $clock_time_get (i32.const 7) (i64.const 0) (i32.const 208))"),
        store(164, "(call $sched_yield)"),
        store(168, "(call $clock_time_get (i32.const 1) (i64.const 0) (i32.const -4))"),
        "(call $pack (i32.const 128) (i32.const 96))",
      ].join("\n")),
      "metacore/1",
      "run",
    );
    const view = new DataView(output.buffer);
    const numbers = Array.from({ length: 11 }, (_, at) => view.getInt32(at * 4, true));
    assert.deepEqual(numbers, [8, 8, 8, 0, 0, 0, 0, 21, 28, 0, 21]);
    const clock = view.getBigUint64(208 - 128, true);
    assert.equal(clock % 1_000_000n, 0n, "no finer than a millisecond");
    assert.ok(Math.abs(Number(clock / 1_000_000n) - Date.now()) < 10_000);
    assert.notEqual(view.getBigUint64(216 - 128, true), 0n);
  });
  await test.step("standard output becomes log lines, with escapes made visible", async () => {
    const host = new FakeHost();
    await once(
      wasiWat(`(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 18))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
      (i64.const 0)`),
      "metacore/1",
      "run",
      { host },
    );
    assert.deepEqual(host.lines, [
      { level: "info", text: "panic" },
      { level: "info", text: "\\u{1b}[31mred\\u{202e}x" },
    ]);
  });
  await test.step("proc_exit ends the guest, even inside catch_all", async () => {
    const wat = wasiWat("(try (do (call $proc_exit (i32.const 7))) (catch_all)) (i64.const 0)");
    const error = await errorOf(once(wat, "metacore/1", "run"));
    assert.equal(error.details?.["reason"], "exit");
    assert.match(error.message, /exit code 7/);
  });
  const sleep = (ms: number) =>
    `(i64.store (i32.const 256) (i64.const 42)) (i32.store (i32.const 272) (i32.const 1))
     (i64.store (i32.const 280) (i64.const ${ms * 1_000_000}))
     (drop (call $poll_oneoff (i32.const 256) (i32.const 512) (i32.const 1) (i32.const 640)))
     (call $pack (i32.const 512) (i32.const 132))`;
  await test.step("poll_oneoff sleeps", async () => {
    const began = performance.now();
    const output = await once(wasiWat(sleep(60)), "metacore/1", "run");
    assert.ok(performance.now() - began >= 55);
    assert.equal(output[0], 42);
    assert.equal(output[128], 1, "one event");
  });
  await test.step("poll_oneoff does not sleep past the deadline", async () => {
    const began = performance.now();
    const code = await codeOf(once(wasiWat(sleep(60_000)), "metacore/1", "run", { timeoutMs: 60 }));
    assert.equal(code, "sandbox.timeout");
    assert.ok(performance.now() - began < 1_500);
  });
});

Deno.test("a log bomb stays in the worker", async (test) => {
  const bomb = (turns: number, length: number) =>
    metacoreWat({
      imports: ["log"],
      run: `(loop $more (call $log (i32.const 0) (i32.const ${length}))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $i) (i32.const ${turns})))) (i64.const 0)`,
    });
  await test.step("many lines", async () => {
    const host = new FakeHost();
    await once(bomb(100_000, 10), "metacore/1", "run", { host });
    assert.equal(host.lines.length, 256);
    assert.equal(host.dropped, 100_000 - 256);
  });
  await test.step("long lines", async () => {
    const host = new FakeHost();
    await once(bomb(100, 60_000), "metacore/1", "run", { host });
    assert.equal(host.lines.length + host.dropped, 100);
    const characters = host.lines.reduce((sum, { text }) => sum + text.length, 0);
    assert.ok(characters < 65_536 * 6 + 4_096);
    assert.match(host.lines[0]!.text, /\(60000 bytes\)$/);
  });
  await test.step("a line outside of memory", async () => {
    const host = new FakeHost();
    const wat = metacoreWat({
      imports: ["log"],
      run: "(call $log (i32.const -1) (i32.const 2)) (i64.const 0)",
    });
    await once(wat, "metacore/1", "run", { host });
    assert.equal(host.lines[0]!.level, "warn");
  });
  await test.step("what a guest logged before its timeout is not lost", async () => {
    const host = new FakeHost();
    const wat = metacoreWat({
      imports: ["log"],
      run: "(call $log (i32.const 0) (i32.const 0)) (loop (br 0)) (i64.const 0)",
    });
    await withWorkers(async (start) => {
      const worker = await start(await loadedFromWat(wat));
      const running = worker.invoke(invocation("run", { host, timeoutMs: 30 }));
      assert.equal(await codeOf(running), "sandbox.timeout");
      await worker.ended;
    });
    assert.equal(host.lines.length, 1);
  });
  await test.step("gn_log keeps its levels, lines of an invocation go to its host", async () => {
    const wat = handler(`(call $log (i32.const 0) (i32.const 16) (i32.const 4))
      (call $log (i32.const 3) (i32.const 16) (i32.const 4)) (call $log (i32.const 9) (i32.const 16) (i32.const 4))
      (call $log (i32.const 1) (i32.const 0) (i32.const 65537)) (i64.const 0)`)
      .replace("(module", '(module (import "env" "gn_log" (func $log (param i32 i32 i32)))');
    await withWorkers(async (start) => {
      const worker = await start(await loadedFromWat(wat, { abi: "gonext/1" }));
      for (let use = 0; use < 2; use++) {
        const host = new FakeHost();
        await worker.invoke(invocation(HOOK, { host }));
        assert.deepEqual(host.lines.map(({ level }) => level), ["debug", "error", "info", "warn"]);
      }
    });
  });
});
