/**
 * The record engine on both engines: reading, writing, events, totals.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemCaller } from "../../src/base/caller.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { isKernelError } from "../../src/base/error.ts";
import type { Database } from "../../src/db/database.ts";
import { createEventLog } from "../../src/events/log.ts";
import type { RecordService } from "../../src/records/record_service.ts";
import { engines, engineTest, openTestDatabase } from "../_support/engines.ts";
import {
  callerA,
  callerB,
  customers,
  failure,
  makeWorld,
  ORG_A,
  ORG_B,
  query,
  tickets,
  USER_A,
} from "./world.ts";

const MISSING = "0190ffff-0000-7000-8000-000000000000";

type Body = Readonly<Record<string, unknown>>;

async function add(records: RecordService, model: string, body: Body): Promise<JsonObject> {
  return (await records.create(callerA, model, body)).value();
}

async function titles(records: RecordService, text: string): Promise<string[]> {
  const page = await records.list(callerA, "ticket", query(text));
  return page.rows.value().map((row) => String(row["title"]));
}

function idOf(record: JsonObject): string {
  return String(record["id"]);
}

engineTest(
  "create() stores what is declared and answers what get() and list() answer",
  async (t) => {
    const { records } = await makeWorld(t.database);
    const customer = await add(records, "customers", { name: "Ann" });
    const created = await add(records, "tickets", {
      title: "Fire",
      body: 'É ¿? "quoted" \\ 😀',
      priority: "3",
      views: "4294967296",
      price: 12.5,
      active: "true",
      due_at: "2026-03-01T10:00:00+02:00",
      due_on: "2026-03-02",
      extra: { deep: [1, { a: null }], text: "x" },
      customer_id: customer["id"],
      id: MISSING,
      organization_id: ORG_B,
      created_by_id: MISSING,
      created_at: "2000-01-01",
    });
    assert.notEqual(created["id"], MISSING);
    const { id, created_at, updated_at, due_at, ...rest } = created;
    assert.equal(created_at, updated_at);
    assert.equal(Date.parse(String(due_at)), Date.UTC(2026, 2, 1, 8));
    assert.match(String(due_at), /^2026-03-01T08:00:00(\.000)?Z$/);
    assert.deepEqual(rest, {
      title: "Fire",
      body: 'É ¿? "quoted" \\ 😀',
      status: "open",
      code: null,
      priority: 3,
      views: 4294967296,
      price: 12.5,
      active: true,
      due_on: "2026-03-02T00:00:00Z",
      extra: { deep: [1, { a: null }], text: "x" },
      customer_id: customer["id"],
      parent_id: null,
      organization_id: ORG_A,
      created_by_id: USER_A,
      customer: { value: customer["id"], label: "Ann", image: null },
      parent: null,
      created_by: null,
    });
    assert.deepEqual((await records.get(callerA, "ticket", idOf(created))).value(), created);
    const page = await records.list(callerA, "kernel.ticket", query());
    assert.deepEqual(page.rows.value(), [created]);
    assert.deepEqual(page.meta, { total: 1, page: 1, per_page: 15, last_page: 1 });
    const { views: _views, ...again } = created;
    const updated = (await records.update(callerA, "ticket", String(id), again)).value();
    assert.equal(updated["title"], "Fire");
  },
);

engineTest(
  "get(), update() and remove() say the same of missing and foreign records",
  async (t) => {
    const { records } = await makeWorld(t.database);
    const id = idOf(await add(records, "tickets", { title: "Mine" }));
    for (const [caller, wanted] of [[callerA, MISSING], [callerB, id]] as const) {
      const missing = failure("record.not_found", "not_found", /^record not found$/);
      await assert.rejects(records.get(caller, "ticket", wanted), missing);
      await assert.rejects(records.update(caller, "ticket", wanted, { title: "x" }), missing);
      await assert.rejects(records.update(caller, "ticket", wanted, {}), missing);
      await assert.rejects(records.remove(caller, "ticket", wanted), missing);
    }
    for (const bad of ["me", "12", "", `${MISSING}0`, "' or 1=1"]) {
      const invalid = failure("record.invalid_id", "invalid", /^invalid id$/);
      await assert.rejects(records.get(callerA, "ticket", bad), invalid);
      await assert.rejects(records.update(callerA, "ticket", bad, {}), invalid);
      await assert.rejects(records.remove(callerA, "ticket", bad), invalid);
    }
    assert.equal((await records.get(callerA, "ticket", id.toUpperCase())).value()["id"], id);
    assert.equal((await createEventLog(t.database).read(systemCaller(ORG_B))).length, 0);
  },
);

engineTest("update() changes what the body names; an empty body changes nothing", async (t) => {
  const { records } = await makeWorld(t.database);
  const before = await add(records, "tickets", { title: "Old", priority: 1, code: "x" });
  const after = (await records.update(callerA, "ticket", idOf(before), {
    title: "New",
    extra: [1],
    code: null,
    organization_id: ORG_B,
  })).value();
  assert.deepEqual(after, {
    ...before,
    title: "New",
    extra: [1],
    code: null,
    updated_at: after["updated_at"]!,
  });
  assert.notEqual(after["updated_at"], before["updated_at"]);
  assert.deepEqual((await records.update(callerA, "ticket", idOf(before), {})).value(), after);
  assert.equal((await createEventLog(t.database).read(systemCaller(ORG_A))).length, 2);
  await assert.rejects(
    records.update(callerA, "ticket", idOf(before), { titel: "x" }),
    failure("record.unknown_column", "invalid", /title/),
  );
  await assert.rejects(
    records.update(callerA, "ticket", idOf(before), null),
    failure("record.invalid_body", "invalid"),
  );
  await assert.rejects(records.create(callerA, "ticket", {}), (thrown) => {
    assert.ok(isKernelError(thrown, "record.invalid"));
    assert.equal(thrown.fields?.["title"]?.[0]?.code, "required");
    return true;
  });
});

engineTest("events tell each write with the rows as they were stored", async (t) => {
  const { records } = await makeWorld(t.database);
  const log = createEventLog(t.database);
  const created = await add(records, "tickets", { title: "One", extra: { a: 1 } });
  await records.update(callerA, "ticket", idOf(created), { title: "Two" });
  await records.remove(callerA, "ticket", idOf(created));
  const events = await log.read(systemCaller(ORG_A));
  assert.deepEqual(events.map((event) => event.name), [
    "kernel.ticket.created",
    "kernel.ticket.updated",
    "kernel.ticket.deleted",
  ]);
  const [first, second, third] = events.map((event) => event.payload as JsonObject);
  const { customer: _c, parent: _p, created_by: _b, ...row } = created;
  assert.deepEqual(first, { id: created["id"], after: row });
  assert.deepEqual(second!["before"] as JsonObject, row);
  const after = second!["after"] as JsonObject;
  assert.deepEqual(after, { ...row, title: "Two", updated_at: after["updated_at"]! });
  assert.deepEqual(third, { id: created["id"], before: after });
  for (const event of events) {
    assert.equal(event.addonKey, "kernel");
    assert.equal(event.model, "ticket");
    assert.equal(event.recordId, created["id"]);
    assert.equal(event.actorId, USER_A);
    assert.equal(event.requestId, "req-a");
    assert.equal(event.organizationId, ORG_A);
  }
  assert.deepEqual(await log.read(systemCaller(ORG_B)), []);
  assert.deepEqual(
    (await log.read(systemCaller(ORG_A), events[0]!.sequence, 1)).map((event) => event.id),
    [events[1]!.id],
  );
});

engineTest(
  "remove() marks where the model says so, and a mark hides a record everywhere",
  async (t) => {
    const { records } = await makeWorld(t.database);
    const ann = await add(records, "customers", { name: "Ann", email: "a@x" });
    const ticket = await add(records, "tickets", { title: "T", customer_id: ann["id"] });
    await records.remove(callerA, "customers", idOf(ann));
    const gone = failure("record.not_found");
    await assert.rejects(records.get(callerA, "customers", idOf(ann)), gone);
    await assert.rejects(records.update(callerA, "customers", idOf(ann), { name: "B" }), gone);
    await assert.rejects(records.remove(callerA, "customers", idOf(ann)), gone);
    const page = await records.list(callerA, "customers", query("per_page=1"));
    assert.deepEqual([page.rows.text, page.meta.total], ["[]", 0]);
    assert.equal((await records.get(callerA, "ticket", idOf(ticket))).value()["customer"], null);
    assert.deepEqual(await records.search(callerA, "customers", query("q=ann")), []);
    const left = await rowsOf(t.database, customers.table.table);
    assert.equal(left, 1);
    assert.equal(
      (await add(records, "customers", { name: "Ann 2", email: "a@x" }))["name"],
      "Ann 2",
    );
    await records.remove(callerA, "ticket", idOf(ticket));
    assert.equal(await rowsOf(t.database, tickets.table.table), 0);
  },
);

async function rowsOf(database: Database, table: string): Promise<number> {
  const name = database.profile.compile(
    database.profile.table({ schema: "addon_kernel", table }),
  ).sql;
  const [result] = await database.batch(ORG_A, [
    { sql: `select count(*) from ${name}`, parameters: [] },
  ]);
  return Number(result!.rows[0]![0]);
}

engineTest("a taken value is refused by field, within the organization only", async (t) => {
  const { records } = await makeWorld(t.database);
  await records.create(callerB, "tickets", { title: "theirs", code: "A-1" });
  const mine = await add(records, "tickets", { title: "mine", code: "A-1" });
  const other = await add(records, "tickets", { title: "other", code: "A-2" });
  for (
    const write of [
      () => records.create(callerA, "ticket", { title: "x", code: "A-1" }),
      () => records.update(callerA, "ticket", idOf(other), { code: "A-1" }),
    ]
  ) {
    await assert.rejects(write(), (thrown) => {
      assert.ok(isKernelError(thrown, "record.duplicate"));
      assert.equal(thrown.kind, "conflict");
      assert.deepEqual(thrown.fields, {
        code: [{ code: "duplicate", message: "is already taken" }],
      });
      assert.equal(thrown.details, undefined);
      return true;
    });
  }
  assert.equal((await records.get(callerA, "ticket", idOf(other))).value()["code"], "A-2");
  assert.equal((await createEventLog(t.database).read(systemCaller(ORG_A))).length, 2);
  assert.equal(mine["code"], "A-1");
});

engineTest("list() filters by every operator", async (t) => {
  const { records } = await makeWorld(t.database);
  const rows: Body[] = [
    { title: "a", priority: 1, active: true, price: 1.5, due_on: "2026-01-31", extra: { x: 1 } },
    { title: "b", priority: 2, active: false, price: 2, due_on: "2026-02-01", status: "done" },
    { title: "c", priority: 3, due_at: "2026-02-01T23:59:59.999Z", views: "9007199254740993" },
    { title: "d", due_at: "2026-02-02T00:00:00Z", body: "x" },
  ];
  for (const row of rows) await add(records, "tickets", row);
  const cases: [string, string][] = [
    ["f_status=done", "b"],
    ["f_status=NOT_IN:done", "acd"],
    ["f_priority=NOT_IN:1,2", "cd"],
    ["f_priority=IN:1,3", "ac"],
    ["f_priority=GT:1", "bc"],
    ["f_priority=GTE:2", "bc"],
    ["f_priority=LT:2", "a"],
    ["f_priority=LTE:2", "ab"],
    ["f_priority=RANGE:2,", "bc"],
    ["f_priority=RANGE:1|2", "ab"],
    ["f_priority=NULL:", "d"],
    ["f_priority=NOT_NULL:", "abc"],
    ["f_active=true", "a"],
    ["f_active=0", "b"],
    ["f_price=1.5", "a"],
    ["f_price=GT:1.5", "b"],
    ["f_views=9007199254740993", "c"],
    ["f_views=9007199254740992", ""],
    ["f_due_on=2026-01-31", "a"],
    ["f_due_on=2026-01-01_2026-02-01", "ab"],
    ["f_due_at=2026-02-01", "c"],
    ["f_due_at=2026-01-01_2026-02-01", "c"],
    ["f_due_at=2026-02-02_", "d"],
    ["f_due_at=2026-02-02T00:00:00Z", "d"],
    ["f_title=ILIKE:B", "b"],
    ["f_priority=LIKE:3", "c"],
    ["f_extra=NOT_NULL:", "a"],
    ["f_body=NULL:&f_priority=GT:1", "bc"],
    [`f_organization_id=${ORG_B}`, ""],
    [`f_created_by_id=${USER_A}`, "abcd"],
    ["f_created_at=2026-01-01_2026-01-01", "abcd"],
    ["f_created_at=GT:2026-01-01", ""],
    ["f_state=open", "acd"],
  ];
  for (const [text, expected] of cases) {
    const found = await titles(records, `${text}&sortBy=title&order=asc`);
    assert.equal(found.join(""), expected, text);
    const { meta } = await records.list(callerA, "ticket", query(`${text}&per_page=1&page=9`));
    assert.equal(meta.total, expected.length, text);
  }
});

engineTest(
  "search ignores case, also of accented letters, and takes wildcards literally",
  async (t) => {
    const { records } = await makeWorld(t.database);
    for (
      const title of ["Ñandú ÉXITO", "100% sure", "a_b", "axb", "back\\slash", "it's", "plain"]
    ) {
      await add(records, "tickets", { title, body: title === "plain" ? "the Body" : null });
    }
    const cases: [string, string[]][] = [
      ["ñandú", ["Ñandú ÉXITO"]],
      ["éxito", ["Ñandú ÉXITO"]],
      ["100%", ["100% sure"]],
      ["%", ["100% sure"]],
      ["a_b", ["a_b"]],
      ["\\", ["back\\slash"]],
      ["'", ["it's"]],
      ["PLAIN", ["plain"]],
      ["bODY", ["plain"]],
      ["nothing", []],
    ];
    for (const [text, expected] of cases) {
      assert.deepEqual(await titles(records, `search=${encodeURIComponent(text)}`), expected, text);
      const choices = await records.search(
        callerA,
        "ticket",
        query(`q=${encodeURIComponent(text)}`),
      );
      assert.deepEqual(choices.map((choice) => choice.label), expected, text);
    }
    assert.deepEqual(await titles(records, "search=body&search_columns=title"), []);
  },
);

engineTest("list() sorts stably and pages without gaps or repeats", async (t) => {
  const { records } = await makeWorld(t.database);
  for (let n = 0; n < 23; n++) await add(records, "tickets", { title: `t${n}`, priority: n % 3 });
  assert.equal((await titles(records, ""))[0], "t22");
  for (const order of ["sortBy=priority&order=asc", "sortBy=priority", "", "sortBy=id&order=asc"]) {
    const seen: string[] = [];
    for (let page = 1; page <= 5; page++) {
      seen.push(...await titles(records, `${order}&per_page=5&page=${page}`));
    }
    assert.equal(new Set(seen).size, 23, order);
    const { meta } = await records.list(callerA, "ticket", query(`${order}&per_page=5&page=7`));
    assert.deepEqual(meta, { total: 23, page: 7, per_page: 5, last_page: 5 });
  }
});

engineTest("siblings are named to those who may read the record they point at", async (t) => {
  const { records, denied } = await makeWorld(t.database);
  const ann = await add(records, "customers", { name: "Ann", avatar: "/a.png" });
  const parent = await add(records, "tickets", { title: "Parent" });
  const child = await add(records, "tickets", {
    title: "Child",
    customer_id: ann["id"],
    parent_id: parent["id"],
  });
  assert.deepEqual(child["customer"], { value: ann["id"], label: "Ann", image: "/a.png" });
  assert.deepEqual(child["parent"], { value: parent["id"], label: "Parent" });
  denied.add("customers.read");
  const hidden = (await records.get(callerA, "ticket", idOf(child))).value();
  assert.equal(Object.hasOwn(hidden, "customer"), false);
  assert.deepEqual(hidden["parent"], { value: parent["id"], label: "Parent" });
  assert.equal(
    Object.hasOwn((await records.list(callerA, "ticket", query())).rows.value()[0]!, "customer"),
    false,
  );
});

engineTest("created_by names the user where the view draws the creator", async (t) => {
  const { records } = await makeWorld(t.database);
  const now = "2026-01-01T00:00:00.000Z";
  await t.database.kysely.insertInto("organizations").values({
    id: ORG_A,
    name: "A",
    slug: "a",
    created_at: now,
    updated_at: now,
  }).execute();
  await t.database.kysely.insertInto("users").values({
    id: USER_A,
    organization_id: ORG_A,
    name: "Ada",
    email: "Ada@x.io",
    email_key: "ada@x.io",
    password_hash: "secret",
    role: "owner",
    avatar: null,
    last_login_at: null,
    created_at: now,
    updated_at: now,
  }).execute();
  const created = await add(records, "tickets", { title: "T" });
  assert.deepEqual(created["created_by"], { name: "Ada", avatar: null, email: "Ada@x.io" });
  const theirs = (await records.create(callerB, "tickets", { title: "T" })).value();
  assert.equal(theirs["created_by"], null);
});

engineTest("each method demands its permission, and an unknown model is not found", async (t) => {
  const { records, denied } = await makeWorld(t.database);
  const id = idOf(await add(records, "tickets", { title: "T" }));
  for (const verb of ["read", "create", "update", "delete"]) denied.add(`ticket.${verb}`);
  const refused = (verb: string) =>
    failure("access.denied", "forbidden", new RegExp(`"ticket.${verb}"`));
  await assert.rejects(records.list(callerA, "tickets", query()), refused("read"));
  await assert.rejects(records.get(callerA, "ticket", id), refused("read"));
  await assert.rejects(records.create(callerA, "ticket", { title: "x" }), refused("create"));
  await assert.rejects(records.update(callerA, "ticket", id, { title: "x" }), refused("update"));
  await assert.rejects(records.remove(callerA, "ticket", id), refused("delete"));
  await assert.rejects(records.facets(callerA, "ticket", query("field=title")), refused("read"));
  await assert.rejects(records.aggregate(callerA, "ticket", query()), refused("read"));
  await assert.rejects(records.options(callerA, "ticket", query("field=status")), refused("read"));
  await assert.rejects(records.options(callerA, "ticket", query("field=id")), refused("read"));
  await assert.rejects(records.search(callerA, "ticket", query()), refused("read"));
  await assert.rejects(
    records.list(callerA, "nope", query()),
    failure("model.not_found", "not_found", /^model not found in registry$/),
  );
});

engineTest("facets() counts values, the most frequent first", async (t) => {
  const { records } = await makeWorld(t.database);
  const ann = await add(records, "customers", { name: "Ann" });
  await add(records, "tickets", { title: "a", status: "done", active: true });
  await add(records, "tickets", { title: "b", customer_id: ann["id"], active: true, body: "" });
  await add(records, "tickets", { title: "c", customer_id: ann["id"] });
  const facets = (text: string) => records.facets(callerA, "ticket", query(text));
  assert.deepEqual(await facets("field=status"), [
    { value: "open", label: "Open", count: 2 },
    { value: "done", label: "Done", count: 1 },
  ]);
  assert.deepEqual(await facets("field=customer_id"), [
    { value: ann["id"], label: "Ann", count: 2 },
  ]);
  assert.deepEqual(await facets("field=active&f_title=a"), [
    { value: true, label: "true", count: 1 },
  ]);
  assert.deepEqual(await facets("field=title&q=B"), [{ value: "b", label: "b", count: 1 }]);
  assert.equal((await facets("field=title&limit=2")).length, 2);
  assert.deepEqual(await facets("field=body"), []);
  assert.deepEqual(await facets("field=customer.name"), []);
  assert.deepEqual(await facets("field=extra"), []);
  await assert.rejects(
    facets(""),
    failure("record.field_required", "invalid", /^field is required$/),
  );
  await assert.rejects(
    facets("field=statsu"),
    failure("record.unknown_column", "invalid", /status/),
  );
});

engineTest(
  "aggregate() totals numbers over the filtered records, exact to four digits",
  async (t) => {
    const { records } = await makeWorld(t.database);
    const totals = (text = "") => records.aggregate(callerA, "ticket", query(text));
    assert.deepEqual(await totals(), { priority: 0, views: 0, price: 0 });
    for (let n = 0; n < 10; n++) {
      await add(records, "tickets", { title: `t${n}`, price: 0.1, priority: n, views: n });
    }
    await records.create(callerB, "tickets", { title: "theirs", price: 1000 });
    assert.deepEqual(await totals(), { priority: 45, views: 45, price: 1 });
    assert.deepEqual(await totals("f_priority=GT:7"), { priority: 17, views: 17, price: 0.2 });
    for (let n = 0; n < 2; n++) {
      await add(records, "tickets", { title: "big", views: "9223372036854775807" });
    }
    assert.equal(Number((await totals("f_title=big"))["views"]), 2 ** 64);
  },
);

engineTest("options() gives fixed choices, or records with real ids", async (t) => {
  const { records } = await makeWorld(t.database);
  const ids: string[] = [];
  for (const name of ["Bob", "Ann", "Änne"]) {
    ids.push(idOf(await add(records, "customers", { name, avatar: name === "Bob" ? "/b" : null })));
  }
  await records.create(callerB, "customers", { name: "Foreign" });
  const options = (model: string, text: string) => records.options(callerA, model, query(text));
  assert.deepEqual(await options("ticket", "field=status&q=zzz"), {
    type: "static",
    options: [
      { id: "open", value: "open", label: "Open", name: "Open", color: "green" },
      { id: "done", value: "done", label: "Done", name: "Done" },
    ],
  });
  const bob = { id: ids[0], value: ids[0], label: "Bob", name: "Bob", image: "/b" };
  const ann = { id: ids[1], value: ids[1], label: "Ann", name: "Ann" };
  const dynamic = await options("customers", "field=id&limit=2");
  assert.equal(dynamic.type, "dynamic");
  assert.deepEqual(dynamic.options[0], ann);
  assert.equal(dynamic.options.length, 2);
  for (const text of ["field=customer_id&q=bO", "field=customer&q=bo"]) {
    assert.deepEqual((await options("ticket", text)).options, [bob], text);
  }
  assert.deepEqual((await options("addon_kernel.customers", "field=id&q=b")).options, [bob]);
  assert.equal((await options("customers", "field=id&offset=2")).options.length, 1);
  await assert.rejects(options("ticket", ""), failure("record.field_required"));
  await assert.rejects(options("nope", "field=id"), failure("model.not_found"));
  await assert.rejects(
    options("ticket", "field=title"),
    failure("record.options_not_configured", "not_found", /^field not configured for options$/),
  );
});

engineTest("a total is exact right after any write of anybody", async (t) => {
  const { records, recordsWith } = await makeWorld(t.database);
  const { organizationScope } = await import("../../src/records/scope.ts");
  const replica = recordsWith(organizationScope);
  const total = async (service: RecordService, text = "per_page=1") =>
    (await service.list(callerA, "ticket", query(text))).meta.total;
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) {
    assert.equal(await total(replica), n);
    assert.equal(await total(records), n);
    ids.push(idOf(await add(records, "tickets", { title: "t", priority: n })));
  }
  const one = "per_page=1&f_status=done";
  assert.equal(await total(replica, one), 0);
  await records.update(callerA, "ticket", ids[0]!, { status: "done" });
  assert.equal(await total(replica, one), 1);
  await records.remove(callerA, "ticket", ids[1]!);
  assert.equal(await total(replica), 3);
  assert.equal(await total(replica, "per_page=1&page=99"), 3);
  await records.create(callerB, "tickets", { title: "theirs" });
  assert.equal(await total(replica), 3);
  assert.equal((await replica.list(callerB, "ticket", query("per_page=1"))).meta.total, 1);
});

engineTest("a total that holds is not counted again", async (t) => {
  const { records } = await makeWorld(t.database);
  for (let n = 0; n < 3; n++) await add(records, "tickets", { title: `t${n}` });
  const counted: number[] = [];
  const batch = t.database.batch.bind(t.database);
  t.database.batch = (organization, statements) => {
    counted.push(statements.length);
    return batch(organization, statements);
  };
  const list = (text = "per_page=1") => records.list(callerA, "ticket", query(text));
  await list();
  await list();
  await list("per_page=2&page=2&sortBy=title");
  assert.deepEqual(counted.splice(0), [3, 2, 2]);
  await add(records, "tickets", { title: "new" });
  counted.length = 0;
  await list("per_page=50");
  assert.deepEqual(counted.splice(0), [2], "a page that is not full tells the total");
  await list();
  assert.deepEqual(counted.splice(0), [2, 2]);
  await list();
  assert.deepEqual(counted.splice(0), [2]);
});

engineTest("totals stay exact while others write", async (t) => {
  const { records } = await makeWorld(t.database);
  const total = async () => (await records.list(callerA, "ticket", query("per_page=1"))).meta.total;
  let written = 0;
  const writer = async () => {
    for (let n = 0; n < 15; n++) {
      await add(records, "tickets", { title: "t" });
      written++;
      const atLeast = written;
      const seen = await total();
      assert.ok(seen >= atLeast, `${seen} < ${atLeast}`);
    }
  };
  const reader = async () => {
    for (let n = 0; n < 30; n++) {
      const before = written;
      const seen = await total();
      assert.ok(seen >= before && seen <= 45, `${before} ${seen}`);
    }
  };
  await Promise.all([writer(), writer(), writer(), reader(), reader()]);
  assert.equal(await total(), 45);
});

engineTest("a row that takes others with it makes their totals old", async (t) => {
  const { records } = await makeWorld(
    t.database,
    [customers, tickets],
    (spec) =>
      spec.name.table !== "tickets" ? spec : {
        ...spec,
        foreignKeys: [{
          name: "fk_tickets_parent",
          columns: ["organization_id", "parent_id"],
          target: "tickets",
          targetColumns: ["organization_id", "id"],
          onDelete: "cascade",
        }],
      },
  );
  const parent = await add(records, "tickets", { title: "parent" });
  await add(records, "tickets", { title: "child", parent_id: parent["id"] });
  const total = async () => (await records.list(callerA, "ticket", query("per_page=1"))).meta.total;
  assert.equal(await total(), 2);
  await assert.rejects(
    records.create(callerA, "ticket", { title: "x", parent_id: MISSING }),
    (thrown) => {
      assert.ok(isKernelError(thrown, "record.reference"));
      assert.equal(JSON.stringify(thrown.details ?? {}).includes("fk_"), false);
      return true;
    },
  );
  await records.remove(callerA, "ticket", idOf(parent));
  assert.equal(await total(), 0);
});

for (const engine of engines) {
  Deno.test(`a crash at any statement of a write leaves row and event, or neither [${engine}]`, async () => {
    const path = engine === "sqlite"
      ? `${await Deno.makeTempDir({ prefix: "metacore-records-" })}/crash.db`
      : undefined;
    for (const write of ["create", "update", "remove"] as const) {
      for (let at = 0;; at++) {
        const crashed = await crashDuring(engine, write, at, path);
        if (path !== undefined) await removeFiles(path);
        if (!crashed) break;
        assert.ok(at < 20, "the write never ends");
      }
    }
    if (path !== undefined) await Deno.remove(path.replace(/\/[^/]*$/, ""), { recursive: true });
  });
}

async function removeFiles(path: string): Promise<void> {
  for (const end of ["", "-wal", "-shm", ".lock"]) {
    await Deno.remove(path + end).catch(() => {});
  }
}

/** @returns whether the crash came; afterwards rows and events must agree. */
async function crashDuring(
  engine: (typeof engines)[number],
  write: "create" | "update" | "remove",
  at: number,
  path: string | undefined,
): Promise<boolean> {
  let armed = -1;
  const fault = {
    beforeStatement: () => {
      if (armed >= 0 && armed-- === 0) throw new Error("crash");
    },
  };
  const options = { fault, ...(path === undefined ? {} : { path }) };
  await using test = await openTestDatabase(engine, options);
  const { records } = await makeWorld(test.database);
  const id = idOf(await add(records, "tickets", { title: "before" }));
  armed = at;
  const done = await {
    create: () => records.create(callerA, "ticket", { title: "after" }),
    update: () => records.update(callerA, "ticket", id, { title: "after" }),
    remove: () => records.remove(callerA, "ticket", id),
  }[write]().then(() => true, () => false);
  armed = -1;
  const { openDatabase } = await import("../../src/db/open.ts");
  const { silentLogger } = await import("../../src/telemetry/log.ts");
  if (!done) await test.database.close();
  const again = done ? test.database : await openDatabase({ url: test.url, logger: silentLogger });
  const names = (await createEventLog(again).read(systemCaller(ORG_A))).map((event) => event.name)
    .slice(1);
  const table = again.profile.compile(again.profile.table(tickets.table)).sql;
  const [rows] = await again.batch(ORG_A, [
    { sql: `select title from ${table} order by created_at`, parameters: [] },
  ]);
  const found = rows!.rows.map(([title]) => title);
  const effect = { create: ["before", "after"], update: ["after"], remove: [] }[write];
  assert.deepEqual(found, names.length === 0 ? ["before"] : effect, `${write} at ${at}`);
  assert.ok(!done || names.length === 1);
  if (!done) await again.close();
  return !done;
}
