/**
 * Plans of installations by example: what each kind of new version gives, and what refuses it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { sql } from "kysely";
import { isKernelError, KernelError } from "../../src/base/error.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { parseManifest } from "../../src/bundle/mod.ts";
import type { Manifest } from "../../src/bundle/manifest/manifest.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import { completeChange } from "../../src/db/schema/complete.ts";
import { describeChange } from "../../src/db/schema/describe.ts";
import type { SchemaChange, SchemaState } from "../../src/db/schema/spec.ts";
import { applyChanges } from "../../src/addons/install/apply.ts";
import { checkAcceptance } from "../../src/addons/plan/acceptance.ts";
import {
  calledHost,
  capabilityName,
  declaredCapabilities,
} from "../../src/addons/plan/capabilities.ts";
import { countRisks } from "../../src/addons/plan/count_risks.ts";
import { migratedShape } from "../../src/addons/plan/migrated_shape.ts";
import { makePlan } from "../../src/addons/plan/make_plan.ts";
import { demandNoObstacles, obstaclesOf } from "../../src/addons/plan/obstacles.ts";
import type {
  OtherInstallation,
  PlanMaterial,
  StandingInstallation,
} from "../../src/addons/plan/plan_material.ts";
import { inTopologicalOrder } from "../../src/addons/plan/requirement_order.ts";
import {
  checkNotNeeded,
  requirementObstacles,
  requirementsOf,
} from "../../src/addons/plan/requirements.ts";
import { risksOf } from "../../src/addons/plan/risks.ts";
import { planTables } from "../../src/addons/plan/table_plan.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import type { Model } from "../../src/models/model.ts";
import { engineTest } from "../_support/engines.ts";

const SCHEMA = "addon_desk";
const ORG = "0b8c2c1e-0000-4000-8000-00000000000a";
const tickets = { schema: SCHEMA, table: "tickets" };

const NUMBER = { name: "number", type: "string", size: 20, required: true, unique: true };
const TITLE = { name: "title", type: "string", size: 200, required: true };

function manifestWith(columns: readonly JsonObject[], more: JsonObject = {}): Manifest {
  return parseManifest({
    key: "desk",
    name: "Desk",
    version: "1.0.0",
    model_definitions: [
      { table_name: "tickets", model_key: "tickets", label: "Tickets", columns },
    ],
    ...more,
  });
}

function digestOf(manifest: Manifest): string {
  return manifest.version.replaceAll(/[^0-9]/g, "").padEnd(64, "a");
}

/** Material of a first install. */
function materialOf(after: Manifest, more: Partial<PlanMaterial> = {}): PlanMaterial {
  return {
    direction: "forward",
    after,
    digest: digestOf(after),
    signature: { status: "unsigned" },
    schema: SCHEMA,
    current: new Map(),
    migrations: [],
    modelsAfter: modelsOf(after, SCHEMA),
    modelsInUse: [],
    neighbours: [],
    installations: [],
    warnings: [],
    obstacles: [],
    ...more,
  };
}

function stateAfter(material: PlanMaterial): SchemaState {
  return demandNoObstacles(material).changes
    .reduce((state, { change }) => applyChange(state, change), material.current);
}

function standingOf(before: Manifest, more: Partial<StandingInstallation> = {}) {
  return {
    version: before.version,
    digest: digestOf(before),
    revision: 3,
    status: "enabled",
    schema: SCHEMA,
    isolation: "shared",
    acceptedCapabilities: declaredCapabilities(before).map(capabilityName),
    ...more,
  } as const;
}

/** Material of a version that follows an installed one. */
function following(
  before: Manifest,
  after: Manifest,
  more: Partial<PlanMaterial> = {},
): PlanMaterial {
  return materialOf(after, {
    before,
    standing: standingOf(before),
    current: stateAfter(materialOf(before)),
    modelsBefore: modelsOf(before, SCHEMA),
    ...more,
  });
}

/** A migration in values, completed as admission leaves it. */
function migration(...changes: readonly SchemaChange[]): PlanMaterial["migrations"] {
  return [{
    version: "0002",
    path: "migrations/0002_more.sql",
    changes: changes.map(completeChange),
  }];
}

const codes = (obstacles: readonly { readonly code: string }[]) =>
  obstacles.map(({ code }) => code);
const descriptions = (plan: { readonly changes: readonly { readonly description: string }[] }) =>
  plan.changes.map(({ description }) => description);
const ONE = manifestWith([NUMBER, TITLE]);

