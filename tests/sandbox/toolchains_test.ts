/**
 * What compilers make runs the same after rewriting; the test guests are what they claim to be; what
 * is committed as built is what its source builds to.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { compileAssembly } from "../../scripts/assemblyscript.ts";
import { isKernelError } from "../../src/base/error.ts";
import {
  CHECK_EXPORT,
  CHECK_IMPORT,
  CHECK_MODULE,
  CHECK_SLOT,
  COUNTER_REFILL,
  RESERVED_EXPORTS,
} from "../../src/sandbox/guest/reserved.ts";
import { type PreparedModule, prepareModule } from "../../src/sandbox/module/prepare.ts";
import type { Interrupt } from "../../src/sandbox/sandbox.ts";
import {
  FIXTURE_EXPORTS,
  type GuestFixture,
  guestFixture,
  guestSourceMap,
} from "../_support/guests/fixtures.ts";
import { partsOf } from "../_support/guests/healthy.ts";
import { BOMBS, GC_TYPES, MALFORMED, plainBytes } from "../_support/guests/malformed.ts";
import { plainGoNext } from "../_support/guests/plain_gonext.ts";
import { plainGuest } from "../_support/guests/plain_host.ts";
import { GUEST_SETS } from "../_support/guests/sets.ts";
import type { TestGuest } from "../_support/guests/text.ts";
import { assembleWat } from "../_support/guests/wat.ts";

const ENVELOPE = '{"success":true,"data":{"rows":[{"n":"12.50"}],"rowCount":1,"rowsAffected":1}}';
const WORDS = "Der Käse ist aus, der KÄSE ist alle; 3 × 17 = 51. ".repeat(40);
const CALL_ORDERS = ["log", "env_get", "http_fetch", "event_emit", "db_query", "db_exec"];
const EXPENSE = JSON.stringify({
  row: { id: "0190-7", amount: "120.5", category: "meals", status: "submitted" },
  payload: { note: 'ok \u{1F9FE} "quoted"\n' },
  user: { role: "member" },
});

/** Calls of each metacore fixture: name of the export and input. */
const RUNS: Readonly<Record<string, readonly (readonly [string, string | Uint8Array])[]>> = {
  probe: [
    ["echo", '{"a":[1,2.50,"ü"]}'],
    ["raw", WORDS],
    ["work", '{"rounds":3000}'],
    ["count", ""],
    ["grow", '{"pages":20}'],
    ...CALL_ORDERS.map((call) =>
      ["call", JSON.stringify({ call, args: [call, [1], "c"] })] as const
    ),
    ["calls", '{"calls":[{"call":"db_exec","args":["x",[]]}],"then":"declined"}'],
  ],
  expenses: [
    ["approve", EXPENSE],
    ["approve", EXPENSE.replace("120.5", "500.01")],
    ["reject", EXPENSE],
    ["summary", EXPENSE],
  ],
  clang: [
    ["echo", "[1]"],
    ["work", "50000"],
    ...CALL_ORDERS.map((call) => ["call", partsOf(call, "a", "b", "c")] as const),
  ],
  rust: [
    ["echo", "[1]"],
    ["work", WORDS],
    ...CALL_ORDERS.map((call) => ["call", partsOf(call, "a", "b", "c")] as const),
  ],
  go: [
    ["echo", '{"z":1,"a":[true]}'],
    ["work", JSON.stringify({ words: WORDS.split(" "), rounds: 200 })],
    ...CALL_ORDERS.map((call) =>
      ["call", JSON.stringify({ call, args: ["a", "b", "c"] })] as const
    ),
  ],
};

/** AssemblyScript writes a start section, which the rewriter turns into an export. */
const STARTS: Readonly<Record<GuestFixture, readonly string[]>> = {
  probe: [RESERVED_EXPORTS.start],
  probe_gonext: [RESERVED_EXPORTS.start],
  expenses: [RESERVED_EXPORTS.start],
  clang: [],
  rust: [],
  go: ["_initialize"],
};

const GONEXT_RUNS = [
  ["hook", "the_content", '{"kind":"filter","value":"Straße","args":[]}'],
  ["hook", "the_content", '{"kind":"filter","value":1,"args":[]}'],
  ["hook", "nobody", '{"kind":"action","args":[]}'],
  ["hook", "count", '{"kind":"filter","value":null,"args":[]}'],
  ...["gn_kv_get", "gn_kv_incr", "gn_db_read", "gn_http_fetch", "gn_metric_observe", "gn_time_ms"]
    .map((call) => {
      const value = { call, args: ["a", 7, { bytes: [128] }] };
      return ["hook", "call", JSON.stringify({ kind: "filter", value, args: [] })] as const;
    }),
  ["job", "flaky", '{"idempotency_key":"","retry_count":0,"payload":null}'],
  ["job", "ok", '{"idempotency_key":"","retry_count":0,"payload":null}'],
] as const;

