import assert from "node:assert/strict";
import fc from "fast-check";
import { KernelError } from "../../src/base/error.ts";
import { JsonText } from "../../src/base/json_text.ts";
import type { HostColumn } from "../../src/models/host_model.ts";
import { type InputMode, parseInput } from "../../src/models/input.ts";
import type { Model } from "../../src/models/model.ts";
import { modelWith, SOME_ID } from "./samples.ts";

function read(column: HostColumn, value: unknown, mode: InputMode = "create"): unknown {
  const values = parseInput(modelWith({ it: column }), { it: value }, mode);
  const bound = values.get("it");
  return bound instanceof JsonText ? bound.text : bound;
}

function codes(column: HostColumn, value: unknown, mode: InputMode = "create"): string[] {
  return complaints(modelWith({ it: column }), { it: value }, mode).it ?? [];
}

function complaints(model: Model, body: unknown, mode: InputMode): Record<string, string[]> {
  try {
    parseInput(model, body, mode);
  } catch (thrown) {
    assert.ok(thrown instanceof KernelError);
    assert.equal(thrown.code, "record.invalid", thrown.message);
    return Object.fromEntries(
      Object.entries(thrown.fields ?? {}).map(([name, errors]) => [
        name,
        errors.map((error) => error.code),
      ]),
    );
  }
  return {};
}

function each(type: string, cases: readonly (readonly [unknown, unknown])[]): void {
  for (const [given, bound] of cases) {
    assert.deepEqual(read({ type }, given), bound, `${type} ${String(given)}`);
  }
}

function none(type: string, code: string, values: readonly unknown[]): void {
  for (const value of values) {
    assert.deepEqual(codes({ type }, value), [code], `${type} ${String(value)}`);
  }
}

Deno.test("parseInput() reads whole numbers exactly within their column", () => {
  each("integer", [[3, 3], ["3", 3], [" -7 ", -7], ["+5", 5], [-2147483648, -2147483648], [-0, 0]]);
  none("integer", "integer", [1.5, "1.5", "x", 2147483648, "1e3", true, [], {}, NaN]);
  each("bigint", [
    [9007199254740991, 9007199254740991],
    ["9223372036854775807", "9223372036854775807"],
    ["-9223372036854775808", "-9223372036854775808"],
    [12n, 12],
  ]);
  none("bigint", "integer", [9007199254740992, "9223372036854775808", "1.0", 1.5]);
});

Deno.test("parseInput() reads decimals as numeric(18,4) of Postgres would keep them", () => {
  each("decimal", [
    ["12.5", 12.5],
    [0.1, 0.1],
    ["1e3", 1000],
    [".5", 0.5],
    ["5.", 5],
    ["-0", 0],
    [1.00005, 1.0001],
    ["1.00004", 1],
    ["-1.00005", -1.0001],
    [1e-9, 0],
    ["99999999999999.9999", "99999999999999.9999"],
    ["-99999999999999.9999", "-99999999999999.9999"],
  ]);
  none(
    "decimal",
    "numeric",
    [1e14, "99999999999999.99999", "1,5", "abc", ".", "0x1", Infinity],
  );
});

Deno.test("parseInput() reads booleans as forms send them", () => {
  each("boolean", [
    [true, true],
    ["true", true],
    ["False", false],
    [0, false],
    [1, true],
    ["1", true],
  ]);
  none("boolean", "invalid_type", [2, "yes", [], {}]);
});

Deno.test("parseInput() reads instants: RFC 3339, days, and local times as UTC", () => {
  each("timestamp", [
    ["2026-01-31", "2026-01-31T00:00:00.000Z"],
    ["2026-01-31T10:00", "2026-01-31T10:00:00.000Z"],
    ["2026-01-31 10:00:05", "2026-01-31T10:00:05.000Z"],
    ["2026-01-31T10:00:00-06:00", "2026-01-31T16:00:00.000Z"],
    ["2026-01-31T10:00:00.123456Z", "2026-01-31T10:00:00.123Z"],
    ["0050-01-01T00:00:00+01:00", "0049-12-31T23:00:00.000Z"],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
  ]);
  none("timestamp", "invalid_type", [
    "2026-02-30",
    "2026-13-01",
    "2025-02-29",
    "2026-01-31T24:00",
    "0000-01-01",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "tomorrow",
    1760000000,
    new Date(NaN),
  ]);
});