Deno.test("makePlan: a first install says everything that comes", async () => {
  const manifest = manifestWith([NUMBER, TITLE], {
    navigation: [{
      title: "Desk",
      items: [{ title: "Tickets", url: "/tickets", items: [{ title: "Open", url: "/open" }] }],
    }],
    settings: [
      { key: "token", label: "Token", type: "string", required: true, secret: true },
      { key: "limit", label: "Limit", type: "number", required: true, default_value: 3 },
    ],
    actions: {
      tickets: [
        { key: "close", name: "Close", label: "Close", trigger: { type: "noop" } },
      ],
    },
    capabilities: [{ kind: "http:fetch", target: "api.example.com", reason: "rates" }],
  });
  const plan = await makePlan(materialOf(manifest, { warnings: ["told", "told"] }));
  assert.equal(plan.operation, "install");
  assert.equal(plan.revision, 0);
  assert.equal("from_version" in plan, false);
  assert.deepEqual(descriptions(plan), [
    "create schema addon_desk",
    "create table tickets (7 columns)",
  ]);
  assert.deepEqual(plan.changes.map(({ source, locks }) => [source, locks.postgres]), [
    ["declared models", "none"],
    ["declared models", "none"],
  ]);
  assert.ok(plan.changes[1]?.sql.postgres[0]?.startsWith('create table "addon_desk"."tickets"'));
  assert.ok(plan.changes[1]?.sql.sqlite[0]?.startsWith("create table "));
  assert.deepEqual(plan.models, { added: ["tickets"], changed: [], removed: [] });
  assert.deepEqual(plan.routes, [
    "/api/dynamic/tickets",
    "POST /api/dynamic/tickets/:id/action/close",
  ]);
  assert.deepEqual(plan.navigation, [
    { title: "Tickets", url: "/tickets" },
    { title: "Open", url: "/open" },
  ]);
  assert.deepEqual(plan.settings_needed, [{ key: "token", label: "Token" }]);
  assert.deepEqual(plan.capabilities.added, [
    { kind: "http:fetch", target: "api.example.com", reason: "rates" },
  ]);
  assert.deepEqual(plan.warnings.filter((each) => each === "told"), ["told"]);
  assert.deepEqual(plan.obstacles, []);
  assert.match(plan.plan_hash, /^[0-9a-f]{64}$/);
  const given = await makePlan(materialOf(manifest, { settingsGiven: new Set(["token"]) }));
  assert.deepEqual(given.settings_needed, []);
});

Deno.test("makePlan: an upgrade adds columns and changes indexes", async () => {
  const next = manifestWith([
    { ...NUMBER, unique: false },
    { ...TITLE, index: true },
    { name: "priority", type: "integer", required: true, default: 1 },
  ], { version: "1.1.0" });
  const plan = await makePlan(following(ONE, next));
  assert.equal(plan.operation, "upgrade");
  assert.equal(plan.from_version, "1.0.0");
  assert.equal(plan.revision, 3);
  assert.deepEqual(descriptions(plan), [
    "add column priority integer not null default 1 to tickets",
    "create index idx_tickets_title on tickets",
    "drop index uidx_tickets_number of tickets",
  ]);
  assert.deepEqual(plan.changes[0]?.rewrites, { postgres: false, sqlite: false });
  assert.deepEqual(plan.changes.map(({ locks }) => locks.postgres), [
    "everything",
    "writes",
    "everything",
  ]);
  assert.deepEqual(plan.models.changed, ["tickets"]);
  assert.ok(plan.changes.every(({ destructive }) => !destructive));
});

Deno.test("makePlan: indexes stay while others use the tables with the version before", async () => {
  const next = manifestWith([{ ...NUMBER, unique: false }, TITLE], { version: "1.1.0" });
  const material = following(ONE, next, {
    neighbours: [{ version: "1.0.0", digest: digestOf(ONE) }],
  });
  const plan = await makePlan(material);
  assert.deepEqual(plan.changes, []);
  assert.deepEqual(plan.obstacles, []);
  assert.deepEqual(plan.warnings, [
    "index uidx_tickets_number of tickets stays as long as another organization uses the tables " +
    "with version 1.0.0",
  ]);
  const same = following(ONE, next, { neighbours: [{ version: "1.1.0", digest: digestOf(next) }] });
  assert.deepEqual(descriptions(await makePlan(same)), [
    "drop index uidx_tickets_number of tickets",
  ]);
});

