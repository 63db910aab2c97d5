import assert from "node:assert/strict";
import { createModelRegistry, type LoadedModels } from "../../src/models/snapshot_registry.ts";
import {
  definitionWith,
  manifestModels,
  modelWith,
  ORGANIZATION,
  snapshotOf,
  TestClock,
} from "./samples.ts";

const OTHER = "0190f3a0-0000-7000-8000-00000000000b";
const TEXT = [{ name: "title", type: "text" }];

/** Loads count, and wait where a test holds them. */
class Source {
  loads = 0;
  version = "1";
  hold: Promise<void> | undefined;
  failing = false;
  load = async (_organizationId: string): Promise<LoadedModels> => {
    this.loads++;
    const { version } = this;
    await this.hold;
    if (this.failing) throw new Error("the database is away");
    return { version, models: manifestModels([definitionWith(TEXT)]) };
  };
}

Deno.test("find() knows keys, tables, both qualified forms, any case and either spelling", () => {
  const [task] = manifestModels([{
    table_name: "project_tasks",
    model_key: "ProjectTask",
    label: "",
    columns: TEXT,
  }]);
  const snapshot = snapshotOf(task!);
  for (
    const name of [
      "ProjectTask",
      "projecttask",
      "project_task",
      "project_tasks",
      "PROJECT_TASKS",
      "ProjectTasks",
      "desk.ProjectTask",
      "desk.project_tasks",
      "addon_desk.project_tasks",
    ]
  ) assert.equal(snapshot.find(name), task, name);
  for (const name of ["", "task", "desk", "other.ProjectTask", "__proto__", "constructor"]) {
    assert.equal(snapshot.find(name), undefined, name);
  }
});

Deno.test("find() gives a shared name to the first model and the other by its addon", () => {
  const [first] = manifestModels([definitionWith(TEXT)], {}, "first");
  const [second] = manifestModels([definitionWith(TEXT)], {}, "second");
  const snapshot = snapshotOf(first!, second!);
  assert.equal(snapshot.find("tickets"), first);
  assert.equal(snapshot.find("second.tickets"), second);
});

Deno.test("find() answers nothing to a spelling that two models share", () => {
  const snapshot = snapshotOf(
    modelWith({ a: { type: "text" } }, { key: "ab_c" }),
    modelWith({ a: { type: "text" } }, { key: "a_bc" }),
  );
  assert.equal(snapshot.find("ab_c")?.key, "ab_c");
  assert.equal(snapshot.find("abc"), undefined);
});

Deno.test("snapshot() loads once for all who wait and serves the same snapshot afterwards", async () => {
  const source = new Source();
  const registry = createModelRegistry({ load: source.load, clock: new TestClock() });
  const [a, b] = await Promise.all([
    registry.snapshot(ORGANIZATION),
    registry.snapshot(ORGANIZATION),
  ]);
  assert.equal(a, b);
  assert.equal(await registry.snapshot(ORGANIZATION), a);
  assert.equal(source.loads, 1);
});

Deno.test("snapshot() puts host models first and their shape into the version", async () => {
  const source = new Source();
  const withHost = (type: string) =>
    createModelRegistry({
      load: source.load,
      hostModels: [modelWith({ name: { type } })],
      clock: new TestClock(),
    }).snapshot(ORGANIZATION);
  const [text, number] = [await withHost("text"), await withHost("int")];
  assert.deepEqual(text.models.map((model) => model.key), ["things", "tickets"]);
  assert.notEqual(text.version, number.version);
});

Deno.test("invalidate() makes the next snapshot new, also when a load was under way", async () => {
  const source = new Source();
  const gate = Promise.withResolvers<void>();
  source.hold = gate.promise;
  const registry = createModelRegistry({ load: source.load, clock: new TestClock() });
  const early = registry.snapshot(ORGANIZATION);
  source.version = "2";
  registry.invalidate(ORGANIZATION);
  const late = registry.snapshot(ORGANIZATION);
  gate.resolve();
  assert.equal((await early).version, "1");
  assert.equal((await late).version, "2");
  assert.equal((await registry.snapshot(ORGANIZATION)).version, "2");
  assert.equal(source.loads, 2);
});

Deno.test("snapshot() does not keep a failed load", async () => {
  const source = new Source();
  source.failing = true;
  const registry = createModelRegistry({ load: source.load, clock: new TestClock() });
  await assert.rejects(registry.snapshot(ORGANIZATION), /database is away/);
  source.failing = false;
  assert.equal((await registry.snapshot(ORGANIZATION)).version, "1");
});

Deno.test("snapshot() asks whether an old snapshot is current, once for all, and reloads when not", async () => {
  const source = new Source();
  const clock = new TestClock();
  const asked: string[] = [];
  const registry = createModelRegistry({
    load: source.load,
    isCurrent: (_organizationId, version) => {
      asked.push(version);
      return Promise.resolve(version === source.version);
    },
    recheckAfterMs: 500,
    clock,
  });
  const first = await registry.snapshot(ORGANIZATION);
  clock.ms += 499;
  assert.equal(await registry.snapshot(ORGANIZATION), first);
  assert.deepEqual(asked, []);
  clock.ms += 1;
  assert.equal(await registry.snapshot(ORGANIZATION), first);
  assert.equal(await registry.snapshot(ORGANIZATION), first);
  assert.deepEqual(asked, ["1"]);
  source.version = "2";
  clock.ms += 500;
  const [a, b] = await Promise.all([
    registry.snapshot(ORGANIZATION),
    registry.snapshot(ORGANIZATION),
  ]);
  assert.equal(a.version, "2");
  assert.equal(a, b);
  assert.deepEqual(asked, ["1", "1"]);
});

Deno.test("snapshot() does not serve an old snapshot when it cannot be checked", async () => {
  const clock = new TestClock();
  const registry = createModelRegistry({
    load: new Source().load,
    isCurrent: () => Promise.reject(new Error("no answer")),
    recheckAfterMs: 0,
    clock,
  });
  await registry.snapshot(ORGANIZATION);
  await assert.rejects(registry.snapshot(ORGANIZATION), /no answer/);
});

Deno.test("snapshot() keeps the organizations that were used last", async () => {
  const source = new Source();
  const registry = createModelRegistry({
    load: source.load,
    clock: new TestClock(),
    maxOrganizations: 2,
  });
  await registry.snapshot(ORGANIZATION);
  await registry.snapshot(OTHER);
  await registry.snapshot(ORGANIZATION);
  await registry.snapshot("0190f3a0-0000-7000-8000-00000000000c");
  assert.equal(source.loads, 3);
  await registry.snapshot(ORGANIZATION);
  assert.equal(source.loads, 3);
  await registry.snapshot(OTHER);
  assert.equal(source.loads, 4);
});

Deno.test("createModelRegistry() refuses two host models of one name", () => {
  const model = modelWith({ a: { type: "text" } });
  assert.throws(
    () =>
      createModelRegistry({
        load: new Source().load,
        hostModels: [model, model],
        clock: new TestClock(),
      }),
    { code: "model.invalid_definition" },
  );
});
