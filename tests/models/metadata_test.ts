import assert from "node:assert/strict";
import fc from "fast-check";
import type { AccessService } from "../../src/access/access_service.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { createMetadataService } from "../../src/models/metadata.ts";
import { modalMetadata } from "../../src/models/modal_metadata.ts";
import type { Model } from "../../src/models/model.ts";
import { describeRef, labelColumn, labelColumns, routeName } from "../../src/models/reference.ts";
import { searchColumns, tableMetadata } from "../../src/models/table_metadata.ts";
import {
  CALLER,
  definitionWith,
  manifestModel,
  manifestModels,
  modelWith,
  ORGANIZATION,
  snapshotOf,
} from "./samples.ts";

const STATUS_OPTIONS = [{ value: "open", label: "desk.open", color: "green" }];
const TICKET_COLUMNS = [
  { name: "title", type: "string", required: true },
  { name: "status", type: "string", default: "'open'" },
  { name: "priority", type: "int", default: 1 },
  { name: "due", type: "datetime" },
  { name: "urgent", type: "bool", required: true },
  { name: "customer_id", type: "uuid" },
  { name: "secret", type: "string", visibility: "modal" },
  { name: "score", type: "int", visibility: "list" },
];
const CUSTOMERS = {
  table_name: "customers",
  model_key: "customers",
  label: "Customers",
  columns: [{ name: "name", type: "string" }],
};

function list(metadata: JsonObject, key: string): JsonObject[] {
  return metadata[key] as unknown as JsonObject[];
}

function entry(metadata: JsonObject, part: string, key: string): JsonObject {
  const found = list(metadata, part).find((one) => one.key === key);
  assert.ok(found !== undefined, `${part} has no ${key}`);
  return found;
}

function keys(metadata: JsonObject, part: string): unknown[] {
  return list(metadata, part).map((one) => one.key);
}

function desk(views: JsonObject = {}, more: JsonObject = {}): Model[] {
  return manifestModels([definitionWith(TICKET_COLUMNS, views), CUSTOMERS], more);
}

function tableOf(models: readonly Model[]): JsonObject {
  return tableMetadata(models[0]!, snapshotOf(...models));
}

function modalOf(models: readonly Model[]): JsonObject {
  return modalMetadata(models[0]!, snapshotOf(...models));
}

Deno.test("tableMetadata() derives a whole table where the author wrote none", () => {
  const table = tableOf(desk());
  assert.equal(table.title, "Tickets");
  assert.deepEqual(keys(table, "columns"), [
    "title",
    "status",
    "priority",
    "due",
    "urgent",
    "customer_id",
    "score",
    "created_at",
  ]);
  assert.deepEqual(
    list(table, "columns").map((column) => column.type),
    ["text", "text", "number", "datetime", "boolean", "text", "number", "datetime"],
  );
  assert.equal(entry(table, "columns", "created_at").label, "Created at");
  assert.equal(table.enableCRUDActions, true);
  assert.equal(table.hasActions, true);
  assert.equal(table.canCreate, true);
  assert.deepEqual([table.canExport, table.canImport], [false, false]);
  assert.deepEqual(table.actions, []);
  assert.deepEqual(table.perPageOptions, [10, 25, 50, 100]);
  assert.equal(table.defaultPerPage, 10);
  assert.deepEqual(table.searchColumns, ["title", "status", "secret"]);
  assert.equal(table.searchPlaceholder, "Search by title, status, secret");
});

Deno.test("tableMetadata() points a reference column at a route that works", () => {
  const column = entry(tableOf(desk()), "columns", "customer_id");
  assert.equal(column.ref, "customers");
  assert.equal(column.searchEndpoint, "/search/customers");
  const [lonely] = desk();
  const alone = entry(tableMetadata(lonely!, snapshotOf(lonely!)), "columns", "customer_id");
  assert.equal(alone.ref, undefined, "an empty cell instead of the value");
  assert.equal(alone.hidden, true);
});