function prepare(
  bytes: Uint8Array<ArrayBuffer>,
  exports: readonly string[],
  interrupt: Interrupt = "epoch",
): Promise<PreparedModule> {
  const policy = {
    memoryLimitPages: 1024,
    exports,
    handles: [],
    holds: () => true,
  };
  return prepareModule(bytes, { policy, interrupt });
}

/** What a worker does with a new instance: the counter's check, then the start functions. */
function prepareInstance({ exports }: WebAssembly.Instance, startFunctions: readonly string[]) {
  const counter = exports[RESERVED_EXPORTS.counter];
  const table = exports[RESERVED_EXPORTS.checkTable];
  if (counter instanceof WebAssembly.Global && table instanceof WebAssembly.Table) {
    const tick = () => {
      counter.value += COUNTER_REFILL * Math.ceil((1 - counter.value) / COUNTER_REFILL);
      return 0;
    };
    const check = new WebAssembly.Instance(new WebAssembly.Module(CHECK_MODULE), {
      [CHECK_IMPORT.module]: { [CHECK_IMPORT.name]: tick },
    });
    const found = check.exports[CHECK_EXPORT];
    table.set(CHECK_SLOT, typeof found === "function" ? found : null);
  }
  for (const name of startFunctions) {
    const start = exports[name];
    assert.ok(typeof start === "function", `no start function ${name}`);
    start();
  }
}

/** Results and host calls of all runs of a fixture. */
function transcript(
  name: GuestFixture,
  bytes: Uint8Array<ArrayBuffer>,
  startFunctions: readonly string[],
): unknown[] {
  const module = new WebAssembly.Module(bytes);
  const ready = (instance: WebAssembly.Instance) => prepareInstance(instance, startFunctions);
  if (name === "probe_gonext") {
    const guest = plainGoNext(module, ready);
    const outcomes = GONEXT_RUNS.map(([kind, hook, input]) => guest.handle(kind, hook, input));
    return [...outcomes, ...guest.calls];
  }
  const answer = ({ name }: { name: string }) =>
    name.startsWith("db_") ? ENVELOPE : name === "env_get" ? "500.00" : undefined;
  const guest = plainGuest(module, answer, ready);
  const results = RUNS[name]!.map(([run, input]) =>
    new TextDecoder().decode(guest.call(run, input))
  );
  return [...results, ...guest.calls];
}

Deno.test("what compilers make does the same after rewriting", async (t) => {
  for (const name of Object.keys(FIXTURE_EXPORTS) as GuestFixture[]) { // The keys are the type's.
    await t.step(name, async () => {
      const original = await guestFixture(name);
      const expected = transcript(name, original, name === "go" ? ["_initialize"] : []);
      for (const interrupt of ["epoch", "counter", "both"] as const) {
        const prepared = await prepare(original, FIXTURE_EXPORTS[name], interrupt);
        assert.equal(prepared.abi, name === "probe_gonext" ? "gonext/1" : "metacore/1");
        assert.deepEqual(prepared.startFunctions, STARTS[name]);
        const rewritten = transcript(name, prepared.bytes, prepared.startFunctions);
        assert.deepEqual(rewritten, expected, interrupt);
      }
      const hostCalls = name === "probe_gonext" ? GONEXT_RUNS.length : RUNS[name]!.length;
      assert.ok(
        expected.length > hostCalls,
        "the host was never called: the runs prove too little",
      );
    });
  }
});

Deno.test("the approval limit of the example addon is compared in hundredths", async () => {
  const module = new WebAssembly.Module(await guestFixture("expenses"));
  const decide = (amount: string, limit: string, role = "member") => {
    const guest = plainGuest(module, ({ name }) => name === "env_get" ? limit : ENVELOPE);
    const input = JSON.parse(EXPENSE.replace("120.5", amount)) as { user: { role: string } };
    input.user.role = role;
    const answer: unknown = JSON.parse(guest.text("approve", JSON.stringify(input)));
    return { answer, calls: guest.calls.map(({ name }) => name) };
  };
  const wrote = ["env_get", "db_exec", "event_emit", "log"];
  assert.deepEqual(decide("500", "500.00").calls, wrote);
  assert.deepEqual(decide("499.99", "500").calls, wrote);
  assert.deepEqual(decide("500.01", "500").answer, {
    success: false,
    error: { code: "over_limit", message: "500.01 is above the limit of 500" },
  });
  assert.deepEqual(decide("1000.1", "1000.09").calls, ["env_get"], "nothing is written");
  assert.deepEqual(decide("9000", "500", "admin").calls, wrote, "an admin decides above it");
});

