/**
 * Guests' SQL on Postgres: what it gives, what stops it, and each wall with the other taken away.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isKernelError, type KernelError } from "../../src/base/error.ts";
import type { Database, Statement, Transaction } from "../../src/db/database.ts";
import { checkGuestSql } from "../../src/db/guest_sql/check.ts";
import { renderGuestSql } from "../../src/db/guest_sql/render.ts";
import type {
  GuestRelations,
  GuestSqlRequest,
  GuestSqlResult,
} from "../../src/db/guest_sql/guest_sql.ts";
import { PostgresGuestSql } from "../../src/db/guest_sql/postgres_guest_sql.ts";
import { guestRoleProblem } from "../../src/db/guest_sql/postgres_guest_audit.ts";
import { ConnectionQuota } from "../../src/db/guest_sql/connection_quota.ts";
import { introspectPostgres } from "../../src/db/schema/introspect_postgres.ts";
import { auditTables } from "../../src/db/table_audit.ts";
import { guestPolicy } from "../../migrations/0005_guest_policy.ts";
import { PostgresPool } from "../../src/db/postgres_pool.ts";
import { createGuestPolicySql } from "../../src/db/schema/postgres_policy.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { hasPostgresServer, openTestDatabase, type TestDatabase } from "../_support/engines.ts";
import { withClient } from "../_support/postgres_server.ts";
import { mutations } from "./guest_sql_mutations.ts";
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
    (schema === undefined || schema === "addon_notes") && table === "notes"
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

/** Some seconds in one call of a function that asks for no interrupt. */
const DEAF = "select strpos(repeat(repeat('a', 1000), 3000), 'b' || repeat('a', 6000))";

postgresTest(
  "a statement that the server does not interrupt keeps its place",
  () =>
    withNotes(async (test) => {
      const { guestSql } = test.database;
      const deaf = request("read", DEAF, { limits: { timeoutMs: 100 } });
      for (const inside of [false, true]) {
        const running = inside
          ? test.database.transaction(ORG_A, (tx) => guestSql.runIn(tx, deaf))
          : guestSql.run(deaf);
        await assert.rejects(running);
        const short = request("read", "select 1", { limits: { timeoutMs: 100 } });
        const waiting = await refusal(guestSql.run(short), "guest_sql.timeout");
        assert.equal(waiting.details?.reason, "waiting", "its place is taken");
        await test.database.transaction(ORG_A, async (tx) => {
          await refusal(guestSql.runIn(tx, short), "guest_sql.unavailable");
        });
        await test.database.ping();
        const later = request("read", "select 1", { limits: { timeoutMs: 60_000 } });
        assert.deepEqual((await guestSql.run(later)).rows, [[1]]);
        await untilRunning(test, 0);
      }
    }),
);

Deno.test("ConnectionQuota: who leaves too late takes nobody's turn", async () => {
  const quota = new ConnectionQuota(1);
  await quota.take(1_000);
  const caller = new AbortController();
  const second = quota.take(1_000, caller.signal);
  const third = quota.take(60_000);
  quota.release();
  caller.abort();
  await second;
  quota.release();
  await third;
});

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