Deno.test("tableMetadata() gives no ref to a column whose records carry no sibling", () => {
  const ref = "customers";
  const [model, customers] = manifestModels([
    definitionWith([
      { name: "customer_id", type: "uuid", ref },
      { name: "customer", type: "text" },
      { name: "customer_code", type: "string", ref },
      { name: "payer_id", type: "uuid", ref },
    ]),
    CUSTOMERS,
  ]);
  const table = tableMetadata(model!, snapshotOf(model!, customers!));
  assert.equal(entry(table, "columns", "customer_id").ref, undefined);
  assert.equal(entry(table, "columns", "customer_code").ref, undefined);
  assert.equal(entry(table, "columns", "payer_id").ref, "customers");
});

Deno.test("tableMetadata() completes the author's columns and drops those that name nothing", () => {
  const table = tableOf(desk({
    table: {
      title: "desk.title",
      extra: { kept: true },
      columns: [
        { key: "title", label: "desk.columns.title", type: "text", sortable: true },
        { key: "status", options: STATUS_OPTIONS, filterable: true, cellStyle: "badge" },
        { key: "customer.label", label: "Customer" },
        { key: "password_hash", label: "Leak" },
        { key: "secret", label: "Hidden in tables" },
        { label: "no key" },
        "nonsense",
      ],
      searchColumns: ["title", "password_hash", "title", 5],
      perPageOptions: [20, 0, 1000, "x"],
      defaultPerPage: 5000,
    },
  }));
  assert.equal(table.title, "desk.title");
  assert.deepEqual(table.extra, { kept: true });
  assert.deepEqual(keys(table, "columns"), ["title", "status", "customer.label"]);
  assert.deepEqual(entry(table, "columns", "title"), {
    key: "title",
    label: "desk.columns.title",
    type: "text",
    sortable: true,
    filterable: false,
  });
  assert.deepEqual(entry(table, "columns", "status").options, STATUS_OPTIONS);
  assert.deepEqual(table.searchColumns, ["title"]);
  assert.deepEqual(table.perPageOptions, [20]);
  assert.equal(table.defaultPerPage, 20);
  assert.doesNotMatch(JSON.stringify(table), /password_hash/);
});

Deno.test("tableMetadata() makes a filter for each filterable column and keeps the author's", () => {
  const filterable = (key: string, more: JsonObject = {}) => ({ key, filterable: true, ...more });
  const table = tableOf(desk({
    table: {
      columns: [
        filterable("title"),
        filterable("status", { options: STATUS_OPTIONS }),
        filterable("priority"),
        filterable("due"),
        filterable("urgent"),
        filterable("customer_id"),
      ],
      filters: [
        { key: "state", column: "status", label: "State", type: "select" },
        { key: "gone", type: "text" },
      ],
    },
  }));
  assert.deepEqual(
    list(table, "filters").map((filter) => [filter.key, filter.column, filter.type]),
    [
      ["state", "status", "select"],
      ["title", "title", "text"],
      ["priority", "priority", "number_range"],
      ["due", "due", "date_range"],
      ["urgent", "urgent", "boolean"],
      ["customer_id", "customer_id", "select"],
    ],
  );
  assert.deepEqual(entry(table, "filters", "state").options, STATUS_OPTIONS);
  assert.equal(entry(table, "filters", "customer_id").searchEndpoint, "/search/customers");
  assert.deepEqual(entry(table, "filters", "urgent").options, [
    { value: "true", label: "Yes" },
    { value: "false", label: "No" },
  ], "a boolean filter without choices is not drawn");
});

Deno.test("tableMetadata() appends view, edit and delete to custom actions, as clients then drop their own", () => {
  const close = {
    key: "close",
    name: "close",
    label: "Close",
    requiresState: ["open"],
    fields: [{ name: "reason", label: "Reason", type: "text", required: true, default: "done" }],
  };
  const table = tableOf(desk({}, { actions: { tickets: [close] } }));
  assert.deepEqual(
    list(table, "actions").map((action) => [action.key, action.type]),
    [["close", "custom"], ["view", "view"], ["edit", "edit"], ["delete", "delete"]],
  );
  const action = entry(table, "actions", "close");
  assert.equal(action.executable, true);
  assert.deepEqual(action.requiresState, ["open"]);
  assert.deepEqual((action.fields as unknown as JsonObject[])[0], {
    key: "reason",
    name: "reason",
    label: "Reason",
    type: "text",
    required: true,
    nullable: false,
    defaultValue: "done",
  });
  const readOnly = tableOf(desk({ table: { enableCRUDActions: false } }, {
    actions: { tickets: [close] },
  }));
  assert.deepEqual(keys(readOnly, "actions"), ["close"]);
  assert.equal(readOnly.canCreate, false);
});

