/**
 * One addon on top of another, through the front door: columns and actions of extensions, values of
 * organizations, languages, hooks before writes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { packBundle } from "../../src/bundle/mod.ts";
import { systemCaller } from "../../mod.ts";
import { fixtureModule } from "../_support/addon.ts";
import { newOwner, sendAnonymous } from "../_support/client.ts";
import { kernelTest } from "../_support/kernel.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const TICKETS = {
  key: "tickets",
  name: "Tickets",
  version: "1.0.0",
  model_definitions: [{
    table_name: "tickets",
    model_key: "ticket",
    label: "tickets.title",
    columns: [
      { name: "title", type: "string", required: true },
      { name: "tax_id", type: "string", validation: { custom: "$org.tax_id" } },
    ],
  }],
  navigation: [{ title: "", items: [{ title: "tickets.title", model: "ticket" }] }],
  i18n: { es: { "tickets.title": "Asuntos" }, en: { "tickets.title": "Tickets" } },
};

async function fiscalBundle(more: Record<string, unknown> = {}): Promise<Uint8Array> {
  const { wasm } = await fixtureModule("probe");
  const manifest = {
    key: "fiscal",
    name: "Fiscal",
    version: "1.0.0",
    // What the module imports.
    capabilities: [
      { kind: "event:emit", target: "fiscal.*" },
      { kind: "http:fetch", target: "api.example.com" },
    ],
    backend: { runtime: "wasm", entry: "backend/backend.wasm", exports: ["echo", "fail"] },
    extensions: [{
      model: "tickets.ticket",
      columns: [{ name: "tax_code", type: "string", size: 10 }],
      actions: [{
        key: "stamp",
        name: "stamp",
        label: "Stamp",
        trigger: { type: "wasm", export: "echo" },
      }],
    }],
    ...more,
  };
  return await packBundle(
    new Map([["manifest.json", encode(manifest)], ["backend/backend.wasm", wasm]]),
  );
}

const ticketsBundle = (more: Record<string, unknown> = {}) =>
  packBundle(new Map([["manifest.json", encode({ ...TICKETS, ...more })]]));

kernelTest("An extension comes, works in its own name, and goes", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const other = await newOwner(kernel, "Other");
  for (const client of [owner, other]) await client.install(await ticketsBundle());
  const installed = await owner.install(await fiscalBundle());
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  const ticket = await owner.create("ticket", { title: "A", tax_code: "X1" });
  assert.equal(ticket.tax_code, "X1");
  const refused = await other.send("POST", "/api/dynamic/ticket", { title: "B", tax_code: "X1" });
  assert.equal(refused.body.code, "record.unknown_column", JSON.stringify(refused.body));
  const stamped = await owner.send("POST", `/api/dynamic/ticket/${ticket.id}/action/stamp`, {});
  assert.equal(stamped.status, 200, JSON.stringify(stamped.body));
  assert.equal(stamped.body.data.ctx.addon, "fiscal");
  assert.equal(stamped.body.data.row.tax_code, "X1");
  const elsewhere = await other.create("ticket", { title: "B" });
  const path = `/api/dynamic/ticket/${elsewhere.id}/action/stamp`;
  assert.equal((await other.send("POST", path, {})).status, 404);
  // The table's own addon changes: the column stays.
  const upgraded = await owner.install(await ticketsBundle({ version: "1.1.0" }));
  assert.equal(upgraded.status, 200, JSON.stringify(upgraded.body));
  const read = await owner.get(`/api/dynamic/ticket/${ticket.id}`);
  assert.equal(read.body.data.tax_code, "X1");
  const base = "/api/metacore/installations/fiscal";
  assert.equal((await owner.send("POST", `${base}/disable`)).status, 200);
  assert.equal(
    "tax_code" in (await owner.get(`/api/dynamic/ticket/${ticket.id}`)).body.data,
    false,
  );
  assert.equal((await owner.send("POST", `${base}/enable`)).status, 200);
  assert.equal((await owner.get(`/api/dynamic/ticket/${ticket.id}`)).body.data.tax_code, "X1");
  assert.equal((await owner.send("DELETE", `${base}?drop=1`)).status, 204);
  assert.equal((await owner.install(await fiscalBundle())).status, 200);
  assert.equal((await owner.get(`/api/dynamic/ticket/${ticket.id}`)).body.data.tax_code, null);
});

kernelTest(
  "An extension that comes first waits; one that clashes is refused",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const early = await owner.install(await fiscalBundle());
    assert.equal(early.status, 200, JSON.stringify(early.body));
    assert.match(early.body.warnings.join(), /"tickets.ticket" is not installed here/);
    assert.equal((await owner.install(await ticketsBundle())).status, 200);
    assert.equal((await owner.create("ticket", { title: "A", tax_code: "X1" })).tax_code, "X1");
    const rival = await owner.install(await fiscalBundle({ key: "rival", name: "Rival" }));
    assert.equal(rival.status, 409, JSON.stringify(rival.body));
    assert.equal(rival.body.code, "addon.extension_conflict");
    const [model] = TICKETS.model_definitions;
    const columns = [...model!.columns, { name: "tax_code", type: "string" }];
    const clash = await owner.install(
      await ticketsBundle({ version: "2.0.0", model_definitions: [{ ...model, columns }] }),
    );
    assert.equal(clash.body.code, "addon.extension_conflict", JSON.stringify(clash.body));
    const list = (await owner.get("/api/metacore/installations")).body;
    assert.deepEqual(list.map((each: { version: string }) => each.version), ["1.0.0", "1.0.0"]);
  },
);

kernelTest("Values of an organization decide on its columns", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  assert.deepEqual((await owner.install(await ticketsBundle())).body.warnings, []);
  const custom = await owner.install(
    await packBundle(
      new Map([[
        "manifest.json",
        encode({
          key: "checked",
          name: "Checked",
          version: "1.0.0",
          model_definitions: [{
            table_name: "checks",
            model_key: "check",
            label: "",
            columns: ["fiscal.even", "fiscal.odd"].map((name, index) => ({
              name: `code${index}`,
              type: "string",
              validation: { custom: name },
            })),
          }],
        }),
      ]]),
    ),
  );
  assert.equal(custom.body.warnings.length, 1, JSON.stringify(custom.body));
  assert.match(custom.body.warnings[0], /no validator "fiscal.odd" is known/);
  const put = (value: unknown) => owner.send("PUT", "/api/organization/values/tax_id", { value });
  const make = (tax_id: string) =>
    owner.send("POST", "/api/dynamic/ticket", { title: "A", tax_id });
  assert.equal((await make("bad")).status, 201);
  assert.equal((await put("fiscal.even")).status, 204);
  const refused = await make("bad");
  assert.equal(refused.status, 422, JSON.stringify(refused.body));
  assert.match(JSON.stringify(refused.body), /must have an even length/);
  assert.equal((await make("good")).status, 201);
  assert.equal((await put({ regex: "^[0-9]+$" })).status, 204);
  assert.equal((await make("good")).status, 422);
  assert.equal((await put({ regex: "(" })).body.code, "addon.invalid_organization_value");
  const listed = await owner.get("/api/organization/values");
  assert.deepEqual(listed.body.data, { tax_id: { regex: "^[0-9]+$" } });
  assert.equal((await sendAnonymous(kernel, "GET", "/api/organization/values")).status, 401);
}, {
  validators: {
    "fiscal.even": (value) =>
      String(value).length % 2 === 0 ? undefined : "must have an even length",
  },
});

kernelTest("Texts are found in a caller's language, and by whoever asks", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  await owner.install(await ticketsBundle());
  const caller = { ...systemCaller(owner.organizationId), locale: "es-MX" };
  assert.equal((await kernel.services.metadata.table(caller, "ticket"))["title"], "Asuntos");
  const [group] = await kernel.services.addons.navigation(caller);
  assert.equal(group!.items[0]!.title, "Asuntos");
  for (
    const path of [
      "/api/metacore/addons/tickets/i18n/es-MX",
      "/api/metacore/addons/tickets/i18n/es.json",
      "/v1/addons/tickets/i18n/es.json",
    ]
  ) {
    const answer = await sendAnonymous(kernel, "GET", path);
    assert.equal(answer.status, 200, path);
    assert.deepEqual(answer.body, { "tickets.title": "Asuntos" });
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    const again = await kernel.fetch(
      new Request(`http://kernel.test${path}`, {
        headers: { "if-none-match": answer.headers.get("etag")! },
      }),
      { remoteAddress: "192.0.2.1" },
    );
    assert.equal(again.status, 304);
  }
  const missing = await sendAnonymous(kernel, "GET", "/v1/addons/none/i18n/es.json");
  assert.equal(missing.status, 404);
});

kernelTest(
  "Files of texts in a bundle are read, and fall back for each key",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const archive = await packBundle(
      new Map([
        [
          "manifest.json",
          encode({
            apiVersion: "asteby.com/v3",
            kind: "Addon",
            metadata: { key: "desk", name: "Desk", version: "1.0.0" },
            i18n: {
              default_locale: "en",
              bundles: [{ locale: "es", path: "i18n/es.json" }, {
                locale: "en",
                path: "i18n/en.json",
              }],
            },
          }),
        ],
        ["i18n/es.json", encode({ desk: { title: "Mesa" } })],
        ["i18n/en.json", encode({ desk: { title: "Desk", open: "Open" } })],
      ]),
    );
    const installed = await owner.install(archive);
    assert.equal(installed.status, 200, JSON.stringify(installed.body));
    const answer = await sendAnonymous(kernel, "GET", "/v1/addons/desk/i18n/es-MX.json");
    assert.deepEqual(answer.body, { "desk.title": "Mesa", "desk.open": "Open" });
  },
);

kernelTest("A function of the addon stands before writes of its records", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const hooked = (event: string, name: string) => ({
    event,
    target: { type: "wasm", function: name },
  });
  const notes = {
    extensions: [],
    model_definitions: [{
      table_name: "notes",
      model_key: "note",
      label: "Notes",
      columns: [{ name: "title", type: "string" }],
    }],
    lifecycle_hooks: { note: [hooked("before_create", "echo"), hooked("before_update", "fail")] },
  };
  const installed = await owner.install(await fiscalBundle(notes));
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  const note = await owner.create("note", { title: "A" });
  assert.equal(note.title, "A");
  const refused = await owner.send("PUT", `/api/dynamic/note/${note.id}`, { title: "B" });
  assert.ok(refused.status >= 400, JSON.stringify(refused.body));
  assert.equal((await owner.get(`/api/dynamic/note/${note.id}`)).body.data.title, "A");
  assert.equal((await owner.send("DELETE", `/api/dynamic/note/${note.id}`)).status, 200);
});

/** What another organization has put on a shared table first, and what would take it away. */
const COLOR = { name: "color", type: "string", size: 50 };
const INTRUSIONS: Readonly<Record<string, Record<string, unknown>>> = {
  "is unique": { ...COLOR, unique: true },
  "has a default": { ...COLOR, default: "'red'" },
  "is required": { ...COLOR, required: true, default: "'red'" },
};

