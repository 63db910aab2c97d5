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

postgresTest("encodes values as the contract has it", () =>
  withNotes(async ({ database }) => {
    const { columns, rows } = await database.guestSql.run(request(
      "read",
      `select 7::int2 i2, 9007199254740991::int8 safe, 9007199254740993::int8 exact,
        '-9223372036854775808'::int8 least, 12.50::numeric n, 1.5::float8 f, 'NaN'::float8 nan,
        'Infinity'::float4 inf, true b, 'x'::text t, $1::uuid u, '{"k": 1}'::jsonb j,
        '{"k": 1}'::json plain, array[1,2] a, timestamptz '2026-01-02 03:04:05.5+02' tz,
        timestamp '2026-01-02 03:04:05' ts, date '2026-01-02' d, time '03:04' c,
        interval '1 day' iv, $2::bytea bytes, null nothing, 1 as same, 2 as same`,
      {
        arguments: [{ kind: "uuid", text: ORG_B }, {
          kind: "bytes",
          bytes: new Uint8Array([0, 255]),
        }],
      },
    ));
    assert.equal(
      JSON.stringify(rows[0]),
      `[7,9007199254740991,9007199254740993,-9223372036854775808,"12.50",1.5,"NaN","Infinity",` +
        `true,"x","${ORG_B}","{\\"k\\": 1}","{\\"k\\": 1}","{1,2}","2026-01-02T01:04:05.5Z",` +
        `"2026-01-02T03:04:05Z","2026-01-02T00:00:00Z","03:04:00","1 day","\\\\x00ff",null,1,2]`,
    );
    assert.deepEqual(
      columns.map(({ type }) => type).join(" "),
      "int2 int8 int8 int8 numeric float8 float8 float4 bool text uuid jsonb json _int4 " +
        "timestamptz timestamp date time interval bytea text int4 int4",
    );
    const { rows: bound } = await database.guestSql.run(request(
      "read",
      "select $1::int8 + 1, $2::float8, $3::bool, $4::text, $5::timestamptz, $6::text, $7::bigint",
      {
        arguments: [
          ...[41, 1.5, true, "'; --"],
          { kind: "timestamp", text: "2026-01-02T03:04:05Z" },
          ...[null, 9007199254740993n],
        ],
      },
    ));
    assert.equal(
      JSON.stringify(bound[0]),
      `[42,1.5,true,"'; --","2026-01-02T03:04:05Z",null,9007199254740993]`,
    );
  }));

postgresTest(
  "joins a transaction under a savepoint of its own",
  () =>
    withNotes(async ({ database }) => {
      const { guestSql } = database;
      const insert = "insert into notes (id, code) values ($1, $2)";
      await database.transaction(ORG_A, async (tx) => {
        const first = { arguments: [noteId(10), "ten"] };
        assert.equal((await guestSql.runIn(tx, request("write", insert, first))).changes, 1);
        const again = guestSql.runIn(tx, request("write", insert, first));
        const broken = await refusal(again, "guest_sql.constraint");
        assert.equal(broken.details?.kind, "unique");
        await refusal(
          guestSql.runIn(tx, request("read", "select 1 / (select 0)")),
          "guest_sql.failed",
        );
        // Sees what the transaction has written, and what failed has undone nothing of it.
        const count = "select count(*) from notes";
        assert.deepEqual((await guestSql.runIn(tx, request("read", count))).rows, [[3]]);
        // The kernel is the kernel again: its own tables, its own time, writing.
        const { rows } = await tx.execute({
          sql: `select current_user = session_user as same, current_setting('role') as role,
          current_setting('app.guest_reads', true) as reads, current_setting('app.current_org') as org,
          current_setting('statement_timeout') as timeout,
          current_setting('transaction_read_only') as readonly, count(*) as users
          from metacore.users`,
          parameters: [],
        });
        assert.deepEqual(rows, [{
          same: true,
          role: "none",
          reads: "",
          org: ORG_A,
          timeout: "15s",
          readonly: "off",
          users: "0",
        }]);
        await tx.execute(insertNote(database, ORG_A, noteId(11), "eleven"));
      });
      const all = await guestSql.run(request("read", "select code from notes order by id"));
      assert.deepEqual(all.rows, [["one"], ["two"], ["ten"], ["eleven"]]);
      await database.transaction(ORG_B, async (tx) => {
        await assert.rejects(
          guestSql.runIn(tx, request("read", "select 1")),
          /another organization/,
        );
      });
      await assert.rejects(
        database.transaction(ORG_A, async (tx) => {
          await guestSql.runIn(tx, request("write", "delete from notes"));
          throw new Error("changed my mind");
        }),
        /changed my mind/,
      );
      assert.equal((await guestSql.run(request("read", "select id from notes"))).rows.length, 4);
    }),
);

