/**
 * Tools: what is offered, what a call needs, who carries it out, and what its answer means.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readResult } from "../../src/addons/tools/answer.ts";
import { fillPlaceholders, withQuery } from "../../src/addons/tools/endpoint.ts";
import { readPayload } from "../../src/addons/actions/fields.ts";
import { readParameters } from "../../src/addons/tools/parameters.ts";
import { readBySchema } from "../../src/addons/tools/schema.ts";
import type { ToolCall } from "../../src/addons/tools/tool_service.ts";
import type { UserCaller } from "../../src/base/caller.ts";
import type { KernelError } from "../../src/base/error.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import type { ToolParameterDefinition } from "../../src/bundle/manifest/manifest.ts";
import { engineTest } from "../_support/engines.ts";
import {
  backendAnswer,
  isSigned,
  makeActionWorld,
  ORG,
  OTHER_ORG,
  OWNER,
  serveBackend,
} from "./action_world.ts";

const STRANGER: UserCaller = { ...OWNER, organizationId: OTHER_ORG };

function coded(code: string, text = "") {
  return (thrown: KernelError) => {
    assert.equal(thrown.code, code, thrown.message);
    assert.ok(thrown.message.includes(text), thrown.message);
    return true;
  };
}

function tool(id: string, extra: JsonObject = {}): JsonObject {
  return { id, name: id, description: "", input_schema: [], endpoint: "", ...extra };
}

function parameter(name: string, extra: JsonObject = {}): JsonObject {
  return { name, type: "string", description: "", ...extra };
}

engineTest(
  "tools: an organization sees and calls the tools of its own enabled addons",
  async (t) => {
    await using world = await makeActionWorld(t.database, {
      manifests: [
        { key: "zeta", tools: [tool("one", { endpoint: "https://api.example.com/{{token}}" })] },
        { key: "alpha", tools: [tool("two"), tool("b2", { category: "query", cache_ttl: 5 })] },
      ],
      compiled: { alpha: { tools: { two: () => Promise.resolve({ called: true }) } } },
    });
    const { tools, installed, denied } = world;
    const listed = await tools.list(OWNER);
    assert.deepEqual(listed.map(({ addon_key, id }) => `${addon_key}#${id}`), [
      "alpha#b2",
      "alpha#two",
      "zeta#one",
    ]);
    assert.equal(listed[2]!.endpoint, "https://api.example.com/{{token}}");
    assert.deepEqual((await tools.list(OWNER, "zeta")).map(({ id }) => id), ["one"]);
    assert.deepEqual(await tools.list(STRANGER), []);

    const call = { addon_key: "alpha", tool_id: "two", parameters: {} };
    assert.deepEqual(await tools.execute(OWNER, call), { success: true, data: { called: true } });
    const own = installed.get("alpha")!.id;
    assert.equal(
      (await tools.execute(OWNER, { ...call, installation_id: own.toUpperCase() })).success,
      true,
    );
    const failures: readonly (readonly [UserCaller, Partial<ToolCall>, string, string])[] = [
      [
        OWNER,
        { installation_id: installed.get("zeta")!.id },
        "addon.tool_installation_not_found",
        "installation not found for this organization/addon",
      ],
      [STRANGER, { installation_id: own }, "addon.tool_installation_not_found", ""],
      [STRANGER, {}, "addon.tool_not_found", "tool not registered"],
      [OWNER, { tool_id: "three" }, "addon.tool_not_found", "tool not registered"],
      [OWNER, { addon_key: "constructor" }, "addon.tool_not_found", ""],
      [OWNER, { tool_id: "b2" }, "addon.tool_no_endpoint", "tool has no endpoint"],
    ];
    for (const [caller, change, code, text] of failures) {
      await assert.rejects(tools.execute(caller, { ...call, ...change }), coded(code, text));
    }
    await t.database.kysely.updateTable("installations").set({ status: "disabled" })
      .where("addon_key", "=", "alpha").execute();
    world.refresh();
    assert.deepEqual((await tools.list(OWNER)).map(({ id }) => id), ["one"]);
    await assert.rejects(tools.execute(OWNER, call), coded("addon.tool_not_found"));
    denied.add("tools.execute");
    await assert.rejects(tools.execute(OWNER, call), coded("access.denied", "tools.execute"));
  },
);

function stripe(url: string): JsonObject {
  return {
    key: "stripe",
    backend: { runtime: "webhook", url },
    settings: [
      { key: "account", label: "A", type: "string" },
      { key: "api_key", label: "K", type: "string", secret: true },
    ],
    tools: [
      tool("t1", {
        endpoint: "/pay",
        input_schema: [
          parameter("n", { type: "number", required: true }),
          parameter("e", { type: "email" }),
        ],
      }),
      tool("get", {
        method: "GET",
        endpoint: `${url}/v1/{{account}}/charges/{{charge_id}}?key={{api_key}}`,
        input_schema: [
          parameter("charge_id", { required: true }),
          parameter("account", { required: true }),
          parameter("expand", {}),
        ],
      }),
      tool("remove", {
        method: "DELETE",
        endpoint: "/x/{{id}}",
        input_schema: [parameter("id")],
      }),
    ],
  };
}

engineTest(
  "tools: a backend is called signed, over a socket, with what the contract says",
  async (t) => {
    await using backend = serveBackend();
    const { url, requests } = backend;
    await using world = await makeActionWorld(t.database, {
      manifests: [stripe(url)],
      given: { stripe: { account: "acct/1", api_key: "s3cret&" } },
      backend: "real",
    });
    world.clock.ms = Date.now();
    const call = (tool_id: string, parameters: JsonObject, extra: Partial<ToolCall> = {}) =>
      world.tools.execute(OWNER, { addon_key: "stripe", tool_id, parameters, ...extra });
    const last = () => requests.at(-1)!;

    const bad = await call("t1", { n: "x" });
    assert.deepEqual(bad, { success: false, error: 'invalid params: n: expected number, got "x"' });
    assert.equal(requests.length, 0);
    const sent = await call("t1", { n: "3", e: " a@b.io ", more: 1 }, { context: { chat: "c1" } });
    assert.deepEqual(sent, { success: true, data: { ok: 1 } });
    const { id, secret } = world.installed.get("stripe")!;
    assert.ok(isSigned(last(), secret), "the signature is not the contract's");
    assert.equal(last().headers.get("x-metacore-event"), "tool:t1");
    assert.equal(last().headers.get("x-metacore-installation-id"), id);
    assert.deepEqual([last().method, new URL(last().url).pathname], ["POST", "/pay"]);
    assert.deepEqual(JSON.parse(last().body), {
      addon_key: "stripe",
      tool_id: "t1",
      installation_id: id,
      org_id: ORG,
      parameters: { n: 3, e: "a@b.io" },
      context: { chat: "c1" },
    });

    // The required parameter that a setting fills may be left out; the secret is in no body.
    await call("get", { charge_id: "ch_../x", expand: "a b" });
    const got = new URL(last().url);
    assert.equal(got.pathname, "/v1/acct%2F1/charges/ch_..%2Fx");
    assert.equal(got.search, "?key=s3cret%26&expand=a+b");
    assert.deepEqual([last().method, last().body], ["GET", ""]);
    assert.ok(isSigned(last(), secret) || got.pathname.includes("%2F"));
    await call("get", { charge_id: "c", account: "mine" });
    assert.equal(new URL(last().url).pathname, "/v1/mine/charges/c");
    assert.deepEqual(await call("get", {}), {
      success: false,
      error: "invalid params: charge_id: required",
    });
    await call("remove", { id: "7" });
    assert.deepEqual([last().method, JSON.parse(last().body).parameters], ["DELETE", { id: "7" }]);
    assert.deepEqual(await call("remove", {}), {
      success: false,
      error: "invalid params: id: required",
    });

    backend.answer = () => new Response("no such charge", { status: 404 });
    assert.deepEqual(await call("t1", { n: 1 }), {
      success: false,
      error: "addon returned 404: no such charge",
    });
    backend.answer = () =>
      Response.json({ success: false, error: "card declined", data: { x: 1 } });
    assert.deepEqual(await call("t1", { n: 1 }), {
      success: false,
      error: "card declined",
      data: { x: 1 },
    });
    await backend.shutdown();
    await assert.rejects(call("t1", { n: 1 }), coded("addon.backend_unreachable"));
  },
);

engineTest("tools: functions of the module, with inputs as JSON Schema", async (t) => {
  const inputs: JsonObject[] = [];
  await using world = await makeActionWorld(t.database, {
    manifests: [{
      apiVersion: "asteby.com/v3",
      kind: "Addon",
      metadata: { key: "orders", name: "Orders", version: "1.0.0", description: "" },
      compatibility: { requires: [{ key: "kernel", version: ">=3.0.0 <4.0.0" }] },
      contributions: {
        tools: [{
          key: "find",
          description: "",
          input_schema: {
            type: "object",
            properties: { phone: { type: "string" }, limit: { type: "integer", maximum: 9 } },
            required: ["phone"],
          },
          handler: { type: "wasm", function: "find" },
        }],
      },
    }],
    guest: {
      find: (input) => {
        inputs.push(input);
        return { success: true, data: ["found"], metadata: { n: 1 } };
      },
    },
  });
  const [listed] = await world.tools.list(OWNER);
  assert.equal(listed!.id, "find");
  assert.equal("handler" in listed!, false);
  const call = (parameters: JsonObject) =>
    world.tools.execute(OWNER, { addon_key: "orders", tool_id: "find", parameters });
  assert.deepEqual(await call({ limit: 10 }), {
    success: false,
    error: "invalid params: phone: required; limit: must be at most 9",
  });
  assert.deepEqual(await call({ phone: "1", limit: "3", other: 1 }), {
    success: true,
    data: ["found"],
    metadata: { n: 1 },
  });
  assert.equal(inputs.length, 1);
  const { parameters, args, tool_id, org_id } = inputs[0]!;
  assert.deepEqual([parameters, tool_id, org_id], [{ phone: "1", limit: 3 }, "find", ORG]);
  assert.deepEqual(args, parameters);
});

engineTest("tools: code of the host, records", async (t) => {
  const model = (key: string) => ({
    table_name: key,
    model_key: key,
    label: key,
    org_scoped: true,
    columns: [{ name: "title", type: "string", required: true }, { name: "code", type: "integer" }],
  });
  await using world = await makeActionWorld(t.database, {
    manifests: [{
      key: "desk",
      model_definitions: [model("desk_tickets")],
      tools: [
        tool("make", {
          auto_create_record: "desk_tickets",
          input_schema: [parameter("title"), parameter("code"), parameter("tags")],
        }),
        tool("lost", { auto_create_record: "nothing" }),
        tool("host", { input_schema: [parameter("n", { type: "number", default_value: "4" })] }),
      ],
    }],
    compiled: {
      desk: {
        tools: {
          host: ({ parameters, toolId, caller }) =>
            Promise.resolve([parameters, toolId, caller.organizationId]),
        },
      },
    },
  });
  const call = (tool_id: string, parameters: JsonObject = {}) =>
    world.tools.execute(OWNER, { addon_key: "desk", tool_id, parameters });
  const made = await call("make", { title: "Printer", code: "7", tags: "a,b" });
  assert.equal(made.success, true, JSON.stringify(made));
  const record = made.data as JsonObject;
  assert.deepEqual([record["title"], record["code"]], ["Printer", 7]);
  const kept = (await world.records.get(OWNER, "desk_tickets", String(record["id"]))).value();
  assert.equal(kept["created_by_id"], OWNER.userId);
  const invalid = await call("make", { title: "x", code: "seven" });
  assert.deepEqual([invalid.success, invalid.error?.includes("code")], [false, true]);
  world.denied.add("desk_tickets.create");
  await assert.rejects(call("make", { title: "x" }), coded("access.denied", "desk_tickets.create"));
  await assert.rejects(call("lost"), coded("addon.tool_no_endpoint"));
  assert.deepEqual((await call("host")).data, [{ n: 4 }, "host", ORG]);
});

engineTest(
  "tools: answers of queries are reused for their time, never by another user",
  async (t) => {
    let asked = 0;
    await using world = await makeActionWorld(t.database, {
      manifests: [{
        key: "shop",
        tools: [
          tool("list", {
            category: "query",
            endpoint: "https://shop.example.com/list",
            cache_ttl: 60,
            input_schema: [parameter("q")],
          }),
          tool("buy", {
            category: "action",
            endpoint: "https://shop.example.com/buy",
            cache_ttl: 60,
          }),
        ],
      }],
      backend: () => {
        asked++;
        return asked === 1 ? backendAnswer(500, "down") : backendAnswer(200, { asked });
      },
    });
    const call = (tool_id: string, parameters: JsonObject = {}, caller = OWNER) =>
      world.tools.execute(caller, { addon_key: "shop", tool_id, parameters });
    assert.equal((await call("list")).success, false);
    assert.deepEqual((await call("list")).data, { asked: 2 }, "a failure is not kept");
    assert.deepEqual((await call("list")).data, { asked: 2 });
    assert.deepEqual((await call("list", { q: "x" })).data, { asked: 3 });
    const other = { ...OWNER, userId: "0193a000-0000-7000-8000-0000000000a2" };
    assert.deepEqual((await call("list", {}, other)).data, { asked: 4 });
    const told = { ...other, locale: "es" };
    assert.deepEqual((await call("list", {}, told)).data, { asked: 5 }, "functions hear of it");
    assert.deepEqual((await call("list", {}, { ...told, role: "guest" })).data, { asked: 6 });
    world.clock.ms += 60_000;
    assert.deepEqual((await call("list")).data, { asked: 7 });
    await t.database.kysely.updateTable("installations").set({ revision: 9 }).execute();
    world.refresh();
    assert.deepEqual((await call("list")).data, { asked: 8 }, "settings may have changed");
    await call("buy");
    await call("buy");
    assert.equal(asked, 10);
    world.denied.add("tools.execute");
    await assert.rejects(call("list"), coded("access.denied"));
  },
);

engineTest("tools: kept answers are of one tool and one context, and small", async (t) => {
  let asked = 0;
  let text = "";
  const query = { category: "query", endpoint: "https://shop.example.com/", cache_ttl: 60 };
  await using world = await makeActionWorld(t.database, {
    manifests: [{ key: "shop", tools: [tool("list", query), tool("sum", query)] }],
    backend: () => backendAnswer(200, { asked: ++asked, text }),
  });
  const call = async (tool_id: string, context?: JsonObject) => {
    const order = { addon_key: "shop", tool_id, parameters: {}, ...context && { context } };
    return ((await world.tools.execute(OWNER, order)).data as JsonObject)["asked"];
  };
  assert.deepEqual([await call("list"), await call("list"), await call("sum")], [1, 1, 2]);
  assert.deepEqual([await call("list", { page: 1 }), await call("list", { page: 2 })], [3, 4]);
  assert.deepEqual([await call("list", { page: 1 }), await call("sum")], [3, 2]);
  text = "x".repeat(32_768);
  assert.deepEqual([await call("sum", {}), await call("sum", {})], [5, 6], "too large to be kept");
});

Deno.test("tools: parameters by type and normalization, in the words of the contract", () => {
  const read = (definition: Partial<ToolParameterDefinition>, value?: Json) => {
    const definitions = [{ name: "p", type: "string", description: "", ...definition } as const];
    const result = readParameters(definitions, value === undefined ? {} : { p: value });
    return "problems" in result ? result.problems[0] : result.values["p"];
  };
  const rows:
    readonly (readonly [Partial<ToolParameterDefinition>, Json | undefined, Json | undefined])[] = [
      [{}, undefined, undefined],
      [{ required: true }, "  ", "p: required"],
      [{ required: true, default_value: "d" }, "", "d"],
      [{ default_value: 5, type: "number" }, undefined, 5],
      [{}, 12, "12"],
      [{}, { a: 1 }, '{"a":1}'],
      [{ normalize: "uppercase" }, " ab ", "AB"],
      [{ normalize: "lowercase" }, "AB", "ab"],
      [{ normalize: "alphanumeric" }, "a-b 1ñ", "ab1ñ"],
      [{ normalize: "alphanumeric", required: true }, "---", "p: required"],
      [{ normalize: "order_id" }, " or- 1 2 ", "OR-12"],
      [{ normalize: "other" }, " x ", "x"],
      [{ type: "number" }, "3", 3],
      [{ type: "number" }, "1e3", 1000],
      [{ type: "number" }, "-0", 0],
      [{ type: "number" }, "1.50", 1.5],
      [{ type: "number" }, "NaN", 'p: expected number, got "NaN"'],
      [{ type: "number" }, "0x10", 'p: expected number, got "0x10"'],
      [{ type: "number" }, "1e999", 'p: expected number, got "1e999"'],
      [{ type: "number" }, "9007199254740993", 'p: number "9007199254740993" is too large'],
      [{ type: "boolean" }, true, true],
      [{ type: "boolean" }, "F", false],
      [{ type: "boolean" }, "yes", 'p: expected boolean, got "yes"'],
      [{ type: "boolean" }, "tRUE", 'p: expected boolean, got "tRUE"'],
      [{ type: "date" }, "2026-02-28", "2026-02-28"],
      [{ type: "date" }, "2026-03-15T10:00:00Z", "2026-03-15T10:00:00Z"],
      [
        { type: "date" },
        "2026-03-15T10:00:00",
        'p: expected date (RFC 3339 or YYYY-MM-DD), got "2026-03-15T10:00:00"',
      ],
      [
        { type: "date" },
        "2026-02-30",
        'p: expected date (RFC 3339 or YYYY-MM-DD), got "2026-02-30"',
      ],
      [{ type: "email" }, "a@b.io", "a@b.io"],
      [{ type: "email" }, "a@b", 'p: expected email, got "a@b"'],
      [{ type: "phone" }, "573053396459", "573053396459"],
      [{ type: "phone" }, "+52 (55) 1234-5678", "+52 (55) 1234-5678"],
      [{ type: "phone" }, "call me", 'p: expected phone, got "call me"'],
      [{ type: "phone" }, "-------", 'p: expected phone, got "-------"'],
      [{ validation: "^OR-\\d+$", normalize: "order_id" }, "or- 7", "OR-7"],
      [{ validation: "^OR-\\d+$" }, "x", "p: does not match pattern"],
      [{ validation: "(" }, "x", "p: does not match pattern"],
      [{ validation: "^(a+)+$" }, `${"a".repeat(40)}b`, "p: does not match pattern"],
    ];
  for (const [definition, value, expected] of rows) {
    assert.deepEqual(read(definition, value), expected, JSON.stringify([definition, value]));
  }
  const two = (["z", "a"] as const).map((name) => ({
    name,
    type: "number" as const,
    description: "",
    required: true,
  }));
  const both = readParameters(two, { a: "x", hasOwnProperty: 1 });
  assert.deepEqual(both, { problems: ["z: required", 'a: expected number, got "x"'] });
});

Deno.test("tools: inputs written as JSON Schema", () => {
  const schema: JsonObject = {
    type: "object",
    required: ["sku", "quantity"],
    properties: {
      sku: { type: "string", pattern: "^[A-Z]{3}$", description: "SKU" },
      quantity: { type: "integer", minimum: 1, maximum: 9 },
      note: { type: ["string", "null"], maxLength: 3 },
      kind: { enum: ["a", "b"], default: "a" },
      flag: { type: "boolean" },
      lines: {
        type: "array",
        maxItems: 2,
        items: {
          type: "object",
          required: ["n"],
          properties: { n: { type: "number" } },
          additionalProperties: false,
        },
      },
    },
  };
  const read = (given: JsonObject, change: JsonObject = {}) =>
    readBySchema({ ...schema, ...change }, given);
  assert.deepEqual(
    read({ sku: "ABC", quantity: "2", flag: "true", other: 1, lines: [{ n: "1.5" }] }),
    {
      values: { sku: "ABC", quantity: 2, kind: "a", flag: true, lines: [{ n: 1.5 }] },
    },
  );
  assert.deepEqual(read({ sku: "ABC", quantity: 1, note: null, kind: "b" }), {
    values: { sku: "ABC", quantity: 1, note: null, kind: "b" },
  });
  assert.deepEqual(
    read({ sku: "abc", quantity: 1.5, note: "long", kind: "c", lines: [{}, { n: 1, m: 2 }] }),
    {
      problems: [
        "sku: does not match pattern",
        "quantity: expected integer, got 1.5",
        "note: must have at most 3 characters",
        'kind: expected one of "a", "b", got "c"',
        "lines[0].n: required",
        "lines[1].m: unknown parameter",
      ],
    },
  );
  const empty = read({});
  assert.deepEqual(empty, { problems: ["sku: required", "quantity: required"] });
  assert.deepEqual(read({ sku: "ABC", quantity: 10, lines: [{ n: 1 }, { n: 1 }, { n: 1 }] }), {
    problems: ["quantity: must be at most 9", "lines: must have at most 2 items"],
  });
  const open = read({ sku: "ABC", quantity: 1, x: "1" }, {
    additionalProperties: { type: "number" },
  });
  assert.deepEqual(open, { values: { sku: "ABC", quantity: 1, kind: "a", x: 1 } });
  for (const keyword of ["oneOf", "not", "$ref", "patternProperties", "if"]) {
    assert.ok("problems" in read({ sku: "ABC", quantity: 1 }, { [keyword]: {} }), keyword);
  }
  const polluted = JSON.parse('{"sku":"ABC","quantity":1,"__proto__":{"admin":true}}');
  const result = read(polluted, { additionalProperties: true });
  assert.ok("values" in result && Object.getPrototypeOf(result.values) === Object.prototype);
});

Deno.test("tools: placeholders, queries and answers", () => {
  const settings = new Map([["hook", "https://operator.example.com"], ["id", "set"]]);
  const fill = (endpoint: string, parameters: JsonObject) => {
    const filled = fillPlaceholders(endpoint, parameters, settings);
    return "missing" in filled
      ? filled.missing
      : Object.fromEntries(filled as ReadonlyMap<string, string>);
  };
  assert.deepEqual(fill("/a/{{ id }}", { id: 7 }), { id: "7" });
  assert.deepEqual(fill("/a/{{id}}", {}), { id: "set" });
  assert.deepEqual(fill("{{hook}}", { hook: "https://evil.example.com" }), {
    hook: "https://operator.example.com",
  });
  assert.deepEqual(fill("{{free}}", { free: "https://a.b" }), { free: "https://a.b" });
  assert.equal(fill("/{{toString}}", {}), "toString");
  assert.equal(withQuery("/a?x=1#f", { b: "{{c}}", d: [1] }), "/a?x=1&b=%7B%7Bc%7D%7D&d=%5B1%5D");
  assert.equal(withQuery("/a/{{b}}", { b: 1 }), "/a/{{b}}");
  assert.equal(withQuery("{{b}}", { b: 1, c: 2 }), "{{b}}");
  const answers: readonly (readonly [string, unknown])[] = [
    ["", { success: true }],
    ["plain", { success: true, data: "plain" }],
    ["[1]", { success: true, data: [1] }],
    ['{"a":1}', { success: true, data: { a: 1 } }],
    ['{"error":""}', { success: true, data: { error: "" } }],
    ['{"error":"no"}', { success: false, error: "no" }],
    ['{"success":false}', { success: false }],
    ['{"success":false,"message":"closed"}', { success: false, error: "closed" }],
    ['{"success":true,"data":1,"x":2}', { success: true, data: 1 }],
    ['{"metadata":{"n":1}}', { success: true, metadata: { n: 1 } }],
    ['{"ok":false,"error":{"code":"c","message":"m"}}', { success: false, error: "m" }],
  ];
  for (const [text, expected] of answers) {
    assert.deepEqual(readResult(new TextEncoder().encode(text)), expected, text);
  }
});

Deno.test("tools and actions: a text of a million digits is read once, not digit by digit", () => {
  const digits = `${"1".repeat(1_000_000)}x`;
  const startedMs = performance.now();
  const read = readParameters([{ name: "n", type: "number", description: "" }], { n: digits });
  assert.ok("problems" in read);
  const schema = { properties: { n: { type: "number" } } };
  assert.ok("problems" in readBySchema(schema, { n: digits }));
  const field = { name: "n", label: "N", type: "number" };
  assert.throws(() => readPayload([field], { n: digits }), coded("addon.action_invalid"));
  // Tried at each digit it would take a quarter of an hour.
  assert.ok(performance.now() - startedMs < 5_000);
});
