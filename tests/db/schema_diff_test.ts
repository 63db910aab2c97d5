/**
 * Differences between schema values.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { applyChange } from "../../src/db/schema/apply.ts";
import { sameValue } from "../../src/db/schema/canonical.ts";
import { completeTable } from "../../src/db/schema/complete.ts";
import { diffSchema } from "../../src/db/schema/diff.ts";
import type {
  ColumnSpec,
  ColumnType,
  SchemaChange,
  SchemaState,
  TableSpec,
} from "../../src/db/schema/spec.ts";
import { isKernelError } from "../../src/base/error.ts";
import { tables } from "./schema_specs.ts";
import { changeSeeds, walk } from "./schema_walk.ts";
import {
  bare,
  columnSpec,
  index,
  orders,
  refused,
  SCHEMA,
  SEED,
  stateOf,
  TEXT,
} from "./schema_values.ts";

const desiredWith = (column: ColumnSpec): SchemaState =>
  stateOf({
    ...bare,
    columns: [...bare.columns.filter((each) => each.name !== column.name), column],
  });

Deno.test("diffSchema: types widen, stay, or conflict", () => {
  const alter = (type: ColumnType, current = stateOf(bare)) =>
    diffSchema(current, desiredWith(columnSpec("total", type)));
  assert.deepEqual(alter({ kind: "bigint" }), [
    { kind: "alterColumn", table: orders, column: columnSpec("total", { kind: "bigint" }) },
  ]);
  for (const stays of ["smallint", "double", "numeric"] as const) {
    assert.deepEqual(alter({ kind: stays }), []);
  }
  assert.throws(
    () => alter({ kind: "text" }),
    refused("type_conflict", "orders.total", "integer", "text"),
  );
  const numeric = (precision: number, scale: number): ColumnType => ({
    kind: "numeric",
    precision,
    scale,
  });
  const small = desiredWith(columnSpec("total", numeric(10, 2)));
  assert.equal(alter(numeric(18, 4), small).length, 1);
  assert.deepEqual(alter(numeric(11, 4), small), [], "fewer digits before the point");
});

Deno.test("diffSchema: required columns and what rows may lack", () => {
  const current = stateOf(bare);
  const required = desiredWith(columnSpec("fresh", TEXT, { nullable: false }));
  assert.throws(
    () => diffSchema(current, required),
    refused("required_column_without_default", "orders.fresh"),
  );
  const empty = { hasRows: () => false };
  assert.equal(diffSchema(current, required, empty)[0]?.kind, "addColumn");
  const value = { kind: "literal", value: "x" } as const;
  const filled = desiredWith(columnSpec("fresh", TEXT, { nullable: false, default: value }));
  assert.equal(diffSchema(current, filled)[0]?.kind, "addColumn");

  const tight = desiredWith(columnSpec("code", TEXT, { nullable: false }));
  assert.deepEqual(diffSchema(current, tight), [], "rows may hold no code");
  assert.equal(diffSchema(current, tight, empty).length, 1);
  assert.equal(diffSchema(tight, current).length, 1, "loosened");
});

Deno.test("diffSchema: an unprotected table is made a tenant table, or its rows are named", () => {
  const unique = { ...bare, indexes: [{ ...index("u", "code"), unique: true }] };
  const wanted = stateOf(completeTable(unique));
  assert.throws(
    () => diffSchema(stateOf(unique), wanted),
    refused("tenant_unknown", "orders", "organization_id"),
  );
  const changes = diffSchema(stateOf(unique), wanted, { hasRows: () => false });
  assert.deepEqual(changes.map((change) => change.kind), [
    "dropIndex",
    "addColumn",
    "setPrimaryKey",
    "createIndex",
    "createIndex",
    "protectTable",
  ]);
});

Deno.test("diffSchema: keeps what the desired schema does not name", () => {
  const value = { kind: "literal", value: "draft" } as const;
  const current = stateOf({
    ...bare,
    columns: [
      ...bare.columns.filter((each) => each.name !== "code"),
      columnSpec("code", TEXT, { default: value }),
      columnSpec("extra", TEXT),
    ],
    indexes: [index("author_index", "code")],
    checks: [{
      name: "c",
      expression: { kind: "isNotNull", operand: { kind: "column", name: "id" } },
    }],
  }, { ...bare, name: { schema: SCHEMA, table: "others" } });
  assert.deepEqual(diffSchema(current, stateOf(bare)), []);
  const renamed = stateOf({ ...bare, indexes: [index("idx_orders_code", "code")] });
  assert.deepEqual(diffSchema(current, renamed), [], "an equal index of another name is enough");
});

Deno.test("diffSchema: a unique index is replaced by a unique one only", () => {
  const unique = { ...index("i", "code"), unique: true };
  const current = stateOf({ ...bare, indexes: [unique] });
  assert.deepEqual(diffSchema(current, stateOf({ ...bare, indexes: [index("i", "code")] })), []);
  const wider = stateOf({ ...bare, indexes: [{ ...index("i", "code", "total"), unique: true }] });
  assert.deepEqual(diffSchema(current, wider).map((change) => change.kind), [
    "dropIndex",
    "createIndex",
  ]);
});

Deno.test("diffSchema: tables that point at each other are made in a possible order", () => {
  const pointing = (table: string, target: string): TableSpec =>
    completeTable({
      ...bare,
      name: { schema: SCHEMA, table },
      columns: [...bare.columns, columnSpec("target_id", { kind: "uuid" })],
      foreignKeys: [{
        name: "k",
        columns: ["target_id"],
        target,
        targetColumns: ["id"],
        onDelete: "cascade",
      }],
    });
  const desired = stateOf(pointing("a", "b"), pointing("b", "c"), pointing("c", "a"));
  const changes = diffSchema(new Map(), desired);
  const after = changes.reduce(applyChange, new Map() as SchemaState);
  for (const [name, table] of desired) assert.ok(sameValue(after.get(name), table));
});

Deno.test("diffSchema: after its changes there are none", () => {
  fc.assert(
    fc.property(
      tables(SCHEMA),
      changeSeeds,
      fc.boolean(),
      (desired, seeds, rows) => {
        const wanted = stateOf(...desired);
        const current = walk(wanted, seeds).reduce(applyChange, wanted);
        const options = { hasRows: () => rows };
        let changes: SchemaChange[];
        try {
          changes = diffSchema(current, wanted, options);
        } catch (thrown) {
          assert.ok(isKernelError(thrown), String(thrown));
          return;
        }
        const after = changes.reduce(applyChange, current);
        assert.deepEqual(diffSchema(after, wanted, options), []);
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("diffSchema: from nothing, tables are created as they end up", () => {
  fc.assert(
    fc.property(tables(SCHEMA), changeSeeds, (specs, seeds) => {
      const start = stateOf(...specs);
      const result = walk(start, seeds).reduce(applyChange, start);
      const fresh = diffSchema(new Map(), result).reduce(applyChange, new Map() as SchemaState);
      assert.deepEqual(new Set(fresh.keys()), new Set(result.keys()));
      for (const [name, table] of result) assert.ok(sameValue(fresh.get(name), table));
    }),
    { seed: SEED, numRuns: 300 },
  );
});
