/**
 * The roles a kernel starts with on Postgres: the README's two-role set-up from its SQL to a dropped
 * addon, the change from one role to two, and starts that are refused before anything is written.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, systemCaller } from "../../mod.ts";
import { isKernelError } from "../../src/base/error.ts";
import { exampleBundle } from "../_support/bundles.ts";
import { type Client, newOwner } from "../_support/client.ts";
import { hasPostgresServer } from "../_support/engines.ts";
import { startKernel } from "../_support/kernel.ts";
import { createPostgresDatabase, withClient } from "../_support/postgres_server.ts";
import { createTwoRoles, type TwoRoles } from "../_support/two_roles.ts";

const ignore = !hasPostgresServer;

async function withKernel(
  database: TwoRoles,
  work: (kernel: Kernel) => Promise<void>,
  databaseOwnerUrl = database.databaseOwnerUrl,
): Promise<void> {
  const kernel = await startKernel(database.databaseUrl, { databaseOwnerUrl });
  try {
    await work(kernel);
  } finally {
    await kernel.stop();
  }
}

/** First column of every row. */
async function column(url: string, sql: string, parameters: unknown[] = []): Promise<unknown[]> {
  return await withClient(url, async (client) => {
    const { rows } = await client.query({ text: sql, values: parameters, rowMode: "array" });
    return rows.map((row) => row[0]);
  });
}

async function useTickets(owner: Client): Promise<void> {
  const ticket = await owner.create("tickets", { number: "T-1", title: "Printer on fire" });
  await owner.create("ticket_comments", { ticket_id: ticket["id"], body: "Noted" });
  const other = await owner.create("tickets", { number: "T-2", title: "Out of paper" });
  assert.equal((await owner.get("/api/dynamic/tickets")).body.meta.total, 2);
  const path = `/api/dynamic/tickets/${other["id"]}`;
  assert.equal((await owner.send("PUT", path, { title: "Paper is here" })).status, 200);
  assert.equal((await owner.send("DELETE", path)).status, 200);
  assert.equal((await owner.get("/api/dynamic/tickets")).body.meta.total, 1);
}

/** Owns nothing, and everything that an owner could do to the wall is refused. */
async function assertPoolRoleIsHarmless(database: TwoRoles, kernelTenant: string): Promise<void> {
  const { databaseUrl, adminUrl, appRole, ownerRole } = database;
  const owned = await column(
    adminUrl,
    `select relname from pg_class where relowner = $1::regrole
     union all select nspname from pg_namespace where nspowner = $1::regrole
     union all select proname from pg_proc where proowner = $1::regrole`,
    [`"${appRole}"`],
  );
  assert.deepEqual(owned, []);
  const tables = await column(
    adminUrl,
    "select count(*)::int from pg_class where relowner = $1::regrole and relkind = 'r'",
    [`"${ownerRole}"`],
  );
  assert.ok(Number(tables[0]) > 5, "the owner owns the tables");
  const forbidden = [
    "alter table addon_tickets.tickets disable row level security",
    "alter table addon_tickets.tickets no force row level security",
    "alter table addon_tickets.tickets add column mine text",
    "drop policy rls_org_isolation on addon_tickets.tickets",
    "create policy mine on addon_tickets.tickets using (true)",
    "drop table addon_tickets.tickets",
    "truncate addon_tickets.tickets",
    "create table addon_tickets.mine (id integer)",
    "create index mine on addon_tickets.tickets (title)",
    "create function addon_tickets.mine() returns integer language sql as 'select 1'",
    "create schema addon_mine",
    "create table public.mine (id integer)",
    "drop schema addon_tickets cascade",
    "delete from metacore.schema_migrations",
    `set role "${ownerRole}"`,
    `set session authorization "${ownerRole}"`,
    `alter role "${appRole}" bypassrls`,
    `grant "${ownerRole}" to "${appRole}"`,
  ];
  await withClient(databaseUrl, async (client) => {
    for (const sql of forbidden) {
      const refusal = await client.query(sql).then(() => "done", (error) => error.code);
      assert.equal(refusal, "42501", sql);
    }
    // Without a tenant there is no row, with one there are its own: the policy binds this role.
    const count = async () =>
      (await client.query("select count(*)::int as n from addon_tickets.tickets")).rows[0].n;
    assert.equal(await count(), 0);
    await client.query("select set_config('app.current_org', $1, false)", [kernelTenant]);
    assert.ok(await count() > 0);
  });
}

