/**
 * What is told of a change against what the engines do: locks that Postgres holds, tables that are
 * written anew, and statements that are the renderers' own.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Transaction } from "../../src/db/database.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import { type ChangeLock, notesOf } from "../../src/db/schema/change_notes.ts";
import { completeTable } from "../../src/db/schema/complete.ts";
import { renderForEveryEngine } from "../../src/db/schema/render_both.ts";
import type {
  ColumnSpec,
  IndexSpec,
  SchemaChange,
  SchemaState,
  TableSpec,
} from "../../src/db/schema/spec.ts";
import {
  engineTest,
  hasPostgresServer,
  openTestDatabase,
  type TestDatabase,
} from "../_support/engines.ts";
import { tables } from "./schema_specs.ts";
import { columnSpec, SEED, stateOf } from "./schema_values.ts";
import { changeSeeds, walk } from "./schema_walk.ts";

const SCHEMA = "addon_notes";
const ORG = "0b8c2c1e-0000-4000-8000-00000000000a";
const RUNS = { sqlite: 60, postgres: 12 } as const;
const parents = { schema: SCHEMA, table: "parents" };
const orders = { schema: SCHEMA, table: "orders" };

/** Thrown to undo a trial. */
class RolledBack extends Error {}

async function trial(t: TestDatabase, work: (tx: Transaction) => Promise<void>): Promise<void> {
  await assert.rejects(
    t.database.schemaTransaction(ORG, async (tx) => {
      await work(tx);
      throw new RolledBack();
    }),
    (thrown) => {
      if (thrown instanceof RolledBack) return true;
      throw thrown;
    },
  );
}

async function make(
  tx: Transaction,
  state: SchemaState,
  changes: readonly SchemaChange[],
): Promise<SchemaState> {
  let now = state;
  for (const change of changes) {
    for (const statement of tx.profile.render(change, now)) await tx.execute(statement);
    now = applyChange(now, change);
  }
  return now;
}

const id = columnSpec("id", { kind: "uuid" }, { nullable: false, default: { kind: "uuid" } });
const own: IndexSpec = {
  name: "orders_code",
  keys: [{ expression: { kind: "column", name: "code" } }],
  unique: false,
};
const key = {
  name: "orders_parent",
  columns: ["organization_id", "parent"],
  target: "parents",
  targetColumns: ["organization_id", "id"],
  onDelete: "cascade",
} as const;
const check = {
  name: "orders_check",
  expression: { kind: "isNotNull", operand: { kind: "column", name: "code" } },
} as const;

function table(name: TableSpec["name"], columns: readonly ColumnSpec[]): TableSpec {
  return completeTable({
    name,
    columns: [id, ...columns],
    primaryKey: ["id"],
    indexes: [],
    foreignKeys: [],
    checks: [],
    tenantPolicy: true,
  });
}

const BASE: readonly TableSpec[] = [
  table(parents, []),
  {
    ...table(orders, [
      columnSpec("code", { kind: "text", maxLength: 20 }),
      columnSpec("count", { kind: "integer" }),
      columnSpec("large", { kind: "bigint" }),
      columnSpec("price", { kind: "numeric", precision: 8, scale: 2 }),
      columnSpec("due", { kind: "date" }),
      columnSpec("parent", { kind: "uuid" }),
      columnSpec("note", { kind: "text" }, { default: { kind: "literal", value: "-" } }),
    ]),
    indexes: [own],
    foreignKeys: [key],
    checks: [check],
  },
];

/** A change of {@link orders} with what is known of it: lock, rewrites, whether it destroys. */
type Case = readonly [
  change: SchemaChange,
  lock: ChangeLock,
  rewrites: "both" | "postgres" | "sqlite" | "none",
  destructive?: "destructive",
];

const add = (column: ColumnSpec): SchemaChange => ({ kind: "addColumn", table: orders, column });
const alter = (column: ColumnSpec): SchemaChange => ({
  kind: "alterColumn",
  table: orders,
  column,
});
const literal = (value: string | number) => ({ default: { kind: "literal", value } }) as const;
const required = { nullable: false } as const;

