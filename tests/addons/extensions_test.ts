import assert from "node:assert/strict";
import { clearExtensions } from "../../src/addons/extensions/apply_extensions.ts";
import { extendModels } from "../../src/addons/extensions/extend_models.ts";
import { createOrganizationValues } from "../../src/addons/extensions/organization_value_service.ts";
import { validatorWarnings } from "../../src/addons/extensions/validator_warnings.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { systemCaller } from "../../src/base/caller.ts";
import { parseManifest } from "../../src/bundle/mod.ts";
import { createAccessService } from "../../src/access/service.ts";
import { customValidators } from "../../src/models/custom_validators.ts";
import { createMetadataService } from "../../src/models/metadata.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import { createRecordService } from "../../src/records/service.ts";
import { engineTest, type TestDatabase } from "../_support/engines.ts";
import { manifestModels, modelWith } from "../models/samples.ts";
import { failure } from "../records/world.ts";
import { InstalledWorld, ORG, OTHER_ORG } from "./installed_world.ts";

const TICKETS: JsonObject = {
  key: "tickets",
  model_definitions: [{
    table_name: "tickets",
    model_key: "ticket",
    label: "Tickets",
    columns: [{ name: "title", type: "string", required: true }],
    table: { columns: [{ key: "title", label: "Title" }] },
  }],
  actions: { ticket: [{ key: "close", name: "close", label: "Close", trigger: { type: "noop" } }] },
};

function extension(key: string, ...extensions: Json[]): JsonObject {
  return { key, extensions };
}

const FISCAL = extension("fiscal", {
  model: "ticket",
  columns: [
    { name: "tax_code", type: "string", size: 20, index: true },
    { name: "rate", type: "integer", default: 16, required: true },
  ],
  actions: [{ key: "stamp", name: "stamp", label: "Stamp", trigger: { type: "noop" } }],
});

function parsed(document: JsonObject) {
  return parseManifest({ name: "A", version: "1.0.0", ...document });
}

function extended(...documents: JsonObject[]) {
  const manifests = documents.map(parsed);
  const models = manifests.flatMap((manifest) => modelsOf(manifest, `addon_${manifest.key}`));
  return extendModels(models, manifests);
}

Deno.test("extendModels() puts columns and actions on another addon's model, in its own name", () => {
  const { models: [ticket], problems } = extended(TICKETS, FISCAL);
  assert.deepEqual(problems, []);
  assert.deepEqual(ticket!.columns.map(({ name, extendedBy }) => [name, extendedBy]), [
    ["title", undefined],
    ["tax_code", "fiscal"],
    ["rate", "fiscal"],
  ]);
  assert.deepEqual(ticket!.actions.map(({ key, addonKey }) => [key, addonKey]), [
    ["close", "tickets"],
    ["stamp", "fiscal"],
  ]);
});

Deno.test("extendModels() finds the model by each of its names, and leaves others as they are", () => {
  const others = manifestModels([{
    table_name: "notes",
    model_key: "note",
    label: "",
    columns: [{ name: "text", type: "text" }],
  }]);
  const models = [...others, ...modelsOf(parsed(TICKETS), "addon_tickets")];
  for (const model of ["ticket", "tickets.ticket", "tickets", "Ticket"]) {
    const added = extension("fiscal", { model, columns: [{ name: "tax", type: "string" }] });
    const result = extendModels(models, [parsed(added)]);
    assert.equal(result.models[0], others[0]);
    assert.equal(result.models[1]!.columns.at(-1)!.name, "tax", model);
  }
});

