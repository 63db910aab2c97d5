/**
 * The self-audit refuses every way around row-level security, and the roles it asks for work.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemClock } from "../../src/base/clock.ts";
import { isKernelError } from "../../src/base/error.ts";
import type { Database, Transaction } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { type DatabaseOptions, openDatabase } from "../../src/db/open.ts";
import { auditRoles } from "../../src/db/role_audit.ts";
import { auditTables } from "../../src/db/table_audit.ts";
import { SET_CONFIG } from "../../src/db/roles.ts";
import { createGuestPolicySql } from "../../src/db/schema/postgres_policy.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { migrations } from "../../migrations/mod.ts";
import { engineTest, hasPostgresServer, openTestDatabase } from "../_support/engines.ts";
import { withClient } from "../_support/postgres_server.ts";
import { createTwoRoles } from "../_support/two_roles.ts";
import { allNotes, insertNote, makeNotes, noteId, ORG_A, ORG_B } from "./tenant_table.ts";

const ignore = !hasPostgresServer;
const NOTES = { schema: "addon_notes", table: "notes" };
const CREATE_POLICY = "create policy rls_org_isolation on addon_notes.notes";
const TENANT = "organization_id = nullif(current_setting('app.current_org', true), '')::uuid";
/** What weakens the wall, what mends it again, and what the audit says in between. */
const WEAKNESSES: readonly (readonly [string, string, RegExp])[] = [
  [
    "alter table addon_notes.notes no force row level security",
    "alter table addon_notes.notes force row level security",
    /addon_notes\.notes does not force .* ALTER TABLE addon_notes\.notes FORCE ROW LEVEL/,
  ],
  [
    "alter table addon_notes.notes disable row level security",
    "alter table addon_notes.notes enable row level security",
    /addon_notes\.notes has row-level security off: run ALTER TABLE .* ENABLE ROW LEVEL/,
  ],
  [
    "drop policy rls_org_isolation on addon_notes.notes",
    `${CREATE_POLICY} for all using (${TENANT}) with check (${TENANT})`,
    /lacks the policy rls_org_isolation/,
  ],
  [
    `drop policy rls_org_isolation on addon_notes.notes;
      ${CREATE_POLICY} for select using (${TENANT})`,
    `drop policy rls_org_isolation on addon_notes.notes;
      ${CREATE_POLICY} for all using (${TENANT}) with check (${TENANT})`,
    /lacks the policy rls_org_isolation/,
  ],
  [
    `drop policy rls_org_isolation on addon_notes.notes;
      ${CREATE_POLICY} for all using (${TENANT}) with check (true)`,
    `drop policy rls_org_isolation on addon_notes.notes;
      ${CREATE_POLICY} for all using (${TENANT}) with check (${TENANT})`,
    /lacks the policy rls_org_isolation/,
  ],
  [
    "drop policy guest_scope on addon_notes.notes",
    createGuestPolicySql(NOTES)[0]!,
    /lacks the policies guest_scope and guest_delete/,
  ],
  [
    "drop policy guest_delete on addon_notes.notes",
    createGuestPolicySql(NOTES)[1]!,
    /lacks the policies guest_scope and guest_delete/,
  ],
  [
    "alter policy guest_scope on addon_notes.notes using (true)",
    `drop policy guest_scope on addon_notes.notes; ${createGuestPolicySql(NOTES)[0]}`,
    /lacks the policies guest_scope and guest_delete/,
  ],
  [
    "create policy wide on addon_notes.notes for select using (true)",
    "drop policy wide on addon_notes.notes",
    /policies that widen access \(wide\)/,
  ],
  [
    "create table addon_notes.plain (id uuid primary key)",
    "drop table addon_notes.plain",
    /addon_notes\.plain has row-level security off/,
  ],
  [
    "create unique index loud on addon_notes.notes (code)",
    "drop index addon_notes.loud",
    /unique index addon_notes\.loud .* does not start with organization_id/,
  ],
  [
    "create unique index loud on addon_notes.notes (lower(code), organization_id)",
    "drop index addon_notes.loud",
    /unique index addon_notes\.loud/,
  ],
  [
    "create view addon_notes.seen as select * from addon_notes.notes",
    "drop view addon_notes.seen",
    /view addon_notes\.seen reads with the rights of its owner: .*security_invoker/,
  ],
  [
    "create materialized view addon_notes.kept as select * from addon_notes.notes",
    "drop materialized view addon_notes.kept",
    /materialized view addon_notes\.kept .* drop it/,
  ],
];

async function findings(database: Database): Promise<readonly string[]> {
  return [...await refusal(auditRoles, database), ...await refusal(auditTables, database)];
}

async function refusal(
  audit: (database: Database) => Promise<void>,
  database: Database,
): Promise<readonly string[]> {
  try {
    await audit(database);
    return [];
  } catch (thrown) {
    assert.ok(isKernelError(thrown, "db.audit_refused"), String(thrown));
    assert.equal(thrown.kind, "precondition");
    const lines = thrown.message.split("\n");
    assert.deepEqual(lines, thrown.details?.findings);
    return lines;
  }
}

