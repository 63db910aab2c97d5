/**
 * Addons of the generation `asteby.com/v3` through the front door, on both engines: the project's own
 * manifests and the real ones where they lie beside the project.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, systemCaller } from "../../mod.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import { folderBundle } from "../_support/bundles.ts";
import { type Client, newOwner } from "../_support/client.ts";
import { engines } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";

const root = new URL("../../", import.meta.url);
const REAL = new URL("../shared/fixtures/manifests_v3/", root);

async function ownManifest(name: string): Promise<JsonObject> {
  const file = new URL(`tests/fixtures/manifests/${name}.json`, root);
  return JSON.parse(await Deno.readTextFile(file));
}

async function packed(
  document: JsonObject | string,
  files: Readonly<Record<string, Uint8Array | string>> = {},
): Promise<Uint8Array> {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  return await packBundle(new Map([["manifest.json", text], ...Object.entries(files)]));
}

async function installed(kernel: Kernel, owner: Client, archive: Uint8Array) {
  return await kernel.services.addons.install(systemCaller(owner.organizationId), { archive });
}

kernelTest(
  "v3: models are live under their key, their table and any letter case",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    await installed(kernel, owner, await packed(await ownManifest("bookings_v3")));
    const room = await owner.create("Rooms", { name: "Blue" });
    assert.equal(Number(room["beds"]), 2);
    const booking = await owner.create("bookings.Bookings", {
      room_id: room["id"],
      guest_name: "A",
    });
    assert.equal(booking["status"], "pending");
    for (const name of ["Rooms", "rooms", "bookings.Rooms", "ROOMS"]) {
      assert.equal((await owner.get(`/api/dynamic/${name}`)).body.meta.total, 1, name);
    }
    const table = (await owner.get("/api/metadata/table/Bookings")).body.data;
    assert.equal(table.title, "Bookings");
    const columns: { key: string; ref?: string }[] = table.columns;
    assert.equal(columns.find(({ key }) => key === "room_id")!.ref, "Rooms");
    const [manifest] = (await owner.get("/api/metacore/manifests")).body;
    assert.equal(manifest.key, "bookings");
    assert.equal(manifest.icon_slug, "airbnb");
    assert.equal(manifest.model_definitions[0].table_name, "rooms");
    const navigation = (await owner.get("/api/metacore/navigation")).body;
    assert.match(JSON.stringify(navigation), /sidebar\.bookings\.list/);
  },
);

kernelTest(
  "v3: the database keeps foreign keys and unique indexes, per organization",
  async ({ kernel }) => {
    const [first, second] = [await newOwner(kernel), await newOwner(kernel, "Other")];
    const document = await ownManifest("bookings_v3");
    const shared = {
      ...document,
      tenancy: { isolation: "shared" },
      models: (document["models"] as unknown as JsonObject[]).map((model, at) =>
        at === 0
          ? { ...model, indices: [{ name: "rooms_name_uq", columns: ["name"], unique: true }] }
          : model
      ),
    };
    const archive = await packed(shared);
    await installed(kernel, first, archive);
    await installed(kernel, second, archive);
    const room = await first.create("Rooms", { name: "Blue" });
    await second.create("Rooms", { name: "Blue" });
    const again = await first.send("POST", "/api/dynamic/Rooms", { name: "Blue" });
    assert.equal(again.status, 422);
    assert.equal(again.body.code, "record.duplicate");
    const stranger = { room_id: room["id"], guest_name: "B" };
    const reached = await second.send("POST", "/api/dynamic/Bookings", stranger);
    assert.equal(reached.body.code, "record.reference", "a key reaches into another organization");
    await first.create("Bookings", { room_id: room["id"], guest_name: "A" });
    assert.equal((await first.send("DELETE", `/api/dynamic/Rooms/${room["id"]}`)).status, 200);
    assert.equal((await first.get("/api/dynamic/Bookings")).body.meta.total, 0);
  },
);

kernelTest("v3: what it requires must be there, the optional aside", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const archive = await packed({
    ...await ownManifest("bookings_v3"),
    compatibility: {
      requires: [
        { key: "kernel", version: ">=3.0.0 <4.0.0" },
        { key: "crm", version: "^1.2.0", reason: "guests" },
        { key: "maps", version: ">=1.0.0", optional: true },
      ],
    },
  });
  const crm = (version: string) => packed({ key: "crm", name: "CRM", version });
  await assert.rejects(installed(kernel, owner, archive), { code: "addon.requirement_missing" });
  await installed(kernel, owner, await crm("1.1.0"));
  await assert.rejects(installed(kernel, owner, archive), { code: "addon.requirement_version" });
  await installed(kernel, owner, await crm("1.3.0"));
  const result = await installed(kernel, owner, archive);
  assert.equal(result.installation.addon_key, "bookings");
});

kernelTest("v3: functions that handlers name run as actions", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const module = await Deno.readFile(new URL("bundles/expenses/backend/expenses.wasm", root));
  const column = (name: string, type: string, rest: JsonObject = {}) => ({ name, type, ...rest });
  const action = (key: string) => ({
    key,
    label: key,
    target_model: "Expense",
    handler: { type: "wasm", function: key },
  });
  const result = await installed(
    kernel,
    owner,
    await packed({
      apiVersion: "asteby.com/v3",
      kind: "Addon",
      metadata: { key: "expenses", name: "Expenses", version: "3.0.0" },
      compatibility: { requires: [{ key: "kernel", version: ">=3.0.0 <4.0.0" }] },
      capabilities: [{ kind: "event:emit", target: "expenses.*" }],
      models: [{
        key: "Expense",
        table: "expenses",
        label: "Expenses",
        columns: [
          column("title", "text", { not_null: true }),
          column("category", "varchar(20)", { not_null: true, default: "other" }),
          column("amount", "numeric", { not_null: true }),
          column("status", "text", { not_null: true, default: "submitted" }),
        ],
        stage_field: "status",
      }],
      contributions: {
        actions: [action("summary"), { ...action("approve"), requires_state: ["approved"] }],
      },
      settings: [{ key: "approval_limit", type: "string", label: "Limit", default: "500.00" }],
    }, { "backend/backend.wasm": module }),
  );
  assert.equal(result.manifest.backend?.exports?.length, 2);
  const expense = await owner.create("Expense", { title: "Train", amount: 40 });
  const path = `/api/dynamic/Expense/${expense["id"]}/action`;
  const summary = await owner.send("POST", `${path}/summary`, {});
  assert.equal(summary.status, 200, JSON.stringify(summary.body));
  assert.equal(summary.body.success, true);
  const refused = await owner.send("POST", `${path}/approve`, {});
  assert.equal(refused.body.code, "addon.action_invalid_state", JSON.stringify(refused.body));
});

kernelTest("v3: the example of bundles/rooms is whole", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const result = await installed(kernel, owner, await folderBundle("bundles/rooms/"));
  assert.deepEqual(result.warnings, []);
  const room = await owner.create("Room", { name: "Blue" });
  const stay = { room_id: room["id"], guest_name: "Ana", arrives_on: "2026-05-01" };
  const booking = await owner.create("Booking", stay);
  assert.equal(booking["status"], "asked");
  const kept = await owner.send("DELETE", `/api/dynamic/Room/${room["id"]}`);
  assert.equal(kept.body.code, "record.reference", "a room that is booked stays");
  const table = (await owner.get("/api/metadata/table/Booking")).body.data;
  assert.equal(table.group_by, "status");
  const columns: { key: string; label: string }[] = table.columns;
  assert.equal(columns.find(({ key }) => key === "guest_name")!.label, "rooms.guest");
});

for (const engine of engines) {
  Deno.test(`v3: real manifests are installed and live after a restart [${engine}]`, async (context) => {
    await using place = await testPlace(engine, "file");
    let names: string[];
    try {
      names = (await Array.fromAsync(Deno.readDir(REAL))).map(({ name }) => name).sort();
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
      await context.step({ name: "NOT COVERED: ../shared is absent", ignore: true, fn() {} });
      return;
    }
    const kernel = await startKernel(place.databaseUrl);
    const owner = await newOwner(kernel);
    for (const name of names) {
      await installed(kernel, owner, await packed(await Deno.readTextFile(new URL(name, REAL))));
    }
    const ticket = await owner.create("Ticket", {
      number: "T-1",
      title: "Broken",
      reporter_id: owner.userId,
    });
    assert.equal(ticket["status"], "open");
    await owner.create("tickets.TicketComment", {
      ticket_id: ticket["id"],
      author_id: owner.userId,
      body: "b",
    });
    await owner.create("Orders", { order_number: "1", total_amount: 3 });
    await kernel.stop();
    const again = await startKernel(place.databaseUrl);
    try {
      const manifests = await again.services.addons.manifests(systemCaller(owner.organizationId));
      assert.deepEqual(manifests.map((each) => each["key"]).sort(), [
        "order_generation",
        "tickets",
      ]);
    } finally {
      await again.stop();
    }
  });
}