Deno.test("makePlan: a column that is no longer declared stays, may be empty, and is told of", async () => {
  const next = manifestWith([NUMBER], { version: "2.0.0" });
  const plan = await makePlan(following(ONE, next));
  assert.deepEqual(descriptions(plan), ["alter column title varchar(200) in tickets"]);
  assert.deepEqual(plan.warnings, [
    "column title of tickets is no longer declared; its data stays; drop it by migration",
  ]);
  const none = parseManifest({ key: "desk", name: "Desk", version: "2.0.0" });
  const gone = await makePlan(following(ONE, none));
  assert.deepEqual(gone.changes, []);
  assert.deepEqual(gone.models.removed, ["tickets"]);
  assert.deepEqual(gone.warnings, [
    "table tickets is no longer declared; its data stays; drop it by migration",
  ]);
});

Deno.test("makePlan: migrations come first, by their file, and say what they destroy", async () => {
  const next = manifestWith([NUMBER, { ...TITLE, name: "subject" }], { version: "2.0.0" });
  const material = following(ONE, next, {
    migrations: migration(
      { kind: "renameColumn", table: tickets, column: "title", to: "subject" },
      { kind: "dropColumn", table: tickets, column: "created_by_id" },
    ),
  });
  // The second one is refused: created_by_id is the kernel's.
  assert.deepEqual(codes(obstaclesOf(material)), ["schema.system_column"]);
  const renamed = await makePlan({
    ...material,
    migrations: migration({
      kind: "renameColumn",
      table: tickets,
      column: "title",
      to: "subject",
    }),
  });
  assert.deepEqual(renamed.obstacles, []);
  assert.deepEqual(descriptions(renamed), ["rename column title to subject in tickets"]);
  assert.equal(renamed.changes[0]?.source, "migrations/0002_more.sql");
  assert.deepEqual(renamed.migrations, ["0002"]);
  assert.deepEqual(renamed.warnings, [], "what was renamed is not left behind");
  const dropping = await makePlan(following(ONE, manifestWith([NUMBER], { version: "2.0.0" }), {
    migrations: migration({ kind: "dropColumn", table: tickets, column: "title" }),
  }));
  assert.equal(dropping.changes[0]?.destructive, true);
  assert.deepEqual(dropping.warnings, []);
});

Deno.test("makePlan: a table of a first install is told by the migration that makes it", async () => {
  const made = manifestWith([NUMBER]);
  const lines = { schema: SCHEMA, table: "lines" };
  const plan = await makePlan(materialOf(made, {
    migrations: migration(
      {
        kind: "createTable",
        table: {
          name: lines,
          columns: [{ name: "id", type: { kind: "uuid" }, nullable: false }],
          primaryKey: ["id"],
          indexes: [],
          foreignKeys: [],
          checks: [],
          tenantPolicy: true,
        },
      },
      { kind: "renameTable", table: lines, to: "rows" },
    ),
  }));
  assert.deepEqual(plan.changes.map(({ table, source }) => [table, source]), [
    [undefined, "declared models"],
    ["rows", "migrations/0002_more.sql"],
    ["tickets", "declared models"],
  ]);
});

Deno.test("makePlan: a type of another family is refused with what to do", async () => {
  const number = (type: string) => manifestWith([{ name: "value", type }], { version: "2.0.0" });
  const toText = await makePlan(following(number("integer"), {
    ...number("text"),
    version: "2.1.0",
  }));
  assert.deepEqual(codes(toText.obstacles), ["schema.type_conflict"]);
  assert.match(toText.obstacles[0]!.message, /alter table tickets alter column value type text/);
  assert.deepEqual(toText.changes, []);
  const toNumber = await makePlan(following(number("text"), {
    ...number("integer"),
    version: "2.1.0",
  }));
  assert.match(toNumber.obstacles[0]!.message, /tickets\.value is text.*under another name/);
  const converted = await makePlan(following(
    number("integer"),
    { ...number("text"), version: "2.1.0" },
    {
      migrations: migration({
        kind: "alterColumn",
        table: tickets,
        column: { name: "value", type: { kind: "text" }, nullable: true },
      }),
    },
  ));
  assert.deepEqual(converted.obstacles, [], "what the message advises works");
});

