/**
 * A small world for tests of the record engine: two models with tables, an access service that the
 * test decides, and a clock and ids that count.
 *
 * @module
 */

import type { AccessService } from "../../src/access/access_service.ts";
import { type Caller, systemCaller } from "../../src/base/caller.ts";
import { type ErrorKind, isKernelError, KernelError } from "../../src/base/error.ts";
import { uuidV7 } from "../../src/base/ids.ts";
import type { Database } from "../../src/db/database.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import type { SchemaChange, SchemaState, TableSpec } from "../../src/db/schema/spec.ts";
import { hostModel } from "../../src/models/host_model.ts";
import type { Model } from "../../src/models/model.ts";
import type { ModelRegistry } from "../../src/models/registry.ts";
import { createSnapshot } from "../../src/models/snapshot.ts";
import { tableSpecsOf } from "../../src/models/table_spec.ts";
import type { RecordService } from "../../src/records/record_service.ts";
import { createRecordService } from "../../src/records/service.ts";
import type { TenantScope } from "../../src/records/scope.ts";

export const ORG_A = "0190aaaa-0000-7000-8000-000000000001";
export const ORG_B = "0190bbbb-0000-7000-8000-000000000002";
export const USER_A = "0190aaaa-0000-7000-8000-00000000000a";

export const callerA: Caller = {
  kind: "user",
  organizationId: ORG_A,
  requestId: "req-a",
  userId: USER_A,
  role: "owner",
};
export const callerB: Caller = systemCaller(ORG_B, "req-b");

/** Customers: removed softly. */
export const customers: Model = hostModel({
  key: "customers",
  columns: {
    name: { type: "string", required: true },
    email: { type: "string", unique: true },
    avatar: { type: "string" },
  },
  softDelete: true,
});

/** Tickets: removed for good; every type of column. */
export const tickets: Model = hostModel({
  key: "ticket",
  tableName: "tickets",
  columns: {
    title: { type: "string", required: true },
    body: { type: "text" },
    status: { type: "string", default: "open", index: true },
    code: { type: "string", unique: true },
    priority: { type: "integer" },
    views: { type: "bigint" },
    price: { type: "decimal" },
    active: { type: "boolean" },
    due_at: { type: "timestamp" },
    due_on: { type: "date" },
    extra: { type: "json" },
    customer_id: { type: "uuid", ref: "customers" },
    parent_id: { type: "uuid", ref: "tickets" },
  },
  tableView: {
    searchColumns: ["title", "body"],
    columns: [
      { key: "title", label: "Title", type: "text" },
      {
        key: "status",
        label: "Status",
        type: "select",
        options: [
          { value: "open", label: "Open", color: "green" },
          { value: "done", label: "Done" },
        ],
      },
      { key: "customer.name", label: "Customer", type: "relation" },
      { key: "created_by", label: "By", type: "creator" },
    ],
    filters: [{ key: "state", label: "State", type: "select", column: "status" }],
  },
});

/** What a test works with. */
export interface World {
  readonly records: RecordService;
  /** The same over the same tables, with another tenant predicate. */
  recordsWith(scope: TenantScope): RecordService;
  /** Permissions that are refused; empty at first. */
  readonly denied: Set<string>;
  /** Moves on by one second with every reading. */
  readonly clock: { nowMs(): number };
}

/**
 * Makes tables and a record service.
 *
 * @param database a migrated database.
 * @param models the models of every organization. @default customers and tickets
 * @param change changes the tables before they are made. @default as the models say
 * @returns the world.
 */
export async function makeWorld(
  database: Database,
  models: readonly Model[] = [customers, tickets],
  change: (spec: TableSpec) => TableSpec = (spec) => spec,
): Promise<World> {
  await createTables(database, tableSpecsOf(models).map(change));
  const denied = new Set<string>();
  const access = accessWithout(denied);
  const registry = registryOf(models);
  let timeMs = Date.UTC(2026, 0, 1);
  const clock = { nowMs: () => timeMs += 1000 };
  let count = 0;
  const ids = {
    next: () => uuidV7(timeMs, new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, ...two(++count)])),
  };
  const options = { database, registry, access, clock, ids };
  return {
    records: createRecordService(options),
    recordsWith: (scope) => createRecordService({ ...options, scope }),
    denied,
    clock,
  };
}

function two(count: number): [number, number] {
  return [count >> 8, count & 0xff];
}

async function createTables(database: Database, specs: readonly TableSpec[]): Promise<void> {
  const schemas = new Set(specs.map((spec) => spec.name.schema));
  const changes: SchemaChange[] = [
    ...[...schemas].map((schema): SchemaChange => ({ kind: "createSchema", schema })),
    ...specs.map((table): SchemaChange => ({ kind: "createTable", table })),
  ];
  await database.schemaTransaction(null, async (tx) => {
    let state: SchemaState = new Map();
    for (const change of changes) {
      for (const statement of tx.profile.render(change, state)) await tx.execute(statement);
      state = applyChange(state, change);
    }
  });
}

function registryOf(models: readonly Model[]): ModelRegistry {
  const snapshot = createSnapshot("1", models);
  return { snapshot: () => Promise.resolve(snapshot), invalidate: () => {} };
}

function accessWithout(denied: ReadonlySet<string>): AccessService {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    check: (_caller, permission) => {
      if (!denied.has(permission)) return Promise.resolve();
      const message = `permission denied: missing capability "${permission}"`;
      return Promise.reject(new KernelError({ code: "access.denied", kind: "forbidden", message }));
    },
    allows: (_caller, permission) => Promise.resolve(!denied.has(permission)),
    grantToRole: nothing,
    grantToUser: nothing,
    revokeFromRole: nothing,
    revokeFromUser: nothing,
  };
}

/**
 * Says what an error must be.
 *
 * @param code its code.
 * @param kind its kind.
 * @param message a part of its message.
 * @returns a check for `assert.rejects`.
 */
export function failure(
  code: string,
  kind?: ErrorKind,
  message?: RegExp,
): (thrown: unknown) => boolean {
  return (thrown) => {
    if (!isKernelError(thrown, code)) throw thrown;
    if (kind !== undefined && thrown.kind !== kind) throw thrown;
    if (message !== undefined && !message.test(thrown.message)) throw thrown;
    return true;
  };
}

/**
 * Reads a query string.
 *
 * @param text such as `f_status=open`.
 * @returns its parameters.
 */
export function query(text = ""): URLSearchParams {
  return new URLSearchParams(text);
}