Deno.test("parseInput() takes of a date the day as it is written", () => {
  each("date", [
    ["2026-01-31", "2026-01-31"],
    ["2026-01-31T00:00:00Z", "2026-01-31"],
    ["2026-01-31T23:00:00-06:00", "2026-01-31"],
    ["2024-02-29", "2024-02-29"],
  ]);
  none("date", "invalid_type", ["2026-02-29", "31/01/2026", 20260131]);
});

Deno.test("parseInput() reads UUIDs in any case, and text only as text", () => {
  each("uuid", [[SOME_ID.toUpperCase(), SOME_ID]]);
  none("uuid", "uuid", ["42", 42, `${SOME_ID}0`]);
  each("text", [["plain", "plain"], ["", ""]]);
  none("text", "invalid_type", [5, true, [], {}, "nul\0", "half \ud800"]);
});

Deno.test("parseInput() keeps JSON as JSON text that both engines can store", () => {
  each("json", [
    [{ a: [1, null] }, '{"a":[1,null]}'],
    ['{"a": 1}', '{"a":1}'],
    ["[1,2", '"[1,2"'],
    ["word", '"word"'],
    [false, "false"],
    ["back\\u0000slash", '"back\\\\u0000slash"'],
  ]);
  let deep: unknown = 1;
  for (let level = 0; level < 501; level++) deep = [deep];
  none("json", "invalid_type", [{ a: "\0" }, ["\ud800"], deep, { big: 1n }]);
});

Deno.test("parseInput() takes an empty text as no value where a form means that", () => {
  for (const type of ["integer", "decimal", "date", "timestamp", "uuid", "boolean", "json"]) {
    assert.equal(read({ type }, "", "update"), null, type);
    assert.equal(read({ type }, "", "create"), undefined, type);
    assert.deepEqual(codes({ type, required: true }, ""), ["required"], type);
  }
  assert.equal(read({ type: "uuid" }, "00000000-0000-0000-0000-000000000000", "update"), null);
  assert.equal(read({ type: "string" }, ""), "");
  assert.equal(read({ type: "string", default: "x" }, ""), undefined);
  assert.equal(read({ type: "string", default: "x" }, "", "update"), "");
  assert.equal(read({ type: "string", unique: true }, "", "update"), null);
});

Deno.test("parseInput() demands required columns on create, and never lets them be emptied", () => {
  const model = modelWith({
    title: { type: "string", required: true },
    status: { type: "string", required: true, default: "open" },
  });
  assert.deepEqual(complaints(model, {}, "create"), { title: ["required"] });
  assert.deepEqual(complaints(model, {}, "update"), {});
  assert.deepEqual(complaints(model, { title: "", status: null }, "update"), {
    title: ["required"],
    status: ["required"],
  });
  assert.deepEqual([...parseInput(model, { title: "a" }, "create")], [["title", "a"]]);
});

Deno.test("parseInput() checks length in characters, bounds, pattern and custom rules", () => {
  assert.deepEqual(codes({ type: "string", size: 3 }, "abcd"), ["max"]);
  assert.deepEqual(codes({ type: "string", size: 3 }, "👍👍👍"), []);
  assert.deepEqual(codes({ type: "string" }, "x".repeat(256)), ["max"]);
  assert.deepEqual(codes({ type: "text" }, "x".repeat(256)), []);
  assert.deepEqual(codes({ type: "text", validation: { min: 2, max: 3 } }, "a"), ["min"]);
  assert.deepEqual(codes({ type: "text", validation: { min: 2 } }, ""), []);
  assert.deepEqual(codes({ type: "int", validation: { min: 2, max: 3 } }, 4), ["max"]);
  assert.deepEqual(codes({ type: "decimal", validation: { min: 0 } }, "-0.5"), ["min"]);
  assert.deepEqual(codes({ type: "text", validation: { regex: "b+" } }, "abba"), []);
  assert.deepEqual(codes({ type: "text", validation: { regex: "^b+$" } }, "abba"), ["regex"]);
  const model = modelWith({ it: { type: "text", validation: { custom: "desk.even" } } });
  assert.doesNotThrow(() => parseInput(model, { it: "odd" }, "create"));
  const validators = new Map([["desk.even", () => ({ code: "custom", message: "must be even" })]]);
  assert.throws(() => parseInput(model, { it: "odd" }, "create", validators), {
    message: "it must be even",
  });
});