Deno.test("obstaclesOf: versions, isolation, models and shared tables", () => {
  const found = (material: PlanMaterial) => codes(obstaclesOf(material));
  const version = (version: string, columns = [NUMBER, TITLE]) =>
    manifestWith(columns, { version });
  const two = version("2.0.0");
  assert.deepEqual(found(following(two, ONE)), ["addon.version_rollback"]);
  assert.deepEqual(found(following(two, ONE, { downgrade: "allow" })), []);
  const seen = (version: string) => ({ seen: { finding: "higher version", version } } as const);
  assert.deepEqual(found(materialOf(ONE, seen("v2"))), ["addon.version_rollback"]);
  assert.deepEqual(found(materialOf(two, seen("2.0.0"))), []);
  const otherSeen = { seen: { finding: "other contents" } } as const;
  assert.deepEqual(found(materialOf(ONE, otherSeen)), ["addon.version_changed"]);
  assert.deepEqual(found(materialOf(ONE, { ...otherSeen, downgrade: "allow" })), []);
  const compiled = { ...otherSeen, signature: { status: "compiled" } } as const;
  assert.deepEqual(found(materialOf(ONE, compiled)), [], "the host's own addon");
  const removed = standingOf(two, { status: "removed" });
  assert.deepEqual(found(following(two, ONE, { standing: removed })), ["addon.version_rollback"]);
  // After a rollback the lower version stands, and may be installed again as it is.
  assert.deepEqual(found(following(ONE, ONE, seen("2.0.0"))), []);
  const other = { ...following(ONE, ONE), digest: "b".repeat(64) };
  assert.deepEqual(found(other), ["addon.version_changed"]);
  assert.deepEqual(found({ ...other, signature: { status: "compiled" } }), []);
  const moved = standingOf(ONE, { schema: "addon_desk_0b8c2c1e", isolation: "schema-per-tenant" });
  assert.deepEqual(found(following(ONE, two, { standing: moved })), ["addon.isolation_changed"]);
  const [theirs] = modelsOf({ ...ONE, key: "crm" }, "addon_crm");
  assert.deepEqual(found(materialOf(ONE, { modelsInUse: [theirs!] })), ["addon.model_conflict"]);
  assert.deepEqual(found(materialOf(ONE, { modelsInUse: modelsOf(ONE, SCHEMA) })), []);
  const breaking = following(ONE, version("2.0.0", [NUMBER]), {
    migrations: migration({ kind: "dropColumn", table: tickets, column: "title" }),
    neighbours: [{ version: "1.0.0", digest: digestOf(ONE) }],
  });
  assert.deepEqual(found(breaking), ["addon.shared_tables_in_use"]);
  assert.throws(
    () => demandNoObstacles(breaking),
    (thrown) => isKernelError(thrown, "addon.shared_tables_in_use"),
  );
});

Deno.test("obstaclesOf: what was met on the way comes before what the tables refuse", () => {
  const met = new KernelError({ code: "schema.migration_refused", kind: "invalid", message: "no" });
  const needing = manifestWith([{ ...NUMBER, type: "integer" }], {
    version: "2.0.0",
    requires: [{ key: "crm", version: "^1.0.0" }],
  });
  assert.deepEqual(codes(obstaclesOf(following(ONE, needing, { obstacles: [met] }))), [
    "schema.migration_refused",
    "addon.requirement_missing",
    "schema.type_conflict",
  ]);
});

Deno.test("planTables: declared keys and indexes of tables that stand", () => {
  const [model] = modelsOf(ONE, SCHEMA);
  const withIndex = (name?: string): Model => ({
    ...model!,
    indexes: [{ ...(name === undefined ? {} : { name }), columns: ["title"], unique: false }],
  });
  const changesFrom = (before: Model, after: Model, changes: readonly SchemaChange[] = []) => {
    const current = stateAfter(materialOf(ONE, { modelsAfter: [before] }));
    return planTables(following(ONE, { ...ONE, version: "1.1.0" }, {
      current,
      modelsBefore: [before],
      modelsAfter: [after],
      migrations: migration(...changes),
    })).changes.map(({ change }) => describeChange(change));
  };
  const toItself = {
    columns: ["created_by_id"],
    table: "tickets",
    references: ["id"],
    onDelete: "set null",
  } as const;
  assert.deepEqual(changesFrom(model!, { ...model!, foreignKeys: [toItself] }), [
    "add foreign key fk_tickets_created_by_id to tickets on tickets",
  ]);
  assert.deepEqual(changesFrom(withIndex("by_title"), model!), ["drop index by_title of tickets"]);
  assert.deepEqual(changesFrom(withIndex("by_title"), withIndex()), [], "another name is no need");
  const [number, ...rest] = model!.columns;
  const renamed = { ...model!, columns: [{ ...number!, name: "code", unique: false }, ...rest] };
  const rename = { kind: "renameColumn", table: tickets, column: "number", to: "code" } as const;
  assert.deepEqual(changesFrom(model!, renamed, [rename]), [
    "rename column number to code in tickets",
  ], "an index that a migration has touched is the author's");
});

