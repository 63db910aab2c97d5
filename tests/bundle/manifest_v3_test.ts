/**
 * The reader of the generation `asteby.com/v3`: two manifests of the project's own whole, every rule
 * with its place, and what is refused because the kernel cannot do it.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isKernelError, type KernelError } from "../../src/base/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../src/base/json.ts";
import { openBundle } from "../../src/bundle/bundle.ts";
import { checkKernelRange } from "../../src/bundle/manifest/kernel_range.ts";
import type { Manifest } from "../../src/bundle/manifest/manifest.ts";
import { parseManifest } from "../../src/bundle/manifest/parse.ts";
import type { ManifestProblem } from "../../src/bundle/manifest/problem.ts";
import { packBundle } from "../../src/bundle/pack.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import { modalMetadata } from "../../src/models/modal_metadata.ts";
import { createSnapshot } from "../../src/models/snapshot.ts";
import { tableMetadata } from "../../src/models/table_metadata.ts";
import { tableSpecsOf } from "../../src/models/table_spec.ts";

const FIXTURES = new URL("../fixtures/manifests/", import.meta.url);
const PARCELS = readFixture("parcels_v3");
const BOOKINGS = readFixture("bookings_v3");
const COLUMN = { name: "title", type: "text" };
const MODEL = { key: "Item", table: "items", columns: [COLUMN] };
const MINIMAL: JsonObject = {
  apiVersion: "asteby.com/v3",
  kind: "Addon",
  metadata: { key: "notes", name: "Notes", version: "1.0.0" },
  models: [MODEL],
};

function readFixture(name: string): JsonObject {
  return JSON.parse(Deno.readTextFileSync(new URL(`${name}.json`, FIXTURES)));
}

function refusal(document: unknown): KernelError {
  try {
    parseManifest(document);
  } catch (error) {
    assert.ok(isKernelError(error), `threw ${error}, which is no KernelError`);
    return error;
  }
  throw new assert.AssertionError({ message: `nothing was thrown: ${JSON.stringify(document)}` });
}

function problems(rest: Record<string, unknown>): readonly ManifestProblem[] {
  const error = refusal({ ...MINIMAL, ...rest });
  assert.equal(error.code, "bundle.invalid_manifest", error.message);
  return error.details?.problems as readonly ManifestProblem[];
}

function parse(rest: Record<string, unknown>): Manifest {
  return parseManifest({ ...MINIMAL, ...rest });
}

function ofModel(rest: Record<string, unknown>): Record<string, unknown> {
  return { models: [{ ...MODEL, ...rest }] };
}

function ofColumn(rest: Record<string, unknown>): Record<string, unknown> {
  return ofModel({ columns: [{ ...COLUMN, ...rest }] });
}

function ofAction(rest: Record<string, unknown>): Record<string, unknown> {
  return { contributions: { actions: [{ key: "go", target_model: "Item", ...rest }] } };
}

function ofTool(rest: Record<string, unknown>): Record<string, unknown> {
  const tool = { key: "find", description: "d", handler: { type: "wasm", function: "Find" } };
  return { contributions: { tools: [{ ...tool, ...rest }] } };
}

function ofForeignKey(rest: Record<string, unknown>): Record<string, unknown> {
  const other = { key: "Other", table: "others", columns: [{ name: "item_id", type: "uuid" }] };
  const key = { columns: ["item_id"], references: { model: "Item", columns: ["id"] } };
  return { models: [MODEL, { ...other, foreign_keys: [{ ...key, ...rest }] }] };
}

Deno.test("v3: models become tables with their indexes and keys, columns of every table left out", () => {
  const { model_definitions: [parcel, depot, event] } = parseManifest(PARCELS);
  assert.equal(parcel!.model_key, "Parcel");
  assert.equal(parcel!.table_name, "parcels");
  assert.equal(parcel!.soft_delete, true);
  assert.deepEqual(parcel!.columns.slice(0, 5), [
    { name: "code", type: "string", size: 32, required: true },
    { name: "state", type: "text", required: true, default: "'open'", widget: "select" },
    { name: "weight", type: "decimal", default: "0" },
    { name: "pieces", type: "integer", default: 1 },
    { name: "insured", type: "boolean", default: "false" },
  ]);
  assert.ok(!parcel!.columns.some(({ name }) => name === "id" || name === "deleted_at"));
  assert.deepEqual(parcel!.indices, [
    { name: "parcels_code_uq", columns: ["organization_id", "code"], unique: true },
    { columns: ["state", "sent_at"], unique: false },
  ]);
  assert.deepEqual(parcel!.foreign_keys, [
    { columns: ["depot_id"], table: "depots", references: ["id"], on_delete: "restrict" },
  ]);
  assert.equal(parcel!.columns.find(({ name }) => name === "depot_id")!.ref, "depots");
  assert.equal(event!.columns.find(({ name }) => name === "person_id")!.ref, "users");
  assert.equal(event!.columns.find(({ name }) => name === "at")!.default, "current_timestamp");
  assert.deepEqual(depot!.columns, [{ name: "name", type: "text", required: true }]);
  assert.deepEqual(parcel!.relations?.[0], {
    name: "events",
    kind: "one_to_many",
    through: "parcel_events",
    foreign_key: "parcel_id",
  });
});

Deno.test("v3: indexes and keys of tables start with the organization", () => {
  const [parcels, , events] = tableSpecsOf(modelsOf(parseManifest(PARCELS), "addon_parcels"));
  const names = (index: { keys: readonly { expression: { kind: string } }[] }) =>
    index.keys.map(({ expression }) => "name" in expression ? expression.name : expression.kind);
  const unique = parcels!.indexes.find(({ name }) => name === "parcels_code_uq")!;
  assert.deepEqual(names(unique), ["organization_id", "code"]);
  assert.equal(unique.where?.kind, "isNull");
  assert.deepEqual(
    names(parcels!.indexes.find(({ name }) => name === "idx_parcels_state_sent_at")!),
    [
      "organization_id",
      "state",
      "sent_at",
    ],
  );
  // Written with and without the organization, it is the same key.
  assert.deepEqual(events!.foreignKeys, [{
    name: "fk_parcel_events_parcel_id",
    columns: ["organization_id", "parcel_id"],
    target: "parcels",
    targetColumns: ["organization_id", "id"],
    onDelete: "cascade",
  }]);
});

Deno.test("v3: what an author says about looks reaches the metadata that clients read", () => {
  const models = modelsOf(parseManifest(PARCELS), "addon_parcels");
  const snapshot = createSnapshot("1", models);
  const table = tableMetadata(models[0]!, snapshot);
  const columns = table.columns as unknown as JsonObject[];
  assert.deepEqual(columns.map(({ key, label }) => [key, label]).slice(0, 3), [
    ["code", "Code"],
    ["state", "State"],
    ["weight", "Weight"],
  ]);
  assert.equal(columns[0]!.tooltip, "Printed on it");
  assert.equal(columns[1]!.cellStyle, "badge");
  assert.deepEqual(columns[2]!.styleConfig, { decimals: 3 });
  assert.ok(columns.some(({ key }) => key === "created_at"));
  assert.equal(table.group_by, "state");
  const actions = table.actions as unknown as JsonObject[];
  assert.deepEqual(actions.map(({ key, placement }) => [key, placement]).slice(0, 2), [
    ["send", undefined],
    ["print", "table"],
  ]);
  assert.deepEqual(table.transitions, [{ from: "open", to: "sent" }]);
  const modal = modalMetadata(models[0]!, snapshot);
  const fields = modal.fields as unknown as JsonObject[];
  assert.equal(fields.length, models[0]!.columns.length);
  assert.deepEqual(fields[1]!.options, [
    { value: "open", label: "open" },
    { value: "sent", label: "Sent", color: "green" },
  ]);
  assert.equal((modal.form_layout as JsonObject).mode, "sections");
  assert.ok(snapshot.find("Parcel") === models[0] && snapshot.find("parcels.Parcel") === models[0]);
});

Deno.test("v3: actions, tools, subscriptions and hooks name their code", () => {
  const manifest = parseManifest(PARCELS);
  assert.deepEqual(manifest.backend, {
    runtime: "wasm",
    entry: "backend/backend.wasm",
    exports: ["Send", "OfCustomer", "Track", "OnCustomer", "Install", "FromOne"],
  });
  const [send, print] = manifest.actions.Parcel!;
  assert.deepEqual(send!.trigger, { type: "wasm", export: "Send" });
  assert.deepEqual(send!.requiresState, ["open"]);
  assert.equal(send!.stateField, "state");
  assert.equal(send!.idempotencyField, "reference");
  assert.deepEqual(send!.fields!.map(({ name, default: value }) => [name, value]), [
    ["reference", undefined],
    ["speed", "slow"],
  ]);
  assert.deepEqual(print!.trigger, { type: "webhook", url: "https://backend.example/print" });
  assert.equal(print!.placement, "table");
  assert.deepEqual(manifest.actions.ParcelEvent![0]!.trigger, { type: "compiled" });
  assert.deepEqual(manifest.actions.ParcelEvent![0]!.fields!.map(({ name }) => name), ["a", "b"]);
  assert.deepEqual(manifest.actions.Depot![0]!.trigger, { type: "noop" });
  assert.equal(manifest.extensions[0]!.model, "crm.Customer");
  const [track, quote] = manifest.tools;
  assert.deepEqual(track!.input_schema[0], {
    name: "code",
    type: "string",
    description: "Its code",
    example: "A1",
    validation: "^[A-Z0-9]+$",
    required: true,
  });
  assert.deepEqual(track!.input_schema.map(({ type }) => type), [
    "string",
    "email",
    "number",
    "string",
  ]);
  assert.equal(track!.parameters_schema?.type, "object");
  assert.equal(quote!.endpoint, "https://backend.example/quote");
  assert.deepEqual(manifest.subscriptions.map(({ event, filter }) => [event, filter]), [
    ["crm.customer.*", undefined],
    ["orders.order.created", { "after.status": "paid" }],
  ]);
  assert.deepEqual(manifest.lifecycle_hooks, [
    { event: "install", handler: { type: "wasm", function: "Install" }, priority: 0 },
    { event: "disable", handler: { type: "compiled", name: "disable" }, priority: 0 },
    {
      event: "upgrade",
      handler: { type: "wasm", function: "FromOne" },
      priority: 0,
      from: "<2.0.0",
    },
  ]);
});

Deno.test("v3: requirements, rights, settings, permissions and what may be extended", () => {
  const manifest = parseManifest(PARCELS);
  assert.equal(manifest.kernel, ">=3.0.0 <4.0.0");
  assert.deepEqual(manifest.requires.map(({ key, optional }) => [key, optional]), [
    ["crm", false],
    ["maps", true],
  ]);
  assert.deepEqual(manifest.capabilities.map(({ kind, target }) => `${kind} ${target}`), [
    "db:read addon_crm.customers",
    "http:fetch *.carrier.example",
    "event:emit parcels.*",
    "time:wallclock self",
    "connector:read carrier",
  ]);
  assert.deepEqual(manifest.settings.map(({ key, secret, required }) => [key, secret, required]), [
    ["prefix", undefined, true],
    ["carrier_key", true, undefined],
    ["speed", undefined, undefined],
  ]);
  assert.deepEqual(manifest.extensible_models, ["Parcel", "Depot"]);
  assert.deepEqual(
    parse({ extension_points: { model_extensions_accepted: false } })
      .extensible_models,
    [],
  );
  assert.equal(parse({}).extensible_models, undefined);
  assert.equal(manifest.unheeded.length, 8, manifest.unheeded.join("\n"));
  assert.match(manifest.unheeded.join("\n"), /models\[0\]\.transitions: .*does not hold/);
  assert.match(manifest.unheeded.join("\n"), /capabilities\[3\]\.kind: .*grants nothing/);
  assert.equal(parseManifest(BOOKINGS).tenant_isolation, "schema-per-tenant");
});

Deno.test("v3: clients are given the shape of the flat generation, which reads as the same addon", () => {
  const manifest = parseManifest(PARCELS);
  const shown = manifest.client_document;
  assert.equal(shown.key, "parcels");
  assert.equal(shown.icon_slug, "Package");
  assert.equal(shown.apiVersion, undefined);
  assert.deepEqual(shown.slots, [{ slot: "dashboard.top", component: "./Top" }]);
  assert.deepEqual(shown.metadata_i18n, { es: { name: "Paquetes" } });
  assert.equal((shown.frontend as JsonObject).container, "metacore_parcels");
  assert.ok(isJsonObject(shown.actions) && Object.hasOwn(shown.actions, "Parcel"));
  const bookings = parseManifest(BOOKINGS);
  const flat = parseManifest(bookings.client_document);
  assert.equal(flat.generation, "v2");
  for (const part of ["key", "version", "settings", "capabilities", "navigation"] as const) {
    assert.deepEqual(flat[part], bookings[part], part);
  }
  assert.deepEqual(
    flat.model_definitions.map(({ columns }) => columns),
    bookings.model_definitions.map(({ columns }) => columns),
  );
});

Deno.test("v3: a stored document reads as the same manifest", () => {
  for (const document of [PARCELS, BOOKINGS, MINIMAL]) {
    const manifest = parseManifest(document);
    assert.deepEqual(manifest.document, document);
    assert.deepEqual(parseManifest(JSON.parse(JSON.stringify(manifest.document))), manifest);
  }
});

Deno.test("v3: a kernel range is held against that generation's contract", () => {
  const asking = (version: string) =>
    parse({ compatibility: { requires: [{ key: "kernel", version }] } });
  checkKernelRange(asking(">=3.0.0 <4.0.0"));
  assert.throws(() => checkKernelRange(asking(">=2.0.0 <3.0.0")), {
    code: "bundle.kernel_mismatch",
  });
  const flat = { key: "notes", name: "N", version: "1.0.0", kernel: ">=2.0.0 <3.0.0" };
  checkKernelRange(parseManifest(flat));
  assert.throws(() => checkKernelRange(parseManifest({ ...flat, kernel: ">=3.0.0" })), {
    code: "bundle.kernel_mismatch",
  });
});

Deno.test("v3: a bundle holds the module and the translations that its manifest names", async () => {
  const open = async (...paths: string[]) => {
    const files = new Map<string, string>([["manifest.json", JSON.stringify(PARCELS)]]);
    for (const path of paths) files.set(path, "{}");
    return await openBundle(await packBundle(files));
  };
  const all = ["backend/backend.wasm", "i18n/en.json", "i18n/es.json"];
  assert.equal((await open(...all)).backendEntry, "backend/backend.wasm");
  for (const missing of all) {
    const rest = all.filter((path) => path !== missing);
    await assert.rejects(open(...rest), { code: "bundle.incomplete" }, missing);
  }
  const withTexts = async (texts: string) =>
    await openBundle(
      await packBundle(
        new Map([
          ["manifest.json", JSON.stringify(PARCELS)],
          ...all.map((path): [string, string] => [path, path === "i18n/es.json" ? texts : "{}"]),
        ]),
      ),
    );
  const bad = { "[1,": /^i18n\/es\.json, line 1, column 4: /, "[]": /i18n\/es.json.* object/ };
  for (const [texts, message] of Object.entries(bad)) {
    await assert.rejects(withTexts(texts), { code: "bundle.bad_json", message }, texts);
  }
});

Deno.test("v3: other kinds are refused by name", () => {
  for (const kind of ["Preset", "Theme", "ConnectorPack"]) {
    const error = refusal({ ...MINIMAL, kind });
    assert.equal(error.code, "bundle.unsupported_manifest");
    assert.match(error.message, new RegExp(`"${kind}"`));
  }
});

const MANY_NAMES = Array.from({ length: 32 }, (_, at) => `column_${at}`);
const BROKEN_RULES: [Record<string, unknown>, string, RegExp][] = [
  [{ kind: undefined }, "kind", /required/],
  [{ kind: "Adon" }, "kind", /did you mean "Addon"/],
  [{ metadatas: {} }, "metadatas", /no property here; did you mean "metadata"/],
  [{ backend: {} }, "backend", /no property here/],
  [{ metadata: { key: "a1", name: "A" } }, "metadata.version", /required/],
  [
    { metadata: { ...MINIMAL.metadata as JsonObject, version: "v1.0" } },
    "metadata.version",
    /whole/,
  ],
  [{ metadata: { ...MINIMAL.metadata as JsonObject, key: "kernel" } }, "metadata.key", /reserved/],
  [{ metadata: { ...MINIMAL.metadata as JsonObject, id: "x" } }, "metadata.id", /mean "key"/],
  [
    { metadata: { ...MINIMAL.metadata as JsonObject, icon: { type: "lucid" } } },
    "metadata.icon.type",
    /did you mean "lucide"/,
  ],
  [
    { compatibility: { requires: [{ key: "kernel", version: "latest" }] } },
    "compatibility.requires[0].version",
    /version range/,
  ],
  [
    { compatibility: { requires: [{ key: "crm" }] } },
    "compatibility.requires[0].version",
    /required/,
  ],
  [
    { compatibility: { requires: [{ key: "notes", version: "*" }] } },
    "compatibility.requires[0].key",
    /itself/,
  ],
  [
    { compatibility: { requires: [{ key: "kernel", version: "*", optional: true }] } },
    "compatibility.requires[0].optional",
    /never optional/,
  ],
  [{ tenancy: { isolation: "database" } }, "tenancy.isolation", /not supported.*"schema"/],
  [{ tenancy: { isolation: "schemas" } }, "tenancy.isolation", /did you mean "schema"/],
  [{ tenancy: { rls_column: "tenant_id" } }, "tenancy.rls_column", /organization_id/],
  [{ capabilities: [{ kind: "db:reed", target: "x" }] }, "capabilities[0].kind", /mean "db:read"/],
  [{ capabilities: [{ kind: "db:read" }] }, "capabilities[0].target", /required/],
  [{ capabilities: [{ kind: "db:write", target: "*" }] }, "capabilities[0].target", /too wide/],
  [
    { capabilities: [{ kind: "http:fetch", target: "https://*/*" }] },
    "capabilities[0].target",
    /too wide/,
  ],
  [
    { capabilities: [{ kind: "http:fetch", target: "https://a@b.example/" }] },
    "capabilities[0].target",
    /names no host/,
  ],
  [
    { capabilities: [{ kind: "http:fetch", target: "file:///etc/passwd" }] },
    "capabilities[0].target",
    /names no host/,
  ],
  [ofModel({ key: "it ems" }), "models[0].key", /must match/],
  [ofModel({ table: "Items" }), "models[0].table", /must match/],
  [ofModel({ table: "a".repeat(65) }), "models[0].table", /must match/],
  [ofModel({ table_name: "x" }), "models[0].table_name", /did you mean "table"/],
  [ofModel({ columns: [] }), "models[0].columns", /at least one column/],
  [
    ofModel({ columns: [{ name: "id", type: "uuid" }] }),
    "models[0].columns",
    /at least one column of its own/,
  ],
  [ofModel({ columns: [COLUMN, COLUMN] }), "models[0].columns[1].name", /duplicate column/],
  [ofModel({ stage_field: "state" }), "models[0].stage_field", /no column/],
  [
    { models: [MODEL, { ...MODEL, key: "Other" }] },
    "models[1].table",
    /duplicate table/,
  ],
  [
    { models: [MODEL, { ...MODEL, key: MODEL.table, table: "others" }] },
    "models[1].key",
    /table of another model/,
  ],
  [
    ofModel({
      relations: [{
        name: "r",
        kind: "one_to_many",
        through: "others",
        foreign_key: "a",
        pivot: "others",
      }],
    }),
    "models[0].relations[0].pivot",
    /has no pivot/,
  ],
  [
    ofModel({
      columns: MANY_NAMES.map((name) => ({ name, type: "text" })),
      indices: [{ columns: MANY_NAMES }],
    }),
    "models[0].indices[0].columns",
    /31 are allowed/,
  ],
  [ofColumn({ required: true }), "models[0].columns[0].required", /did you mean "not_null"/],
  [ofColumn({ type: "timestamptzz" }), "models[0].columns[0].type", /mean "timestamptz"/],
  [ofColumn({ type: "bytea" }), "models[0].columns[0].type", /not a column type/],
  [ofColumn({ type: "numeric(30,2)" }), "models[0].columns[0].type", /does not fit/],
  [ofColumn({ type: "numeric(10,6)" }), "models[0].columns[0].type", /does not fit/],
  [ofColumn({ type: "varchar(0)" }), "models[0].columns[0].type", /length/],
  [ofColumn({ type: "varchar(10485761)" }), "models[0].columns[0].type", /length/],
  [ofColumn({ type: "text; drop table x" }), "models[0].columns[0].type", /not a column type/],
  [
    ofModel({ columns: [COLUMN, { name: "id", type: "integer" }] }),
    "models[0].columns[1].type",
    /uuid/,
  ],
  [ofColumn({ primary_key: true }), "models[0].columns[0].primary_key", /always "id"/],
  [ofColumn({ default: "a'b" }), "models[0].columns[0].default", /not a default/],
  [ofColumn({ default: "a; drop" }), "models[0].columns[0].default", /not a default/],
  [ofColumn({ default: {} }), "models[0].columns[0].default", /must be a text/],
  [ofColumn({ type: "int", default: "x" }), "models[0].columns[0].default", /not a default/],
  [ofColumn({ type: "int", default: "now()" }), "models[0].columns[0].default", /integer/],
  [ofColumn({ widget: "txt" }), "models[0].columns[0].widget", /did you mean "text"/],
  [ofColumn({ visible_when: { field: "a" } }), "models[0].columns[0].visible_when", /"equals"/],
  [ofColumn({ options: [{ label: "a" }] }), "models[0].columns[0].options[0].value", /required/],
  [ofColumn({ generated: "a + b" }), "models[0].columns[0].generated", /not supported by this/],
  [ofColumn({ sequence: "no" }), "models[0].columns[0].sequence", /not supported by this/],
  [ofColumn({ constraints: [{}] }), "models[0].columns[0].constraints", /not supported by this/],
  [ofModel({ indices: [{ columns: ["gone"] }] }), "models[0].indices[0].columns[0]", /no column/],
  [
    ofModel({ indices: [{ columns: ["organization_id"] }] }),
    "models[0].indices[0].columns",
    /beside/,
  ],
  [
    ofModel({ indices: [{ columns: ["title"], method: "gin" }] }),
    "models[0].indices[0].method",
    /btree/,
  ],
  [
    ofModel({ indices: [{ name: "i", columns: ["title"] }, { name: "I", columns: ["title"] }] }),
    "models[0].indices[1].name",
    /must match/,
  ],
  [
    ofModel({ indices: [{ name: "i", columns: ["title"] }, { name: "i", columns: ["title"] }] }),
    "models[0].indices[1].name",
    /duplicate index/,
  ],
  [
    ofForeignKey({ references: { model: "crm.Customer", columns: ["id"] } }),
    "models[1].foreign_keys[0].policy",
    /"physical" into "crm.Customer".*use "logical"/,
  ],
  [
    ofForeignKey({ references: { model: "notes.Gone", columns: ["id"] } }),
    "models[1].foreign_keys[0].references.model",
    /no model of this addon/,
  ],
  [
    ofForeignKey({ references: { model: "Item", columns: ["id", "title"] } }),
    "models[1].foreign_keys[0].references.columns",
    /2 columns for 1/,
  ],
  [ofForeignKey({ on_delete: "explode" }), "models[1].foreign_keys[0].on_delete", /set_null/],
  [ofForeignKey({ policy: "maybe" }), "models[1].foreign_keys[0].policy", /physical, logical/],
  [ofModel({ extensions: [{}] }), "models[0].extensions", /not supported by this kernel/],
  [ofModel({ seed: [{ key: "a" }] }), "models[0].seed", /not supported by this kernel/],
  [ofModel({ formulas: [{}] }), "models[0].formulas", /not supported by this kernel/],
  [ofModel({ sequences: [{}] }), "models[0].sequences", /not supported by this kernel/],
  [ofModel({ locking: "row" }), "models[0].locking", /not supported by this kernel/],
  [ofModel({ on_transition: [{}] }), "models[0].on_transition", /not supported by this kernel/],
  [
    ofModel({
      relations: [{
        name: "a",
        kind: "one_to_many",
        through: "b",
        foreign_key: "c",
        rollups: [{}],
      }],
    }),
    "models[0].relations[0].rollups",
    /not supported by this kernel/,
  ],
  [
    ofModel({ relations: [{ name: "a", kind: "belongs_to", through: "b" }] }),
    "models[0].relations[0].foreign_key",
    /required/,
  ],
  [{ connectors: [{}] }, "connectors", /not supported by this kernel yet/],
  [{ schedules: [{ key: "a" }] }, "schedules", /not supported by this kernel yet/],
  [{ webhooks: [{}] }, "webhooks", /not supported by this kernel yet/],
  [{ billing: { metered_events: [{}] } }, "billing.metered_events", /not supported by this kernel/],
  [{ contributions: { documents: [{}] } }, "contributions.documents", /not supported by this/],
  [{ contributions: { public_routes: [1] } }, "contributions.public_routes", /not supported/],
  [{ contributions: { widgets: [] } }, "contributions.widgets", /no property here/],
  [ofAction({ target_model: undefined }), "contributions.actions[0].target_model", /required/],
  [ofAction({ trigger: {} }), "contributions.actions[0].trigger", /did you mean "handler"/],
  [ofAction({ confirmMessage: "x" }), "contributions.actions[0].confirmMessage", /confirm_message/],
  [ofAction({ handler: { type: "wasm" } }), "contributions.actions[0].handler.function", /needs/],
  [
    ofAction({ handler: { type: "wasm", function: "a-b" } }),
    "contributions.actions[0].handler.function",
    /invalid symbol/,
  ],
  [ofAction({ handler: { type: "webhook" } }), "contributions.actions[0].handler.url", /needs an/],
  [
    ofAction({ handler: { type: "webhook", url: "/relative" } }),
    "contributions.actions[0].handler.url",
    /absolute/,
  ],
  [
    ofAction({ handler: { type: "webhook", url: "javascript:alert(1)" } }),
    "contributions.actions[0].handler.url",
    /neither/,
  ],
  [
    ofAction({ handler: { type: "connector", connector: "c", export: "e" } }),
    "contributions.actions[0].handler.type",
    /connectors are not supported/,
  ],
  [ofAction({ placement: "rows" }), "contributions.actions[0].placement", /did you mean "row"/],
  [ofAction({ fields: [{}] }), "contributions.actions[0].fields[0].key", /required/],
  [
    ofAction({ fields: [{ key: "a", validation: {} }] }),
    "contributions.actions[0].fields[0].validation",
    /not supported/,
  ],
  [
    {
      contributions: {
        actions: [{ key: "a", target_model: "Item" }, { key: "A", target_model: "items" }],
      },
    },
    "contributions.actions[1].key",
    /duplicate action/,
  ],
  [ofTool({ id: "x" }), "contributions.tools[0].id", /did you mean "key"/],
  [ofTool({ handler: undefined }), "contributions.tools[0].handler", /required/],
  [ofTool({ input_schema: [] }), "contributions.tools[0].input_schema", /object, not a list/],
  [
    ofTool({ input_schema: { type: "array" } }),
    "contributions.tools[0].input_schema.type",
    /must be "object"/,
  ],
  [
    ofTool({ input_schema: { type: "object", properties: {}, required: ["a"] } }),
    "contributions.tools[0].input_schema.required[0]",
    /not among the properties/,
  ],
  [
    ofTool({ input_schema: { type: "object", properties: { constructor: {} } } }),
    "contributions.tools[0].input_schema.properties.constructor",
    /not a parameter name/,
  ],
  [
    ofTool({
      input_schema: { type: "object", properties: { a: { type: "string", pattern: "(" } } },
    }),
    "contributions.tools[0].input_schema.properties.a.pattern",
    /RE2/,
  ],
  [
    { contributions: { subscriptions: [{ event: "a b", handler: "wasm:F" }] } },
    "contributions.subscriptions[0].event",
    /not an event/,
  ],
  [
    { contributions: { subscriptions: [{ event: "a.b", handler: "F" }] } },
    "contributions.subscriptions[0].handler",
    /wasm:<function>/,
  ],
  [
    { contributions: { navigation: [{ items: [{ href: "/x" }] }] } },
    "contributions.navigation[0].items[0].href",
    /no property here/,
  ],
  [
    { contributions: { navigation: [{ items: [{ url: "data:x" }] }] } },
    "contributions.navigation[0].items[0].url",
    /neither/,
  ],
  [
    { lifecycle: { upgrade: [{ type: "sql", function: "x" }] } },
    "lifecycle.upgrade[0].type",
    /migrations/,
  ],
  [{ lifecycle: { boot: "wasm:B" } }, "lifecycle.boot", /no property here/],
  [{ i18n: { bundles: [{ locale: "en", path: "../x" }] } }, "i18n.bundles[0].path", /climbs/],
  [{ i18n: { default_locale: "../en" } }, "i18n.default_locale", /must match/],
  [{ settings: [{ key: "a", type: "strng" }] }, "settings[0].type", /did you mean "string"/],
  [{ settings: [{ key: "a", default_value: 1 }] }, "settings[0].default_value", /mean "default"/],
  [
    { extension_points: { model_extensions_accepted: ["crm.Customer"] } },
    "extension_points.model_extensions_accepted[0]",
    /no model of this addon/,
  ],
  [{ frontend: { format: "esm" } }, "frontend.format", /federation, script/],
  [{ frontend: { entri: "x" } }, "frontend.entri", /did you mean "entry"/],
];

