/**
 * What admission reads from a module and what it refuses: one test per wall, each naming what was
 * found.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError, KernelError } from "../../../src/base/error.ts";
import { admitModule } from "../../../src/sandbox/module/admission.ts";
import type { AdmissionPolicy } from "../../../src/sandbox/module/admission_policy.ts";
import { compilePrepared } from "../../../src/sandbox/module/compile.ts";
import { findExport } from "../../../src/sandbox/module/entry_points.ts";
import { inspectModule } from "../../../src/sandbox/module/inspect.ts";
import { prepareModule, reviveModule } from "../../../src/sandbox/module/prepare.ts";
import { assembleWat } from "../../_support/guests/wat.ts";

const POLICY: AdmissionPolicy = {
  memoryLimitPages: 256,
  exports: [],
  handles: [],
  holds: () => true,
};
const METACORE = `(memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 8))`;
const GONEXT = `(memory (export "memory") 1)
  (func (export "gn_alloc") (param i32) (result i32) (i32.const 8))
  (func (export "gn_free") (param i32 i32))`;

async function inspect(wat: string) {
  return inspectModule(await assembleWat(`(module ${wat})`));
}

/** @returns the messages of every problem; none when it is admitted. */
function problems(wat: string, policy: Partial<AdmissionPolicy> = {}): Promise<string[]> {
  return problemsOf(() => inspect(wat), policy);
}

async function problemsOf(
  read: () => Promise<ReturnType<typeof inspectModule>>,
  policy: Partial<AdmissionPolicy> = {},
): Promise<string[]> {
  try {
    admitModule(await read(), { ...POLICY, ...policy });
    return [];
  } catch (error) {
    assert.ok(isKernelError(error, "sandbox.module_refused"), String(error));
    const found = error.details?.problems;
    assert.ok(Array.isArray(found) && found.length > 0);
    return found.map(({ message }) => String(message));
  }
}

function bytesOf(...sections: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
}

Deno.test("the outline says what a module is", async () => {
  const info = await inspect(`
    (import "metacore_host" "log" (func (param i32 i32)))
    (import "metacore_host" "db_exec" (func (param i32 i32 i32 i32) (result i64)))
    ${METACORE} (table 3 9 funcref) (global i64 (i64.const 1)) (data (i32.const 0) "a")
    (func (export "run") (param i32 i32) (result i64)
      (drop (i32.trunc_sat_f32_s (f32.const 1))) (i64.extend8_s (i64.const 1)))
    (func $s) (start $s)
    (@custom "kernel.note" "x")`.replace(/\(@custom.*\)/, ""));
  assert.equal(info.abi, "metacore/1");
  assert.equal(info.level, "1.2");
  assert.deepEqual(info.imports[0], {
    module: "metacore_host",
    name: "log",
    kind: "function",
    type: { parameters: ["i32", "i32"], results: [] },
  });
  assert.deepEqual(info.exports.map(({ name, kind }) => [name, kind]), [
    ["memory", "memory"],
    ["alloc", "function"],
    ["run", "function"],
  ]);
  assert.deepEqual(info.memories, [{ min: 1, shared: false, index: "i32" }]);
  assert.deepEqual(info.tables, [{ min: 3, max: 9 }]);
  assert.deepEqual(info.features, ["sign-ext", "sat-float"]);
  assert.deepEqual(
    [info.functionCount, info.globalCount, info.dataSegmentCount, info.hasStart],
    [3, 1, 1, true],
  );
  assert.deepEqual(info.customSections, ["name"]);
});

Deno.test("features are told by name, and only some are admitted", async () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [`(func (drop (i32x4.splat (i32.const 1))))`, ["simd"], []],
    [
      `(func (param v128) (result v128)
        (i32x4.relaxed_trunc_f32x4_s (local.get 0)))`,
      ["simd", "relaxed-simd"],
      [],
    ],
    [`(func $a (return_call $a))`, ["tail-call"], []],
    [`(tag $e) (func (throw $e))`, ["exceptions"], []],
    [
      `(tag $e) (func (try (do (throw $e)) (catch_all)))`,
      ["exceptions", "legacy-exceptions"],
      [],
    ],
    [`(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))`, ["bulk-memory"], []],
    [`(func (result externref) (ref.null extern))`, ["reference-types"], []],
    [`(func (result i32 i32) (i32.const 1) (i32.const 2))`, ["multi-value"], []],
    [`(global i32 (i32.add (i32.const 1) (i32.const 2)))`, ["extended-const"], []],
    [`(func (atomic.fence))`, ["threads"], ["threads"]],
    [`(memory 1)`, ["multi-memory"], ["multi-memory"]],
  ];
  for (const [wat, features, refused] of cases) {
    assert.deepEqual((await inspect(METACORE + wat)).features, features, wat);
    assert.deepEqual(
      await problems(METACORE + wat),
      refused.map((name) => `Module uses the proposal "${name}", which is not admitted.`),
    );
  }
  const memory = (bounds: string) =>
    METACORE.replace('(export "memory") 1', `(export "memory") ${bounds}`);
  assert.match((await problems(memory("1 2 shared"))).join(), /proposal "threads"/);
  assert.match((await problems(memory("i64 1"))).join(), /proposal "memory64"/);
});