Deno.test("makePlan: the operation follows version, digest and direction", async () => {
  const operation = async (material: PlanMaterial) => (await makePlan(material)).operation;
  const two = manifestWith([NUMBER, TITLE], { version: "2.0.0" });
  assert.equal(await operation(following(two, ONE)), "downgrade");
  assert.equal(await operation(following(ONE, two)), "upgrade");
  assert.equal(await operation(following(ONE, ONE)), "reinstall");
  assert.equal(await operation(following(two, ONE, { direction: "back" })), "rollback");
  const removed = { standing: standingOf(ONE, { status: "removed" }) };
  assert.equal(await operation(following(ONE, two, removed)), "install");
});

Deno.test("rollback: the way back makes indexes and gives defaults, and takes nothing", async () => {
  const before = manifestWith([
    { ...NUMBER, default: "'new'" },
    { ...TITLE, required: false, index: true },
  ]);
  const two = manifestWith([
    { ...NUMBER, unique: false, default: "'open'" },
    { ...TITLE, required: true, default: "'none'" },
    { name: "weight", type: "integer", required: true, default: 2 },
  ], { version: "2.0.0" });
  const upgraded = stateAfter(following(before, two));
  const back = materialOf(before, {
    direction: "back",
    before: two,
    standing: standingOf(two),
    current: upgraded,
    modelsBefore: modelsOf(two, SCHEMA),
  });
  const plan = await makePlan(back);
  assert.deepEqual(plan.obstacles, []);
  assert.deepEqual(
    new Set(descriptions(plan)),
    new Set([
      'alter column number varchar(20) not null default "new" in tickets',
      'alter column title varchar(200) default "none" in tickets',
      "create index idx_tickets_title on tickets",
      "create unique index uidx_tickets_number on tickets",
    ]),
  );
  assert.deepEqual(plan.warnings.slice(0, 1), [
    "column weight of tickets is not declared by this version; its data stays",
  ]);
  assert.ok(stateAfter(back).get("tickets")?.columns.some(({ name }) => name === "weight"));
});

Deno.test("rollback: refused with every reason", () => {
  const two = manifestWith([NUMBER, TITLE, { name: "total", type: "integer" }], {
    version: "2.0.0",
    model_definitions: [
      {
        table_name: "tickets",
        model_key: "tickets",
        label: "Tickets",
        columns: [NUMBER, TITLE, { name: "total", type: "bigint" }],
      },
      { table_name: "lines", model_key: "lines", label: "Lines", columns: [NUMBER] },
    ],
  });
  let state = stateAfter(materialOf(two));
  const make = (change: SchemaChange) => state = applyChange(state, change);
  make({ kind: "dropColumn", table: tickets, column: "title" });
  make({ kind: "dropColumn", table: tickets, column: "number" });
  make({
    kind: "addColumn",
    table: tickets,
    column: { name: "number", type: { kind: "text", maxLength: 10 }, nullable: true },
  });
  make({ kind: "dropTable", table: { schema: SCHEMA, table: "lines" } });
  make({
    kind: "alterColumn",
    table: tickets,
    column: { name: "total", type: { kind: "text" }, nullable: true },
  });
  make({
    kind: "addColumn",
    table: tickets,
    column: { name: "must", type: { kind: "text" }, nullable: false },
  });
  const material = materialOf(two, { direction: "back", current: state });
  const [obstacle, ...more] = obstaclesOf(material);
  assert.deepEqual(more, []);
  assert.equal(obstacle?.code, "addon.rollback_impossible");
  assert.deepEqual(obstacle.details?.["reasons"], [
    "column number of tickets is varchar(10), which cannot hold varchar(20)",
    "column title of tickets is gone",
    "column total of tickets is text, which cannot hold bigint",
    "column must of tickets is required, has no default, and is not known to it",
    "table lines is gone",
  ]);
  assert.deepEqual(planTables(material).changes, []);
});

Deno.test("rollback: what the version's own migrations make is needed, too", async () => {
  const place = { schema: SCHEMA, addonKey: "desk" };
  const written = (sql: string) => migratedShape([{ path: "migrations/0001.sql", sql }], place);
  const shape = await written(
    "create table lines (id uuid primary key, amount integer not null, note text)",
  );
  assert.ok(shape !== undefined);
  const back = (state: SchemaState, migratedShape?: SchemaState) =>
    obstaclesOf(materialOf(ONE, {
      direction: "back",
      current: state,
      ...(migratedShape === undefined ? {} : { migratedShape }),
    })).flatMap((each) => each.details?.["reasons"]);
  const state = stateAfter(materialOf(ONE));
  assert.deepEqual(back(state), [], "nothing is known of other tables");
  assert.deepEqual(back(state, shape), ["table lines is gone"]);
  const both = new Map([...state, ...shape]);
  assert.deepEqual(back(both, shape), []);
  const lines = { schema: SCHEMA, table: "lines" };
  const less = applyChange(both, { kind: "dropColumn", table: lines, column: "note" });
  assert.deepEqual(back(less, shape), ["column note of lines is gone"]);
  // A column that only a migration knows is no stranger.
  const more = await written(
    "create table tickets (id uuid primary key, code text not null)",
  );
  assert.deepEqual(
    back(
      applyChange(state, {
        kind: "addColumn",
        table: tickets,
        column: { name: "code", type: { kind: "text" }, nullable: false },
      }),
      more,
    ),
    [],
  );
  assert.equal(await written("alter table tickets drop column title"), undefined);
});