/** Statements that the first wall refuses; the second must stop each by itself. */
const ATTACKS: readonly (readonly ["read" | "write", string])[] = [
  // Tables of the kernel and of other addons.
  ["read", "select * from metacore.users"],
  ["read", "table metacore.organizations"],
  ["read", "select word from addon_other.secrets"],
  ["write", "insert into addon_other.secrets (word) values ('mine')"],
  ["write", "update metacore.users set name = 'mine'"],
  ["write", "insert into metacore.organizations (id) values (gen_random_uuid())"],
  ["write", "with x as (insert into metacore.settings default values returning *) select * from x"],
  // Rows of other organizations.
  [
    "write",
    `insert into addon_notes.notes (organization_id, id) values ('${ORG_B}', '${noteId(30)}')`,
  ],
  ["write", `update addon_notes.notes set organization_id = '${ORG_B}'`],
  // Another tenant, another role, other schemas, in the middle of an expression.
  ["read", `select set_config('app.current_org', '${ORG_B}', true), * from addon_notes.notes`],
  [
    "read",
    `with c as materialized (select set_config('app.current_org', '${ORG_B}', true))
      select * from c, addon_notes.notes`,
  ],
  ["read", "select set_config('role', 'none', true)"],
  ["read", "select set_config('app.guest_reads', 'addon_other', true)"],
  ["read", "select set_config('statement_timeout', '0', false)"],
  ["read", "update pg_settings set setting = 'none' where name = 'role' returning *"],
  ["write", "update pg_settings set setting = 'none' where name = 'role'"],
  ["write", "update pg_catalog.pg_settings set setting = '' where name = 'app.current_org'"],
  // Whatever is no query.
  ["read", "set role none"],
  ["read", "reset role"],
  ["read", "reset session authorization"],
  ["read", `set app.current_org = '${ORG_B}'`],
  ["read", "set local app.guest_reads = 'addon_other'"],
  ["read", "commit"],
  ["read", "rollback"],
  ["read", "select 1; reset role"],
  ["read", "select 1; commit; reset role; select * from metacore.users"],
  ["write", "drop table addon_notes.notes"],
  ["write", "create table addon_notes.mine (id int)"],
  ["write", "create temporary table mine (id int)"],
  ["write", "select * into addon_notes.mine from addon_notes.notes"],
  ["write", "create function public.f() returns int language sql as 'select 1'"],
  ["write", "do $$ begin perform 1; end $$"],
  ["write", "alter table addon_notes.notes no force row level security"],
  ["write", "drop policy guest_scope on addon_notes.notes"],
  ["write", "truncate addon_notes.notes"],
  ["write", "grant all on addon_notes.notes to public"],
  ["read", "copy addon_notes.notes to stdout"],
  ["read", "copy (select 1) to program 'true'"],
  ["write", "copy addon_notes.notes from stdin"],
  ["read", "explain analyze delete from addon_notes.notes"],
  ["read", "listen x"],
  ["read", "prepare x as select 1"],
  ["read", "execute metacore_guest"],
  ["read", "declare c cursor with hold for select 1"],
  ["read", "lock table addon_notes.notes"],
  ["read", "show role"],
  // A read that writes.
  ["read", "with gone as (delete from addon_notes.notes returning *) select * from gone"],
  ["read", "insert into addon_notes.notes (id) values (gen_random_uuid())"],
  ["read", "select * from addon_notes.notes for update"],
  // Files and other servers.
  ["read", "select pg_read_file('/etc/passwd')"],
  ["read", "select pg_ls_dir('.')"],
  ["read", "select lo_import('/etc/passwd')"],
  ["read", "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"],
  ["read", "select query_to_xml('select * from metacore.users', true, true, '')"],
  ["read", "select table_to_xml('addon_other.secrets', true, true, '')"],
  ["read", "select nextval('metacore.events_sequence_seq')"],
];

/** What runs, because row-level security leaves it no row. */
const NOTHING_TO_SEE = /^select (?:word from|table_to_xml|pg_terminate_backend)/;

/** What an attack must leave as it was. */
const CANARY = `select
  (select count(*) from metacore.users)::int as users,
  (select count(*) from metacore.organizations)::int as organizations,
  (select string_agg(word, ',') from addon_other.secrets) as secrets,
  (select string_agg(organization_id || coalesce(code, '-'), ',' order by id)
    from addon_notes.notes) as notes,
  (select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname not like 'pg\\_%')::int as relations,
  (select count(*) from pg_policy)::int as policies`;

async function canary(test: TestDatabase): Promise<unknown> {
  return await withClient(test.adminUrl!, async (client) => (await client.query(CANARY)).rows[0]);
}

/** The database's guest SQL without the first wall. */
async function withoutParser(
  test: TestDatabase,
  work: (guestSql: PostgresGuestSql, pool: PostgresPool) => Promise<void>,
): Promise<void> {
  const pool = new PostgresPool({
    url: test.url,
    maxConnections: 1,
    acquireTimeoutMs: 2_000,
    statementTimeoutMs: 15_000,
    logger: silentLogger,
  });
  try {
    const source = {
      lend: pool.lend.bind(pool),
      maxConnections: 1,
      logger: silentLogger,
    } as ConstructorParameters<typeof PostgresGuestSql>[0];
    const raw = new PostgresGuestSql(
      source,
      ({ sql }) => Promise.resolve({ text: sql, written: [] }),
    );
    await work(raw, pool);
  } finally {
    await pool.close();
  }
}

