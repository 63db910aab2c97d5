/**
 * Plans over arbitrary versions of addons: what was planned and made is not planned again, going back
 * is possible exactly where nothing is missing, hashes name deeds, orders put needs first, and no
 * right passes that nobody named.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { sql } from "kysely";
import { isKernelError } from "../../src/base/error.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { parseManifest } from "../../src/bundle/mod.ts";
import type { Manifest } from "../../src/bundle/manifest/manifest.ts";
import type { Transaction } from "../../src/db/database.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import { diffSchema } from "../../src/db/schema/diff.ts";
import type { SchemaChange, SchemaState } from "../../src/db/schema/spec.ts";
import { applyChanges } from "../../src/addons/install/apply.ts";
import { desiredState } from "../../src/addons/install/plan.ts";
import { checkAcceptance, compareCapabilities } from "../../src/addons/plan/acceptance.ts";
import { capabilityName } from "../../src/addons/plan/capabilities.ts";
import type { InstallationPlan } from "../../src/addons/plan/installation_plan.ts";
import { isUnfilled } from "../../src/addons/plan/left_behind.ts";
import { makePlan } from "../../src/addons/plan/make_plan.ts";
import { planHashOf } from "../../src/addons/plan/plan_hash.ts";
import type { PlanMaterial } from "../../src/addons/plan/plan_material.ts";
import { findCycle, inTopologicalOrder } from "../../src/addons/plan/requirement_order.ts";
import { isBinding, type Requiring } from "../../src/addons/plan/requirements.ts";
import { planRollback, rollbackReasons } from "../../src/addons/plan/rollback.ts";
import { planTables } from "../../src/addons/plan/table_plan.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import type { Model } from "../../src/models/model.ts";
import { engineTest } from "../_support/engines.ts";
import { SEED } from "../db/schema_values.ts";
import { type ChangeSeed, changeSeeds, walk } from "../db/schema_walk.ts";

const SCHEMA = "addon_desk";
const DIGEST = "ab".repeat(32);

const DEFAULTS: Readonly<Record<string, readonly Json[]>> = {
  string: ["'x'"],
  text: ["'y'"],
  integer: [1, 2],
  bigint: [7],
  decimal: [0],
  boolean: [true],
};

const column = fc.record({
  name: fc.constantFrom("c0", "c1", "c2", "c3", "c4"),
  type: fc.constantFrom("string", "text", "integer", "bigint", "decimal", "boolean", "date"),
  required: fc.boolean(),
  unique: fc.boolean(),
  index: fc.boolean(),
  pick: fc.nat(5),
  size: fc.constantFrom(20, 40),
}).map(({ pick, size, ...rest }): JsonObject => {
  const value = DEFAULTS[rest.type]?.[pick];
  return {
    ...rest,
    ...(rest.type === "string" ? { size } : {}),
    ...(value === undefined ? {} : { default: value }),
  };
});

const definition = (name: string) =>
  fc.record({
    columns: fc.uniqueArray(column, {
      minLength: 1,
      maxLength: 4,
      selector: (each) => each["name"],
    }),
    soft_delete: fc.boolean(),
  }).map((rest): JsonObject => ({ table_name: name, model_key: name, label: name, ...rest }));

/** The declared models of a version; names and columns repeat between versions, types may differ. */
const definitions = fc.tuple(
  definition("orders"),
  fc.option(definition("lines"), { nil: undefined, freq: 3 }),
).map((all) => all.filter((each) => each !== undefined));

interface Version {
  readonly definitions: readonly JsonObject[];
  readonly migration: readonly ChangeSeed[];
}

const version: fc.Arbitrary<Version> = fc.record({
  definitions,
  migration: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, changeSeeds),
});

function manifestOf(more: JsonObject): Manifest {
  return parseManifest({ key: "desk", name: "Desk", version: "1.0.0", ...more });
}

function modelsFor(definitions: readonly JsonObject[]): Model[] {
  return modelsOf(manifestOf({ model_definitions: definitions }), SCHEMA);
}

function materialWith(more: Partial<PlanMaterial>): PlanMaterial {
  return {
    direction: "forward",
    after: manifestOf({}),
    digest: DIGEST,
    signature: { status: "unsigned" },
    schema: SCHEMA,
    current: new Map(),
    migrations: [],
    modelsAfter: [],
    modelsInUse: [],
    neighbours: [],
    installations: [],
    warnings: [],
    obstacles: [],
    ...more,
  };
}