Deno.test("extendModels() gives a name to the first and tells what is left out", () => {
  const add = (key: string, name: string) =>
    extension(key, {
      model: "ticket",
      columns: [{ name, type: name === "created_at" ? "timestamp" : "string" }],
    });
  const cases: [JsonObject[], string, string][] = [
    [[TICKETS, add("late", "title")], "conflict", "tickets"],
    [[TICKETS, add("late", "created_at")], "conflict", "tickets"],
    [[TICKETS, add("early", "tax"), add("late", "tax")], "conflict", "early"],
    [
      [
        TICKETS,
        extension("late", { model: "ticket", actions: [{ key: "close", name: "c", label: "C" }] }),
      ],
      "conflict",
      "tickets",
    ],
    [[add("late", "tax")], "missing", "late"],
    [
      [
        TICKETS,
        extension("late", {
          model: "ticket",
          columns: [{ name: "tax", type: "string", required: true }],
        }),
      ],
      "invalid",
      "late",
    ],
    [
      [
        TICKETS,
        extension("late", {
          model: "ticket",
          columns: [{ name: "tax", type: "string", unique: true, default: "'x'" }],
        }),
      ],
      "invalid",
      "late",
    ],
  ];
  for (const [documents, kind, other] of cases) {
    const { models, problems } = extended(...documents);
    assert.equal(problems.length, 1);
    assert.equal(problems[0]!.kind, kind);
    assert.equal(problems[0]!.between[0], "late");
    assert.ok(problems[0]!.between.includes(other), `${kind} ${problems[0]!.between}`);
    const columns = models[0]?.columns.filter(({ extendedBy }) => extendedBy === "late") ?? [];
    assert.deepEqual(columns, []);
  }
});

Deno.test("extendModels() heeds which models an addon lets others extend", () => {
  const ticketsOf = (accepted: readonly string[]) => ({
    ...parsed(TICKETS),
    extensible_models: accepted,
  });
  for (
    const [accepted, count] of [[["ticket"], 0], [["Tickets"], 0], [["note"], 1], [[], 1]] as const
  ) {
    const owner = ticketsOf(accepted);
    const { models, problems } = extendModels(modelsOf(owner, "addon_tickets"), [
      owner,
      parsed(FISCAL),
    ]);
    assert.equal(problems.length, count, accepted.join());
    assert.equal(models[0]!.columns.length, count === 0 ? 3 : 1);
    assert.equal(models[0]!.actions.length, count === 0 ? 2 : 1);
  }
});

async function worldOf({ database }: TestDatabase): Promise<InstalledWorld> {
  const notes = modelWith({ title: { type: "string" } }, { key: "notes" });
  return await new InstalledWorld(database, [notes]).start();
}

function recordsOf(world: InstalledWorld) {
  const { database, registry, clock, logger } = world;
  const access = createAccessService({ database, clock, logger });
  return createRecordService({ database, registry, access });
}

engineTest("an extension's columns are read and written in its organization alone", async (t) => {
  const world = await worldOf(t);
  for (const organizationId of [ORG, OTHER_ORG]) await world.put(TICKETS, { organizationId });
  const changes = await world.put(FISCAL);
  assert.deepEqual(changes.extends, [{ model: "ticket", columns: ["tax_code", "rate"] }]);
  assert.deepEqual(changes.warnings, []);
  const records = recordsOf(world);
  const made = (await records.create(world.caller, "ticket", { title: "A", tax_code: "X1" }))
    .value();
  assert.equal(made["tax_code"], "X1");
  assert.equal(made["rate"], 16);
  const other = systemCaller(OTHER_ORG);
  const theirs = (await records.create(other, "ticket", { title: "B" })).value();
  assert.equal("tax_code" in theirs, false);
  await assert.rejects(
    records.create(other, "ticket", { title: "B", tax_code: "X" }),
    failure("record.unknown_column"),
  );
  await world.setStatus("fiscal", "disabled");
  const hidden = (await records.get(world.caller, "ticket", String(made["id"]))).value();
  assert.equal("tax_code" in hidden, false);
  await world.setStatus("fiscal", "enabled");
  const again = (await records.get(world.caller, "ticket", String(made["id"]))).value();
  assert.equal(again["tax_code"], "X1");
});

engineTest("an extension waits for its model, and is made when the model comes", async (t) => {
  const world = await worldOf(t);
  const waiting = await world.put(FISCAL);
  assert.match(waiting.warnings.join(), /"ticket" is not installed here/);
  await world.put(TICKETS);
  const made = await recordsOf(world).create(world.caller, "ticket", {
    title: "A",
    tax_code: "X1",
  });
  assert.equal(made.value()["tax_code"], "X1");
});

engineTest(
  "a new version of the extended addon keeps the columns, a second run changes nothing",
  async (t) => {
    const world = await worldOf(t);
    await world.put(TICKETS);
    await world.put(FISCAL);
    const records = recordsOf(world);
    const made = (await records.create(world.caller, "ticket", { title: "A", tax_code: "X1" }))
      .value();
    const changes = await world.put({ ...TICKETS, version: "2.0.0" });
    assert.deepEqual([...changes.bySchema.values()].flat(), []);
    const read = (await records.get(world.caller, "ticket", String(made["id"]))).value();
    assert.equal(read["tax_code"], "X1");
  },
);