for (const [what, column] of Object.entries(INTRUSIONS)) {
  kernelTest(
    `An extension that says a column ${what} changes nothing of another organization's`,
    async ({ kernel }) => {
      const [intruder, victim] = [await newOwner(kernel), await newOwner(kernel, "Other")];
      for (const client of [intruder, victim]) await client.install(await ticketsBundle());
      const painter = (key: string, columns: unknown[]) =>
        packBundle(
          new Map([[
            "manifest.json",
            encode({
              key,
              name: key,
              version: "1.0.0",
              extensions: [{ model: "tickets.ticket", columns }],
            }),
          ]]),
        );
      assert.equal((await victim.install(await painter("paint", [COLOR]))).status, 200);
      await victim.create("ticket", { title: "A", color: "blue" });
      const refused = await intruder.install(await painter("evil", [column]));
      assert.equal(refused.body.code, "addon.extension_conflict", JSON.stringify(refused.body));
      // What is in the way is told without what the rows hold, and the plan says it before.
      assert.match(refused.body.message, /another organization may use/);
      assert.deepEqual((await intruder.get("/api/metacore/installations")).body.length, 1);
      const second = await victim.create("ticket", { title: "B", color: "blue" });
      assert.deepEqual([second.color, (await victim.create("ticket", { title: "C" })).color], [
        "blue",
        null,
      ]);
      // A column of its own may be anything.
      const own = await painter("evil", [{ ...column, name: "colour" }]);
      assert.equal((await intruder.install(own)).status, 200);
      assert.equal((await victim.create("ticket", { title: "D" })).color, null);
    },
  );
}