const CASES: readonly Case[] = [
  [add(columnSpec("plain", { kind: "text" })), "everything", "none"],
  [
    add(columnSpec("filled", { kind: "text" }, { ...required, ...literal("x") })),
    "everything",
    "none",
  ],
  [add(columnSpec("made", { kind: "uuid" }, { default: { kind: "uuid" } })), "everything", "both"],
  [
    add(columnSpec("at", { kind: "timestamp" }, { ...required, default: { kind: "now" } })),
    "everything",
    "sqlite",
  ],
  [{ kind: "dropColumn", table: orders, column: "note" }, "everything", "sqlite", "destructive"],
  [{ kind: "renameColumn", table: orders, column: "note", to: "remark" }, "everything", "none"],
  [{ kind: "renameTable", table: orders, to: "purchases" }, "everything", "none"],
  [{ kind: "dropTable", table: orders }, "everything", "none", "destructive"],
  [alter(columnSpec("code", { kind: "text", maxLength: 40 })), "everything", "sqlite"],
  [alter(columnSpec("code", { kind: "text" })), "everything", "sqlite"],
  [alter(columnSpec("count", { kind: "bigint" })), "everything", "both"],
  [alter(columnSpec("count", { kind: "text" })), "everything", "both"],
  [alter(columnSpec("large", { kind: "double" })), "everything", "both", "destructive"],
  [
    alter(columnSpec("price", { kind: "numeric", precision: 12, scale: 2 })),
    "everything",
    "sqlite",
  ],
  [alter(columnSpec("price", { kind: "numeric", precision: 12, scale: 4 })), "everything", "both"],
  [alter(columnSpec("price", { kind: "numeric" })), "everything", "sqlite"],
  [alter(columnSpec("due", { kind: "timestamp" })), "everything", "both"],
  [alter(columnSpec("count", { kind: "integer" }, literal(1))), "everything", "sqlite"],
  [
    alter(columnSpec("note", { kind: "text" }, { ...required, ...literal("-") })),
    "everything",
    "none",
  ],
  [
    { kind: "setPrimaryKey", table: orders, columns: ["organization_id", "id", "count"] },
    "everything",
    "sqlite",
  ],
  [
    { kind: "createIndex", table: orders, index: { ...own, name: "orders_more", unique: false } },
    "writes",
    "none",
  ],
  [{ kind: "dropIndex", table: orders, index: "orders_code" }, "everything", "none"],
  [{ kind: "addForeignKey", table: orders, key: { ...key, name: "again" } }, "writes", "sqlite"],
  [{ kind: "addCheck", table: orders, check: { ...check, name: "more" } }, "everything", "none"],
  [{ kind: "dropConstraint", table: orders, constraint: check.name }, "everything", "none"],
  [{ kind: "dropConstraint", table: orders, constraint: key.name }, "everything", "sqlite"],
  [
    {
      kind: "createTable",
      table: {
        ...table({ schema: SCHEMA, table: "lines" }, [columnSpec("parent", { kind: "uuid" })]),
        foreignKeys: [key],
      },
    },
    "writes",
    "none",
  ],
  [{ kind: "createTable", table: table({ schema: SCHEMA, table: "alone" }, []) }, "none", "none"],
  [
    { kind: "dropSchema", schema: SCHEMA, tables: ["orders", "parents"] },
    "everything",
    "none",
    "destructive",
  ],
];

Deno.test("notesOf: every kind of change is known, with the renderers' statements", () => {
  const state = stateOf(...BASE);
  for (const [change, lock, rewrites, destructive] of CASES) {
    const notes = notesOf(change, state);
    const told = JSON.stringify(change);
    assert.deepEqual(notes.sql, renderForEveryEngine(change, state), told);
    assert.equal(notes.locks.postgres, lock, told);
    assert.equal(notes.locks.sqlite, notes.sql.sqlite.length === 0 ? "none" : "writes", told);
    assert.equal(notes.rewrites.postgres, ["both", "postgres"].includes(rewrites), told);
    assert.equal(notes.rewrites.sqlite, ["both", "sqlite"].includes(rewrites), told);
    assert.equal(notes.destructive, destructive === "destructive", told);
  }
  const nothing = notesOf({ kind: "createSchema", schema: SCHEMA }, new Map());
  assert.deepEqual(nothing.locks, { postgres: "none", sqlite: "none" });
  const wall = notesOf({ kind: "protectTable", table: orders }, state);
  assert.deepEqual(
    wall.locks,
    { postgres: "everything", sqlite: "none" },
    "policies are Postgres'",
  );
});

