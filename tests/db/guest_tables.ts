/**
 * An addon's tables and rows of two organizations for tests of guests' SQL, made by the kernel's own
 * rendering of schemas, the same on both engines.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError, type KernelError } from "../../src/base/error.ts";
import type { Database } from "../../src/db/database.ts";
import type {
  GuestArgument,
  GuestRelations,
  GuestSqlRequest,
} from "../../src/db/guest_sql/guest_sql.ts";
import { completeTable } from "../../src/db/schema/complete.ts";
import type { ColumnSpec, ColumnType, SchemaState, TableSpec } from "../../src/db/schema/spec.ts";

/** Two organizations. */
export const ORG_A = "0190a5d0-0000-7000-8000-00000000000a";
export const ORG_B = "0190a5d0-0000-7000-8000-00000000000b";

/** An id that differs by its number. */
export function rowId(number: number): string {
  return `0190a5d0-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

const LIMITS = {
  textBytes: 16_384,
  arguments: 64,
  rows: 1_000,
  responseBytes: 1_000_000,
  timeoutMs: 5_000,
};

/** What the addon `shop` may touch. */
export const SHOP: GuestRelations = {
  ownSchema: "addon_shop",
  readable: ["addon_shop"],
  writable: ["addon_shop"],
  find: (schema, table) =>
    (schema === undefined || schema === "addon_shop") && ["items", "orders"].includes(table)
      ? { schema: "addon_shop", table }
      : { refused: `no right to ${schema}.${table}` },
};

/** What a test changes about a request. */
export type Asked =
  & Partial<Omit<GuestSqlRequest, "limits" | "arguments">>
  & { readonly limits?: Partial<GuestSqlRequest["limits"]> };

/** A request of organization A. */
export function guestRequest(
  access: "read" | "write",
  sql: string,
  given: readonly GuestArgument[] = [],
  asked: Asked = {},
): GuestSqlRequest {
  return {
    organizationId: ORG_A,
    access,
    sql,
    arguments: given,
    relations: SHOP,
    ...asked,
    limits: { ...LIMITS, ...asked.limits },
  };
}

/** The error of a call that must fail with one code. */
export async function refusal(running: Promise<unknown>, code: string): Promise<KernelError> {
  const thrown = await running.then((value) => {
    throw new Error(`It ran: ${JSON.stringify(value)}`);
  }, (error: unknown) => error);
  assert.ok(isKernelError(thrown, code), `${thrown} instead of ${code}`);
  return thrown;
}

function column(
  name: string,
  type: ColumnType,
  more: Partial<ColumnSpec> = {},
): ColumnSpec {
  return { name, type, nullable: true, ...more };
}

const ITEMS: TableSpec = {
  name: { schema: "addon_shop", table: "items" },
  columns: [
    column("id", { kind: "uuid" }, { nullable: false, default: { kind: "uuid" } }),
    column("code", { kind: "text", maxLength: 20 }, { nullable: false }),
    column("title", { kind: "text" }),
    column("price", { kind: "numeric", precision: 18, scale: 2 }),
    column("stock", { kind: "integer" }, { default: { kind: "literal", value: 0 } }),
    column("is_sold", { kind: "boolean" }, {
      nullable: false,
      default: { kind: "literal", value: false },
    }),
    column("weight", { kind: "double" }),
    column("tags", { kind: "array", element: "text" }),
    column("data", { kind: "json" }),
    column("photo", { kind: "bytes" }),
    column("due", { kind: "date" }),
    column("created_at", { kind: "timestamp" }, { nullable: false, default: { kind: "now" } }),
  ],
  primaryKey: ["id"],
  indexes: [{
    name: "items_code",
    keys: [{ expression: { kind: "column", name: "code" } }],
    unique: true,
  }],
  foreignKeys: [],
  checks: [{
    name: "stock_positive",
    expression: {
      kind: "compare",
      operator: ">=",
      left: { kind: "column", name: "stock" },
      right: { kind: "literal", value: 0 },
    },
  }],
  tenantPolicy: true,
};

const ORDERS: TableSpec = {
  name: { schema: "addon_shop", table: "orders" },
  columns: [
    column("id", { kind: "uuid" }, { nullable: false, default: { kind: "uuid" } }),
    column("item_id", { kind: "uuid" }),
    column("quantity", { kind: "integer" }, { nullable: false }),
  ],
  primaryKey: ["id"],
  indexes: [],
  foreignKeys: [{
    name: "orders_item",
    columns: ["item_id"],
    target: "items",
    targetColumns: ["id"],
    onDelete: "no action",
  }],
  checks: [],
  tenantPolicy: true,
};

/** Creates the tables, without rows. */
export async function makeShop(database: Database): Promise<void> {
  await database.schemaTransaction(null, async (tx) => {
    const { profile } = tx;
    const state: SchemaState = new Map();
    const [items, orders] = [completeTable(ITEMS), completeTable(ORDERS)];
    const withItems: SchemaState = new Map([["items", items]]);
    const statements = [
      ...profile.render({ kind: "createSchema", schema: "addon_shop" }, state),
      ...profile.render({ kind: "createTable", table: items }, state),
      ...profile.render({ kind: "createTable", table: orders }, withItems),
    ];
    for (const statement of statements) await tx.execute(statement);
  });
}

const ITEM_ROWS: readonly (readonly [string, readonly GuestArgument[]])[] = [
  [ORG_A, [
    { kind: "uuid", text: rowId(1) },
    "pen",
    "Pen",
    "1.50",
    10,
    false,
    0.25,
    '{"blue","new"}',
    '{"color": "blue", "size": {"cm": 14}, "ok": true}',
    "2026-03-01",
    { kind: "timestamp", text: "2026-01-02T03:04:05.120Z" },
  ]],
  [ORG_A, [
    { kind: "uuid", text: rowId(2) },
    "ink",
    "Ink Größe",
    "12.00",
    0,
    true,
    null,
    null,
    '{"color": "red", "parts": [1, 2, 3]}',
    "2026-02-15",
    { kind: "timestamp", text: "2026-02-03T10:00:00Z" },
  ]],
  [ORG_A, [
    { kind: "uuid", text: rowId(3) },
    "pad",
    null,
    null,
    5,
    false,
    2.5,
    "{}",
    null,
    null,
    { kind: "timestamp", text: "2026-02-28T23:59:59.5Z" },
  ]],
  [ORG_B, [
    { kind: "uuid", text: rowId(9) },
    "pen",
    "Theirs",
    "99.00",
    7,
    false,
    null,
    null,
    null,
    null,
    { kind: "timestamp", text: "2026-01-01T00:00:00Z" },
  ]],
];

/** Creates the tables with three items and two orders of A and one of each of B. */
export async function fillShop(database: Database): Promise<void> {
  await makeShop(database);
  const insert = `insert into items
    (id, code, title, price, stock, is_sold, weight, tags, data, due, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

  for (const [organizationId, given] of ITEM_ROWS) {
    await database.guestSql.run(guestRequest("write", insert, given, { organizationId }));
  }
  const order = "insert into orders (id, item_id, quantity) values ($1, $2, $3)";
  for (
    const [organizationId, id, item, quantity] of [
      [ORG_A, 11, 1, 3],
      [ORG_A, 12, 1, 4],
      [ORG_B, 19, 9, 1],
    ] as const
  ) {
    await database.guestSql.run(guestRequest("write", order, [
      { kind: "uuid", text: rowId(id) },
      { kind: "uuid", text: rowId(item) },
      quantity,
    ], { organizationId }));
  }
}
