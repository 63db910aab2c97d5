/**
 * Later versions of every bundle at hand (the project's own, and the real ones where they lie beside
 * the project) through their whole life on both engines: install, upgrade, rollback, forward again,
 * disable, uninstall. What is refused changes nothing, row for row; what was written before an upgrade
 * is there after it and after the way back.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, systemCaller } from "../../mod.ts";
import { isKernelError } from "../../src/base/error.ts";
import { expensesBundle } from "../_support/addon.ts";
import { exampleBundle, realBundles } from "../_support/bundles.ts";
import { type Client, newOwner } from "../_support/client.ts";
import { engines } from "../_support/engines.ts";
import { startKernel, type TestPlace, testPlace } from "../_support/kernel.ts";
import { dumpDatabase, isDumpable, leftovers } from "../_support/leftovers.ts";
import { filesOf, type Mutation, mutationsOf, packMutation } from "../_support/mutations.ts";

interface World {
  readonly kernel: Kernel;
  readonly place: TestPlace;
  readonly owner: Client;
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (isKernelError(error)) return error.code;
    throw error;
  }
  return "none";
}

/** Installs over what other mutations left in the memory of versions. */
async function install({ kernel, owner }: World, archive: Uint8Array): Promise<string> {
  const caller = systemCaller(owner.organizationId);
  const terms = { downgrade: "allow" } as const;
  return (await kernel.services.addons.install(caller, { archive }, terms)).installation.addon_key;
}

/** A refused version, an unaccepted right included, leaves every row and table as it was. */
async function checkRefused(world: World, mutations: readonly Mutation[]): Promise<void> {
  const { kernel, owner, place } = world;
  const caller = systemCaller(owner.organizationId);
  const before = isDumpable(place) ? await dumpDatabase(place) : undefined;
  for (const mutation of mutations) {
    const { expected, name } = mutation;
    if (expected.kind === "upgrades") continue;
    const archive = await packMutation(mutation);
    const plan = await codeOf(kernel.services.addons.plan(caller, { archive }));
    assert.ok(plan === "none" || plan === expected.code, `plan of ${name}: ${plan}`);
    assert.equal(
      await codeOf(kernel.services.addons.install(caller, { archive })),
      expected.code,
      name,
    );
  }
  if (before !== undefined) assert.deepEqual(leftovers(before, await dumpDatabase(place)), []);
}

/** Forward, back, and forward to the next one. */
async function checkUpgrade(world: World, mutation: Mutation, model?: string): Promise<void> {
  const { kernel, owner } = world;
  const caller = systemCaller(owner.organizationId);
  const total = async () =>
    model === undefined ? 0 : (await owner.get(`/api/dynamic/${model}`)).body.meta.total;
  const before = await total();
  const { expected } = mutation;
  const archive = await packMutation(mutation);
  const result = await kernel.services.addons.install(caller, { archive }, {
    downgrade: "allow",
    ...(expected.kind === "asks" ? { acceptedCapabilities: [expected.capability] } : {}),
  });
  assert.equal(result.operation, "upgrade", mutation.name);
  assert.equal(result.installation.version, mutation.version);
  assert.equal(await total(), before, mutation.name);
  const back = await kernel.services.addons.rollback(caller, result.installation.addon_key);
  assert.equal(back.installation.version, result.installation.previous_version);
  assert.equal(await total(), before, `after the way back from ${mutation.name}`);
}

/** A record of a model that demands nothing, where there is one. */
async function writeRecord({ owner, kernel }: World, key: string): Promise<string | undefined> {
  const caller = systemCaller(owner.organizationId);
  const installed = await kernel.services.addons.manifests(caller);
  const manifest = installed.find((each) => each["key"] === key)!;
  const models = (manifest["model_definitions"] ?? []) as unknown as {
    readonly model_key: string;
    readonly columns: readonly { name: string; type: string; required?: boolean }[];
  }[];
  const [model] = models;
  if (model === undefined) return undefined;
  const texts = model.columns.filter(({ type }) => type === "string" || type === "text");
  const record = Object.fromEntries(texts.map(({ name }) => [name, "a"]));
  const answer = await owner.send("POST", `/api/dynamic/${model.model_key}`, record);
  return answer.status === 201 ? model.model_key : undefined;
}

async function checkLife(world: World, archive: Uint8Array): Promise<void> {
  const mutations = mutationsOf(await filesOf(archive));
  assert.ok(mutations.length >= 5);
  const key = await install(world, archive);
  const model = await writeRecord(world, key);
  await checkRefused(world, mutations);
  for (const mutation of mutations) {
    if (mutation.expected.kind !== "refused") await checkUpgrade(world, mutation, model);
  }
  await checkWaysBack(world, archive, mutations[0]!);
  const caller = systemCaller(world.owner.organizationId);
  await world.kernel.services.addons.uninstall(caller, key, "drop");
  assert.deepEqual(await world.kernel.services.addons.installations(caller), []);
}

/** An older version is no upgrade; the way back leads forward again; a pause changes no version. */
async function checkWaysBack(
  { kernel, owner }: World,
  archive: Uint8Array,
  mutation: Mutation,
): Promise<void> {
  const { addons } = kernel.services;
  const caller = systemCaller(owner.organizationId);
  const later = await addons.install(caller, { archive: await packMutation(mutation) }, {
    downgrade: "allow",
  });
  const { addon_key: key, version, previous_version } = later.installation;
  assert.equal(await codeOf(addons.install(caller, { archive })), "addon.version_rollback");
  for (const expected of [previous_version, version]) {
    assert.equal((await addons.rollback(caller, key)).installation.version, expected);
  }
  await addons.disable(caller, key);
  await addons.enable(caller, key);
  const [installation] = await addons.installations(caller);
  assert.deepEqual([installation!.version, installation!.status], [version, "enabled"]);
}

for (const engine of engines) {
  Deno.test(`versions of bundles live and go back whole [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const kernel = await startKernel(place.databaseUrl);
    try {
      const world = { kernel, place, owner: await newOwner(kernel) };
      const own = [
        { name: "tickets", archive: await exampleBundle() },
        { name: "expenses", archive: await expensesBundle() },
      ];
      for (const { name, archive } of [...own, ...await realBundles()]) {
        await checkLife(world, archive).catch((cause) => {
          throw new Error(`${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
        });
      }
    } finally {
      await kernel.stop();
    }
  });
}