Deno.test("tableMetadata() tells of an action what clients can act on: that it runs, and when", () => {
  const close = { key: "close", label: "Close", trigger: { type: "noop" }, confirm: true };
  const move = { key: "move", label: "Move", requiresState: ["open"], stateField: "phase" };
  const both = { ...move, key: "both", condition: { field: "urgent", operator: "truthy" } };
  const view = { actions: [{ key: "close", label: "Shut", color: "red" }] };
  const table = tableOf(desk({ table: view }, { actions: { tickets: [close, move, both] } }));
  assert.deepEqual(entry(table, "actions", "close"), {
    key: "close",
    name: "Close",
    label: "Shut",
    type: "custom",
    executable: true,
    confirm: true,
    color: "red",
  });
  const moved = entry(table, "actions", "move");
  assert.deepEqual([moved.requiresState, moved.condition], [
    undefined,
    { field: "phase", operator: "in", value: ["open"] },
  ]);
  assert.deepEqual(entry(table, "actions", "both").condition, {
    field: "urgent",
    operator: "truthy",
  });
});

Deno.test("tableMetadata() sends no search where nothing can be searched", () => {
  const [model] = manifestModels([definitionWith([{ name: "priority", type: "int" }])]);
  const table = tableMetadata(model!, snapshotOf(model!));
  assert.deepEqual(table.searchColumns, []);
  assert.ok(list(table, "columns").every((column) => column.searchable === false));
});

Deno.test("tableMetadata() lists child relations that an installed model serves", () => {
  const lines = {
    table_name: "lines",
    model_key: "TicketLine",
    label: "",
    columns: [{ name: "ticket_id", type: "uuid" }],
  };
  const relation = (name: string, kind: string, through: string, foreign_key = "ticket_id") => ({
    name,
    kind,
    through,
    foreign_key,
  });
  const models = manifestModels([
    definitionWith(TICKET_COLUMNS, {
      relations: [
        relation("ticket_lines", "one_to_many", "lines"),
        relation("ghosts", "one_to_many", "ghosts"),
        relation("strange", "one_to_many", "lines", "not_there"),
        relation("customer", "belongs_to", "customers", "customer_id"),
      ],
    }),
    lines,
  ]);
  assert.deepEqual(tableOf(models).relations, [{
    name: "ticket_lines",
    kind: "one_to_many",
    through: "TicketLine",
    foreign_key: "ticket_id",
    references: "id",
    label: "Ticket lines",
  }]);
});

Deno.test("modalMetadata() derives a whole form where the author wrote none", () => {
  const modal = modalOf(desk());
  assert.deepEqual(
    list(modal, "fields").map((field) => [field.key, field.type, field.required, field.nullable]),
    [
      ["title", "text", true, false],
      ["status", "text", false, true],
      ["priority", "number", false, true],
      ["due", "datetime", false, true],
      ["urgent", "boolean", true, false],
      ["customer_id", "search", false, true],
      ["secret", "text", false, true],
    ],
  );
  assert.equal(entry(modal, "fields", "status").defaultValue, "open");
  assert.equal(entry(modal, "fields", "urgent").defaultValue, false);
  assert.deepEqual(entry(modal, "fields", "customer_id").searchEndpoint, "/search/customers");
  assert.deepEqual(modal.messages, {}, "clients have their own words, in the user's language");
});

Deno.test("modalMetadata() completes the author's form so that a record can be created", () => {
  const modal = modalOf(desk({
    table: { columns: [{ key: "status", options: STATUS_OPTIONS }] },
    modal: {
      title: "desk.modal.title",
      messages: { createSuccess: "desk.done" },
      fields: [
        { key: "status", label: "desk.status", type: "select" },
        { key: "customer_id", type: "search", searchEndpoint: "customers", required: true },
        { key: "priority", type: "select", searchEndpoint: "levels" },
        { key: "created_at", type: "date" },
        { key: "organization", type: "text" },
        { key: "score", type: "number" },
      ],
    },
  }));
  assert.deepEqual(keys(modal, "fields"), [
    "status",
    "customer_id",
    "priority",
    "created_at",
    "title",
    "urgent",
  ]);
  assert.deepEqual(entry(modal, "fields", "status").options, STATUS_OPTIONS);
  const customer = entry(modal, "fields", "customer_id");
  assert.equal(customer.searchEndpoint, "/search/customers");
  assert.equal(customer.ref, "customers");
  assert.deepEqual([customer.required, customer.nullable], [true, false]);
  const priority = entry(modal, "fields", "priority");
  assert.deepEqual([priority.type, priority.searchEndpoint], ["number", undefined]);
  assert.equal(entry(modal, "fields", "created_at").readonly, true);
  assert.equal((modal.messages as JsonObject).created, "desk.done");
});

