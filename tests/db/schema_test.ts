/**
 * Schema values without an engine: names, texts, expressions, defaults, completion, words.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { canonicalColumn, canonicalTable } from "../../src/db/schema/canonical.ts";
import { completeChange, completeTable } from "../../src/db/schema/complete.ts";
import { describeChange } from "../../src/db/schema/describe.ts";
import { parseExpression } from "../../src/db/schema/expression_json.ts";
import { canonicalPattern, globToLike, likeToGlob } from "../../src/db/schema/like_pattern.ts";
import {
  addonSchemaName,
  physicalName,
  postgresTable,
  quoteIdentifier,
  sqliteIndex,
  sqliteTable,
} from "../../src/db/schema/names.ts";
import { postgresText, quoteText } from "../../src/db/schema/sql_text.ts";
import type { ColumnType, SchemaChange } from "../../src/db/schema/spec.ts";
import { condition, tables } from "./schema_specs.ts";
import {
  bare,
  columnSpec,
  index,
  orders,
  ORG,
  refused,
  SCHEMA,
  SEED,
  TEXT,
} from "./schema_values.ts";

Deno.test("physicalName: keeps what fits 63 bytes, else 22 bytes, $ and 40 digits of the hash", () => {
  const fits = "x".repeat(63);
  assert.equal(physicalName(fits), fits);
  const long = "x".repeat(64);
  const hash = createHash("sha256").update(long).digest("hex");
  assert.equal(physicalName(long), `${"x".repeat(22)}$${hash.slice(0, 40)}`);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 90 }), (name) => {
      const physical = physicalName(name);
      assert.ok(new TextEncoder().encode(physical).length <= 63);
      assert.ok(physical.isWellFormed());
      assert.equal(physicalName(physical), physical);
    }),
    { seed: SEED },
  );
});

Deno.test("addonSchemaName: shared, per tenant, shortened; refuses what is no organization", () => {
  assert.equal(addonSchemaName("HR", "shared", "anything"), "addon_hr");
  assert.equal(
    addonSchemaName("hr", "schema-per-tenant", ORG),
    "addon_hr$0b8c2c1e00004000800000000000000a",
  );
  const long = addonSchemaName("k".repeat(64), "schema-per-tenant", ORG);
  assert.match(long, /^addon_k{16}\$[0-9a-f]{40}$/);
  assert.notEqual(long, addonSchemaName("k".repeat(64), "shared", ORG));
  assert.throws(
    () => addonSchemaName("hr", "schema-per-tenant", "x; drop"),
    refused("invalid_organization", "hr"),
  );
});

Deno.test("quoteIdentifier: nothing breaks out of the quotes", () => {
  assert.equal(quoteIdentifier('a"; drop table b; --'), '"a""; drop table b; --"');
  assert.equal(postgresTable({ schema: "s", table: 'x"y' }), '"s"."x""y"');
  assert.equal(sqliteTable({ schema: "s", table: 'x"y' }), '"s.x""y"');
  assert.equal(sqliteIndex("s", "i"), '"s.i"');
  for (const bad of ["", "a\0b", "\ud800"]) {
    assert.throws(() => quoteIdentifier(bad), refused("invalid_name"));
  }
});

Deno.test("quoteText, postgresText: quotes doubled, backslashes only in the escape form", () => {
  assert.equal(quoteText("it's"), "'it''s'");
  assert.equal(postgresText("it's"), "'it''s'");
  assert.equal(postgresText("\\'; drop"), "E'\\\\''; drop'");
  assert.throws(() => quoteText("\0"), refused("invalid_text"));
  assert.throws(() => postgresText("\udfff"), refused("invalid_text"));
});

Deno.test("canonicalPattern: patterns survive the way through glob", () => {
  assert.equal(likeToGlob("a%_\\%*[?]"), "a*?%[*][[][?]]");
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab%_\\*?[]-^!".split("")) }), (pattern) => {
      const canonical = canonicalPattern(pattern);
      assert.equal(canonicalPattern(canonical), canonical);
      assert.equal(globToLike(likeToGlob(canonical)), canonical);
    }),
    { seed: SEED },
  );
});

Deno.test("parseExpression: reads back every expression and nothing else", () => {
  const columns = canonicalTable(bare).columns;
  fc.assert(
    fc.property(condition(columns), (expression) => {
      assert.deepEqual(parseExpression(JSON.parse(JSON.stringify(expression))), expression);
    }),
    { seed: SEED },
  );
  const hostile: readonly unknown[] = [
    null,
    7,
    [],
    {},
    { kind: "sql", text: "drop" },
    { kind: "column", name: 7 },
    { kind: "literal", value: { toString: 1 } },
    { kind: "literal" },
    { kind: "call", function: "pg_sleep", arguments: [] },
    { kind: "compare", operator: "; drop", left: { kind: "column", name: "a" }, right: {} },
    { kind: "and", operands: [{ kind: "and", operands: 7 }] },
  ];
  for (const value of hostile) assert.equal(parseExpression(value), undefined);
  fc.assert(fc.property(fc.jsonValue(), (value) => void parseExpression(value)), { seed: SEED });
});

Deno.test("canonicalColumn: defaults become what the type holds, or are refused", () => {
  const cases: readonly (readonly [ColumnType, unknown, unknown])[] = [
    [{ kind: "integer" }, "5", 5],
    [{ kind: "integer" }, "0.5", undefined],
    [{ kind: "smallint" }, 40_000, undefined],
    [{ kind: "bigint" }, "9007199254740993", "9007199254740993"],
    [{ kind: "bigint" }, "99999999999999999999", undefined],
    [{ kind: "numeric", precision: 4, scale: 2 }, 99.99, 99.99],
    [{ kind: "numeric", precision: 4, scale: 2 }, 100, undefined],
    [{ kind: "numeric" }, "12345678901234567890.5", "12345678901234567890.5"],
    [{ kind: "double" }, Number.NaN, undefined],
    [{ kind: "text" }, 1, "1"],
    [{ kind: "text", maxLength: 2 }, "abc", undefined],
    [{ kind: "text" }, "a\0", undefined],
    [{ kind: "boolean" }, "TRUE", true],
    [{ kind: "boolean" }, "maybe", undefined],
    [{ kind: "timestamp" }, "2026-01-31 10:20", "2026-01-31T10:20:00.000Z"],
    [{ kind: "timestamp" }, "2026-13-31", undefined],
    [{ kind: "date" }, "2026-01-31", "2026-01-31"],
    [{ kind: "date" }, "31.1.2026", undefined],
    [{ kind: "uuid" }, ORG, ORG.toLowerCase()],
    [{ kind: "json" }, "{", undefined],
    [{ kind: "json" }, "{}", "{}"],
    [{ kind: "array", element: "text" }, "{}", "[]"],
    [{ kind: "bytes" }, "\\x00", undefined],
  ];
  for (const [type, given, expected] of cases) {
    const spec = columnSpec("c", type, {
      default: { kind: "literal", value: given as string | number | boolean },
    });
    if (expected === undefined) {
      assert.throws(() => canonicalColumn(spec, "orders"), refused("invalid_default", "orders.c"));
    } else {
      const { default: value } = canonicalColumn(spec, "orders");
      assert.deepEqual(value, { kind: "literal", value: expected });
    }
  }
  const text = columnSpec("c", TEXT, { default: { kind: "now" } });
  assert.throws(() => canonicalColumn(text, "orders"), refused("invalid_default"));
  const tenant = columnSpec("c", { kind: "uuid" }, { default: { kind: "tenant" } });
  assert.throws(() => canonicalColumn(tenant, "orders"), refused("invalid_default"));
});

Deno.test("completeTable: a table without tenant becomes a tenant table", () => {
  const table = completeTable({
    ...bare,
    indexes: [{ ...index("u", "code"), unique: true }, index("i", "total")],
    foreignKeys: [{
      name: "k",
      columns: ["id"],
      target: "orders",
      targetColumns: ["id"],
      onDelete: "no action",
    }],
  });
  assert.deepEqual(table.columns[1], {
    name: "organization_id",
    type: { kind: "uuid" },
    nullable: false,
    default: { kind: "tenant" },
  });
  assert.deepEqual(table.primaryKey, ["organization_id", "id"]);
  assert.equal(table.tenantPolicy, true);
  const keys = table.indexes.map(({ name, keys }) => [
    name,
    ...keys.map(({ expression }) => expression.kind === "column" ? expression.name : "?"),
  ]);
  assert.deepEqual(keys, [
    ["u", "organization_id", "code"],
    ["i", "organization_id", "total"],
    ["idx_orders_org", "organization_id", "created_at", "id"],
  ]);
  assert.deepEqual(table.foreignKeys[0]?.columns, ["organization_id", "id"]);
  assert.deepEqual(table.foreignKeys[0]?.targetColumns, ["organization_id", "id"]);
});

Deno.test("completeTable: the author's tenant column, key and index are put right", () => {
  const columns = [...bare.columns, columnSpec("organization_id", TEXT)];
  const withIndex = { ...bare, columns, indexes: [index("idx_orders_org", "organization_id")] };
  const table = completeTable({ ...withIndex, primaryKey: ["id", "organization_id"] });
  assert.deepEqual(table.primaryKey, ["organization_id", "id"]);
  assert.equal(table.columns.at(-1)?.type.kind, "uuid");
  assert.equal(table.indexes.length, 1);
  assert.deepEqual(completeTable({ ...bare, primaryKey: ["code"] }).primaryKey, [
    "organization_id",
    "code",
  ]);
  assert.deepEqual(completeTable({ ...bare, primaryKey: [] }).primaryKey, [
    "organization_id",
    "id",
  ]);
  assert.throws(
    () => completeTable({ ...bare, columns: [columnSpec("a", TEXT)], primaryKey: [] }),
    refused("no_primary_key", "orders"),
  );
  const crossed = {
    name: "k",
    columns: ["organization_id"],
    target: "orders",
    targetColumns: ["id"],
    onDelete: "cascade",
  } as const;
  assert.throws(
    () => completeTable({ ...bare, columns, foreignKeys: [crossed] }),
    refused("invalid_foreign_key", "orders", "k"),
  );
});

Deno.test("completeTable, completeChange: idempotent", () => {
  fc.assert(
    fc.property(tables(SCHEMA), (specs) => {
      for (const spec of specs) {
        const table = completeTable(spec);
        assert.deepEqual(completeTable(table), table);
        const change = completeChange({ kind: "createTable", table: spec });
        assert.deepEqual(change, { kind: "createTable", table });
        for (const each of spec.indexes) {
          const once = completeChange({ kind: "createIndex", table: spec.name, index: each });
          assert.deepEqual(completeChange(once), once);
        }
      }
    }),
    { seed: SEED },
  );
});

Deno.test("describeChange: one line for each change", () => {
  const column = columnSpec("code", TEXT, {
    nullable: false,
    default: { kind: "literal", value: "x" },
  });
  const lines: readonly (readonly [SchemaChange, string])[] = [
    [{ kind: "createSchema", schema: SCHEMA }, "create schema addon_hr"],
    [
      { kind: "dropSchema", schema: SCHEMA, tables: ["a"] },
      "drop schema addon_hr (1 table)",
    ],
    [{ kind: "createTable", table: bare }, "create table orders (4 columns)"],
    [
      { kind: "addColumn", table: orders, column },
      'add column code varchar(50) not null default "x" to orders',
    ],
    [
      { kind: "createIndex", table: orders, index: { ...index("u", "code"), unique: true } },
      "create unique index u on orders",
    ],
    [{ kind: "protectTable", table: orders }, "put the tenant policy on orders"],
    [
      { kind: "renameColumn", table: orders, column: "a", to: "b" },
      "rename column a to b in orders",
    ],
  ];
  for (const [change, line] of lines) assert.equal(describeChange(change), line);
});
