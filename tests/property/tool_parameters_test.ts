/**
 * Parameters of tools and payloads of actions, whatever is sent: no input throws but with its own
 * word, reading is stable, and nothing undeclared or inherited comes through.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { readPayload } from "../../src/addons/actions/fields.ts";
import { fillPlaceholders, withQuery } from "../../src/addons/tools/endpoint.ts";
import { readParameters } from "../../src/addons/tools/parameters.ts";
import { readBySchema } from "../../src/addons/tools/schema.ts";
import { isKernelError } from "../../src/base/error.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import type {
  ActionFieldDefinition,
  ToolParameterDefinition,
} from "../../src/bundle/manifest/manifest.ts";

const NAMES = ["a", "b", "constructor", "__proto__", "toString", "length"] as const;
const name = fc.constantFrom(...NAMES);

/** Any JSON value, names of inherited members among its keys; as a client's text is parsed. */
const json: fc.Arbitrary<Json> = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)));
const sent: fc.Arbitrary<JsonObject> = fc.array(fc.tuple(fc.oneof(name, fc.string()), json))
  .map((entries) =>
    JSON.parse(
      `{${
        entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()
      }}`,
    )
  );

const definition: fc.Arbitrary<ToolParameterDefinition> = fc.record({
  name,
  type: fc.constantFrom("string", "number", "date", "boolean", "email", "phone" as const),
  description: fc.constant(""),
  required: fc.boolean(),
  normalize: fc.constantFrom("uppercase", "lowercase", "trim", "alphanumeric", "order_id", "odd"),
  validation: fc.constantFrom("", "^[A-Z]+$", "(a+)+$", "("),
}, { requiredKeys: ["name", "type", "description"] });
const definitions = fc.uniqueArray(definition, { selector: (each) => each.name, maxLength: 6 });

Deno.test("tool parameters: what is read is declared, and reading it again changes nothing", () => {
  fc.assert(fc.property(definitions, sent, (declared, given) => {
    const read = readParameters(declared, given);
    if ("problems" in read) {
      assert.ok(read.problems.length > 0);
      const order = read.problems.map((problem) =>
        declared.findIndex((each) => problem.startsWith(`${each.name}: `))
      );
      assert.deepEqual(order, [...order].sort((a, b) => a - b), "in declared order");
      return;
    }
    assert.equal(Object.getPrototypeOf(read.values), Object.prototype);
    for (const key of Object.keys(read.values)) {
      assert.ok(declared.some((each) => each.name === key), key);
      assert.ok(Object.hasOwn(given, key), `${key} was not sent`);
    }
    for (const { name: key, required } of declared) {
      if (required === true) assert.ok(Object.hasOwn(read.values, key), `${key} is missing`);
    }
    assert.deepEqual(readParameters(declared, read.values), read);
  }));
});

const leaf: fc.Arbitrary<JsonObject> = fc.constantFrom<JsonObject>(
  { type: "string", maxLength: 3 },
  { type: "integer", minimum: 0 },
  { type: ["number", "null"] },
  { type: "boolean" },
  { enum: ["a", 1] },
  { type: "array", items: { type: "string" }, maxItems: 2 },
  {},
);
const schema: fc.Arbitrary<JsonObject> = fc.record({
  properties: fc.array(fc.tuple(name, leaf)).map((entries) => Object.fromEntries(entries)),
  required: fc.subarray([...NAMES]),
  additionalProperties: fc.constantFrom<Json>(true, false, { type: "string" }),
}, { requiredKeys: ["properties"] });

Deno.test("tool parameters by JSON Schema: what passes passes again, unchanged", () => {
  fc.assert(fc.property(schema, sent, (rules, given) => {
    const read = readBySchema(rules, given);
    if ("problems" in read) {
      assert.ok(read.problems.length > 0);
      return;
    }
    assert.equal(Object.getPrototypeOf(read.values), Object.prototype);
    const properties = rules["properties"] as JsonObject;
    for (const key of Object.keys(read.values)) {
      const isOpen = rules["additionalProperties"] !== undefined &&
        rules["additionalProperties"] !== false;
      assert.ok(Object.hasOwn(properties, key) || isOpen, key);
    }
    assert.deepEqual(readBySchema(rules, read.values), read);
  }));
});

Deno.test("action payloads: complaints or a payload, and that one passes again", () => {
  const types = [
    "text",
    "number",
    "integer",
    "boolean",
    "date",
    "datetime",
    "email",
    "url",
    "select",
    "multi_select",
    "user",
    "odd",
  ];
  const field: fc.Arbitrary<ActionFieldDefinition> = fc.record({
    name,
    label: fc.constant(""),
    type: fc.constantFrom(...types),
    required: fc.boolean(),
    options: fc.constant([{ value: "a", label: "A" }, { value: 1, label: "1" }]),
  }, { requiredKeys: ["name", "label", "type"] });
  const fields = fc.uniqueArray(field, { selector: (each) => each.name });
  fc.assert(fc.property(fields, sent, (declared, given) => {
    let payload: JsonObject;
    try {
      payload = readPayload(declared, given);
    } catch (thrown) {
      assert.ok(isKernelError(thrown, "addon.action_invalid"), String(thrown));
      for (const key of Object.keys(thrown.fields ?? {})) {
        assert.ok(declared.some((each) => each.name === key), key);
      }
      return;
    }
    assert.equal(Object.getPrototypeOf(payload), Object.prototype);
    assert.deepEqual(readPayload(declared, payload), payload);
  }));
});

Deno.test("tool addresses: parameters put no placeholder and no fragment into a query", () => {
  fc.assert(fc.property(sent, (parameters) => {
    const address = withQuery("https://a.example.com/{{a}}?x=1", parameters);
    assert.deepEqual(address.match(/\{\{|\}\}/g)?.length, 2);
    const url = new URL(address);
    assert.equal(url.hash, "");
    assert.equal(url.host, "a.example.com");
    assert.equal(url.searchParams.get("x"), "1");
    const filled = fillPlaceholders("https://a.example.com/{{a}}", parameters, new Map());
    assert.equal("missing" in filled, !Object.hasOwn(parameters, "a"));
  }));
});