Deno.test("metadata passes both validation forms on", () => {
  const validation = { regex: "^[a-z]+$", max: 5 };
  const model = manifestModel(
    definitionWith([
      { name: "code", type: "string", validation },
      { name: "email", type: "string" },
    ], { modal: { fields: [{ key: "code" }, { key: "email", validation: "required|email" }] } }),
  );
  const modal = modalMetadata(model, snapshotOf(model));
  assert.deepEqual(entry(modal, "fields", "code").validation, validation);
  assert.equal(entry(modal, "fields", "email").validation, "required|email");
});

Deno.test("metadata never sends a client, and its token, to another host", () => {
  const evil = [
    "https://evil.example/steal",
    "//evil.example/steal",
    "\\\\evil.example",
    "/\\evil.example",
    " javascript:alert(1)",
  ];
  const fields = evil.map((searchEndpoint) => ({
    key: "customer_id",
    type: "search",
    searchEndpoint,
    item_fields: [{ key: "x", searchEndpoint }],
  }));
  for (const field of fields) {
    const models = desk({
      table: { endpoint: field.searchEndpoint, columns: [field], filters: [field] },
      modal: { fields: [field] },
    });
    const text = JSON.stringify([tableOf(models), modalOf(models)]);
    assert.doesNotMatch(text, /evil|javascript/, field.searchEndpoint);
    assert.match(text, /"\/search\/customers"/);
  }
  const own = modalOf(desk({
    modal: { fields: [{ key: "customer_id", searchEndpoint: "/crm/people?active=1" }] },
  }));
  assert.equal(entry(own, "fields", "customer_id").searchEndpoint, "/crm/people?active=1");
});

Deno.test("metadata stands whatever shape the author's specification has", () => {
  const part = fc.constantFrom(
    "columns",
    "fields",
    "filters",
    "actions",
    "options",
    "key",
    "searchColumns",
    "messages",
    "validation",
    "searchEndpoint",
    "perPageOptions",
    "__proto__",
  );
  const leaf = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom("title", "customer_id"));
  const choice = fc.dictionary(fc.constantFrom("value", "label", "color"), leaf, { maxKeys: 3 });
  const entryOf = fc.dictionary(part, fc.oneof(leaf, fc.array(choice, { maxLength: 3 })), {
    maxKeys: 6,
  });
  const view = fc.dictionary(part, fc.oneof(leaf, fc.array(entryOf, { maxLength: 4 })), {
    maxKeys: 8,
  });
  const base = desk();
  fc.assert(
    fc.property(view, view, (table, modal) => {
      const model: Model = {
        ...base[0]!,
        tableView: table as JsonObject,
        modalView: modal as JsonObject,
      };
      const snapshot = snapshotOf(model, base[1]!);
      const names = new Set(model.columns.map((column) => column.name));
      for (const name of tableMetadata(model, snapshot).searchColumns as unknown as string[]) {
        assert.ok(names.has(name));
      }
      assert.ok(list(modalMetadata(model, snapshot), "fields").length > 0);
    }),
    { numRuns: 500 },
  );
});