Deno.test("parseInput() refuses a text that its pattern would take seconds over", () => {
  const column = { type: "text", validation: { regex: "^(a|b|ab|[a-z]){0,600}$" } };
  assert.deepEqual(codes(column, "ab".repeat(50)), []);
  const startMs = performance.now();
  assert.deepEqual(codes(column, "ab".repeat(400_000)), ["max"]);
  assert.ok(performance.now() - startMs < 1_000);
});

Deno.test("parseInput() says the length of a text rule to clients as such", () => {
  assert.throws(
    () => parseInput(modelWith({ it: { type: "string", size: 2 } }), { it: "abc" }, "create"),
    (thrown: KernelError) => {
      assert.deepEqual(thrown.fields?.it?.[0]?.params, { max: 2, kind: "length" });
      return true;
    },
  );
});

Deno.test("parseInput() enforces choices only where the column itself is a select", () => {
  const options = [{ value: "open", label: "Open" }, { value: 2, label: "Two" }];
  const modalView = { fields: [{ key: "it", label: "It", type: "select", options }] };
  const of = (column: HostColumn) => modelWith({ it: column }, { modalView });
  const free = of({ type: "string" });
  assert.doesNotThrow(() => parseInput(free, { it: "other" }, "create"));
  const select = of({ type: "string", widget: "select" });
  assert.deepEqual(complaints(select, { it: "other" }, "create"), { it: ["invalid_option"] });
  assert.deepEqual(complaints(select, { it: "2" }, "create"), {});
  const several = of({ type: "json", widget: "multi_select" });
  assert.deepEqual(complaints(several, { it: ["open", 2] }, "create"), {});
  assert.deepEqual(complaints(several, { it: ["open", 3] }, "create"), { it: ["invalid_option"] });
});

Deno.test("parseInput() collects every complaint and says them in one sentence", () => {
  const model = modelWith({
    title: { type: "string", required: true },
    priority: { type: "int" },
  });
  assert.throws(() => parseInput(model, { priority: "high" }, "create"), {
    message: "title is required; priority must be a whole number",
    kind: "invalid",
  });
});

Deno.test("parseInput() never writes id, tenant or audit columns, and ignores a row's own siblings", () => {
  const model = modelWith({
    title: { type: "text" },
    customer_id: { type: "uuid" },
  }, { modalView: { fields: [{ key: "captcha", label: "", type: "text" }] } });
  const row = {
    id: SOME_ID,
    organization_id: SOME_ID,
    created_by_id: SOME_ID,
    created_at: "2020-01-01T00:00:00Z",
    updated_at: "2020-01-01T00:00:00Z",
    deleted_at: null,
    created_by: { name: "Ana" },
    branch_id: SOME_ID,
    title: "kept",
    customer_id: SOME_ID,
    customer: { value: SOME_ID, label: "Ana" },
    captcha: "42",
    lines: [{ product: 1 }],
    _dirty: true,
    $key: 1,
    "customer.label": "Ana",
  };
  for (const mode of ["create", "update"] as const) {
    assert.deepEqual([...parseInput(model, row, mode)], [["title", "kept"], [
      "customer_id",
      SOME_ID,
    ]]);
  }
});

Deno.test("parseInput() refuses a mistyped column by name, with the nearest one", () => {
  const model = modelWith({ title: { type: "text" } });
  assert.throws(() => parseInput(model, { titel: "x" }, "update"), {
    code: "record.unknown_column",
    kind: "invalid",
    message: 'unknown column "titel" of things; did you mean "title"?',
  });
});

Deno.test("parseInput() refuses what is no object", () => {
  const model = modelWith({ title: { type: "text" } });
  for (const body of [null, undefined, [], "x", 1, true]) {
    assert.throws(() => parseInput(model, body, "create"), { code: "record.invalid_body" });
  }
});

