import assert from "node:assert/strict";
import type { KernelError } from "../../src/base/error.ts";
import { hostModel } from "../../src/models/host_model.ts";
import { tableSpecOf, tableSpecsOf } from "../../src/models/table_spec.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import { parseManifest } from "../../src/bundle/mod.ts";
import { definitionWith, manifestModel, manifestModels, modelWith } from "./samples.ts";

function refusal(code: string, ...parts: readonly string[]): (thrown: unknown) => boolean {
  return (thrown) => {
    const error = thrown as KernelError;
    assert.equal(error.code, code);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  };
}

Deno.test("modelsOf() resolves type aliases in any letter case", () => {
  const types = {
    int: "integer",
    Integer: "integer",
    bigint: "bigint",
    numeric: "decimal",
    float: "decimal",
    double: "decimal",
    BOOL: "boolean",
    datetime: "timestamp",
    jsonb: "json",
    string: "string",
  };
  const model = manifestModel(
    definitionWith(Object.keys(types).map((type, index) => ({ name: `c${index}`, type }))),
  );
  assert.deepEqual(model.columns.map((column) => column.type), Object.values(types));
});

Deno.test("modelsOf() drops columns that every model has and keeps the rest in order", () => {
  const model = manifestModel(definitionWith([
    { name: "id", type: "uuid" },
    { name: "title", type: "string", required: true, size: 80 },
    { name: "created_at", type: "timestamp" },
    { name: "organization_id", type: "uuid" },
    { name: "priority", type: "int", default: 2 },
  ]));
  assert.deepEqual(model.columns.map((column) => column.name), ["title", "priority"]);
  assert.deepEqual(model.columns[0], {
    name: "title",
    type: "string",
    size: 80,
    required: true,
    unique: false,
    index: false,
    visibility: "all",
  });
});

Deno.test("modelsOf() parses defaults into values of their column", () => {
  const model = manifestModel(definitionWith([
    { name: "status", type: "string", default: "'open'" },
    { name: "active", type: "bool", default: true },
    { name: "rate", type: "float", default: "1.5" },
    { name: "code", type: "string", default: 7 },
    { name: "at", type: "datetime", default: "now()" },
    { name: "ref", type: "uuid", default: "gen_random_uuid()" },
    { name: "tags", type: "jsonb", default: "'[]'" },
    { name: "size", type: "int", default: "'5'" },
    { name: "none", type: "string", default: "null" },
  ]));
  const literal = (value: string | number | boolean) => ({ kind: "literal", value });
  assert.deepEqual(model.columns.map((column) => column.default), [
    literal("open"),
    literal(true),
    literal(1.5),
    literal("7"),
    { kind: "now" },
    { kind: "uuid" },
    literal("[]"),
    literal(5),
    undefined,
  ]);
});

Deno.test("modelsOf() stamps ref from belongs_to unless the author wrote one, first relation wins", () => {
  const model = manifestModel(definitionWith([
    { name: "customer_id", type: "uuid" },
    { name: "owner_id", type: "uuid", ref: "people" },
  ], {
    relations: [
      { name: "customer", kind: "belongs_to", through: "customers", foreign_key: "customer_id" },
      { name: "client", kind: "belongs_to", through: "clients", foreign_key: "customer_id" },
      { name: "owner", kind: "belongs_to", through: "users", foreign_key: "owner_id" },
      { name: "lines", kind: "one_to_many", through: "lines", foreign_key: "ticket_id" },
    ],
  }));
  assert.deepEqual(model.columns.map((column) => column.ref), ["customers", "people"]);
  assert.equal(model.relations[3]?.references, "id");
});

Deno.test("modelsOf() gives each model its actions and finds nothing on the prototype", () => {
  const actions = { tickets: [{ key: "close", name: "close", label: "Close" }] };
  const [tickets] = manifestModels([definitionWith([{ name: "a", type: "text" }])], { actions });
  assert.deepEqual(tickets?.actions.map((action) => action.key), ["close"]);
  const manifest = parseManifest({ key: "desk", name: "D", version: "1.0.0" });
  const definition = {
    table_name: "t",
    model_key: "constructor",
    label: "",
    columns: [{ name: "a", type: "text" }],
  };
  const [hostile] = modelsOf({ ...manifest, model_definitions: [definition] }, "addon_desk");
  assert.deepEqual(hostile?.actions, []);
  assert.equal(hostile?.label, "constructor");
});

Deno.test("modelsOf() names the path of what it refuses, also without the manifest parser", () => {
  const manifest = parseManifest({ key: "desk", name: "D", version: "1.0.0" });
  const withColumns = (...columns: { name: string; type: string; default?: string }[]) => () =>
    modelsOf({
      ...manifest,
      model_definitions: [{ table_name: "t", model_key: "t", label: "T", columns }],
    }, "addon_desk");
  assert.throws(
    withColumns({ name: "a", type: "text" }, { name: "b", type: "strng" }),
    refusal("model.invalid_definition", "model_definitions[0].columns[1].type", '"string"'),
  );
  assert.throws(
    withColumns({ name: "a", type: "text" }, { name: "a", type: "text" }),
    refusal("model.invalid_definition", "columns[1]", "twice"),
  );
  assert.throws(
    withColumns({ name: "a", type: "int", default: "now()" }),
    refusal("model.invalid_definition", "columns[0].default", "integer"),
  );
  assert.throws(
    withColumns({ name: "a", type: "int", default: "random()" }),
    refusal("model.invalid_definition", "columns[0].default"),
  );
  assert.throws(
    withColumns({ name: "a; drop", type: "int" }),
    refusal("model.invalid_definition", "columns[0].name"),
  );
  const twice = { table_name: "t", model_key: "T", label: "", columns: [] };
  assert.throws(
    () =>
      modelsOf({
        ...manifest,
        model_definitions: [
          { ...twice, columns: [{ name: "a", type: "text" }] },
          { ...twice, model_key: "t", table_name: "u" },
        ],
      }, "addon_desk"),
    refusal("model.invalid_definition", "model_definitions[1].model_key", "twice"),
  );
});