async function withDatabase<T>(
  options: Pick<DatabaseOptions, "url" | "ownerUrl">,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase({ ...options, logger: silentLogger, maxConnections: 2 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

function as(url: string, role: string): string {
  const changed = new URL(url);
  changed.username = role;
  changed.password = role;
  return changed.toString();
}

async function refusesWhatOwnersDo(database: Database, ownerRole: string): Promise<void> {
  const forbidden = [
    "alter table addon_notes.notes disable row level security",
    "drop policy rls_org_isolation on addon_notes.notes",
    "create table addon_notes.more (x integer)",
    "create schema addon_mine",
    "update metacore.schema_migrations set checksum = ''",
    `set role "${ownerRole}"`,
    "truncate addon_notes.notes",
  ];
  for (const sql of forbidden) {
    await assert.rejects(
      database.transaction(null, (tx) => tx.execute({ sql, parameters: [] })),
      (thrown) => isKernelError(thrown, "db.not_permitted"),
      sql,
    );
  }
}

engineTest(
  "auditRoles() and auditTables() find nothing in a database as the kernel makes it",
  async (t) => {
    await makeNotes(t.database);
    assert.deepEqual(await findings(t.database), []);
  },
);

Deno.test({
  name: "auditTables() refuses each weakness of a table with a line that says what to do",
  ignore,
  fn: async () => {
    await using test = await openTestDatabase("postgres");
    const { database } = test;
    await makeNotes(database);
    for (const [weaken, mend, expected] of WEAKNESSES) {
      await withClient(test.url, (client) => client.query(weaken));
      const found = await findings(database);
      assert.ok(found.some((line) => expected.test(line)), `${weaken}: ${found.join(" / ")}`);
      await withClient(test.url, (client) => client.query(mend));
      assert.deepEqual(await findings(database), [], mend);
    }
    const invoker = "create view addon_notes.seen with (security_invoker = true) as " +
      "select * from addon_notes.notes";
    await withClient(test.url, (client) => client.query(invoker));
    assert.deepEqual(await findings(database), []);
  },
});

Deno.test({
  name: "auditRoles() refuses roles that row-level security does not bind",
  ignore,
  fn: async () => {
    await using test = await openTestDatabase("postgres");
    const admin = test.adminUrl!;
    const mark = crypto.randomUUID().slice(0, 8);
    const [bypass, member] = [`bypass_${mark}`, `member_${mark}`];
    const superuser = decodeURIComponent(new URL(admin).username);
    await withDatabase({ url: admin }, async (database) => {
      const [first] = await findings(database);
      assert.match(first!, new RegExp(`role "${superuser}" of DATABASE_URL is a superuser`));
    });
    await withClient(admin, async (client) => {
      await client.query(
        `create role ${bypass} login password '${bypass}' bypassrls in role metacore_app`,
      );
      await client.query(
        `create role ${member} login password '${member}' noinherit in role ${bypass}`,
      );
      // Roles that this test makes are to come as far as the audit.
      await client.query(`grant execute on ${SET_CONFIG} to public`);
    });
    try {
      await withDatabase({ url: as(test.url, bypass) }, async (database) => {
        assert.match((await findings(database))[0]!, /has BYPASSRLS.*ALTER ROLE/);
      });
      await withDatabase({ url: as(test.url, member) }, async (database) => {
        assert.match((await findings(database))[0]!, /is a member of "bypass_.*run REVOKE/);
      });
      await withDatabase({ url: test.url, ownerUrl: admin }, async (database) => {
        assert.match((await findings(database))[0]!, /DATABASE_OWNER_URL is a superuser/);
      });
    } finally {
      await withClient(admin, (client) => client.query(`drop role ${member}; drop role ${bypass}`));
    }
  },
});

Deno.test("auditRoles() refuses a server older than version 15 in one line, and no newer one", async () => {
  for (const [major, version, refused] of [[14, "14.20", true], [15, "15.0", false]] as const) {
    const execute = ({ sql }: { sql: string }) => {
      if (sql.includes("server_version")) return { rows: [{ major, version }] };
      return { rows: sql.includes("session_user") ? [{ user: "app", place: "here" }] : [] };
    };
    const transaction = (_: unknown, work: (tx: Transaction) => Promise<unknown>) =>
      work({ execute } as unknown as Transaction);
    const database = { profile: { name: "postgres" }, transaction, schemaTransaction: transaction };
    const lines = await refusal(auditRoles, database as unknown as Database);
    const line = `The Postgres server has version ${version}: upgrade it to version 15 or newer.`;
    assert.deepEqual(lines, refused ? [line] : []);
  }
});

Deno.test({
  name: "rolesSql() makes an owner and a pool role that work, and the audit agrees",
  ignore,
  fn: async () => {
    await using roles = await createTwoRoles();
    const { databaseUrl: url, databaseOwnerUrl: ownerUrl } = roles;
    await withDatabase({ url, ownerUrl }, async (database) => {
      await migrate(database, migrations, systemClock);
      await makeNotes(database);
      assert.deepEqual(await findings(database), []);
      // The pool's role works in the schema that the owner has just made.
      await database.batch(ORG_A, [insertNote(database, ORG_A, noteId(1))]);
      const [seen] = await database.batch(ORG_B, [allNotes(database)]);
      assert.deepEqual(seen!.rows, []);
      const at = new Date(0).toISOString();
      await database.kysely.insertInto("organizations").values({
        id: ORG_A,
        name: "a",
        slug: "a",
        created_at: at,
        updated_at: at,
      }).execute();
      await refusesWhatOwnersDo(database, roles.ownerRole);
      // Starting again changes nothing.
      assert.deepEqual((await migrate(database, migrations, systemClock)).applied, []);
      await withClient(
        roles.adminUrl,
        (client) =>
          client.query(`alter table addon_notes.notes owner to "${roles.appRole}";
            grant "${roles.ownerRole}" to "${roles.appRole}"`),
      );
      const lines = (await findings(database)).join("\n");
      assert.match(lines, /is a member of the owner/);
      assert.match(
        lines,
        /addon_notes\.notes belongs to the role "test_app_.*REASSIGN OWNED BY "test_app_.*TO "Test owner/,
      );
    });
  },
});
