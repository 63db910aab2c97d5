/**
 * Tables that organizations share: who brings another bundle may add to them, and change nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { packBundle } from "../../src/bundle/mod.ts";
import { newOwner } from "../_support/client.ts";
import { exampleBundle } from "../_support/bundles.ts";
import { kernelTest } from "../_support/kernel.ts";

type Column = Readonly<Record<string, unknown>> & { readonly name: string };

const NUMBER: Column = { name: "number", type: "string", size: 20, required: true };
const TITLE: Column = { name: "title", type: "string", size: 200, required: true };

/** A bundle of somebody else under the key of the example addon. */
async function foreignBundle(
  given: { version?: string; columns?: readonly Column[]; migration?: string },
): Promise<Uint8Array> {
  const manifest = {
    key: "tickets",
    name: "Tickets",
    version: given.version ?? "1.0.0",
    kernel: ">=2.0.0 <3.0.0",
    model_definitions: [{
      table_name: "tickets",
      model_key: "tickets",
      label: "Tickets",
      soft_delete: true,
      columns: [NUMBER, TITLE, ...given.columns ?? []],
    }],
  };
  const files = { "manifest.json": JSON.stringify(manifest) };
  const migration = given.migration && { "migrations/0002_more.sql": given.migration };
  return await packBundle(
    new Map(
      Object.entries({ ...files, ...migration })
        .map(([path, text]) => [path, new TextEncoder().encode(text)]),
    ),
  );
}

kernelTest(
  "install refuses to change tables that another organization uses with another bundle",
  async ({ kernel }) => {
    const [owner, stranger] = [await newOwner(kernel), await newOwner(kernel, "Rival")];
    await owner.install(await exampleBundle());
    const ticket = await owner.create("tickets", { number: "T-1", title: "Printer" });
    const other = { version: "9.0.0" };
    const breaking: Parameters<typeof foreignBundle>[0][] = [
      { migration: "alter table ticket_comments drop column body" },
      { migration: "alter table ticket_comments rename column body to text" },
      { ...other, migration: "create unique index one on ticket_comments (is_internal)" },
      { ...other, migration: "create index sums on tickets ((1 / estimated_hours))" },
      { ...other, migration: "create index texts on tickets (description)" },
      { ...other, migration: "drop index idx_tickets_status_due" },
      { ...other, migration: "alter table tickets drop constraint tickets_status_check" },
      { ...other, migration: "alter table ticket_comments add check (length(body) < 3)" },
      { ...other, migration: "alter table tickets add column more text not null" },
      { ...other, columns: [{ name: "status", type: "string", default: "'closed'" }] },
      {
        ...other,
        columns: [{ name: "description", type: "text", required: true, default: "'taken over'" }],
      },
    ];
    for (const bundle of breaking) {
      const refused = await stranger.install(await foreignBundle(bundle));
      assert.equal(refused.status, 409, JSON.stringify([bundle, refused.body]));
      assert.equal(refused.body.code, "addon.shared_tables_in_use", JSON.stringify(bundle));
    }
    const path = `/api/dynamic/tickets/${ticket["id"]}`;
    assert.deepEqual((await owner.get(path)).body.data, ticket);
    await owner.create("ticket_comments", { ticket_id: ticket["id"], body: "Still there" });
  },
);

kernelTest(
  "install adds to tables that another organization uses with another bundle",
  async ({ kernel }) => {
    const [owner, stranger] = [await newOwner(kernel), await newOwner(kernel, "Rival")];
    await owner.install(await exampleBundle());
    const added = await stranger.install(
      await foreignBundle({
        version: "1.1.0",
        columns: [
          { name: "weight", type: "integer", required: true, default: 1, index: true },
          { name: "remark", type: "text" },
        ],
        migration: "create table ticket_tags (id uuid primary key, name text not null unique); " +
          "alter table tickets alter column requester_email type text",
      }),
    );
    assert.equal(added.status, 200, JSON.stringify(added.body));
    const theirs = await stranger.create("tickets", { number: "T-1", title: "New" });
    assert.equal(theirs["weight"], 1);
    const ours = await owner.create("tickets", { number: "T-1", title: "Old" });
    assert.equal("weight" in ours, false);
  },
);

kernelTest(
  "install says that rows refuse a new rule, and leaves them as they were",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    await owner.install(await exampleBundle());
    const ticket = await owner.create("tickets", { number: "T-1", title: "Printer" });
    await owner.create("ticket_comments", { ticket_id: ticket["id"], body: "Long enough" });
    await owner.send("DELETE", "/api/metacore/installations/tickets");
    const migration = "alter table ticket_comments add check (length(body) < 3)";
    const refused = await owner.install(await foreignBundle({ version: "2.0.0", migration }));
    assert.equal(refused.status, 400, JSON.stringify(refused.body));
    assert.equal(refused.body.code, "record.check_failed");
    await owner.install(await exampleBundle());
    assert.equal((await owner.get("/api/dynamic/ticket_comments")).body.meta.total, 1);
  },
);
