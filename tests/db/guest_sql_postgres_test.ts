/**
 * Guests' SQL on Postgres: what it gives, what stops it, and each wall with the other taken away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError, type KernelError } from "../../src/base/error.ts";
import type { Database, Statement } from "../../src/db/database.ts";
import type {
  GuestRelations,
  GuestSqlRequest,
  GuestSqlResult,
} from "../../src/db/guest_sql/guest_sql.ts";
import { PostgresGuestSql } from "../../src/db/guest_sql/postgres_guest_sql.ts";
import { PostgresPool } from "../../src/db/postgres_pool.ts";
import { createGuestPolicySql } from "../../src/db/schema/postgres_policy.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { hasPostgresServer, openTestDatabase, type TestDatabase } from "../_support/engines.ts";
import { withClient } from "../_support/postgres_server.ts";
import { insertNote, makeNotes, noteId, ORG_A, ORG_B, POLICY } from "./tenant_table.ts";

const ignore = !hasPostgresServer;
const LIMITS = {
  textBytes: 16_384,
  arguments: 64,
  rows: 100,
  responseBytes: 100_000,
  timeoutMs: 5_000,
};

/** What the addon `notes` may touch. */
const NOTES: GuestRelations = {
  ownSchema: "addon_notes",
  readable: ["addon_notes"],
  writable: ["addon_notes"],
  find: (schema, table) =>
    schema === undefined || schema === "addon_notes"
      ? { schema: "addon_notes", table }
      : { refused: `no right to ${schema}.${table}` },
};

type Asked = Partial<Omit<GuestSqlRequest, "limits">> & {
  readonly limits?: Partial<GuestSqlRequest["limits"]>;
};

function request(access: "read" | "write", sql: string, asked: Asked = {}): GuestSqlRequest {
  return {
    organizationId: ORG_A,
    access,
    sql,
    arguments: [],
    relations: NOTES,
    ...asked,
    limits: { ...LIMITS, ...asked.limits },
  };
}

async function refusal(running: Promise<unknown>, code: string): Promise<KernelError> {
  const thrown = await running.then((value) => {
    throw new Error(`It ran: ${JSON.stringify(value)}`);
  }, (error: unknown) => error);
  assert.ok(isKernelError(thrown, code), `${thrown} instead of ${code}`);
  return thrown;
}

/** Two addons with a table each, rows of two organizations in them. */
async function withNotes(
  work: (place: TestDatabase & { readonly database: Database }) => Promise<void>,
): Promise<void> {
  await using test = await openTestDatabase("postgres", { maxConnections: 4 });
  const { database } = test;
  await makeNotes(database);
  await database.schemaTransaction(null, async (tx) => {
    for (
      const sql of [
        "create schema addon_other",
        `create table addon_other.secrets (
          organization_id uuid not null
            default nullif(current_setting('app.current_org', true), '')::uuid,
          word text)`,
        "alter table addon_other.secrets enable row level security",
        "alter table addon_other.secrets force row level security",
        `create policy rls_org_isolation on addon_other.secrets for all
          using (${POLICY}) with check (${POLICY})`,
        ...createGuestPolicySql({ schema: "addon_other", table: "secrets" }),
      ]
    ) await tx.execute({ sql, parameters: [] });
  });
  await database.batch(ORG_A, [
    insertNote(database, ORG_A, noteId(1), "one"),
    insertNote(database, ORG_A, noteId(2), "two"),
    { sql: "insert into addon_other.secrets (word) values ('hush')", parameters: [] },
  ]);
  await database.batch(ORG_B, [insertNote(database, ORG_B, noteId(3), "theirs")]);
  await grantGuest(test);
  await work(test);
}

/** As a start of the kernel does for schemas that were made before the role. */
async function grantGuest(test: TestDatabase): Promise<void> {
  await withClient(test.adminUrl!, async (client) => {
    for (const schema of ["addon_notes", "addon_other"]) {
      const { rows } = await client.query(
        "select has_schema_privilege('metacore_guest', $1, 'usage') as usage",
        [schema],
      );
      assert.equal(rows[0].usage, true, "default privileges reach new schemas");
    }
  });
}

function postgresTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `guest SQL on Postgres: ${name}`, ignore, fn });
}

postgresTest("reads and writes rows of its organization", () =>
  withNotes(async ({ database }) => {
    const { guestSql } = database;
    assert.equal(await guestSql.unavailableBecause(), undefined);
    const read = await guestSql.run(
      request("read", "select id, code from notes where code like $1 order by code", {
        arguments: ["%"],
      }),
    );
    assert.deepEqual(read, {
      columns: [{ name: "id", type: "uuid" }, { name: "code", type: "varchar" }],
      rows: [[noteId(1), "one"], [noteId(2), "two"]],
      changes: 0,
    });
    const written = await guestSql.run(
      request("write", "update notes set stars = 3 where code = $1 returning stars, code", {
        arguments: ["two"],
      }),
    );
    assert.deepEqual([written.rows, written.changes], [[[3, "two"]], 1]);
  }));