const STRENGTH: readonly ChangeLock[] = ["none", "writes", "everything"];
const BLOCKS: Readonly<Record<string, ChangeLock>> = {
  ShareLock: "writes",
  ShareRowExclusiveLock: "writes",
  ExclusiveLock: "writes",
  AccessExclusiveLock: "everything",
};

async function holdsLocks(): Promise<void> {
  await using t = await openTestDatabase("postgres");
  const state = await t.database.schemaTransaction(ORG, async (tx) =>
    await make(tx, new Map(), [
      { kind: "createSchema", schema: SCHEMA },
      ...BASE.map((table) => ({ kind: "createTable", table }) as const),
    ]));
  for (const [change, lock] of CASES) {
    await trial(t, async (tx) => {
      const oids = await tx.execute({
        sql:
          `select oid::text from pg_class where relkind = 'r' and relnamespace = '${SCHEMA}'::regnamespace`,
        parameters: [],
      });
      const known = oids.rows.map((row) => String(row["oid"])).join(", ");
      await make(tx, state, [change]);
      const held = await tx.execute({
        sql: `select mode from pg_locks where locktype = 'relation' and pid = pg_backend_pid()
          and relation in (${known})`,
        parameters: [],
      });
      const strongest = held.rows.map((row) => BLOCKS[String(row["mode"])] ?? "none")
        .toSorted((a, b) => STRENGTH.indexOf(a) - STRENGTH.indexOf(b)).at(-1) ?? "none";
      assert.equal(strongest, lock, JSON.stringify(change));
    });
  }
}

Deno.test({
  name: "notesOf: Postgres holds the lock that is told",
  ignore: !hasPostgresServer,
  fn: holdsLocks,
});

/** Where the rows of each table lie: another place means that they were written anew. */
async function places(
  tx: Transaction,
  engine: TestDatabase["engine"],
): Promise<Map<string, string>> {
  const sql = engine === "postgres"
    ? `select oid::text as name, pg_relation_filenode(oid)::text as place from pg_class
        where relkind = 'r' and relnamespace = '${SCHEMA}'::regnamespace`
    : `select name, cast(rootpage as text) as place from sqlite_schema where type = 'table'`;
  const { rows } = await tx.execute({ sql, parameters: [] });
  return new Map(rows.map((row) => [String(row["name"]), String(row["place"])]));
}

engineTest("notesOf: rows move where rewriting is told, and nowhere else", async (t) => {
  const moves = async (tx: Transaction, state: SchemaState, change: SchemaChange) => {
    const before = await places(tx, t.engine);
    const next = await make(tx, state, [change]);
    // SQLite purges a dropped column where the rows lie; a renamed or dropped table has no place.
    const isSeen = t.engine === "postgres" ||
      !["dropColumn", "renameTable", "dropTable", "createTable"].includes(change.kind);
    if (isSeen) {
      const after = await places(tx, t.engine);
      const moved = [...before].some(([name, place]) =>
        after.has(name) && after.get(name) !== place
      );
      assert.equal(moved, notesOf(change, state).rewrites[t.engine], JSON.stringify(change));
    }
    return next;
  };
  await fc.assert(
    fc.asyncProperty(tables(SCHEMA), changeSeeds, (specs, seeds) =>
      trial(t, async (tx) => {
        let state = await make(tx, new Map(), [
          { kind: "createSchema", schema: SCHEMA },
          ...specs.map((table) => ({ kind: "createTable", table }) as const),
        ]);
        for (const change of walk(state, seeds)) state = await moves(tx, state, change);
      })),
    { seed: SEED, numRuns: RUNS[t.engine] },
  );
  for (const [change] of CASES) {
    if (change.kind === "dropSchema") continue;
    await trial(t, async (tx) => {
      const state = await make(tx, new Map(), [
        { kind: "createSchema", schema: SCHEMA },
        ...BASE.map((table) => ({ kind: "createTable", table }) as const),
      ]);
      await moves(tx, state, change);
    });
  }
});