engineTest("models of the host are extended like others", async (t) => {
  const world = await worldOf(t);
  await world.put(extension("fiscal", {
    model: "notes",
    columns: [{ name: "tax_code", type: "string", unique: true }],
  }));
  const records = recordsOf(world);
  await records.create(world.caller, "notes", { title: "A", tax_code: "X" });
  await assert.rejects(
    records.create(world.caller, "notes", { title: "B", tax_code: "X" }),
    failure("record.duplicate"),
  );
  const other = systemCaller(OTHER_ORG);
  assert.equal("tax_code" in (await records.create(other, "notes", { title: "C" })).value(), false);
});

engineTest(
  "a name that is taken, a model that is closed and an unfit column refuse the change",
  async (t) => {
    const world = await worldOf(t);
    await world.put(TICKETS);
    const add = (key: string, column: JsonObject) =>
      extension(key, { model: "ticket", columns: [column] });
    await world.put(add("first", { name: "tax", type: "string" }));
    await assert.rejects(
      world.put(add("second", { name: "tax", type: "string" })),
      failure("addon.extension_conflict", "conflict", /addon "first" has one of that name/),
    );
    await world.setStatus("second", "removed");
    await assert.rejects(
      world.put(add("third", { name: "vat", type: "string", required: true })),
      failure("addon.invalid_extension", "invalid", /has no default/),
    );
    await world.setStatus("third", "removed");
    const [model] = TICKETS["model_definitions"] as JsonObject[];
    const columns = [...model!["columns"] as Json[], { name: "tax", type: "string" }];
    await assert.rejects(
      world.put({ ...TICKETS, version: "2.0.0", model_definitions: [{ ...model, columns }] }),
      failure("addon.extension_conflict", "conflict", /addon "first" puts the column "tax"/),
    );
  },
);

engineTest(
  "another organization's column of the same name and another type is a conflict",
  async (t) => {
    const world = await worldOf(t);
    for (const organizationId of [ORG, OTHER_ORG]) await world.put(TICKETS, { organizationId });
    const add = (key: string, type: string) =>
      extension(key, { model: "ticket", columns: [{ name: "tax", type }] });
    await world.put(add("first", "string"));
    await assert.rejects(
      world.put(add("second", "integer"), { organizationId: OTHER_ORG }),
      failure("addon.extension_conflict"),
    );
  },
);

engineTest(
  "clearExtensions() empties one organization's values and leaves the column",
  async (t) => {
    const world = await worldOf(t);
    const records = recordsOf(world);
    const ids: string[] = [];
    for (const organizationId of [ORG, OTHER_ORG]) {
      await world.put(TICKETS, { organizationId });
      await world.put(FISCAL, { organizationId });
      const made = await records.create(systemCaller(organizationId), "ticket", {
        title: "A",
        tax_code: "X1",
      });
      ids.push(String(made.value()["id"]));
    }
    const list = await world.installations.list(t.database.kysely, ORG);
    const models = await world.declared();
    const scopes = await t.database.schemaTransaction(ORG, async (tx) =>
      await clearExtensions(tx, {
        organizationId: ORG,
        addonKey: "fiscal",
        models,
        manifests: list.map(({ manifest }) => manifest),
      }));
    assert.deepEqual(scopes, ["addon_tickets.tickets"]);
    const mine = (await records.get(world.caller, "ticket", ids[0]!)).value();
    const theirs = (await records.get(systemCaller(OTHER_ORG), "ticket", ids[1]!)).value();
    assert.deepEqual([mine["tax_code"], mine["rate"]], [null, null]);
    assert.deepEqual([theirs["tax_code"], theirs["rate"]], ["X1", 16]);
  },
);

engineTest(
  "metadata shows an extension's columns and actions beside what the author listed",
  async (t) => {
    const world = await worldOf(t);
    await world.put(TICKETS);
    await world.put(FISCAL);
    const metadata = createMetadataService({ registry: world.registry });
    const table = await metadata.table(world.caller, "ticket");
    const keys = (list: Json | undefined) => (list as JsonObject[]).map((each) => each["key"]);
    assert.deepEqual(keys(table["columns"]), ["title", "tax_code", "rate"]);
    assert.ok(keys(table["actions"]).includes("stamp"));
    const modal = await metadata.modal(world.caller, "ticket");
    assert.deepEqual(keys(modal["fields"]), ["title", "tax_code", "rate"]);
  },
);