function applied(state: SchemaState, changes: readonly SchemaChange[]): SchemaState {
  return changes.reduce(applyChange, state);
}

/** Counts what a property met, so that it cannot hold for want of cases. */
class Met {
  readonly #counts = new Map<string, number>();
  add(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
  demand(...all: string[]): void {
    for (const what of all) {
      assert.ok((this.#counts.get(what) ?? 0) > 10, `${what}: ${this.#counts.get(what)}`);
    }
  }
}

/** Takes a version where the tables can follow it. */
function upgraded(
  current: SchemaState,
  before: readonly Model[] | undefined,
  next: Version,
): { readonly state: SchemaState; readonly models: readonly Model[] } | undefined {
  const models = modelsFor(next.definitions);
  const changes = current.size === 0 ? [] : walk(current, next.migration);
  const given = materialWith({
    current,
    migrations: [{ version: "1", path: "migrations/1.sql", changes }],
    modelsAfter: models,
    ...(before === undefined ? {} : { modelsBefore: before }),
  });
  const plan = planTables(given);
  if (plan.obstacles.length > 0) return undefined;
  const state = applied(current, plan.changes.map((each) => each.change));
  for (const modelsBefore of [before ?? [], models]) {
    const again = planTables({ ...given, current: state, migrations: [], modelsBefore });
    assert.deepEqual(again.obstacles, []);
    assert.deepEqual(again.changes, [], JSON.stringify(next));
  }
  return { state, models };
}

Deno.test("planTables: what was planned and made is not planned again", () => {
  const met = new Met();
  fc.assert(
    fc.property(fc.array(version, { minLength: 3, maxLength: 3 }), (versions) => {
      let state: SchemaState = new Map();
      let before: readonly Model[] | undefined;
      for (const [position, next] of versions.entries()) {
        const done = upgraded(state, before, next);
        met.add(done === undefined ? "refused" : `version ${position}`);
        if (done === undefined) continue;
        for (const [name, table] of state) {
          if (next.migration.length > 0) break;
          // Without a migration nothing goes.
          const names: ReadonlySet<string> = new Set(
            done.state.get(name)?.columns.map((each) => each.name),
          );
          for (const { name } of table.columns) assert.ok(names.has(name), name);
        }
        // Every record that the models can make can be written.
        const left = done.models.flatMap(({ table: { table }, columns }) => {
          const known = new Set(columns.map((each) => each.name));
          const old = before?.find((model) => model.table.table === table)?.columns ?? [];
          const gone = new Set(old.map((each) => each.name).filter((name) => !known.has(name)));
          return (done.state.get(table)?.columns ?? [])
            .filter((each) => gone.has(each.name) && isUnfilled(each));
        });
        if (next.migration.length === 0) assert.deepEqual(left, []);
        state = done.state;
        before = done.models;
      }
    }),
    { seed: SEED, numRuns: 500 },
  );
  met.demand("refused", "version 0", "version 1", "version 2");
});

const ORG = "0b8c2c1e-0000-4000-8000-00000000000a";
const SAMPLES: Readonly<Record<string, unknown>> = {
  text: "x",
  integer: 1,
  bigint: "9007199254740993",
  numeric: "1.5",
  boolean: true,
  timestamp: "2026-01-31T10:20:30Z",
  date: "2026-01-31",
};

/** Thrown to undo a run. */
class RolledBack extends Error {}

let looks = 0;

/** Puts a row into each table that has none, and returns all rows by table. */
async function filled(
  tx: Transaction,
  state: SchemaState,
): Promise<Map<string, Record<string, unknown>>> {
  const rows = new Map<string, Record<string, unknown>>();
  for (const { name, columns } of state.values()) {
    // Postgres keeps the types of a statement's answer: each look has a text of its own.
    const read = sql`select * from ${tx.profile.table(name)} where ${sql.lit(++looks)} > 0`;
    const before = await tx.execute(tx.profile.compile(read));
    if (before.rows.length === 0) {
      const values = columns.filter((each) => each.type.kind in SAMPLES);
      const insert = sql`insert into ${tx.profile.table(name)}
        (organization_id, ${sql.join(values.map((each) => sql.ref(each.name)))})
        values (${tx.profile.value(ORG, { kind: "uuid" })}, ${
        sql.join(values.map(({ type }) => tx.profile.value(SAMPLES[type.kind], type)))
      })`;
      await tx.execute(tx.profile.compile(insert));
    }
    const { rows: [row] } = await tx.execute(tx.profile.compile(read));
    rows.set(name.table, row!);
  }
  return rows;
}

engineTest(
  "planTables: made on an engine, nothing is planned again and no value is lost",
  async (t) => {
    const met = new Met();
    const versions = fc.array(definitions, { minLength: 3, maxLength: 3 });
    const follow = async (tx: Transaction, all: readonly (readonly JsonObject[])[]) => {
      let before: readonly Model[] | undefined;
      let rows = new Map<string, Record<string, unknown>>();
      for (const definitions of all) {
        const current = await tx.profile.introspect(tx, SCHEMA);
        const modelsAfter = modelsFor(definitions);
        const given = materialWith({
          current,
          modelsAfter,
          ...(before === undefined ? {} : { modelsBefore: before }),
        });
        const { changes, obstacles, result } = planTables(given);
        met.add(obstacles.length > 0 ? "refused" : "made");
        if (obstacles.length > 0) continue;
        await applyChanges(tx, current, changes.map(({ change }) => change));
        const found = await tx.profile.introspect(tx, SCHEMA);
        assert.deepEqual([...found.keys()].toSorted(), [...result.keys()].toSorted());
        const again = planTables({ ...given, current: found, modelsBefore: modelsAfter });
        assert.deepEqual(again.obstacles, []);
        assert.deepEqual(again.changes, []);
        const now = await filled(tx, found);
        for (const [table, row] of rows) {
          for (const [name, value] of Object.entries(row)) {
            // A value that was absent may have become the default.
            if (value !== null) assert.equal(String(now.get(table)?.[name]), String(value), name);
          }
        }
        rows = now;
        before = modelsAfter;
      }
    };
    await fc.assert(
      fc.asyncProperty(versions, async (all) => {
        const run = t.database.schemaTransaction(ORG, async (tx) => {
          await follow(tx, all);
          throw new RolledBack();
        });
        await assert.rejects(run, (thrown) => {
          if (thrown instanceof RolledBack) return true;
          throw thrown;
        });
      }),
      { seed: SEED, numRuns: { sqlite: 80, postgres: 15 }[t.engine] },
    );
    met.demand("made");
  },
);

/** What a difference would have to do that no way back may do; undefined where it says nothing. */
function oracle(
  state: SchemaState,
  models: readonly Model[],
): "possible" | "impossible" | undefined {
  const known = new Map(models.map((model) => [model.table.table, model]));
  try {
    const desired = desiredState(state, models);
    for (const change of diffSchema(state, desired)) {
      if (change.kind === "addColumn" || change.kind === "createTable") return "impossible";
      if (change.kind !== "alterColumn") continue;
      const standing = state.get(change.table.table)?.columns
        .find((each) => each.name === change.column.name);
      if (JSON.stringify(standing?.type) !== JSON.stringify(change.column.type)) {
        if (known.has(change.table.table)) return "impossible";
      }
    }
    for (const name of known.keys()) {
      const declared = new Set(
        desiredState(new Map(), models).get(name)!.columns.map((c) => c.name),
      );
      const strange = state.get(name)!.columns.filter((each) => !declared.has(each.name));
      if (strange.some(isUnfilled)) return "impossible";
    }
    return "possible";
  } catch (thrown) {
    if (!isKernelError(thrown)) throw thrown;
    const missing = ["schema.type_conflict", "schema.required_column_without_default"];
    return missing.includes(thrown.code) ? "impossible" : undefined;
  }
}

Deno.test("rollbackReasons: possible exactly where a difference would take or make nothing", () => {
  const met = new Met();
  fc.assert(
    fc.property(version, version, (first, second) => {
      const old = upgraded(new Map(), undefined, first);
      if (old === undefined) return;
      const now = upgraded(old.state, old.models, second);
      if (now === undefined) return;
      const expected = oracle(now.state, old.models);
      if (expected === undefined) return met.add("unclear");
      const reasons = rollbackReasons(now.state, old.models);
      met.add(expected);
      assert.equal(reasons.length === 0 ? "possible" : "impossible", expected, reasons.join("; "));
      if (expected === "impossible") return;
      const { changes } = planRollback(now.state, old.models);
      if (changes.length > 0) met.add("with changes");
      for (const change of changes) {
        assert.ok(
          ["createIndex", "alterColumn", "setPrimaryKey", "protectTable"].includes(change.kind),
          change.kind,
        );
      }
      const back = applied(now.state, changes);
      for (const [name, table] of now.state) {
        const after = back.get(name)!;
        for (const each of table.columns) {
          const column = after.columns.find((other) => other.name === each.name)!;
          assert.deepEqual(column.type, each.type);
          assert.ok(column.nullable || !each.nullable, "nothing is tightened");
        }
        for (const { name } of table.indexes) {
          assert.ok(after.indexes.some((index) => index.name === name), `index ${name} is gone`);
        }
      }
      assert.deepEqual(planRollback(back, old.models).changes, []);
    }),
    { seed: SEED, numRuns: 600 },
  );
  met.demand("possible", "impossible", "with changes");
});

/** The same value with the members of every object the other way round. */
function reversed<T>(value: T): T;
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).toReversed().map(([name, member]) => [name, reversed(member)]),
  );
}