postgresTest(
  "statements of the kernel run with the change, or neither does",
  () =>
    withNotes(async ({ database }) => {
      const { guestSql } = database;
      const told: unknown[] = [];
      const note = (sql: string): NonNullable<GuestSqlRequest["epilogue"]> => (tables, changes) => {
        told.push([tables, changes]);
        return [{ sql, parameters: [] }] satisfies Statement[];
      };
      const update = "update notes set stars = 5";
      const none = `${update} where code = 'none'`;
      await guestSql.run(request("write", none, { epilogue: note("select 1 / 0") }));
      assert.deepEqual(told, [], "nothing changed, nothing told");
      for (const run of ["run", "runIn"] as const) {
        const go = (epilogue: NonNullable<GuestSqlRequest["epilogue"]>) => {
          const asked = request("write", update, { epilogue });
          return run === "run"
            ? guestSql.run(asked)
            : database.transaction(ORG_A, (tx) => guestSql.runIn(tx, asked));
        };
        await assert.rejects(go(note("select 1 / 0")));
        await assert.rejects(go(() => {
          throw new Error("no event");
        }));
        const stars = "select count(stars) from notes";
        const left = await guestSql.run(request("read", stars));
        assert.deepEqual(left.rows, [[run === "run" ? 0 : 2]]);
        assert.equal((await go(note("select count(*) from metacore.users"))).changes, 2);
        assert.deepEqual(told.at(-1), [[{ schema: "addon_notes", table: "notes" }], 2]);
      }
    }),
);

postgresTest("bounds hold while rows arrive", () =>
  withNotes(async ({ database }) => {
    const { guestSql } = database;
    const series = (count: number) =>
      `select n, repeat('x', 100) from generate_series(1, ${count}) as g(n)`;
    const whole = await guestSql.run(request("read", series(100)));
    assert.equal(whole.rows.length, 100);
    await refusal(guestSql.run(request("read", series(101))), "guest_sql.row_limit");
    // All of it would take minutes and gigabytes.
    const endless = request("read", series(2_000_000_000), { limits: { timeoutMs: 60_000 } });
    const started = performance.now();
    await refusal(
      guestSql.run({
        ...endless,
        sql: "with recursive r(n) as (select 1 union all " +
          "select n + 1 from r) select n from r",
      }),
      "guest_sql.row_limit",
    );
    assert.ok(performance.now() - started < 2_000);
    const bytes = { limits: { rows: 10_000, responseBytes: 20_000 } };
    await refusal(guestSql.run(request("read", series(9_000), bytes)), "guest_sql.row_limit");
    // Characters that grow in JSON count as they are there.
    const quotes = `select repeat('"', 9000), repeat('"', 2000)`;
    await refusal(guestSql.run(request("read", quotes, bytes)), "guest_sql.row_limit");
    // What passes a bound is undone, and so is what it wrote.
    const update = "update notes set stars = 1 returning id";
    const one = { limits: { rows: 1 } };
    await refusal(guestSql.run(request("write", update, one)), "guest_sql.row_limit");
    await database.transaction(ORG_A, async (tx) => {
      await refusal(guestSql.runIn(tx, request("write", update, one)), "guest_sql.row_limit");
      await refusal(guestSql.runIn(tx, request("read", series(101))), "guest_sql.row_limit");
    });
    const stars = await guestSql.run(request("read", "select count(stars) from notes"));
    assert.deepEqual(stars.rows, [[0]]);
  }));

/** Runs until it is stopped, as far as the check can tell. */
const ENDLESS = "select count(*) from generate_series(1, 100000) a, generate_series(1, 1000000) b";

async function untilRunning(test: TestDatabase, count: number): Promise<void> {
  await withClient(test.adminUrl!, async (client) => {
    for (;;) {
      const { rows } = await client.query(
        `select count(*)::int as n from pg_stat_activity where datname = current_database()
          and state = 'active' and pid <> pg_backend_pid()`,
      );
      if (rows[0].n === count) return;
    }
  });
}

