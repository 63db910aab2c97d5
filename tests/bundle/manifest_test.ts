/**
 * The manifest reader: every rule of contract/metacore.md §3 with its place, the JSON reader under it,
 * ranges of versions, defaults.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { isKernelError, type KernelError } from "../../src/base/error.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { fitColumnDefault, parseColumnDefault } from "../../src/bundle/manifest/default_value.ts";
import { readJson } from "../../src/bundle/manifest/json_reader.ts";
import {
  checkKernelRange,
  isVersionRange,
  normalizeVersion,
  satisfiesRange,
} from "../../src/bundle/manifest/kernel_range.ts";
import type { Manifest } from "../../src/bundle/manifest/manifest.ts";
import { parseManifest } from "../../src/bundle/manifest/parse.ts";
import { patternSize } from "../../src/bundle/manifest/pattern.ts";
import type { ManifestProblem } from "../../src/bundle/manifest/problem.ts";

const IDENTITY = { key: "notes", name: "Notes", version: "1.0.0" };
const COLUMN = { name: "title", type: "string" };
const MODEL = { table_name: "items", model_key: "items", columns: [COLUMN] };

function thrown(run: () => unknown): KernelError {
  try {
    run();
  } catch (error) {
    assert.ok(isKernelError(error), `threw ${error}, which is no KernelError`);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

function parse(rest: Record<string, unknown>): Manifest {
  return parseManifest({ ...IDENTITY, ...rest });
}

function problems(rest: Record<string, unknown>): readonly ManifestProblem[] {
  const error = thrown(() => parse(rest));
  assert.equal(error.code, "bundle.invalid_manifest");
  return error.details?.problems as readonly ManifestProblem[];
}

function ofModel(rest: Record<string, unknown>): Record<string, unknown> {
  return { model_definitions: [{ ...MODEL, ...rest }] };
}

function ofColumn(rest: Record<string, unknown>): Record<string, unknown> {
  return ofModel({ columns: [{ ...COLUMN, ...rest }] });
}

function ofRelation(rest: Record<string, unknown>): Record<string, unknown> {
  const relation = { name: "owner", kind: "belongs_to", through: "users", foreign_key: "owner_id" };
  return ofModel({ relations: [{ ...relation, ...rest }] });
}

function ofTrigger(trigger: unknown, backend?: unknown): Record<string, unknown> {
  return { actions: { tickets: [{ key: "close", trigger }] }, backend };
}

const WASM = { runtime: "wasm", entry: "backend/b.wasm", exports: ["close"] };

const FULL_DOCUMENT = {
  ...IDENTITY,
  description: "d",
  category: "c",
  kernel: ">=2.0.0 <3.0.0",
  tenant_isolation: "schema-per-tenant",
  navigation: [{
    title: "G",
    icon: "I",
    items: [{ title: "T", url: "/m/items", model: "items" }],
  }],
  settings: [{ key: "k", label: "K", type: "string", default_value: 1, secret: true }],
  hooks: { "items::close": "close" },
  actions: {
    items: [{
      key: "close",
      label: "Close",
      requiresState: ["open"],
      fields: [{ name: "why", type: "text", options: [{ value: 1 }] }],
      trigger: { type: "wasm", export: "close", run_in_tx: true },
    }],
  },
  model_definitions: [{
    ...MODEL,
    label: "Items",
    soft_delete: true,
    columns: [{
      ...COLUMN,
      size: 50,
      required: true,
      index: false,
      default: "'x'",
      ref: "addon_x.orders",
      visibility: "list",
      widget: "text",
      validation: { regex: "^a", min: 1, max: 2, custom: "$org.check" },
    }],
    relations: [
      { name: "tags", kind: "many_to_many", through: "tags", foreign_key: "i", pivot: "it" },
    ],
    table: { title: "Items", anything: [1] },
  }],
  extensions: [{ model: "crm.Customer", columns: [COLUMN], actions: [{ key: "call" }] }],
  capabilities: [{ kind: "http:fetch", target: "*.example.com", reason: "r" }],
  backend: { ...WASM, timeout_ms: 500, memory_limit_mb: 0 },
  frontend: { entry: "./re.js", format: "federation", layout: "immersive" },
  tools: [{ id: "t" }],
  unheard_of: { a: 1 },
};

Deno.test("parseManifest() reads every block into the internal shape", () => {
  assert.deepEqual(parseManifest(FULL_DOCUMENT), {
    generation: "v2",
    key: "notes",
    name: "Notes",
    version: "1.0.0",
    description: "d",
    category: "c",
    kernel: ">=2.0.0 <3.0.0",
    tenant_isolation: "schema-per-tenant",
    navigation: [{
      title: "G",
      icon: "I",
      items: [{ title: "T", url: "/m/items", model: "items" }],
    }],
    settings: [{ key: "k", label: "K", type: "string", default_value: 1, secret: true }],
    hooks: { "items::close": "close" },
    actions: {
      items: [{
        key: "close",
        name: "Close",
        label: "Close",
        requiresState: ["open"],
        fields: [{
          name: "why",
          label: "why",
          type: "text",
          options: [{ value: 1, label: "1" }],
        }],
        trigger: { type: "wasm", export: "close", run_in_tx: true },
      }],
    },
    model_definitions: FULL_DOCUMENT.model_definitions,
    extensions: [{
      model: "crm.Customer",
      columns: [COLUMN],
      actions: [{ key: "call", name: "call", label: "call" }],
    }],
    capabilities: [{ kind: "http:fetch", target: "*.example.com", reason: "r" }],
    backend: { ...WASM, timeout_ms: 500 },
    frontend: { entry: "./re.js", format: "federation", layout: "immersive" },
    tools: [{ id: "t", name: "t", description: "", input_schema: [], endpoint: "" }],
    requires: [],
    lifecycle_hooks: [],
    subscriptions: [],
    translations: { texts: {}, files: [] },
    permissions: [],
    unheeded: ["unheard_of: is no part of this generation of manifests"],
    document: FULL_DOCUMENT,
    client_document: FULL_DOCUMENT,
  });
});

const LIFE_DOCUMENT = {
  ...IDENTITY,
  backend: { ...WASM, url: "https://backend.example/api" },
  navigation: [{ title: "G", order: 2, items: [{ title: "T", order: 1 }] }],
  settings: [{ key: "k", type: "string", required: true }],
  model_definitions: [{ ...MODEL, model_key: "Item" }],
  actions: {
    Item: [
      {
        key: "send",
        condition: { field: "title", operator: "equals", value: "a" },
        conditions: [{ field: "title", operator: "not_in", value: ["b"] }],
        placement: "table",
        stateField: "title",
        idempotency: { key_field: "reference" },
        trigger: { type: "webhook", url: "/send" },
      },
      { key: "free" },
    ],
  },
  tools: [
    {
      id: "create-order",
      description: "d",
      category: "sale",
      input_schema: [
        { name: "code", type: "integer", required: true, validation: "^[0-9]+$", example: 7 },
        { name: "items", type: "array", normalize: "sorted" },
      ],
      endpoint: "https://x.example/{{code}}?q={{items}}",
      method: "get",
      timeout: 20,
      cache_ttl: 0,
    },
    { id: "CREATE-order" },
    { id: "note", endpoint: "{{url}}", auto_create_record: "item" },
  ],
  requires: [
    { key: "finance", label: "Finance" },
    { key: "crm", version: "^1.2", optional: true, reason: "names" },
  ],
  lifecycle_hooks: {
    Item: [{ event: "after_create", target: { type: "wasm", function: "close" }, priority: 3 }],
    notes: [{ event: "before_delete", target: { type: "webhook", url: "https://x.example/d" } }],
    "": [
      { event: "install", target: { type: "wasm", function: "close" }, async: true },
      { event: "before_create", target: { type: "wasm", function: "close" }, async: true },
      { event: "after_update", target: { type: "prompt", prompt: "Say hello" } },
      { event: "reboot", target: { type: "wasm", function: "close" } },
    ],
    enable: [{ target: { type: "wasm", function: "close" } }],
    "crm.Customer": [
      { event: "after_update", target: { type: "wasm", function: "close" } },
      { event: "before_update", target: { type: "wasm", function: "close" } },
    ],
  },
  i18n: { en: { a: "A", group: { b: "B" } }, "es-MX": {} },
  permissions: [{ model: "items", scope: "read", reason: "see them" }, {
    model: "items",
    scope: "read",
  }],
  events: ["notes.sent"],
};

Deno.test("parseManifest() reads the life of an addon: tools, needs, hooks, texts, permissions", () => {
  const manifest = parseManifest(LIFE_DOCUMENT);
  const [send, free] = manifest.actions.Item!;
  assert.deepEqual(send!.conditions, [
    { field: "title", operator: "eq", value: "a" },
    { field: "title", operator: "not_in", value: ["b"] },
  ]);
  assert.deepEqual(
    [send!.placement, send!.stateField, send!.idempotencyField],
    ["table", "title", "reference"],
  );
  assert.deepEqual(send!.trigger, { type: "webhook", url: "/send" });
  assert.deepEqual(free, { key: "free", name: "free", label: "free" });
  assert.equal(manifest.navigation[0]!.order, 2);
  assert.equal(manifest.navigation[0]!.items[0]!.order, 1);
  assert.equal(manifest.settings[0]!.required, true);
  assert.deepEqual(manifest.tools.map(({ id }) => id), ["create-order", "note"]);
  assert.deepEqual(manifest.tools[0], {
    id: "create-order",
    name: "create-order",
    description: "d",
    input_schema: [
      {
        name: "code",
        type: "number",
        description: "",
        required: true,
        example: "7",
        validation: "^[0-9]+$",
      },
      { name: "items", type: "string", description: "" },
    ],
    endpoint: "https://x.example/{{code}}?q={{items}}",
    method: "GET",
    timeout: 20,
  });
  assert.deepEqual(manifest.requires, [
    { key: "finance", optional: false, label: "Finance" },
    { key: "crm", optional: true, version: "^1.2", reason: "names" },
  ]);
  const wasm = { type: "wasm", function: "close" };
  assert.deepEqual(manifest.lifecycle_hooks, [
    { event: "after_create", model: "Item", handler: wasm, priority: 3 },
    {
      event: "before_delete",
      model: "Item",
      handler: { type: "webhook", url: "https://x.example/d" },
      priority: 0,
    },
    { event: "install", handler: wasm, priority: 0 },
    { event: "enable", handler: wasm, priority: 0 },
    { event: "after_update", model: "crm.Customer", handler: wasm, priority: 0 },
  ]);
  assert.deepEqual(manifest.translations.texts, { en: { a: "A", "group.b": "B" }, "es-MX": {} });
  assert.deepEqual(manifest.permissions, [{ key: "items.read", label: "see them" }]);
  assert.deepEqual(manifest.unheeded.map((sentence) => sentence.split(": ")[0]), [
    "tools[0].input_schema[1].type",
    "tools[0].input_schema[1].normalize",
    "tools[0].category",
    "tools[1]",
    'lifecycle_hooks[""][1]',
    'lifecycle_hooks[""][2].target',
    'lifecycle_hooks[""][3].event',
    'lifecycle_hooks["crm.Customer"][1]',
    "events",
  ]);
});

Deno.test("parseManifest() notes webhooks that nothing gives an address", () => {
  const actions = { Item: [{ key: "a" }, { key: "b" }, { key: "c", trigger: { type: "noop" } }] };
  const manifest = parse({ actions, hooks: { "Item::b": "https://x.example/b" } });
  assert.deepEqual(manifest.unheeded.map((sentence) => sentence.split(":")[0]), [
    "actions.Item[0]",
  ]);
  assert.deepEqual(
    parse({ actions, backend: { runtime: "webhook", url: "https://x.example" } })
      .unheeded,
    [],
  );
});

Deno.test("parseManifest() treats null as absent and takes text, bytes or a value", () => {
  const nulls = Object.fromEntries(
    ["kernel", "tenant_isolation", "navigation", "hooks", "actions", "backend", "tools", "icon"]
      .map((key) => [key, null]),
  );
  const document = {
    ...IDENTITY,
    ...nulls,
    model_definitions: [{
      ...MODEL,
      label: null,
      relations: null,
      columns: [{ ...COLUMN, default: null, validation: null, size: null, visibility: "" }],
    }],
  };
  const expected = parseManifest(document);
  assert.equal(expected.tenant_isolation, "shared");
  assert.deepEqual(expected.model_definitions, [{ ...MODEL, label: "" }]);
  const text = JSON.stringify(document);
  assert.deepEqual(parseManifest(text), expected);
  assert.deepEqual(parseManifest(new TextEncoder().encode(text)), expected);
});

const BROKEN_RULES: [Record<string, unknown>, string, RegExp][] = [
  [{ key: undefined }, "key", /required/],
  [{ key: "a" }, "key", /must match/],
  [{ key: "A1" }, "key", /must match/],
  [{ key: "kernel" }, "key", /reserved/],
  [{ key: "metacore" }, "key", /reserved/],
  [{ key: "host" }, "key", /reserved/],
  [{ key: "constructor" }, "key", /reserved/],
  [{ key: 7 }, "key", /must be a text, not a number/],
  [{ name: " " }, "name", /required/],
  [{ name: "n".repeat(256) }, "name", /256 characters; 255/],
  [{ version: "one" }, "version", /semantic version/],
  [{ version: "1.0.0.0" }, "version", /semantic version/],
  [{ kernel: "latest" }, "kernel", /version range/],
  [{ tenant_isolation: "sharde" }, "tenant_isolation", /did you mean "shared"/],
  [{ tenant_isolation: "database-per-tenant" }, "tenant_isolation", /reserved/],
  [{ navigation: {} }, "navigation", /must be a list, not an object/],
  [{ navigation: [{ items: [null] }] }, "navigation[0].items[0]", /not null/],
  [
    { navigation: [{ items: [{ url: "javascript:alert(1)" }] }] },
    "navigation[0].items[0].url",
    /path/,
  ],
  [
    { navigation: [{ items: [{ url: "java\tscript:x" }] }] },
    "navigation[0].items[0].url",
    /path/,
  ],
  [{ navigation: [{ items: [{ url: "/a\nb" }] }] }, "navigation[0].items[0].url", /path/],
  [{ settings: [{ key: "a b" }] }, "settings[0].key", /must match/],
  [{ settings: [{ key: "a" }, { key: "A" }] }, "settings[1].key", /duplicate setting/],
  [{ hooks: { "a::b": 1 } }, 'hooks["a::b"]', /must be a text/],
  [
    { hooks: { "a::b": "x" }, backend: WASM },
    'hooks["a::b"]',
    /"b" is not among backend.exports/,
  ],
  [{ hooks: { ab: "x" }, backend: WASM }, "hooks.ab", /<model>::<action>/],
  [{ backend: {} }, "backend.runtime", /required/],
  [{ backend: { runtime: "wasn" } }, "backend.runtime", /did you mean "wasm"/],
  [{ backend: { runtime: "wasm", entry: " " } }, "backend.entry", /required/],
  [{ backend: { ...WASM, timeout_ms: 1.5 } }, "backend.timeout_ms", /integer/],
  [{ backend: { ...WASM, memory_limit_mb: -1 } }, "backend.memory_limit_mb", /between/],
  [{ backend: "wasm" }, "backend", /must be an object, not a text/],
  [{ frontend: { format: "esm" } }, "frontend.format", /federation, script/],
  [{ frontend: { layout: "full" } }, "frontend.layout", /shell, immersive/],
  [{ capabilities: [{ kind: "db", target: "x" }] }, "capabilities[0].kind", /namespace/],
  [{ capabilities: [{ kind: "db:read" }] }, "capabilities[0].target", /required/],
  [{ capabilities: [{ kind: "db:read", target: "*" }] }, "capabilities[0].target", /too wide/],
  [{ capabilities: [{ kind: "db:write", target: "*" }] }, "capabilities[0].target", /too wide/],
  [{ capabilities: [{ kind: "http:fetch", target: "*" }] }, "capabilities[0].target", /too wide/],
  [{ capabilities: [{ kind: "http:fetch", target: "*.*" }] }, "capabilities[0].target", /wide/],
  [{ capabilities: [{ kind: "http:fetch", target: "*.com" }] }, "capabilities[0].target", /wide/],
  [{ extensions: [{ columns: [] }] }, "extensions[0].model", /required/],
  [
    {
      extensions: [{
        model: "m",
        actions: [{ key: "a", trigger: { type: "wasm", export: "x" } }],
      }],
    },
    "extensions[0].actions[0].trigger.export",
    /backend.exports/,
  ],
  [{ tools: {} }, "tools", /list/],
  [{ events: [1] }, "events[0]", /text/],
  [{ i18n: [] }, "i18n", /object/],
  [{ icon: 1 }, "icon", /text/],
  [{ actions: { "a b": [] } }, 'actions["a b"]', /model key/],
  [{ actions: { constructor: [] } }, "actions.constructor", /model key/],
  [{ actions: { t: [{}] } }, "actions.t[0].key", /required/],
  [{ actions: { t: [{ key: "a/b" }] } }, "actions.t[0].key", /must match/],
  [{ actions: { t: [{ key: "a" }, { key: "a" }] } }, "actions.t[1].key", /duplicate action/],
  [{ actions: { t: [{ key: "a", fields: [{}] }] } }, "actions.t[0].fields[0].name", /required/],
  [ofTrigger({}), "actions.tickets[0].trigger.type", /required/],
  [ofTrigger({ type: "wasm" }, WASM), "actions.tickets[0].trigger.export", /needs an export/],
  [ofTrigger({ type: "noop", export: "x" }), "actions.tickets[0].trigger.export", /no export/],
  [
    ofTrigger({ type: "webhook", run_in_tx: true }),
    "actions.tickets[0].trigger.run_in_tx",
    /cannot/,
  ],
  [
    ofTrigger({ type: "webhook", url: "ftp://x" }),
    "actions.tickets[0].trigger.url",
    /neither a path nor/,
  ],
  [
    ofTrigger({ type: "wasm", export: "close", url: "https://x.example" }, WASM),
    "actions.tickets[0].trigger.url",
    /no url/,
  ],
  [
    { actions: { t: [{ key: "a", condition: { field: "x", operator: "like" } }] } },
    "actions.t[0].condition.operator",
    /not a known operator/,
  ],
  [
    { actions: { t: [{ key: "a", condition: { field: "x", operator: "constructor" } }] } },
    "actions.t[0].condition.operator",
    /not a known operator/,
  ],
  [
    { actions: { t: [{ key: "a", conditions: [{ field: "x", operator: "in", value: 1 }] }] } },
    "actions.t[0].conditions[0].value",
    /list/,
  ],
  [{ actions: { t: [{ key: "a", condition: "x" }] } }, "actions.t[0].condition", /object/],
  [{ actions: { t: [{ key: "a", placement: "rwo" }] } }, "actions.t[0].placement", /mean "row"/],
  [{ hooks: { "a::b": "javascript:x" } }, 'hooks["a::b"]', /neither a path nor/],
  [{ backend: { runtime: "webhook", url: "file:///x" } }, "backend.url", /neither a path nor/],
  [{ tools: [{ name: "x" }] }, "tools[0].id", /required/],
  [{ tools: [{ id: "a b" }] }, "tools[0].id", /must match/],
  [{ tools: [{ id: "a", method: "TRACE" }] }, "tools[0].method", /not a known method/],
  [{ tools: [{ id: "a", endpoint: "data:x" }] }, "tools[0].endpoint", /neither a path nor/],
  [
    { tools: [{ id: "a", input_schema: [{ name: "b", validation: "(" }] }] },
    "tools[0].input_schema[0].validation",
    /RE2/,
  ],
  [{ tools: [{ id: "a", input_schema: { type: "object" } }] }, "tools[0].input_schema", /list/],
  [{ requires: [{ label: "x" }] }, "requires[0].key", /required/],
  [{ requires: [{ key: "notes" }] }, "requires[0].key", /itself/],
  [{ requires: [{ key: "crm", version: "new" }] }, "requires[0].version", /version range/],
  [{ requires: [{ key: "crm" }, { key: "crm" }] }, "requires[1].key", /duplicate/],
  [{ lifecycle_hooks: { "a b": [] } }, 'lifecycle_hooks["a b"]', /neither a model nor/],
  [
    { lifecycle_hooks: { install: [{ target: { type: "wasm", function: "x" } }] } },
    "lifecycle_hooks.install[0].target.function",
    /backend.exports/,
  ],
  [
    { lifecycle_hooks: { install: [{ target: { type: "webhook" } }] } },
    "lifecycle_hooks.install[0].target.url",
    /needs an url/,
  ],
  [{ lifecycle_hooks: { install: [{}] } }, "lifecycle_hooks.install[0].target", /required/],
  [{ i18n: { "../en": {} } }, 'i18n["../en"]', /not a locale/],
  [{ i18n: { en: { a: 1 } } }, "i18n.en.a", /text, not a number/],
  [
    { i18n: { en: { a: { b: { c: { d: { e: { f: { g: { h: { i: "x" } } } } } } } } } } },
    "i18n.en.a.b.c.d.e.f.g.h",
    /deeper than 8/,
  ],
  [ofModel({ table_name: "Items" }), "model_definitions[0].table_name", /must match/],
  [ofModel({ table_name: "a".repeat(65) }), "model_definitions[0].table_name", /must match/],
  [ofModel({ model_key: "" }), "model_definitions[0].model_key", /required/],
  [ofModel({ model_key: "it/ems" }), "model_definitions[0].model_key", /must match/],
  [ofModel({ model_key: "constructor" }), "model_definitions[0].model_key", /reserved/],
  [ofModel({ columns: [] }), "model_definitions[0].columns", /at least one column/],
  [ofModel({ columns: null }), "model_definitions[0].columns", /at least one column/],
  [ofModel({ columns: [COLUMN, COLUMN] }), "model_definitions[0].columns[1].name", /duplicate/],
  [
    ofModel({ soft_delete: "yes" }),
    "model_definitions[0].soft_delete",
    /true or false, not a text/,
  ],
  [ofModel({ table: [] }), "model_definitions[0].table", /object/],
  [
    { model_definitions: [MODEL, { ...MODEL, model_key: "more" }] },
    "model_definitions[1].table_name",
    /duplicate table/,
  ],
  [
    { model_definitions: [MODEL, { ...MODEL, table_name: "other", model_key: "Items" }] },
    "model_definitions[1].model_key",
    /duplicate model key/,
  ],
  [
    {
      model_definitions: [MODEL, { ...MODEL, table_name: "b", model_key: "c" }, {
        ...MODEL,
        table_name: "d",
        model_key: "B",
      }],
    },
    "model_definitions[2].model_key",
    /table of another model/,
  ],
  [ofColumn({ name: "Title" }), "model_definitions[0].columns[0].name", /must match/],
  [ofColumn({ name: "a".repeat(64) }), "model_definitions[0].columns[0].name", /must match/],
  [ofColumn({ name: "constructor" }), "model_definitions[0].columns[0].name", /reserved/],
  [ofColumn({ type: undefined }), "model_definitions[0].columns[0].type", /required/],
  [ofColumn({ type: "strng" }), "model_definitions[0].columns[0].type", /did you mean "string"/],
  [ofColumn({ type: "timestamptz" }), "model_definitions[0].columns[0].type", /"timestamp"/],
  [ofColumn({ name: "id", type: "integer" }), "model_definitions[0].columns[0].type", /uuid/],
  [
    ofColumn({ name: "created_at", type: "date" }),
    "model_definitions[0].columns[0].type",
    /timest/,
  ],
  [ofColumn({ size: -1 }), "model_definitions[0].columns[0].size", /between/],
  [ofColumn({ size: "5" }), "model_definitions[0].columns[0].size", /number, not a text/],
  [ofColumn({ default: "open" }), "model_definitions[0].columns[0].default", /single quotes/],
  [ofColumn({ default: "'a';--'" }), "model_definitions[0].columns[0].default", /single quotes/],
  [ofColumn({ default: {} }), "model_definitions[0].columns[0].default", /must be a text/],
  [
    ofColumn({ type: "int", default: "'x'" }),
    "model_definitions[0].columns[0].default",
    /integer/,
  ],
  [ofColumn({ ref: "a.b.c" }), "model_definitions[0].columns[0].ref", /must match/],
  [ofColumn({ visibility: "tabel" }), "model_definitions[0].columns[0].visibility", /"table"/],
  [ofColumn({ widget: "blob" }), "model_definitions[0].columns[0].widget", /not a known widget/],
  [
    ofColumn({ validation: { regex: "(" } }),
    "model_definitions[0].columns[0].validation.regex",
    /RE2/,
  ],
  [
    ofColumn({ validation: { regex: "(?=a)" } }),
    "model_definitions[0].columns[0].validation.regex",
    /RE2/,
  ],
  [
    ofColumn({ validation: { min: 2, max: 1 } }),
    "model_definitions[0].columns[0].validation.min",
    /above/,
  ],
  [
    ofColumn({ validation: { custom: "x" } }),
    "model_definitions[0].columns[0].validation.custom",
    /dotted/,
  ],
  [ofRelation({ kind: "one" }), "model_definitions[0].relations[0].kind", /not a known kind/],
  [ofRelation({ kind: "" }), "model_definitions[0].relations[0].kind", /required/],
  [ofRelation({ name: undefined }), "model_definitions[0].relations[0].name", /required/],
  [ofRelation({ through: "U" }), "model_definitions[0].relations[0].through", /must match/],
  [ofRelation({ foreign_key: "" }), "model_definitions[0].relations[0].foreign_key", /required/],
  [ofRelation({ references: "X" }), "model_definitions[0].relations[0].references", /must match/],
  [ofRelation({ pivot: "p" }), "model_definitions[0].relations[0].pivot", /no pivot/],
  [ofRelation({ kind: "many_to_many" }), "model_definitions[0].relations[0].pivot", /required/],
];

Deno.test("parseManifest() refuses each broken rule at its place", () => {
  for (const [rest, path, message] of BROKEN_RULES) {
    const found = problems(rest);
    assert.deepEqual(found.map((problem) => problem.path), [path], JSON.stringify(rest));
    assert.match(found[0]!.message, message);
  }
});

Deno.test("parseManifest() takes what the rules allow at their edges", () => {
  const allowed: Record<string, unknown>[] = [
    { key: "a".repeat(64) },
    { version: "1" },
    { version: "v1.2" },
    { version: "1.2.3-beta.1+build" },
    { kernel: "" },
    { navigation: [{ items: [{ title: "a", url: "https://example.com/x?y#z" }] }] },
    { navigation: [{ items: [{ title: "a", url: "m/items?q=a:b" }] }] },
    { capabilities: [{ kind: "cron:register", target: "*" }, { kind: "event:emit", target: "*" }] },
    { hooks: { "a::b": "https://example.com" }, backend: { runtime: "webhook" } },
    ofTrigger({ type: "wasm", export: "close" }, WASM),
    ofTrigger({ type: "webhook", export: "", run_in_tx: false }),
    ofModel({ model_key: "Item" }),
    ofColumn({ name: "a".repeat(63) }),
    ofColumn({ type: "DateTime", default: "now()" }),
    ofColumn({ type: "uuid", default: "gen_random_uuid()" }),
    ofColumn({ name: "id", type: "UUID" }),
    ofColumn({ name: "deleted_at", type: "timestamp" }),
    ofColumn({ type: "bool", default: false }),
    ofColumn({ type: "decimal", default: 0 }),
    ofColumn({ type: "jsonb", default: "'{}'" }),
    ofColumn({ default: "null" }),
    ofColumn({ validation: { regex: "\\p{L}{1,40}", min: 1, max: 1, custom: "a.b" } }),
    ofRelation({ references: "uuid" }),
  ];
  for (const rest of allowed) parse(rest);
});

Deno.test("parseManifest() collects every complaint, 100 at most, and says the first", () => {
  const error = thrown(() =>
    parse({
      name: "",
      actions: { tickets: [{ key: "a", trigger: { type: "queue" } }] },
      capabilities: [{ kind: "x", target: "y" }],
    })
  );
  assert.deepEqual((error.details?.problems as ManifestProblem[]).map(({ path }) => path), [
    "name",
    "actions.tickets[0].trigger.type",
    "capabilities[0].kind",
  ]);
  assert.equal(error.message, "name: is required; 2 more");

  const columns = Array.from({ length: 250 }, () => ({ name: "B", type: "x" }));
  const many = thrown(() => parse(ofModel({ columns })));
  assert.equal((many.details?.problems as unknown[]).length, 100);
  assert.equal(many.details?.count, 500);
});

Deno.test("parseManifest() writes a place as the issue and as the contract do", () => {
  const error = thrown(() => parse(ofTrigger({ type: "wasm", export: "gone" }, WASM)));
  assert.equal(
    error.message,
    'actions.tickets[0].trigger.export: "gone" is not among backend.exports ' +
      '(at actions["tickets"][0].trigger.export)',
  );
});

Deno.test("parseManifest() bounds how much of everything is declared", () => {
  const list = (length: number, item: unknown) => Array.from({ length }, () => item);
  const column = (index: number) => ({ name: `c${index}`, type: "text" });
  const tooMuch: [Record<string, unknown>, string][] = [
    [{ model_definitions: list(201, MODEL) }, "model_definitions"],
    [
      ofModel({ columns: Array.from({ length: 301 }, (_, i) => column(i)) }),
      "model_definitions[0].columns",
    ],
    [{ capabilities: list(501, { kind: "a:b", target: "c" }) }, "capabilities"],
    [{ settings: list(201, { key: "k" }) }, "settings"],
    [{ navigation: list(201, { title: "t" }) }, "navigation"],
    [
      { actions: Object.fromEntries(Array.from({ length: 401 }, (_, i) => [`m${i}`, []])) },
      "actions",
    ],
  ];
  for (const [rest, path] of tooMuch) {
    const found = problems(rest).find((problem) => problem.path === path);
    assert.match(found?.message ?? "", /has \d+ entries; \d+ are allowed/, path);
  }
  let items: unknown[] = [{ title: "deep" }];
  for (let depth = 0; depth < 5; depth++) items = [{ title: "t", items }];
  assert.match(problems({ navigation: [{ items }] })[0]!.message, /deeper than 5/);
});

Deno.test("parseManifest() bounds what its patterns unroll to, before it compiles them", () => {
  const place = "model_definitions[0].columns[0].validation.regex";
  const huge = [
    `(${"a".repeat(900)}){0,1000}`,
    `${"(?:\\p{L}|\\p{N}){0,1000}".repeat(40)}`,
    "((((a{99}){99}){99}){99}){99}",
    `[${"a".repeat(500)}(]{1000}`.repeat(3),
  ];
  for (const regex of huge) {
    const [problem] = problems(ofColumn({ validation: { regex } }));
    assert.equal(problem?.path, place);
    assert.match(problem!.message, /unrolls to \d+ steps|characters/);
  }
  const columns = Array.from({ length: 20 }, (_, index) => ({
    name: `c${index}`,
    type: "text",
    validation: { regex: `a{900}b{${index}}` },
  }));
  parse(ofModel({ columns }));
  const many = columns.map((column, index) => ({
    ...column,
    validation: { regex: `(abcdefghi){900}b{${index}}` },
  }));
  const found = problems(ofModel({ columns: many }));
  assert.match(found[0]!.message, /together/);
  const same = many.map((column) => ({ ...column, validation: { regex: "(abcdefghi){900}" } }));
  parse(ofModel({ columns: same }));
});

Deno.test("patternSize() is never below what a pattern compiles into", () => {
  const piece = fc.constantFrom(
    "a",
    "\\.",
    "\\d",
    "[a-z]",
    "[^]a]",
    "[[:alpha:]]",
    "(b)",
    "(?:c|d)",
    "(?i:x)",
    "e{3}",
    "(f{2,5}g){4}",
    "h{2,}",
    "i*",
    "j+?",
    "\\Q)(\\E",
    "\\Q[\\E{3}",
    "\\(",
    "[(]",
    "[)\\]]",
    "{",
    "|",
    "^",
    "$",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (parts, n) => {
      for (const pattern of [parts.join(""), `(${parts.join("")}){${n}}`]) {
        const steps = RE2JS.compile(pattern).programSize();
        assert.ok(steps <= 2 * patternSize(pattern) + 4, `${pattern}: ${steps}`);
      }
    }),
    { numRuns: 300, seed: 7 },
  );
});

Deno.test("parseManifest() refuses other generations by name", () => {
  for (const apiVersion of ["asteby.com/v3beta", "asteby.com/v4", "gonext.io/v2"]) {
    const error = thrown(() => parseManifest({ apiVersion, kind: "Addon", metadata: {} }));
    assert.equal(error.code, "bundle.unsupported_manifest");
    assert.equal(error.kind, "unsupported");
    assert.match(error.message, /not supported by this version/);
  }
  assert.equal(parse({ apiVersion: 3 }).key, "notes");
});

Deno.test("parseManifest() answers or refuses any JSON value", () => {
  const keys = [
    "key",
    "model_definitions",
    "columns",
    "actions",
    "trigger",
    "name",
    "type",
    "hooks",
  ];
  const wild = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      fc.constantFrom<Json>(null, true, 0, -1, 1e308, "", "wasm", "items", "now()", "\u202e"),
      fc.string(),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), tie("value"), { maxKeys: 6 }),
    ),
  })).value;
  fc.assert(
    fc.property(wild, wild, wild, (models, actions, whole) => {
      for (
        const value of [whole, { ...IDENTITY, model_definitions: models, actions, hooks: whole }]
      ) {
        try {
          parseManifest(value);
        } catch (error) {
          assert.ok(isKernelError(error), `threw ${error}`);
        }
      }
    }),
    { numRuns: 500, seed: 7 },
  );
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  assert.equal(thrown(() => parseManifest(loop)).code, "bundle.bad_json");
  assert.equal(thrown(() => parseManifest(undefined)).code, "bundle.invalid_manifest");
});

Deno.test("readJson() agrees with JSON.parse on what it takes", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      let read: Json;
      try {
        read = readJson(text);
      } catch (error) {
        assert.ok(isKernelError(error));
        assert.match(error.message, /NUL|surrogate|__proto__|out of range/);
        return;
      }
      assert.deepEqual(read, JSON.parse(text));
    }),
    { numRuns: 500, seed: 7 },
  );
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'{}[]:,"\\ \n0-1.eE+tru fals nl') }),
      (text) => {
        let read: Json;
        try {
          read = readJson(text);
        } catch {
          return;
        }
        assert.deepEqual(read, JSON.parse(text));
      },
    ),
    { numRuns: 2000, seed: 7 },
  );
});

Deno.test("readJson() refuses what two readers could read differently, with line and column", () => {
  const cases: [string, number, number, RegExp][] = [
    ["", 1, 1, /ends early/],
    ['{\n  "a": 1,\n  "a": 2\n}', 3, 3, /"a" is there twice/],
    ['{"\\u0061": 1, "a": 2}', 1, 15, /twice/],
    ['{"__proto__": {}}', 1, 2, /__proto__/],
    ['{"a": 1,}', 1, 9, /key in double quotes/],
    ["[1,]", 1, 4, /value is expected/],
    ["[1 2]", 1, 4, /"," or "\]"/],
    ['{"a" 1}', 1, 6, /":"/],
    ["[01]", 1, 3, /"," or/],
    ["1e999", 1, 1, /out of range/],
    ["9007199254740993", 1, 1, /out of range/],
    ['"\\u0000"', 1, 1, /NUL/],
    ['"\\ud800"', 1, 1, /surrogate/],
    ['"\t"', 1, 1, /escape or a raw control/],
    ['"a', 1, 1, /no end/],
    ["NaN", 1, 1, /value is expected/],
    ["{} {}", 1, 4, /follows/],
    ["\ufeff{}", 1, 1, /value is expected/],
    [`${"[".repeat(65)}${"]".repeat(65)}`, 1, 65, /64 levels/],
  ];
  for (const [text, line, column, message] of cases) {
    const error = thrown(() => readJson(text));
    assert.equal(error.code, "bundle.bad_json", text);
    assert.deepEqual(error.details, { entry: "manifest.json", line, column }, text);
    assert.match(error.message, message);
  }
  assert.equal(thrown(() => readJson(new Uint8Array([0x22, 0xff, 0x22]))).code, "bundle.bad_text");
  const large = `"${"x".repeat(1024 * 1024)}"`;
  assert.equal(thrown(() => readJson(large)).code, "bundle.entry_too_large");
  const long = "y".repeat(1000 * 1024);
  assert.equal(readJson(JSON.stringify(long)), long);
  assert.equal((readJson('{"constructor": 1}') as JsonObject).constructor, 1);
});

Deno.test("satisfiesRange() reads the original's syntax of ranges", () => {
  const inside = [
    "",
    ">=2.0.0 <3.0.0",
    ">=2.0.0, <3.0.0",
    ">= 2.0.0 , < 3",
    "^2",
    "~2.0",
    "~>2.0",
    "2.x",
    "2.*",
    "2",
    "v2.0.0",
    "=2.0",
    "*",
    "=>2.0",
    "=<2.0.0",
    "!=2.1.0",
    ">=1 !=1.5",
    "1.0 - 3.0",
    "^1 || ^2",
    "^1||>=2.0.0 <2.0.1",
  ];
  for (const range of inside) assert.ok(satisfiesRange("2.0.0", range), range);
  const outside = [">2.0", "^1", "<2", "!=2", "!=2.0", ">=3.0.0", "2.1.x", "1.0 - 1.9", "^1 || ^3"];
  for (const range of outside) {
    assert.ok(isVersionRange(range), range);
    assert.ok(!satisfiesRange("2.0.0", range), range);
  }
  for (const none of ["latest", "^", "><2", "||", "^2 ||", "2.0.0.0", "2,,3", "a.b.c", ">=2;"]) {
    assert.ok(!isVersionRange(none), none);
    assert.ok(!satisfiesRange("2.0.0", none), none);
  }
});

Deno.test("checkKernelRange() lets in what fits and names both figures otherwise", () => {
  checkKernelRange({});
  checkKernelRange({ kernel: ">=2.0.0 <3.0.0" });
  checkKernelRange({ kernel: "^0.9" }, "0.9.0");
  const error = thrown(() => checkKernelRange({ kernel: ">=3.0.0" }));
  assert.equal(error.code, "bundle.kernel_mismatch");
  assert.equal(error.kind, "precondition");
  assert.equal(error.message, 'kernel: contract version 2.0.0 does not satisfy ">=3.0.0".');
});

Deno.test("normalizeVersion() completes lenient versions", () => {
  assert.equal(normalizeVersion("1"), "1.0.0");
  assert.equal(normalizeVersion("v1.2"), "1.2.0");
  assert.equal(normalizeVersion("1.0-beta.2"), "1.0.0-beta.2");
  for (const text of ["", "x", "1.2.3.4", "01", "1.", "1 2", "1.2.3-", "-1"]) {
    assert.equal(normalizeVersion(text), undefined, text);
  }
});

Deno.test("parseColumnDefault() takes the closed set of forms and nothing else", () => {
  const literal = (value: string | number | boolean) => ({ kind: "literal", value });
  assert.deepEqual(parseColumnDefault(0), literal(0));
  assert.deepEqual(parseColumnDefault(true), literal(true));
  assert.deepEqual(parseColumnDefault("-1.50"), literal(-1.5));
  assert.deepEqual(parseColumnDefault("'open'"), literal("open"));
  assert.deepEqual(parseColumnDefault("''"), literal(""));
  assert.deepEqual(parseColumnDefault("false"), literal(false));
  assert.deepEqual(parseColumnDefault("NOW()"), { kind: "now" });
  assert.deepEqual(parseColumnDefault("current_timestamp"), { kind: "now" });
  assert.deepEqual(parseColumnDefault("uuid_generate_v4()"), { kind: "uuid" });
  assert.equal(parseColumnDefault("null"), undefined);
  assert.equal(parseColumnDefault(""), undefined);
  const hostile = [
    "open",
    "'a'b'",
    "'a\"'",
    "'a;'",
    "'a\\'",
    "'a\n'",
    "1;drop",
    "'",
    "1e5",
  ];
  for (const text of [...hostile, "nextval('s')", "constructor", "9007199254740993"]) {
    assert.equal(thrown(() => parseColumnDefault(text)).code, "bundle.invalid_default", text);
  }
});

Deno.test("fitColumnDefault() gives a literal of the column's own kind or nothing", () => {
  const fit = (type: Parameters<typeof fitColumnDefault>[0], value: string | number | boolean) =>
    fitColumnDefault(type, { kind: "literal", value });
  const value = (fitted: ReturnType<typeof fit>) =>
    fitted?.kind === "literal" ? fitted.value : fitted;
  assert.equal(value(fit("integer", "5")), 5);
  assert.equal(value(fit("string", 5)), "5");
  assert.equal(value(fit("boolean", "true")), true);
  assert.equal(value(fit("decimal", 1.5)), 1.5);
  assert.equal(value(fit("date", "2026-01-31")), "2026-01-31");
  assert.equal(value(fit("timestamp", "2026-01-31T10:00:00Z")), "2026-01-31T10:00:00Z");
  const unfit: [Parameters<typeof fit>[0], string | number | boolean][] = [
    ["integer", 1.5],
    ["integer", 2 ** 31],
    ["integer", "x"],
    ["boolean", 1],
    ["uuid", "x"],
    ["date", "soon"],
    ["date", "2026-13-45"],
    ["date", "2026-02-30"],
    ["json", "{"],
    ["json", 1],
  ];
  for (const [type, literal] of unfit) {
    assert.equal(fit(type, literal), undefined, `${type} ${literal}`);
  }
  assert.equal(fitColumnDefault("integer", { kind: "now" }), undefined);
  assert.equal(fitColumnDefault("date", { kind: "uuid" }), undefined);
});
