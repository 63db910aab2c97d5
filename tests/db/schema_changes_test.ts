/**
 * Changes to schema values: what is refused, and that values never change.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { applyChange } from "../../src/db/schema/apply.ts";
import { completeTable } from "../../src/db/schema/complete.ts";
import { renderPostgres } from "../../src/db/schema/render_postgres.ts";
import { renderSqlite } from "../../src/db/schema/render_sqlite.ts";
import type { SchemaChange } from "../../src/db/schema/spec.ts";
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

const tenant = completeTable({ ...bare, indexes: [index("by_code", "code")] });
const state = stateOf(
  tenant,
  completeTable({
    ...bare,
    name: { schema: SCHEMA, table: "lines" },
    columns: [...bare.columns, columnSpec("order_id", { kind: "uuid" })],
    foreignKeys: [{
      name: "lines_order",
      columns: ["order_id"],
      target: "orders",
      targetColumns: ["id"],
      onDelete: "cascade",
    }],
  }),
);
const table = orders;
const column = columnSpec("x", TEXT);
const cases: readonly (readonly [SchemaChange, string, ...string[]])[] = [
  [{ kind: "dropTable", table: { schema: SCHEMA, table: "no" } }, "unknown_table", "no"],
  [{ kind: "dropTable", table: { schema: "addon_x", table: "orders" } }, "unknown_table"],
  [{ kind: "dropTable", table }, "table_referenced", "orders", "lines"],
  [{ kind: "createTable", table: tenant }, "duplicate_table", "orders"],
  [{ kind: "renameTable", table, to: "BY_code" }, "duplicate_table", "BY_code"],
  [
    { kind: "createTable", table: { ...tenant, name: { schema: "addon_x", table: "t" } } },
    "unknown_schema",
    "addon_hr",
  ],
  [{ kind: "dropColumn", table, column: "no" }, "unknown_column", "orders.no"],
  [{ kind: "dropColumn", table, column: "organization_id" }, "system_column", "organization_id"],
  [{ kind: "dropColumn", table, column: "created_at" }, "system_column", "orders.created_at"],
  [{ kind: "renameColumn", table, column: "id", to: "x" }, "system_column", "orders.id"],
  [{ kind: "renameColumn", table, column: "code", to: "deleted_at" }, "system_column"],
  [{ kind: "renameColumn", table, column: "code", to: "Total" }, "duplicate_column", "Total"],
  [
    { kind: "alterColumn", table, column: columnSpec("organization_id", { kind: "uuid" }) },
    "key_column",
    "organization_id",
  ],
  [
    {
      kind: "alterColumn",
      table,
      column: columnSpec("organization_id", { kind: "uuid" }, { nullable: false }),
    },
    "system_column",
    "organization_id",
  ],
  [
    { kind: "alterColumn", table, column: columnSpec("code", { kind: "integer" }) },
    "type_change",
    "orders.code",
    "varchar(50)",
    "integer",
  ],
  [
    { kind: "addColumn", table, column: { ...column, name: "CODE" } },
    "duplicate_column",
    "CODE",
  ],
  [
    { kind: "addColumn", table, column: { ...column, name: "x".repeat(64) } },
    "name_too_long",
    "orders",
  ],
  [
    { kind: "addColumn", table, column: columnSpec("x", { kind: "text", maxLength: 0 }) },
    "invalid_type",
    "orders.x",
  ],
  [{ kind: "setPrimaryKey", table, columns: ["id"] }, "tenant_key", "orders"],
  [
    { kind: "createIndex", table, index: { ...index("u", "code"), unique: true } },
    "tenant_key",
    "unique index u",
  ],
  [
    {
      kind: "createIndex",
      table: { ...orders, table: "lines" },
      index: index("by_code", "code"),
    },
    "duplicate_index",
    "by_code",
  ],
  [{ kind: "createIndex", table, index: index("i", "no") }, "unknown_column", "orders.no"],
  [{ kind: "dropIndex", table, index: "no" }, "unknown_index", "no"],
  [{ kind: "dropConstraint", table, constraint: "no" }, "unknown_constraint", "no"],
  [
    {
      kind: "addCheck",
      table,
      check: {
        name: "late",
        expression: {
          kind: "compare",
          operator: "<",
          left: { kind: "column", name: "created_at" },
          right: { kind: "call", function: "now", arguments: [] },
        },
      },
    },
    "invalid_expression",
    "orders",
    "late",
  ],
  [
    {
      kind: "addForeignKey",
      table,
      key: {
        name: "k",
        columns: ["code"],
        target: "lines",
        targetColumns: ["id"],
        onDelete: "cascade",
      },
    },
    "foreign_key_type",
    "code",
    "lines.id",
  ],
  [
    {
      kind: "addForeignKey",
      table,
      key: {
        name: "k",
        columns: ["id"],
        target: "lines",
        targetColumns: ["order_id"],
        onDelete: "cascade",
      },
    },
    "foreign_key_target",
    "lines",
  ],
];

Deno.test("applyChange: refuses what cannot hold, and names the place", () => {
  for (const [change, code, ...mentions] of cases) {
    assert.throws(() => applyChange(state, change), refused(code, ...mentions));
    assert.throws(() => renderPostgres(change, state), refused(code));
    assert.throws(() => renderSqlite(change, state), refused(code));
  }
});

Deno.test("applyChange: never touches the state it is given", () => {
  fc.assert(
    fc.property(tables(SCHEMA), changeSeeds, (specs, seeds) => {
      const state = stateOf(...specs);
      const before = JSON.stringify([...state]);
      walk(state, seeds);
      assert.equal(JSON.stringify([...state]), before);
    }),
    { seed: SEED },
  );
});