Deno.test("planHashOf: names the deed, whatever the order and whatever is only told", async () => {
  await fc.assert(
    fc.asyncProperty(definitions, fc.nat(100), fc.string(), async (definitions, rows, text) => {
      const manifest = manifestOf({
        model_definitions: definitions,
        capabilities: [{ kind: "db:read", target: "orders.*", reason: "because" }],
        requires: [{ key: "crm", version: "^1.0.0" }],
      });
      const plan = await makePlan(
        materialWith({ after: manifest, modelsAfter: modelsFor(definitions) }),
      );
      assert.equal(await planHashOf(plan), plan.plan_hash);
      assert.equal(await planHashOf(reversed(plan)), plan.plan_hash);
      const told: InstallationPlan = {
        ...plan,
        data_at_risk: [{ table: "orders", rows, reason: text }],
        warnings: [text],
        obstacles: [{ code: "addon.x", message: text }],
        module: { text },
        name: text,
        settings_needed: [{ key: text, label: text }],
        capabilities: {
          ...plan.capabilities,
          added: plan.capabilities.added.map((each) => ({ ...each, reason: text })),
        },
      };
      assert.equal(await planHashOf(told), plan.plan_hash);
      const hashes = await Promise.all(deeds(plan).map(planHashOf));
      assert.equal(new Set([plan.plan_hash, ...hashes]).size, hashes.length + 1);
    }),
    { seed: SEED, numRuns: 40 },
  );
});