Deno.test("describeRef() finds refs, endpoints and, within the addon, names", () => {
  const models = manifestModels([
    definitionWith([
      { name: "customer_id", type: "uuid" },
      { name: "schedule_id", type: "uuid" },
      { name: "helper_id", type: "uuid" },
      { name: "boss_id", type: "uuid", ref: "addon_desk.customers" },
      { name: "gone_id", type: "uuid", ref: "nowhere" },
      { name: "customer", type: "text" },
    ], {
      modal: { fields: [{ key: "helper_id", searchEndpoint: "/options/customers?field=id" }] },
    }),
    CUSTOMERS,
    { ...CUSTOMERS, table_name: "work_schedules", model_key: "WorkSchedule" },
  ]);
  const snapshot = snapshotOf(...models);
  const target = (column: string) => describeRef(models[0]!, column, snapshot)?.table.table;
  assert.equal(target("customer_id"), "customers");
  assert.equal(target("schedule_id"), "work_schedules");
  assert.equal(target("helper_id"), "customers");
  assert.equal(target("boss_id"), "customers");
  assert.equal(target("gone_id"), undefined);
  assert.equal(target("customer"), undefined);
  assert.equal(target("nothing"), undefined);
});

Deno.test("describeRef() does not guess a model of another addon", () => {
  const [ticket] = desk();
  const [customer] = manifestModels([CUSTOMERS], {}, "crm");
  assert.equal(describeRef(ticket!, "customer_id", snapshotOf(ticket!, customer!)), undefined);
});

Deno.test("routeName() gives a name that finds the model again", () => {
  const [first] = manifestModels([CUSTOMERS], {}, "crm");
  const [second] = manifestModels([CUSTOMERS], {}, "shop");
  const snapshot = snapshotOf(first!, second!);
  assert.equal(routeName(first!, snapshot), "customers");
  assert.equal(routeName(second!, snapshot), "shop.customers");
});

Deno.test("labelColumn() prefers names, and people have two", () => {
  const text = { type: "string" };
  assert.equal(labelColumn(modelWith({ code: text, title: text })), "title");
  assert.equal(labelColumn(modelWith({ notes: text })), "notes");
  assert.equal(labelColumn(modelWith({ count: { type: "int" } })), "id");
  assert.deepEqual(labelColumns(modelWith({ first_name: text, last_name: text })), [
    "first_name",
    "last_name",
  ]);
});

Deno.test("searchColumns() honours searchable and leaves passwords out", () => {
  const text = { type: "string" };
  assert.deepEqual(
    searchColumns(modelWith({ a: text, b: { ...text, searchable: true } })),
    ["b"],
  );
  assert.deepEqual(
    searchColumns(modelWith({
      a: text,
      b: { ...text, widget: "password" },
      c: { ...text, searchable: false },
    })),
    ["a"],
  );
});

function accessWith(...permissions: readonly string[]): AccessService {
  const nothing = () => Promise.resolve();
  return {
    check: nothing,
    allows: (_caller, permission) => Promise.resolve(permissions.includes(permission)),
    grantToRole: nothing,
    grantToUser: nothing,
    revokeFromRole: nothing,
    revokeFromUser: nothing,
  };
}

function serviceFor(models: readonly Model[], access?: AccessService) {
  const snapshot = snapshotOf(...models);
  const registry = { snapshot: () => Promise.resolve(snapshot), invalidate: () => {} };
  return createMetadataService({ registry, ...(access === undefined ? {} : { access }) });
}

Deno.test("MetadataService answers unknown and forbidden models alike", async () => {
  const open = serviceFor(desk());
  await assert.rejects(open.table(CALLER, "nope"), {
    code: "model.not_found",
    message: "metadata: model not found: nope",
  });
  const walled = serviceFor(desk(), accessWith("customers.read"));
  await assert.rejects(walled.table(CALLER, "tickets"), {
    code: "model.not_found",
    message: "metadata: model not found: tickets",
  });
  assert.deepEqual(Object.keys((await walled.all(CALLER)).tables), ["customers"]);
  const writer = serviceFor(desk(), accessWith("tickets.create"));
  assert.equal((await writer.modal(CALLER, "tickets")).title, "Tickets");
});

Deno.test("MetadataService.all() has every model under a name of its own, derived once", async () => {
  const service = serviceFor([...desk(), ...manifestModels([CUSTOMERS], {}, "crm")]);
  const all = await service.all({ ...CALLER, organizationId: ORGANIZATION });
  assert.deepEqual(Object.keys(all.tables), ["tickets", "customers", "crm.customers"]);
  assert.deepEqual(Object.keys(all.modals), Object.keys(all.tables));
  assert.equal(all.version, "1");
  assert.equal(all.tables.tickets, await service.table(CALLER, "TICKETS"));
});