Deno.test("what cannot even be read past is refused by name and offset", () => {
  const body = (...code: number[]) =>
    bytesOf([1, 4, 1, 0x60, 0, 0], [3, 2, 1, 0], [
      10,
      code.length + 4,
      1,
      code.length + 2,
      0,
      ...code,
      0x0b,
    ]);
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [bytesOf([1, 3, 1, 0x5f, 0]), /Type form 0x5f at byte 11, of the proposal "gc"/],
    [bytesOf([1, 3, 1, 0x4e, 0]), /0x4e at byte 11, of the proposal "gc"/],
    [bytesOf([1, 3, 1, 0x5d, 0]), /proposal "stack-switching"/],
    [bytesOf([1, 3, 1, 0x4d, 0]), /proposal "custom-descriptors"/],
    [bytesOf([1, 5, 1, 0x60, 1, 0x6e, 0]), /Value type 0x6e at byte 13, of the proposal "gc"/],
    [bytesOf([1, 6, 1, 0x60, 1, 0x63, 0, 0]), /typed-function-references/],
    [body(0xfb, 0x00, 0x00), /Instruction 0xfb at byte 23, of the proposal "gc"/],
    [body(0xe0, 0x00), /Instruction 0xe0 .* "stack-switching"/],
    [body(0x14, 0x00), /Instruction 0x14 .* "typed-function-references"/],
    [body(0x27), /Instruction 0x27 at byte 23, which is unknown/],
    [body(0xfc, 0x12), /Instruction 0xfc 0x12 at byte 23, which is unknown/],
    [body(0xfd, 0x94, 0x02), /Instruction 0xfd 0x114 at byte 23, which is unknown/],
    [body(0xfe, 0x4f), /Instruction 0xfe 0x4f at byte 23, which is unknown/],
    [bytesOf([14, 0]), /Section 0x0e at byte 8, which is unknown/],
  ];
  for (const [bytes, pattern] of cases) {
    assert.throws(
      () => inspectModule(bytes),
      (error) => isKernelError(error, "sandbox.module_refused") && pattern.test(error.message),
      String(pattern),
    );
  }
});

Deno.test("malformed modules are refused with the offset, whatever they declare", () => {
  const cases: readonly (readonly [Uint8Array, number, RegExp])[] = [
    [Uint8Array.from([]), 0, /mark of a WebAssembly module/],
    [Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), 4, /no core module of version 1/],
    [bytesOf([1, 0x80]), 10, /ends too early/],
    [bytesOf([1, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), 9, /longer than 32 bits/],
    [bytesOf([1, 0xff, 0xff, 0xff, 0xff, 0x1f]), 9, /longer than 32 bits/],
    [bytesOf([1, 9, 0]), 8, /section is longer than the module/],
    [bytesOf([3, 1, 0], [1, 1, 0]), 11, /out of order or stands twice/],
    [bytesOf([1, 1, 0], [1, 1, 0]), 11, /out of order or stands twice/],
    [bytesOf([1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]), 10, /4294967295 types cannot fit/],
    [bytesOf([3, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]), 10, /4294967295 functions cannot fit/],
    [bytesOf([9, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]), 10, /element segments cannot fit/],
    [bytesOf([11, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]), 10, /data segments cannot fit/],
    [bytesOf([10, 1, 5]), 10, /5 function bodies cannot fit/],
    [bytesOf([1, 2, 0, 0]), 11, /longer than its content/],
    [bytesOf([0, 3, 2, 0xff, 0xfe]), 10, /not UTF-8/],
    [bytesOf([1, 4, 1, 0x60, 0, 0], [3, 2, 1, 0]), 18, /functions without bodies/],
  ];
  for (const [bytes, offset, pattern] of cases) {
    assert.throws(() => inspectModule(bytes), (error) => {
      assert.ok(isKernelError(error, "sandbox.invalid_module"), String(error));
      assert.match(error.message, pattern);
      assert.equal(error.details?.offset, offset, error.message);
      return true;
    });
  }
});