Deno.test("makePlan: what stands otherwise than declared is told", async () => {
  const before = manifestWith([{ name: "note", type: "text" }, { name: "count", type: "bigint" }]);
  const after = manifestWith([
    { name: "note", type: "string", size: 20, required: true },
    { name: "count", type: "integer" },
  ], { version: "1.1.0" });
  const plan = await makePlan(following(before, after));
  assert.deepEqual(plan.changes, []);
  assert.deepEqual(plan.warnings, [
    "column note of tickets stays text, although varchar(20) is declared",
    "column note of tickets may stay empty in the table: rows are there and it has no default",
    "column count of tickets stays bigint, although integer is declared",
  ]);
  assert.deepEqual((await makePlan(materialOf(after))).warnings, []);
});

Deno.test("declaredCapabilities: hosts that a manifest names itself are asked for", () => {
  const manifest = manifestWith([NUMBER], {
    capabilities: [{ kind: "db:read", target: "tickets" }, { kind: "db:read", target: "tickets" }],
    backend: { runtime: "webhook", url: "https://Backend.Example.com:8443/base" },
    hooks: { "tickets::close": "https://hooks.example.com/close", "tickets::open": "open_it" },
    actions: {
      tickets: [
        { key: "a", name: "A", label: "A", trigger: { type: "webhook", url: "/relative" } },
      ],
    },
    tools: [
      {
        id: "notify",
        name: "Notify",
        description: "x",
        input_schema: [],
        endpoint: "{{slack_webhook_url}}",
      },
      {
        id: "rates",
        name: "Rates",
        description: "x",
        input_schema: [],
        endpoint: "https://rates.example.com/{{currency}}",
      },
    ],
  });
  assert.deepEqual(declaredCapabilities(manifest).map(capabilityName), [
    "db:read tickets",
    "backend:call backend.example.com:8443",
    "backend:call hooks.example.com",
    "backend:call {{slack_webhook_url}}",
    "backend:call rates.example.com",
  ]);
});

Deno.test("calledHost: names the host that would be called", () => {
  const cases: readonly (readonly [address: string, host: string | undefined])[] = [
    ["https://a.example.com", "a.example.com"],
    ["HTTPS://A.Example.COM:443/x?y#z", "a.example.com"],
    ["https://good.example.com@evil.example.com/", "evil.example.com"],
    ["https://good.example.com\\@evil.example.com/", "good.example.com"],
    ["https:evil.example.com/x", "evil.example.com"],
    ["https:\\\\evil.example.com/x", "evil.example.com"],
    ["https://evil.example.com/{{a}}@good.example.com", "evil.example.com"],
    ["https://{{region}}.example.com:99/x", "{{region}}.example.com:99"],
    ["http://ops-backend:8080/x", "ops-backend:8080"],
    ["https://good.example.com@{{host}}/x", "{{host}}"],
    ["{{address}}/path", "{{address}}"],
    ["https://0x7f.1/", "127.0.0.1"],
    ["/relative", undefined],
  ];
  for (const [address, host] of cases) assert.equal(calledHost(address, undefined), host, address);
  assert.equal(calledHost("/relative", "https://b.example.com/x"), "b.example.com");
});