Deno.test("hostModel() lives in the kernel's own schema and takes plain defaults", () => {
  const model = hostModel({
    key: "customers",
    columns: {
      name: { type: "string", required: true },
      vip: { type: "bool", default: false },
      since: { type: "date", default: { kind: "now" } },
    },
  });
  assert.equal(model.addonKey, "kernel");
  assert.deepEqual(model.table, { schema: "addon_kernel", table: "customers" });
  assert.equal(model.label, "customers");
  assert.deepEqual(model.columns[1]?.default, { kind: "literal", value: false });
  assert.deepEqual(model.columns[2]?.default, { kind: "now" });
});

Deno.test("hostModel() refuses what a manifest may not say either, naming model and column", () => {
  const text = { type: "text" };
  const cases: [Parameters<typeof hostModel>[0], string[]][] = [
    [{ key: "Bad Table", columns: { a: text } }, ["Bad Table", "table name"]],
    [{ key: "t", columns: {} }, ["at least one column"]],
    [{ key: "t", columns: { id: { type: "uuid" } } }, ["columns.id", "every model has"]],
    [{ key: "t", columns: { Name: text } }, ["columns.Name.name"]],
    [{ key: "t", columns: { a: { type: "varchar" } } }, ["columns.a.type", "varchar"]],
    [{ key: "t", columns: { a: { type: "string", size: -1 } } }, ["columns.a.size"]],
    [{ key: "t", columns: { a: { type: "int", default: "x" } } }, ["columns.a.default"]],
    [{ key: "t", columns: { a: { ...text, validation: { regex: "(" } } } }, ["validation.regex"]],
    [{ key: "t", columns: { a: { ...text, validation: { min: 3, max: 2 } } } }, ["validation.min"]],
    [
      {
        key: "t",
        columns: { a: text },
        relations: [{ name: "r", kind: "many_to_many", through: "u", foreignKey: "t_id" }],
      },
      ["relations[0]", "pivot"],
    ],
  ];
  for (const [definition, parts] of cases) {
    assert.throws(
      () => hostModel(definition),
      refusal("model.invalid_definition", "host model", ...parts),
    );
  }
});

Deno.test("tableSpecOf() adds the system columns, the tenant's key and the tenant policy", () => {
  const spec = tableSpecOf(modelWith({
    title: { type: "string", required: true },
    price: { type: "decimal", default: 0 },
  }));
  assert.deepEqual(spec.columns.map((column) => [column.name, column.nullable]), [
    ["id", false],
    ["organization_id", false],
    ["title", false],
    ["price", true],
    ["created_by_id", true],
    ["created_at", false],
    ["updated_at", false],
  ]);
  assert.deepEqual(spec.columns[1]?.default, { kind: "tenant" });
  assert.deepEqual(spec.columns[2]?.type, { kind: "text", maxLength: 255 });
  assert.deepEqual(spec.columns[3]?.type, { kind: "numeric", precision: 18, scale: 4 });
  assert.deepEqual(spec.primaryKey, ["organization_id", "id"]);
  assert.equal(spec.tenantPolicy, true);
});

Deno.test("tableSpecOf() begins every index with the tenant, and soft-delete uniqueness skips deleted rows", () => {
  const columns = { code: { type: "string", unique: true }, due: { type: "date", index: true } };
  const key = (name: string) => ({ expression: { kind: "column", name } });
  const spec = tableSpecOf(modelWith(columns, { softDelete: true }));
  assert.deepEqual(spec.columns.at(-1)?.name, "deleted_at");
  assert.deepEqual(spec.indexes.map((index) => [index.name, index.unique]), [
    ["idx_things_org", false],
    ["uidx_things_code", true],
    ["idx_things_due", false],
  ]);
  for (const index of spec.indexes) assert.deepEqual(index.keys[0], key("organization_id"));
  assert.deepEqual(spec.indexes[1]?.where, {
    kind: "isNull",
    operand: { kind: "column", name: "deleted_at" },
  });
  assert.equal(tableSpecOf(modelWith(columns)).indexes[1]?.where, undefined);
});

Deno.test("tableSpecsOf() keeps index names apart within a schema", () => {
  const indexed = { type: "text", index: true };
  const models = [
    modelWith({ b_c: indexed, org: indexed }, { key: "a" }),
    modelWith({ c: indexed }, { key: "a_b" }),
  ];
  const names = tableSpecsOf(models).flatMap((spec) => spec.indexes.map((index) => index.name));
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(names, ["idx_a_org", "idx_a_b_c", "idx_a$org", "idx_a_b_org", "idx_a_b$c"]);
});