kernelTest(
  "Extensions that come and go do not use up a table that others share",
  async ({ kernel }) => {
    const [intruder, victim] = [await newOwner(kernel), await newOwner(kernel, "Other")];
    for (const client of [intruder, victim]) await client.install(await ticketsBundle());
    const filler = (round: number) => {
      const columns = Array.from({ length: 190 }, (_, at) => ({
        name: `c${round}_${at}`,
        type: "boolean",
      }));
      const extensions = [{ model: "tickets.ticket", columns }];
      const manifest = { key: `fill${round}`, name: "Fill", version: "1.0.0", extensions };
      return packBundle(new Map([["manifest.json", encode(manifest)]]));
    };
    for (const round of [0, 1]) {
      assert.equal((await intruder.install(await filler(round))).status, 200);
      const path = `/api/metacore/installations/fill${round}?drop=1`;
      assert.equal((await intruder.send("DELETE", path)).status, 204);
    }
    const full = await intruder.install(await filler(2));
    assert.deepEqual([full.status, full.body.code], [409, "addon.extension_conflict"]);
    const [model] = TICKETS.model_definitions;
    const more = Array.from({ length: 20 }, (_, at) => ({ name: `more${at}`, type: "string" }));
    const upgraded = await victim.install(
      await ticketsBundle({
        version: "2.0.0",
        model_definitions: [{ ...model, columns: [...model!.columns, ...more] }],
      }),
    );
    assert.equal(upgraded.status, 200, JSON.stringify(upgraded.body));
  },
);