Deno.test("checkAcceptance: new rights are named, typing errors told, other plans refused", async () => {
  const rights = (...targets: string[]) => ({
    capabilities: targets.map((target) => ({ kind: "http:fetch", target })),
  });
  const before = manifestWith([NUMBER], rights("a.example.com", "b.example.com"));
  const after = manifestWith([NUMBER], {
    version: "1.1.0",
    ...rights("b.example.com", "c.example.com", "d.example.com"),
  });
  const plan = await makePlan(following(before, after));
  const names = (list: readonly { kind: string; target: string }[]) =>
    list.map(({ target }) => target);
  assert.deepEqual(names(plan.capabilities.added), ["c.example.com", "d.example.com"]);
  assert.deepEqual(names(plan.capabilities.removed), ["a.example.com"]);
  assert.deepEqual(names(plan.capabilities.kept), ["b.example.com"]);
  const accepted = standingOf(before).acceptedCapabilities;
  const check = (terms: Parameters<typeof checkAcceptance>[1]) =>
    checkAcceptance(plan, terms, accepted);
  const refused = (code: string, mention: string) => (thrown: unknown) =>
    isKernelError(thrown, code) && thrown.message.includes(mention);
  assert.throws(
    () => check({}),
    (thrown) =>
      isKernelError(thrown, "addon.capabilities_not_accepted") &&
      JSON.stringify(thrown.details?.["missing"]) ===
        '["http:fetch c.example.com","http:fetch d.example.com"]',
  );
  assert.throws(
    () => check({ acceptedCapabilities: ["http:fetch c.example.com"] }),
    refused("addon.capabilities_not_accepted", "http:fetch d.example.com"),
  );
  assert.throws(
    () => check({ acceptedCapabilities: ["http:fetch c.exmaple.com"] }),
    refused("addon.unknown_capability", 'did you mean "http:fetch c.example.com"'),
  );
  const now = ["http:fetch b.example.com", "http:fetch c.example.com", "http:fetch d.example.com"];
  assert.deepEqual(check({ acceptedCapabilities: now.slice(1) }), now, "what is gone is forgotten");
  assert.deepEqual(check({ acceptedCapabilities: "all", planHash: plan.plan_hash }), now);
  assert.throws(
    () => check({ acceptedCapabilities: "all", planHash: "0".repeat(64) }),
    refused("addon.plan_changed", "make the plan again"),
  );
  const first = await makePlan(materialOf(before));
  assert.equal(checkAcceptance(first, {}, []).length, 2);
  // What a removed installation had accepted counts for nothing when the addon comes back.
  for (const earlier of [[], accepted]) {
    assert.throws(
      () => checkAcceptance(first, { acceptedCapabilities: ["http:fetch a.example.com"] }, earlier),
      refused("addon.capabilities_not_accepted", "http:fetch b.example.com"),
    );
  }
});

Deno.test("requirements: what binds is refused, the rest is told", async () => {
  const needing = (requires: readonly JsonObject[], key = "desk") =>
    parseManifest({ key, name: "Desk", version: "1.0.0", requires });
  const other = (
    key: string,
    version: string,
    more: Partial<OtherInstallation> = {},
  ): OtherInstallation => ({
    key,
    version,
    status: "enabled",
    manifest: needing([], key),
    ...more,
  });
  const manifest = needing([
    { key: "crm", version: ">=1.2.0 <2.0.0", reason: "customers" },
    { key: "stock" },
    { key: "mail", version: "^3.0.0", optional: true },
  ]);
  const found = (...installations: OtherInstallation[]) => ({
    states: requirementsOf(manifest, installations).map(({ state }) => state),
    codes: codes(requirementObstacles(manifest, installations)),
  });
  assert.deepEqual(found(), {
    states: ["missing", "unknown", "missing"],
    codes: ["addon.requirement_missing"],
  });
  assert.deepEqual(found(other("crm", "v1.2"), other("stock", "9.0.0"), other("mail", "2.0.0")), {
    states: ["satisfied", "satisfied", "version_mismatch"],
    codes: [],
  });
  assert.deepEqual(found(other("crm", "2.0.0")).codes, ["addon.requirement_version"]);
  const states: readonly OtherInstallation["status"][] = ["disabled", "removed"];
  for (const status of states) {
    const { states: [state], codes } = found(other("crm", "1.2.0", { status }));
    assert.equal(state, status === "disabled" ? "disabled" : "missing");
    assert.deepEqual(codes, ["addon.requirement_missing"]);
  }
  const { warnings } = await makePlan(materialOf(manifest));
  assert.deepEqual(warnings, [
    'addon "stock" would be used, but is not installed',
    'addon "mail" would be used, but is not installed',
  ]);
  // Another generation means what it says, also without a range.
  const strict = { ...needing([{ key: "crm" }]), generation: "v3" } as const;
  assert.deepEqual(codes(requirementObstacles(strict, [])), ["addon.requirement_missing"]);
});