Deno.test("JSON of the example's SDK comes out as it went in, and nothing else goes in", async () => {
  const module = new WebAssembly.Module(await guestFixture("probe"));
  const order = (text: string) => `{"call":"env_get","args":[${text}]}`;
  /** What the guest made of a value, as the host saw it. */
  const through = (text: string): string | undefined => {
    const guest = plainGuest(module);
    guest.call("call", order(text));
    return guest.calls[0]?.texts[0];
  };
  for (
    const text of ["[12.50,9007199254740993,-0,1e-7,1E+400]", '{"a":{"":[]}}', '["\\u0000\\ud800"]']
  ) {
    assert.equal(through(text), text);
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify([value], null, 1);
      assert.deepEqual(JSON.parse(through(text) ?? ""), JSON.parse(text));
    }),
    { numRuns: 200, seed: 7 },
  );
  for (
    const text of ["01", "1.", ".5", "--1", "1e", "[1,]", '{"a"}', '"\n"', '"\\x"', "nul", "1 2"]
  ) {
    assert.throws(() => through(text), WebAssembly.RuntimeError, text);
  }
});

Deno.test("every test guest is valid WebAssembly, and every malformed one is not", async () => {
  for (const [set, guests] of Object.entries(GUEST_SETS)) {
    for (const [name, { wat }] of Object.entries(guests)) {
      assert.ok(WebAssembly.validate(await assembleWat(wat)), `${set}.${name} is invalid`);
    }
  }
  assert.ok(WebAssembly.validate(plainBytes()));
  for (const [name, { bytes }] of Object.entries(GC_TYPES)) {
    assert.ok(
      WebAssembly.validate(bytes()),
      `GC_TYPES.${name}: admission, not the engine, refuses`,
    );
  }
  for (const [name, { bytes }] of Object.entries(MALFORMED)) {
    assert.equal(WebAssembly.validate(bytes()), false, `MALFORMED.${name} is valid`);
  }
});

/** How admission ends for a guest: `ok` or the code of its refusal. */
async function admission(
  bytes: Uint8Array<ArrayBuffer>,
  exports: readonly string[],
): Promise<string> {
  try {
    const { bytes: rewritten } = await prepare(bytes, exports);
    return WebAssembly.validate(rewritten) ? "ok" : "invalid after rewriting";
  } catch (thrown) {
    assert.ok(isKernelError(thrown), String(thrown));
    return thrown.code;
  }
}

function isRefusal(code: string): boolean {
  return code === "sandbox.module_refused" || code === "sandbox.invalid_module";
}

Deno.test("admission refuses what it has to and nothing else", async (t) => {
  for (const [set, guests] of Object.entries(GUEST_SETS)) {
    await t.step(set, async () => {
      for (const [name, guest] of Object.entries(guests)) await checkAdmission(name, guest);
    });
  }
  for (const [set, guests] of Object.entries({ MALFORMED, GC_TYPES, BOMBS })) {
    await t.step(set, async () => {
      for (const [name, { bytes, ends }] of Object.entries(guests)) {
        const code = await admission(bytes(), ["run"]);
        assert.ok(ends.some((each) => each === code), `${name}: ${code}`);
      }
    });
  }
});

async function checkAdmission(name: string, guest: TestGuest): Promise<void> {
  const code = await admission(
    await assembleWat(guest.wat),
    guest.abi === "metacore/1" && guest.wat.includes('(export "run")') ? ["run"] : [],
  );
  const refusals = guest.ends.filter(isRefusal);
  const mayRun = guest.ends.length > refusals.length;
  const isRight = code === "ok" ? mayRun : refusals.some((each) => each === code);
  assert.ok(isRight, `${name} (${guest.about}): ${code}, expected ${guest.ends.join(" or ")}`);
}

Deno.test("what is committed as built is what its source builds to", async () => {
  const runtime = "bundles/expenses/assembly/metacore/onAbort";
  const fixtures = "tests/fixtures/guests";
  const root = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");
  const probe = await compileAssembly({
    root,
    entry: `${fixtures}/probe/assembly/index.ts`,
    abort: runtime,
    output: "probe.wasm",
  });
  assert.deepEqual(probe.wasm, await guestFixture("probe"), "run deno task build:fixtures");
  assert.equal(probe.sourceMap, await guestSourceMap("probe"));
  const gonext = await compileAssembly({
    root,
    entry: `${fixtures}/probe_gonext/assembly/index.ts`,
    abort: `${fixtures}/probe_gonext/assembly/panic/onAbort`,
    output: "probe_gonext.wasm",
  });
  assert.deepEqual(gonext.wasm, await guestFixture("probe_gonext"), "run deno task build:fixtures");
  const expenses = await compileAssembly({
    root: `${root}/bundles/expenses`,
    entry: "assembly/index.ts",
    abort: "assembly/metacore/onAbort",
    output: "backend/expenses.wasm",
  });
  assert.deepEqual(
    expenses.wasm,
    await guestFixture("expenses"),
    "run deno task build:addon bundles/expenses",
  );
});