Deno.test("imports are held against the exact list and types of the interface", async () => {
  const metacore = (name: string, type: string) =>
    problems(`(import "metacore_host" "${name}" (func ${type})) ${METACORE}`);
  assert.deepEqual(await metacore("env_get", "(param i32 i32) (result i64)"), []);
  assert.deepEqual(await metacore("env_get", "(param i32) (result i64)"), [
    'Import "metacore_host.env_get" has the type (i32) -> i64; expected (i32, i32) -> i64.',
  ]);
  for (
    const name of [
      "connector_get",
      "data_mutate",
      "data_query",
      "data_batch",
      "sequence_next",
      "ctx_get",
      "approval_request",
      "routing_resolve",
    ]
  ) {
    assert.deepEqual(await metacore(name, "(param i32 i32) (result i64)"), [
      `Import "metacore_host.${name}" is not offered by this kernel.`,
    ]);
  }
  for (const name of ["constructor", "__proto__", "toString", "Log", "log "]) {
    assert.deepEqual(await metacore(name, "(param i32 i32)"), [
      `Import "metacore_host.${name}" is not part of metacore/1.`,
    ]);
  }
  const others: readonly (readonly [string, RegExp])[] = [
    [`(import "constructor" "constructor" (func))`, /constructor\.constructor" is not part/],
    [`(import "metacore_host" "memory" (memory 1))`, /is a memory; only functions/],
    [`(import "metacore_host" "t" (table 1 funcref))`, /is a table; only functions/],
    [`(import "metacore_host" "g" (global i32))`, /is a global; only functions/],
    [`(import "metacore_host" "e" (tag))`, /is a tag; only functions/],
    [`(import "env" "abort" (func (param i32 i32 i32 i32)))`, /env\.abort" is not part/],
    [`(import "wasi_snapshot_preview1" "path_open" (func))`, /path_open" is not part/],
    [
      `(import "wasi_snapshot_preview1" "fd_seek" (func (param i32 i32 i32 i32) (result i32)))`,
      /expected \(i32, i64, i32, i32\) -> i32/,
    ],
  ];
  for (const [wat, pattern] of others) {
    const found = (await problems(wat + METACORE.replace('(memory (export "memory") 1)', "")))
      .filter((message) => !message.startsWith("Export"));
    assert.match(found.join(), pattern, wat);
  }
});

Deno.test("GoNext's imports may have the shapes of its SDKs, and no others", async () => {
  const gonext = (module: string, name: string, type: string) =>
    problems(`(import "${module}" "${name}" (func ${type})) ${GONEXT}`);
  const four = "(param i32 i32 i32 i32) (result i32)";
  const two = (result: string) => `(param i32 i32) (result ${result})`;
  for (
    const [module, name, type] of [
      ["env", "gn_secrets_get", four],
      ["env", "gn_secrets_get", two("i64")],
      ["env_platform", "gn_secrets_get", two("i64")],
      ["env", "gn_audit_emit", two("i32")],
      ["env_platform", "gn_cron_register", two("i32")],
      ["env", "gn_metric_observe", "(param i32 i32 f64 i32 i32) (result i32)"],
      ["gonext_data", "gn_kv_incr", "(param i32 i32 i64) (result i64)"],
      ["env_net", "gn_users_read", two("i64")],
      ["wasi_snapshot_preview1", "random_get", two("i32")],
    ] as const
  ) {
    assert.deepEqual(await gonext(module, name, type), [], `${module}.${name}`);
  }
  assert.match((await gonext("env_platform", "gn_secrets_get", four)).join(), /has the type/);
  assert.match((await gonext("gonext_data", "gn_log", two("i64"))).join(), /not part of gonext/);
  assert.match((await gonext("metacore_host", "log", two("i32"))).join(), /Neither imports/);
  const both = `(import "metacore_host" "log" (func (param i32 i32))) ${GONEXT}`;
  assert.match((await problems(both, { manifestAbi: "gonext/1" })).join(), /not part of gonext/);
  assert.match((await problems(GONEXT, { manifestAbi: "metacore/1" })).join(), /manifest implies/);
  assert.match((await problems("(func)")).join(), /either metacore\/1 or gonext\/1/);
});

Deno.test("imports need their capability; GoNext's are only warned of", async () => {
  const holds = (kind: string) => kind !== "http:fetch" && kind !== "event:emit";
  const imports = `
    (import "metacore_host" "http_fetch" (func (param i32 i32 i32 i32 i32 i32) (result i64)))
    (import "metacore_host" "event_emit" (func (param i32 i32 i32 i32) (result i64)))
    (import "metacore_host" "db_query" (func (param i32 i32 i32 i32) (result i64)))`;
  assert.deepEqual(await problems(imports + METACORE), []);
  assert.deepEqual(await problems(imports + METACORE, { holds }), [
    'Import "metacore_host.http_fetch" needs the capability "http:fetch", which the manifest lacks.',
    'Import "metacore_host.event_emit" needs the capability "event:emit", which the manifest lacks.',
  ]);
  const info = await inspect(
    `(import "env_net" "gn_http_fetch" (func (param i32 i32) (result i64))) ${GONEXT}`,
  );
  const report = admitModule(info, { ...POLICY, holds });
  assert.equal(report.abi, "gonext/1");
  assert.equal(report.warnings.length, 1);
});

Deno.test("required exports, their types, and every spelling of a manifest's name", async () => {
  assert.deepEqual(await problems(`(func (export "alloc") (result i32) (i32.const 1))`), [
    'Export "memory" is missing; expected memory.',
    'Export "alloc" is () -> i32; expected (i32) -> i32.',
  ]);
  assert.deepEqual(await problems(GONEXT, { handles: ["hook", "job"] }), [
    'Export "gn_handle_hook" is missing; expected (i32, i32, i32, i32) -> i64.',
    'Export "gn_handle_job" is missing; expected (i32, i32, i32, i32) -> i64.',
  ]);
  const wat = `${METACORE}
    (func (export "resolve") (param i64) (result i64) (local.get 0))
    (func (export "create_order") (param i32 i32) (result i64) (i64.const 0))
    (func (export "closeAll") (param i32 i32) (result i64) (i64.const 0))
    (func (export "bad") (param i32) (result i64) (i64.const 0))`;
  const info = await inspect(wat);
  assert.deepEqual(findExport(info, "Resolve"), { name: "resolve", convention: "packed" });
  assert.deepEqual(findExport(info, "CreateOrder"), {
    name: "create_order",
    convention: "pointer",
  });
  assert.deepEqual(findExport(info, "closeAll"), { name: "closeAll", convention: "pointer" });
  for (const name of ["alloc", "memory", "bad", "missing", "__proto__", "$metacore.start"]) {
    assert.equal(findExport(info, name), undefined, name);
  }
  assert.deepEqual(await problems(wat, { exports: ["Resolve", "bad", "Missing"] }), [
    'Export "bad" is named by the manifest and cannot be called: "bad" has the type ' +
    "(i32) -> i64; expected (i32, i32) -> i64 or (i64) -> i64.",
    'Export "Missing" is named by the manifest and cannot be called: there is no such export; ' +
    "expected (i32, i32) -> i64 or (i64) -> i64.",
  ]);
  assert.match(
    (await problems(`${METACORE} (func (export "$metacore.epoch"))`)).join(),
    /reserved name/,
  );
});

Deno.test("figures have bounds, and every problem is told at once", async () => {
  const limits = {
    maxBytes: 10,
    maxImports: 0,
    maxExports: 1,
    maxTypes: 0,
    maxFunctions: 0,
    maxBodyBytes: 1,
    maxGlobals: 0,
    maxTables: 0,
    maxTableElements: 4,
    maxDataSegments: 0,
    maxElementSegments: 0,
    maxCustomSections: 0,
  };
  const wat = `(import "x" "y" (func)) ${METACORE} (global i32 (i32.const 1))
    (table 3 funcref) (table 2 funcref) (data (i32.const 0) "a") (elem (i32.const 0) 0)`;
  const found = await problems(wat, { limits, memoryLimitPages: 0 });
  for (
    const pattern of [
      /bytes; 10 are allowed/,
      /1 imports; 0/,
      /2 exports; 1/,
      /types; 0/,
      /1 functions; 0/,
      /4 bytes in one function; 1/,
      /1 globals; 0/,
      /2 tables; 0/,
      /5 table elements; 4/,
      /1 data segments; 0/,
      /1 element segments; 0/,
      /1 custom sections; 0/,
      /1 memory pages; 0/,
      /x\.y" is not part/,
    ]
  ) {
    assert.equal(found.filter((message) => pattern.test(message)).length, 1, String(pattern));
  }
  assert.equal(found.length, 14);
});

Deno.test("the interface and its level follow imports, or what the module says itself", async () => {
  const level = async (...names: string[]) => {
    const imports = names.map((name) =>
      `(import "metacore_host" "${name}" (func (param i32 i32) (result i64)))`
    );
    return (await inspect(imports.join("") + METACORE)).level;
  };
  assert.equal(await level(), "1.0");
  assert.equal(await level("env_get"), "1.0");
  assert.equal(await level("event_emit", "db_query"), "1.3");
  assert.equal(await level("data_mutate", "db_query"), "1.5");
  assert.equal(await level("sequence_next"), "1.7");
  const bytes = await assembleWat(`(module ${METACORE})`);
  const section = (text: string) => {
    const content = [10, ...new TextEncoder().encode(`kernel.abi${text}`)];
    return Uint8Array.from([...bytes, 0, content.length, ...content]);
  };
  const declared = inspectModule(section("metacore/1.6"));
  assert.deepEqual([declared.abi, declared.level], ["metacore/1", "1.6"]);
  assert.equal(inspectModule(section("gonext/1")).abi, "gonext/1");
  for (const text of ["metacore/2.0", "metacore/1.9", "", "gonext/1.1"]) {
    assert.throws(
      () => inspectModule(section(text)),
      (error) => isKernelError(error, "sandbox.invalid_module"),
    );
  }
});

Deno.test("a module is prepared, stored, taken up again and compiled", async () => {
  const bytes = await assembleWat(
    `(module ${METACORE}
    (import "metacore_host" "log" (func (param i32 i32)))
    (func (export "Run") (param i32 i32) (result i64) (i64.const 7))
    (func $s) (start $s) (func (export "_initialize")) (func (export "_start")))`
      .replace(METACORE, "").replace("(func (export", `${METACORE} (func (export`),
  );
  const request = { policy: { ...POLICY, exports: ["Run"] }, interrupt: "both" } as const;
  const prepared = await prepareModule(bytes, request);
  assert.deepEqual(prepared.startFunctions, ["$metacore.start", "_initialize", "_start"]);
  assert.deepEqual(prepared.entryPoints, { Run: { name: "Run", convention: "pointer" } });
  assert.equal(prepared.memoryLimitBytes, 256 * 65_536);
  assert.equal((await prepareModule(bytes, request)).id, prepared.id);
  const smaller = { ...request, policy: { ...request.policy, memoryLimitPages: 9 } };
  assert.notEqual((await prepareModule(bytes, smaller)).id, prepared.id);

  const stored = JSON.parse(JSON.stringify(prepared.outline));
  const revived = await reviveModule(stored, prepared.bytes);
  assert.deepEqual(revived, prepared);
  assert.equal(await reviveModule({ ...stored, rewriterVersion: "0" }, prepared.bytes), undefined);
  await assert.rejects(
    reviveModule(stored, bytes),
    (error) => isKernelError(error, "sandbox.invalid_module"),
  );
  const module = await compilePrepared(prepared, { timeoutMs: 10_000 });
  assert.equal(WebAssembly.Module.imports(module).length, 1);
  await assert.rejects(
    compilePrepared({ bytes: Uint8Array.from([1]) }, { timeoutMs: 10_000 }),
    (error) => isKernelError(error, "sandbox.compile_failed"),
  );
});

Deno.test("preparing refuses what is too large before it looks at it, and what is invalid", async () => {
  const request = { policy: POLICY, interrupt: "epoch" } as const;
  await assert.rejects(
    prepareModule(new Uint8Array(20 * 1024 * 1024 + 1), request),
    (error) => isKernelError(error, "sandbox.module_refused"),
  );
  // A body whose types do not fit: only the engine sees that.
  const invalid = bytesOf([1, 5, 1, 0x60, 0, 1, 0x7f], [3, 2, 1, 0], [10, 4, 1, 2, 0, 0x0b]);
  await assert.rejects(prepareModule(invalid, request), (error) => {
    assert.ok(error instanceof KernelError && error.code === "sandbox.invalid_module");
    assert.equal(typeof error.details?.offset, "number");
    return true;
  });
});