Deno.test("requirements: others are not left without what they need", async () => {
  const needs = (version?: string): OtherInstallation => ({
    key: "shop",
    version: "1.0.0",
    status: "enabled",
    manifest: parseManifest({
      key: "shop",
      name: "Shop",
      version: "1.0.0",
      requires: [{ key: "desk", ...(version === undefined ? {} : { version }) }],
    }),
  });
  assert.throws(
    () => checkNotNeeded("desk", [needs("^1.0.0")]),
    (thrown) => isKernelError(thrown, "addon.needed_by_others") && /"shop"/.test(thrown.message),
  );
  checkNotNeeded("desk", [needs(), { ...needs("^1.0.0"), status: "disabled" }]);
  checkNotNeeded("other", [needs("^1.0.0")]);
  const two = manifestWith([NUMBER, TITLE], { version: "2.0.0" });
  const plan = await makePlan(following(ONE, two, { installations: [needs("^1.0.0")] }));
  assert.deepEqual(codes(plan.obstacles), ["addon.requirement_version"]);
  assert.deepEqual(plan.dependents, [
    {
      key: "shop",
      range: "^1.0.0",
      optional: false,
      installed: "1.0.0",
      state: "version_mismatch",
    },
  ]);
  const circle = manifestWith([NUMBER, TITLE], {
    version: "1.5.0",
    requires: [{ key: "shop", version: "^1.0.0" }],
  });
  const turned = obstaclesOf(following(ONE, circle, { installations: [needs("^1.0.0")] }));
  assert.deepEqual(codes(turned), ["addon.requirement_cycle"]);
  assert.match(turned[0]!.message, /desk → shop → desk/);
  assert.throws(
    () => inTopologicalOrder([circle, { ...needs("^1.0.0").manifest, key: "shop" }]),
    (thrown) => isKernelError(thrown, "addon.requirement_cycle"),
  );
});

Deno.test("risksOf: asks by the names that stand before, and not about what the plan makes", () => {
  const state = stateAfter(materialOf(ONE));
  const number = { name: "number", type: { kind: "text" }, nullable: true } as const;
  const questions = risksOf([
    { kind: "dropColumn", table: tickets, column: "number" },
    { kind: "addColumn", table: tickets, column: number },
    { kind: "dropColumn", table: tickets, column: "number" },
    { kind: "renameColumn", table: tickets, column: "title", to: "subject" },
    { kind: "renameTable", table: tickets, to: "cases" },
    { kind: "dropColumn", table: { ...tickets, table: "cases" }, column: "subject" },
    {
      kind: "addColumn",
      table: { ...tickets, table: "cases" },
      column: { name: "title", type: { kind: "text" }, nullable: true },
    },
    { kind: "dropColumn", table: { ...tickets, table: "cases" }, column: "title" },
    { kind: "dropTable", table: { ...tickets, table: "cases" } },
  ], state);
  assert.deepEqual(
    questions.map(({ table, column, question }) => [table.table, column, question]),
    [
      ["tickets", "number", "non-null values"],
      ["tickets", "title", "non-null values"],
      ["tickets", undefined, "rows"],
    ],
  );
});

engineTest("countRisks: counts this organization's rows", async ({ database }) => {
  const before = manifestWith([
    { name: "code", type: "string" },
    { name: "big", type: "bigint" },
    { name: "state", type: "string" },
  ]);
  const material = materialOf(before);
  const { changes, result } = planTables(material);
  const created = changes.map(({ change }) => change);
  await database.schemaTransaction(ORG, (tx) => applyChanges(tx, new Map(), created));
  const other = ORG.replace("a", "b");
  const rows = [["a", "1", null], [null, "9007199254740993", "x"], ["c", null, null]];
  for (const organization of [ORG, other, other]) {
    await database.transaction(organization, async (tx) => {
      for (const [code, big, state] of rows) {
        const insert = sql`insert into ${tx.profile.table(tickets)}
          (organization_id, code, big, state) values (${
          tx.profile.value(organization, { kind: "uuid" })
        }, ${code}, ${tx.profile.value(big, { kind: "bigint" })}, ${state})`;
        await tx.execute(tx.profile.compile(insert));
      }
    });
  }
  const column = (name: string) => result.get("tickets")!.columns.find((c) => c.name === name)!;
  const questions = risksOf([
    { kind: "alterColumn", table: tickets, column: { ...column("big"), type: { kind: "double" } } },
    {
      kind: "alterColumn",
      table: tickets,
      column: { ...column("state"), nullable: false, default: { kind: "literal", value: "new" } },
    },
    { kind: "dropColumn", table: tickets, column: "code" },
    { kind: "dropTable", table: tickets },
  ], result);
  const counted = await database.transaction(ORG, (tx) => countRisks(tx, ORG, questions));
  assert.deepEqual(counted.map(({ column, rows }) => [column, rows]), [
    ["big", 1],
    ["state", 2],
    ["code", 2],
    [undefined, 3],
  ]);
  const told = await makePlan(following(before, before, { dataAtRisk: counted }));
  assert.deepEqual(told.data_at_risk, counted);
});