postgresTest("without the parser the engine stops every attack", () =>
  withNotes(async (test) => {
    const before = await canary(test);
    await withoutParser(test, async (raw) => {
      for (const inside of [false, true]) {
        for (const [access, sql] of ATTACKS) {
          const asked = request(access, sql, { limits: { timeoutMs: 2_000 } });
          const outcome = await (inside
            ? test.database.transaction(ORG_A, (tx) => raw.runIn(tx, asked))
            : raw.run(asked)).catch((error: unknown) => error);
          if (outcome instanceof Error) continue;
          assert.match(sql, NOTHING_TO_SEE, `${sql} ran`);
          const { rows, changes } = outcome as GuestSqlResult;
          assert.equal(rows.flat().join("") + changes, "0", `${sql} gave ${JSON.stringify(rows)}`);
        }
        assert.deepEqual(await canary(test), before);
      }
      // The organization stays what it is: no row of another one, whatever the predicate.
      const all = await raw.run(
        request("read", "select code from addon_notes.notes where true or organization_id is null"),
      );
      assert.deepEqual(all.rows.toSorted(), [["one"], ["two"]]);
      const others = await raw.run(request("write", "delete from addon_notes.notes"));
      assert.equal(others.changes, 2);
    });
    assert.match(JSON.stringify(await canary(test)), /theirs/);
  }));

postgresTest(
  "without the parser a readable schema cannot be written",
  () =>
    withNotes(async (test) => {
      const relations: GuestRelations = {
        ...NOTES,
        readable: ["addon_notes", "addon_other"],
      };
      await withoutParser(test, async (raw) => {
        const word = "select word from addon_other.secrets";
        const seen = await raw.run(request("read", word, { relations }));
        assert.deepEqual(seen.rows, [["hush"]]);
        for (
          const sql of [
            "insert into addon_other.secrets (word) values ('x')",
            "update addon_other.secrets set word = 'x'",
          ]
        ) await refusal(raw.run(request("write", sql, { relations })), "guest_sql.forbidden");
        const gone = await raw.run(
          request("write", "delete from addon_other.secrets", { relations }),
        );
        assert.equal(gone.changes, 0);
        assert.deepEqual((await raw.run(request("read", word, { relations }))).rows, [["hush"]]);
      });
    }),
);

postgresTest("a session goes back clean, or does not go back", () =>
  withNotes(async (test) => {
    await withoutParser(test, async (raw, pool) => {
      const state = () =>
        pool.lend(async (session) => {
          const [answer] = await session.exchange([{
            sql: `select pg_backend_pid(), current_user = session_user, current_setting('role'),
              current_setting('app.current_org', true), current_setting('app.guest_reads', true),
              (select count(*) from pg_locks where locktype = 'advisory'
                and pid = pg_backend_pid()),
              (select count(*) from pg_prepared_statements where name like '%guest%'),
              current_setting('statement_timeout')`,
            name: "",
            values: [],
          }], "values only");
          return answer!.rows[0]!.map((text) => text ?? "");
        });
      const clean = ["t", "none", "", "", "0", "0", "15s"];
      await raw.run(request("read", "select 1"));
      const [first, ...rest] = await state();
      assert.deepEqual(rest, clean);
      await refusal(raw.run(request("read", "select 1 / (select 0)")), "guest_sql.failed");
      await raw.run(request("write", "delete from addon_notes.notes where false"));
      assert.deepEqual(await state(), [first, ...clean], "the same session, and clean");
      // A lock of the session outlives the transaction: the session is closed.
      await raw.run(request("read", "select pg_advisory_lock(7)"));
      const [second, ...others] = await state();
      assert.notEqual(second, first);
      assert.deepEqual(others, clean);
    });
  }));

postgresTest(
  "without the role the parser stops every attack before a session is taken",
  async () => {
    const untouched = new PostgresGuestSql({
      lend: () => Promise.reject(new Error("a session was taken")),
      maxConnections: 4,
      logger: silentLogger,
    });
    for (const [access, sql] of ATTACKS) {
      const thrown = await untouched.run(request(access, sql)).catch((error: unknown) => error);
      const isRefused = isKernelError(thrown, "guest_sql.invalid") ||
        isKernelError(thrown, "guest_sql.forbidden");
      assert.ok(isRefused, `${sql}: ${thrown}`);
    }
  },
);