postgresTest(
  "a statement that takes too long is gone from the server",
  () =>
    withNotes(async (test) => {
      const { guestSql } = test.database;
      const short = { limits: { timeoutMs: 300 } };
      const started = performance.now();
      const late = await refusal(
        guestSql.run(request("read", ENDLESS, short)),
        "guest_sql.timeout",
      );
      assert.equal(late.details?.reason, "deadline");
      assert.ok(performance.now() - started < 1_500);
      await untilRunning(test, 0);
      await test.database.transaction(ORG_A, async (tx) => {
        await refusal(guestSql.runIn(tx, request("read", ENDLESS, short)), "guest_sql.timeout");
        await tx.execute(insertNote(test.database, ORG_A, noteId(20), "after"));
      });
      const after = await guestSql.run(
        request("read", "select 1 from notes where code = 'after'"),
      );
      assert.equal(after.rows.length, 1);
    }),
);

postgresTest("a caller that goes away takes its statement along", () =>
  withNotes(async (test) => {
    const { guestSql } = test.database;
    for (const inside of [false, true]) {
      const caller = new AbortController();
      const asked = request("read", ENDLESS, {
        signal: caller.signal,
        limits: { timeoutMs: 60_000 },
      });
      const running = inside
        ? test.database.transaction(ORG_A, async (tx) => {
          const aborted = await refusal(guestSql.runIn(tx, asked), "guest_sql.timeout");
          await tx.execute(insertNote(test.database, ORG_A, noteId(21), "kept"));
          throw aborted;
        })
        : guestSql.run(asked);
      await untilRunning(test, 1);
      const started = performance.now();
      caller.abort();
      const aborted = await refusal(running, "guest_sql.timeout");
      assert.equal(aborted.details?.reason, "aborted");
      assert.ok(performance.now() - started < 1_000);
      await untilRunning(test, 0);
      await refusal(guestSql.run(asked), "guest_sql.timeout");
    }
  }));

postgresTest("guests take a quarter of the connections at most", () =>
  withNotes(async (test) => {
    const { guestSql } = test.database;
    const caller = new AbortController();
    const slow = request("read", ENDLESS, { signal: caller.signal, limits: { timeoutMs: 60_000 } });
    const first = refusal(guestSql.run(slow), "guest_sql.timeout");
    await untilRunning(test, 1);
    // One of four connections: the second waits, the kernel does not.
    const second = request("read", "select 1", { limits: { timeoutMs: 100 } });
    const waiting = await refusal(guestSql.run(second), "guest_sql.timeout");
    assert.equal(waiting.details?.reason, "waiting");
    await test.database.ping();
    const next = guestSql.run(request("read", "select 1"));
    caller.abort();
    await first;
    assert.deepEqual((await next).rows, [[1]]);
  }));

postgresTest(
  "says which constraint is broken, and nothing of others' rows",
  () =>
    withNotes(async ({ database }) => {
      const write = (sql: string) => database.guestSql.run(request("write", sql));
      const cases: readonly (readonly [string, string, string | undefined])[] = [
        [`insert into notes (id, code) values ('${noteId(5)}', 'one')`, "unique", "notes_code"],
        ["insert into notes (code) values ('x')", "not_null", "id"],
        ["update notes set stars = 9", "check", "notes_stars_check"],
        [`update notes set parent_id = '${noteId(9)}'`, "foreign_key", undefined],
        // A row of another organization is as far away as none at all.
        [`update notes set parent_id = '${noteId(3)}'`, "foreign_key", undefined],
      ];
      for (const [sql, kind, subject] of cases) {
        const { details, message } = await refusal(write(sql), "guest_sql.constraint");
        assert.equal(details?.kind, kind);
        if (subject !== undefined) assert.ok(message.endsWith(`: ${subject}`), message);
        assert.doesNotMatch(message + JSON.stringify(details), /already exists|theirs|0190a5d0/);
      }
      const other = `insert into notes (id, code) values ('${noteId(5)}', 'theirs')`;
      assert.equal((await write(other)).changes, 1, "another organization's code is no duplicate");
      await refusal(write("update notes set nothing = 1"), "guest_sql.failed");
      const data = await refusal(write("update notes set stars = 'x'"), "guest_sql.failed");
      assert.deepEqual(data.details, { sqlstate: "22P02" });
    }),
);