const CHECKED: JsonObject = {
  key: "people",
  model_definitions: [{
    table_name: "people",
    model_key: "person",
    label: "People",
    columns: [
      { name: "tax_id", type: "string", validation: { custom: "$org.tax_id" } },
      { name: "rfc", type: "string", validation: { custom: "fiscal.rfc" } },
    ],
  }],
};

engineTest(
  "$org.<key> becomes an organization's validator or rules, from the moment it is set",
  async (t) => {
    const world = await worldOf(t);
    for (const organizationId of [ORG, OTHER_ORG]) await world.put(CHECKED, { organizationId });
    const { database, registry, clock, logger, ids } = world;
    const access = createAccessService({ database, clock, logger });
    const values = createOrganizationValues({ database, registry, access, clock, ids });
    const validators = customValidators({
      "fiscal.rfc": (value) => value === "GOOD" ? undefined : "is no RFC",
    });
    const records = createRecordService({ database, registry, access, validators });
    const metadata = createMetadataService({ registry });
    const validation = async (organizationId = ORG) => {
      const table = await metadata.table(systemCaller(organizationId), "person");
      return (table["columns"] as JsonObject[])[0]!["validation"];
    };
    const create = (tax_id: string) => records.create(world.caller, "person", { tax_id });
    assert.deepEqual(await validation(), { custom: "$org.tax_id" });
    await create("anything");
    await values.set(world.caller, "tax_id", "fiscal.rfc");
    assert.deepEqual(await validation(), { custom: "fiscal.rfc" });
    await assert.rejects(create("BAD"), failure("record.invalid"));
    await create("GOOD");
    await values.set(world.caller, "tax_id", { regex: "^[A-Z]{3}$", max: 3 });
    assert.deepEqual(await validation(), { regex: "^[A-Z]{3}$", max: 3 });
    await assert.rejects(create("GOOD"), failure("record.invalid"));
    await create("ABC");
    assert.deepEqual(await validation(OTHER_ORG), { custom: "$org.tax_id" });
    assert.deepEqual(await values.list(world.caller), { tax_id: { regex: "^[A-Z]{3}$", max: 3 } });
    await values.set(world.caller, "tax_id", null);
    assert.deepEqual(await values.list(world.caller), {});
    await create("anything");
    const complaint = await records.create(world.caller, "person", { rfc: "BAD" }).catch((e) => e);
    assert.deepEqual(complaint.fields, {
      rfc: [{ code: "custom", params: { validator: "fiscal.rfc" }, message: "is no RFC" }],
    });
  },
);

engineTest(
  "values of organizations are refused where they could not be what they mean to be",
  async (t) => {
    const world = await worldOf(t);
    const { database, registry, clock, logger, ids } = world;
    const access = createAccessService({ database, clock, logger });
    const values = createOrganizationValues({ database, registry, access, clock, ids });
    const refused = failure("addon.invalid_organization_value", "invalid");
    const wrong: [string, Json][] = [
      ["Key", 1],
      ["", 1],
      ["a".repeat(64), 1],
      ["key", "x".repeat(17_000)],
      ["key", { regex: "(" }],
      ["key", { regex: "(a{1000}){1000}" }],
      ["key", { min: 2, max: 1 }],
      ["key", { min: "2" }],
      ["key", { regex: "a", other: 1 }],
    ];
    for (const [key, value] of wrong) {
      await assert.rejects(
        values.set(world.caller, key, value),
        refused,
      );
    }
    const guest = { ...world.caller, kind: "user", userId: ids.next(), role: "agent" } as const;
    await assert.rejects(values.set(guest, "key", 1), failure("access.denied"));
    await assert.rejects(values.list(guest), failure("access.denied"));
  },
);

Deno.test("validatorWarnings() names columns whose validator nobody knows", () => {
  const manifest = parsed(CHECKED);
  assert.deepEqual(validatorWarnings(manifest, new Set(["fiscal.rfc"])), []);
  const [warning, ...others] = validatorWarnings(manifest, new Set());
  assert.match(warning!, /columns\[1\].*no validator "fiscal.rfc" is known/);
  assert.deepEqual(others, []);
});