Deno.test({
  name: "two roles: from the SQL of `database roles` to an addon that was used and dropped",
  ignore,
  fn: async () => {
    await using database = await createTwoRoles();
    await withKernel(database, async (kernel) => {
      const owner = await newOwner(kernel);
      const installed = await owner.install(await exampleBundle());
      assert.equal(installed.status, 200, JSON.stringify(installed.body));
      await useTickets(owner);
      await assertPoolRoleIsHarmless(database, owner.organizationId);
      const rival = await newOwner(kernel, "Rival");
      assert.equal((await rival.install(await exampleBundle())).status, 200);
      assert.deepEqual((await rival.get("/api/dynamic/tickets")).body.data, []);
      // The first drop leaves the other organization's rows, the last one takes the tables away.
      for (const client of [owner, rival]) {
        const path = "/api/metacore/installations/tickets?drop=true";
        assert.equal((await client.send("DELETE", path)).status, 204);
        assert.equal((await client.send("GET", "/api/dynamic/tickets")).status, 404);
      }
    });
    const left = await column(
      database.adminUrl,
      "select oid::regclass::text from pg_class where relnamespace in " +
        "(select oid from pg_namespace where nspname like 'addon\\_%') and relkind = 'r'",
    );
    assert.deepEqual(left, []);
    await assert.rejects(
      startKernel(database.databaseUrl),
      (thrown) => isKernelError(thrown, "db.not_permitted") && /OWNER_URL/.test(thrown.message),
      "the pool's role alone cannot migrate, and the message says what is missing",
    );
    await withKernel(database, async (kernel) => {
      const again = await newOwner(kernel, "Again");
      assert.equal((await again.install(await exampleBundle())).status, 200);
      await useTickets(again);
    });
  },
});

Deno.test({
  name: "two roles: a database of one role is refused with the statement that makes it one of two",
  ignore,
  fn: async () => {
    await using database = await createTwoRoles();
    const { databaseUrl, databaseOwnerUrl, adminUrl, appRole, ownerRole } = database;
    let organizationId = "";
    await withClient(
      adminUrl,
      (client) =>
        client.query(
          `grant create on database ${new URL(adminUrl).pathname.slice(1)} ` +
            `to "${appRole}"`,
        ),
    );
    const single = await startKernel(databaseUrl);
    const owner = await newOwner(single);
    organizationId = owner.organizationId;
    assert.equal((await owner.install(await exampleBundle())).status, 200);
    await owner.create("tickets", { number: "T-1", title: "Kept" });
    await single.stop();

    const reassign = `REASSIGN OWNED BY "${appRole}" TO "${ownerRole}"`;
    await assert.rejects(startKernel(databaseUrl, { databaseOwnerUrl }), (thrown) => {
      assert.ok(isKernelError(thrown, "db.audit_refused"), String(thrown));
      assert.equal(thrown.message.split("\n").length, 1);
      assert.match(thrown.message, / and \d+ more belong to the role .* of DATABASE_URL: in this/);
      assert.ok(thrown.message.includes(`run ${reassign} as a superuser.`), thrown.message);
      return true;
    });
    await withClient(adminUrl, (client) => client.query(reassign));
    await withKernel(database, async (kernel) => {
      const caller = systemCaller(organizationId);
      const { records } = kernel.services;
      await records.create(caller, "tickets", { number: "T-2", title: "New" });
      const list = await records.list(caller, "tickets", new URLSearchParams());
      assert.equal(list.meta.total, 2);
      await kernel.services.addons.uninstall(caller, "tickets", "drop");
    });
  },
});

Deno.test({
  name:
    "start() under a superuser, a member of the owner or another database's owner writes nothing",
  ignore,
  fn: async () => {
    const schemas = (url: string) =>
      column(url, "select nspname from pg_namespace where nspname ~ '^(metacore|addon_)'");
    const superuser = await createPostgresDatabase("empty");
    try {
      const starts = [
        [superuser.adminUrl!, undefined, /of DATABASE_URL is a superuser/],
        [superuser.url, superuser.adminUrl!, /of DATABASE_OWNER_URL is a superuser/],
      ] as const;
      for (const [url, databaseOwnerUrl, message] of starts) {
        await assert.rejects(
          startKernel(url, databaseOwnerUrl === undefined ? {} : { databaseOwnerUrl }),
          (thrown) => isKernelError(thrown, "db.audit_refused") && message.test(thrown.message),
        );
        assert.deepEqual(await schemas(superuser.adminUrl!), []);
      }
    } finally {
      await superuser.drop();
    }
    await using database = await createTwoRoles();
    const { adminUrl, appRole, ownerRole } = database;
    await withClient(adminUrl, (client) => client.query(`grant "${ownerRole}" to "${appRole}"`));
    await assert.rejects(
      withKernel(database, async () => {}),
      (thrown) =>
        isKernelError(thrown, "db.audit_refused") &&
        thrown.message.includes(`run REVOKE "${ownerRole}" FROM "${appRole}"`),
    );
    assert.deepEqual(await schemas(adminUrl), []);
    await withClient(adminUrl, (client) => client.query(`revoke "${ownerRole}" from "${appRole}"`));
    await using other = await createTwoRoles();
    await assert.rejects(
      withKernel(database, async () => {}, other.databaseOwnerUrl),
      (thrown) =>
        isKernelError(thrown, "db.audit_refused") &&
        /DATABASE_URL and DATABASE_OWNER_URL lead to different/.test(thrown.message),
    );
    assert.deepEqual(await schemas(other.adminUrl), []);
  },
});