Deno.test("parseInput() reads nothing from prototypes and writes none", () => {
  const model = modelWith({ title: { type: "text" }, constructor: { type: "text" } });
  assert.equal(parseInput(model, {}, "update").size, 0);
  assert.equal(parseInput(model, Object.create({ title: "inherited" }), "update").size, 0);
  const hostile = JSON.parse('{"__proto__": {"title": "polluted"}, "title": "own"}');
  assert.deepEqual([...parseInput(model, hostile, "update")], [["title", "own"]]);
  assert.equal(({} as Record<string, unknown>).title, undefined);
});

const EVERYTHING = modelWith({
  a_string: { type: "string", size: 20, validation: { regex: "^[a-z ]*$", min: 1 } },
  a_text: { type: "text", unique: true },
  a_uuid: { type: "uuid" },
  an_int: { type: "int", required: true, default: 1 },
  a_bigint: { type: "bigint", validation: { min: -5, max: 1e15 } },
  a_decimal: { type: "decimal" },
  a_bool: { type: "bool", default: false },
  a_time: { type: "timestamp" },
  a_date: { type: "date" },
  a_json: { type: "json", widget: "multi_select" },
}, {
  modalView: { fields: [{ key: "a_json", options: [{ value: 1 }, { value: "x" }] }] },
});
const NAMES = EVERYTHING.columns.map((column) => column.name);

Deno.test("parseInput() throws nothing but KernelError and yields declared columns only", () => {
  const key = fc.oneof(fc.constantFrom(...NAMES), fc.constantFrom("id", "a", "__proto__"));
  const value = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: "binary" }),
    fc.double().map(String),
    fc.bigInt(),
    fc.date().map((date) => Number.isNaN(date.getTime()) ? "" : date.toISOString()),
    fc.uuid(),
    fc.constantFrom("", " ", "true", "2026-01-31", "2026-01-31T10:00", undefined),
  );
  const body = fc.oneof(fc.dictionary(key, value), fc.anything());
  fc.assert(
    fc.property(body, fc.constantFrom("create", "update"), (input, mode) => {
      try {
        const values = parseInput(EVERYTHING, input, mode as InputMode);
        for (const [name, bound] of values) {
          assert.ok(NAMES.includes(name));
          assert.ok(
            bound === null || bound instanceof JsonText ||
              ["string", "number", "boolean"].includes(typeof bound),
          );
        }
      } catch (thrown) {
        assert.ok(thrown instanceof KernelError, String(thrown));
      }
    }),
    { numRuns: 1500 },
  );
});

Deno.test("parseInput() takes back what it gave: every bound value is its own input", () => {
  const body = fc.record({
    a_string: fc.stringMatching(/^[a-z]{1,20}$/),
    a_text: fc.string({ minLength: 1 }).filter((text) =>
      text.trim() !== "" && !text.includes("\0")
    ),
    a_uuid: fc.uuid(),
    an_int: fc.integer(),
    a_bigint: fc.bigInt({ min: -5n, max: 10n ** 15n }).map(String),
    a_decimal: fc.tuple(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), fc.nat(99_999))
      .map(([whole, part]) => `${whole}.${String(part).padStart(5, "0")}`),
    a_bool: fc.boolean(),
    a_time: fc.date({
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
      noInvalidDate: true,
    }).map((date) => date.toISOString()),
    a_date: fc.date({
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T00:00:00Z"),
      noInvalidDate: true,
    }).map((date) => date.toISOString().slice(0, 10)),
    a_json: fc.subarray([1, "x"]),
  });
  const plain = (values: ReadonlyMap<string, unknown>): Record<string, unknown> =>
    Object.fromEntries(
      [...values].map(([name, value]) => [
        name,
        value instanceof JsonText ? value.value() : value,
      ]),
    );
  fc.assert(fc.property(body, (input) => {
    const once = plain(parseInput(EVERYTHING, input, "create"));
    assert.deepEqual(plain(parseInput(EVERYTHING, once, "update")), once);
    assert.deepEqual(Object.keys(once), NAMES);
  }));
});