Deno.test("v3: each broken rule is refused at its place", () => {
  for (const [rest, path, message] of BROKEN_RULES) {
    const found = problems(rest);
    assert.deepEqual(found.map((problem) => problem.path), [path], JSON.stringify(rest));
    assert.match(found[0]!.message, message, JSON.stringify(rest));
  }
});

Deno.test("v3: every complaint is reported at once", () => {
  const error = refusal({
    ...MINIMAL,
    schedules: [1],
    tenancy: { isolation: "database" },
    models: [{ ...MODEL, seed: [1], columns: [{ ...COLUMN, type: "blob" }] }],
  });
  assert.deepEqual((error.details?.problems as ManifestProblem[]).map(({ path }) => path), [
    "schedules",
    "models[0].seed",
    "models[0].columns[0].type",
    "tenancy.isolation",
  ]);
});

Deno.test("v3: what the rules allow at their edges", () => {
  const allowed: Record<string, unknown>[] = [
    { models: undefined },
    { connectors: [], schedules: [], webhooks: [], billing: {} },
    { capabilities: [{ kind: "http:fetch", target: "http://api.example.com:8443" }] },
    ofColumn({ default: "now()", type: "timestamp without time zone" }),
    ofColumn({ default: "2026-01-31", type: "date" }),
    ofColumn({ default: "5" }),
    ofColumn({ default: "TRUE", type: "bool" }),
    ofColumn({ default: "", type: "int" }),
    ofColumn({ type: "NUMERIC(18, 4)" }),
    ofColumn({ options: { source: "users" }, ref: "users" }),
    ofForeignKey({ references: { model: "users" }, policy: "logical" }),
    ofForeignKey({ references: { model: "items" }, on_delete: "set null" }),
    ofAction({ handler: { type: "webhook", url: "https://x.example/{{id}}" } }),
    { contributions: { subscriptions: [{ event: "*", handler: "wasm:All" }] } },
    { lifecycle: { enable: { type: "webhook", url: "https://x.example/on" } } },
  ];
  for (const rest of allowed) parse(rest);
  // A text column takes what looks like something else for a text.
  const column = (rest: Record<string, unknown>) =>
    parse(ofColumn(rest)).model_definitions[0]!.columns[0]!;
  assert.equal(column({ default: "5" }).default, "'5'");
  assert.equal(column({ default: "'open'" }).default, "'open'");
  assert.equal(column({ default: "null" }).default, undefined);
});

Deno.test("v3: any change of a manifest is answered or refused with a place", () => {
  const places: { object: string[]; key: string }[] = [];
  const walk = (value: Json, path: string[]): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      places.push({ object: path, key });
      walk(inner as Json, [...path, key]);
    }
  };
  walk(PARCELS, []);
  const wild = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom("", "*", "a".repeat(300), "'; drop table x", -1, 1e300, "constructor"),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places), wild, ({ object, key }, value) => {
      const changed = structuredClone(PARCELS) as Record<string, unknown>;
      let at = changed as Record<string, unknown>;
      for (const step of object) at = at[step] as Record<string, unknown>;
      at[key] = value;
      try {
        const manifest = parseManifest(changed);
        assert.deepEqual(parseManifest(manifest.document), manifest);
      } catch (error) {
        assert.ok(isKernelError(error), `${error}`);
        assert.match(error.code, /^bundle\./);
      }
    }),
    { numRuns: 400, seed: 11 },
  );
});