postgresTest(
  "says what to do where the role is not as narrow as it must be",
  () =>
    withNotes(async (test) => {
      const name = new URL(test.adminUrl!).pathname.slice(1);
      const faults: readonly (readonly [string, string, RegExp])[] = [
        [
          "grant execute on function pg_catalog.set_config(text, text, boolean) to public",
          "revoke execute on function pg_catalog.set_config(text, text, boolean) from public",
          /REVOKE EXECUTE ON FUNCTION pg_catalog\.set_config.* FROM PUBLIC/,
        ],
        [
          "grant usage on schema metacore to metacore_guest",
          "revoke usage on schema metacore from metacore_guest",
          /REVOKE ALL ON SCHEMA metacore/,
        ],
        [
          `grant temporary on database ${name} to public`,
          `revoke temporary on database ${name} from public`,
          /REVOKE CREATE, TEMPORARY ON DATABASE/,
        ],
        [
          "create table public.owned (id int); alter table public.owned owner to metacore_guest",
          "drop table public.owned",
          /REASSIGN OWNED BY metacore_guest/,
        ],
      ];
      for (const [weaken, mend, expected] of faults) {
        await withClient(test.adminUrl!, (client) => client.query(weaken));
        await withoutParser(test, async (guestSql) => {
          assert.match(await guestSql.unavailableBecause() ?? "", expected);
          const refused = await refusal(
            guestSql.run(request("read", "select 1")),
            "guest_sql.unavailable",
          );
          assert.match(refused.message, expected);
        });
        await withClient(test.adminUrl!, (client) => client.query(mend));
      }
      await withoutParser(test, async (guestSql) => {
        assert.equal(await guestSql.unavailableBecause(), undefined);
      });
      const facts = (found: string, granted: string | null, parent: string | null) =>
        guestRoleProblem(["app", "db", found, granted, "f", parent, "f", "f", "f", "f"]);
      assert.match(facts("f", null, null)!, /metacore_guest is missing; run what `database roles`/);
      assert.match(facts("t", "f", null)!, /GRANT metacore_guest TO "app"/);
      assert.match(facts("t", "t", "boss")!, /REVOKE boss FROM metacore_guest/);
      assert.equal(facts("t", "t", null), undefined);
    }),
);

postgresTest(
  "tables made before there were guests get the policies by migration",
  () =>
    withNotes(async ({ database }) => {
      const run = async (tx: Transaction, ...texts: readonly string[]) => {
        for (const sql of texts) await tx.execute({ sql, parameters: [] });
      };
      await database.schemaTransaction(null, async (tx) => {
        await run(
          tx,
          "drop policy guest_scope on addon_notes.notes",
          "drop policy guest_delete on addon_notes.notes",
        );
        const before = await introspectPostgres(tx, "addon_notes");
        assert.equal(before.get("notes")?.tenantPolicy, false);
        await run(tx, ...guestPolicy.sql.postgres, ...guestPolicy.sql.postgres);
        const after = await introspectPostgres(tx, "addon_notes");
        assert.equal(after.get("notes")?.tenantPolicy, true);
      });
      await auditTables(database);
    }),
);

/** `t` and `u` of the mutations, under the names of a table that is there. */
const MUTATED: GuestRelations = {
  ...NOTES,
  find: (schema, table) =>
    (schema === undefined || schema === "addon_notes") && (table === "t" || table === "u")
      ? { schema: "addon_notes", table }
      : { refused: `no right to ${table}` },
};

interface Plan {
  readonly Schema?: string;
  readonly "Relation Name"?: string;
  readonly "Function Name"?: string;
  readonly Plans?: readonly Plan[];
}

function* plans(plan: Plan): Generator<Plan> {
  yield plan;
  for (const each of plan.Plans ?? []) yield* plans(each);
}

postgresTest(
  "what is left of mutated statements reads the addon's own tables, says the planner",
  () =>
    withNotes(async (test) => {
      await withClient(test.adminUrl!, async (client) => {
        await client.query(
          `create table addon_notes.t (organization_id uuid, id int, a int, b int, c int,
           unique (organization_id, a));
         create table addon_notes.u (id int, a int, b int, c int)`,
        );
        let planned = 0;
        for (const { access, sql } of fc.sample(mutations, { numRuns: 700, seed: 7 })) {
          const asked = request(access, sql, {
            relations: MUTATED,
            arguments: sql.includes("$1") ? [1] : [],
          });
          const text = await checkGuestSql(asked).then(renderGuestSql).catch(() => undefined);
          if (text === undefined) continue;
          // As the superuser, whom nothing else would stop. Postgres knows more reasons to refuse.
          const explained = await client.query(
            `explain (verbose, format json) ${text.replaceAll("$1", "null")}`,
          ).catch(() => undefined);
          if (explained === undefined) continue;
          planned++;
          for (const plan of plans(explained.rows[0]["QUERY PLAN"][0].Plan)) {
            if (plan["Relation Name"] !== undefined) assert.equal(plan.Schema, "addon_notes", text);
            assert.match(plan["Function Name"] ?? "lower", /^(?:lower|generate_series)$/, text);
          }
        }
        assert.ok(planned > 25, `${planned} planned`);
      });
    }),
);