/** The plan with each thing changed that it does. */
function deeds(plan: InstallationPlan): InstallationPlan[] {
  const [change] = plan.changes;
  const [right] = plan.capabilities.added;
  const [need] = plan.requirements;
  assert.ok(change !== undefined && right !== undefined && need !== undefined);
  const { capabilities, changes } = plan;
  const sql = { ...change.sql, sqlite: [...change.sql.sqlite, "select 1"] };
  return [
    { ...plan, digest: "cd".repeat(32) },
    { ...plan, operation: "downgrade" },
    { ...plan, addon_key: "other" },
    { ...plan, from_version: "0.9.0" },
    { ...plan, to_version: "9.9.9" },
    { ...plan, revision: plan.revision + 1 },
    { ...plan, schema: "addon_elsewhere" },
    { ...plan, signature: { status: "verified", key_id: "k" } },
    { ...plan, signature: { status: "verified", key_id: "l" } },
    { ...plan, migrations: ["0001"] },
    { ...plan, changes: changes.slice(1) },
    { ...plan, changes: changes.toReversed().concat(change) },
    { ...plan, changes: [{ ...change, description: "drop everything" }, ...changes.slice(1)] },
    { ...plan, changes: [{ ...change, sql }, ...changes.slice(1)] },
    { ...plan, capabilities: { ...capabilities, added: [] } },
    { ...plan, capabilities: { ...capabilities, added: [], kept: capabilities.added } },
    { ...plan, capabilities: { ...capabilities, removed: [{ kind: "a:b", target: "c" }] } },
    { ...plan, capabilities: { ...capabilities, added: [{ ...right, target: "orders" }] } },
    { ...plan, requirements: [] },
    { ...plan, requirements: [{ ...need, state: "satisfied" }] },
    { ...plan, dependents: [need] },
    { ...plan, extends: [{ model: "orders", columns: ["x"] }] },
  ];
}

/** Addons with arbitrary needs among each other, of either strength. */
const addons = (direction: "any" | "down") =>
  fc.array(
    fc.array(fc.tuple(fc.nat(9), fc.boolean(), fc.boolean()), { maxLength: 4 }),
    { minLength: 1, maxLength: 10 },
  ).chain((all) =>
    fc.shuffledSubarray(all.map((_, index) => index), { minLength: all.length }).map((order) => {
      const made = all.map((needs, own): Requiring => ({
        key: `a${own}`,
        generation: "v2",
        requires: needs.map(([pick, optional, ranged]) => ({
          // Binding ones point down only, where no circle is wanted.
          target: direction === "down" && !optional && ranged ? pick % (own + 1) : pick,
          optional,
          ranged,
        })).filter(({ target }) => target !== own).map(({ target, optional, ranged }) => ({
          key: `a${target}`,
          optional,
          ...(ranged ? { version: "^1.0.0" } : {}),
        })),
      }));
      return order.map((index) => made[index]!);
    })
  );

Deno.test("inTopologicalOrder: needs come first, and equal ones as given", () => {
  fc.assert(
    fc.property(addons("down"), (given) => {
      const ordered = inTopologicalOrder(given);
      assert.deepEqual(new Set(ordered), new Set(given));
      assert.equal(ordered.length, given.length);
      const at = new Map(ordered.map((each, index) => [each.key, index]));
      for (const each of ordered) {
        for (const need of each.requires.filter((need) => isBinding(each.generation, need))) {
          if (at.has(need.key)) assert.ok(at.get(need.key)! < at.get(each.key)!, need.key);
        }
      }
      assert.deepEqual(inTopologicalOrder(ordered), ordered, "an order stays");
      const free = given.map((each) => ({ ...each, requires: [] }));
      assert.deepEqual(inTopologicalOrder(free), free);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("inTopologicalOrder: a circle is named, and only a real one", () => {
  const met = new Met();
  fc.assert(
    fc.property(addons("any"), (given) => {
      const circle = findCycle(given);
      met.add(circle === undefined ? "ordered" : "circle");
      if (circle === undefined) {
        inTopologicalOrder(given);
        return;
      }
      assert.equal(circle[0], circle.at(-1));
      for (const [index, key] of circle.slice(0, -1).entries()) {
        const needs = given.find((each) => each.key === key)!;
        assert.ok(
          needs.requires.some((need) => need.key === circle[index + 1] && isBinding("v2", need)),
        );
      }
      assert.throws(
        () => inTopologicalOrder(given),
        (thrown) => isKernelError(thrown, "addon.requirement_cycle"),
      );
    }),
    { seed: SEED, numRuns: 500 },
  );
  met.demand("ordered", "circle");
});

const right = fc.record({
  kind: fc.constantFrom("db:read", "db:write", "http:fetch"),
  target: fc.constantFrom("a.example.com", "b.example.com", "orders", "lines.*"),
});
const rights = fc.uniqueArray(right, { selector: capabilityName, maxLength: 5 });

Deno.test("checkAcceptance: no right passes that nobody has named", () => {
  const met = new Met();
  fc.assert(
    fc.property(
      rights,
      rights,
      fc.option(fc.oneof(rights, fc.constant("all" as const)), { nil: undefined }),
      fc.constantFrom("install", "upgrade", "downgrade", "rollback", "reinstall" as const),
      (asked, accepted, given, operation) => {
        const manifest = { ...manifestOf({}), capabilities: asked };
        const before = operation === "install" ? [] : accepted.map(capabilityName);
        const capabilities = compareCapabilities(manifest, before);
        const plan = { addon_key: "desk", operation, capabilities, plan_hash: "h" };
        const named = given === undefined || given === "all" ? given : given.map(capabilityName);
        const wanted = asked.map(capabilityName);
        const isWhole = named === "all" ||
          (named === undefined && (operation === "install" || operation === "rollback"));
        const covered = new Set([...before, ...(isWhole ? wanted : named ?? [])]);
        const terms = named === undefined ? {} : { acceptedCapabilities: named };
        try {
          const result = checkAcceptance(plan, terms, before);
          met.add("accepted");
          assert.deepEqual(new Set(result), new Set(wanted));
          for (const name of result) assert.ok(covered.has(name), name);
        } catch (thrown) {
          assert.ok(isKernelError(thrown));
          met.add(thrown.code);
          const strange = Array.isArray(named) && named.some((name) => !wanted.includes(name));
          if (thrown.code === "addon.unknown_capability") return assert.ok(strange);
          assert.equal(thrown.code, "addon.capabilities_not_accepted");
          const missing = wanted.filter((name) => !covered.has(name));
          assert.ok(missing.length > 0);
          assert.deepEqual(thrown.details?.["missing"], missing);
        }
      },
    ),
    { seed: SEED, numRuns: 1000 },
  );
  met.demand("accepted", "addon.unknown_capability", "addon.capabilities_not_accepted");
});
