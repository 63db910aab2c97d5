/**
 * Every bundle at hand (the project's own, and the real ones where they lie beside the project)
 * through its life: install, upgrade, back, forward, what must be refused, uninstall.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, type SystemCaller, systemCaller } from "../../mod.ts";
import { isKernelError } from "../../src/base/error.ts";
import { openBundle, packBundle } from "../../src/bundle/mod.ts";
import { expensesBundle } from "../_support/addon.ts";
import { exampleBundle, realBundles } from "../_support/bundles.ts";
import { newOwner } from "../_support/client.ts";
import { kernelTest } from "../_support/kernel.ts";

/** What of a manifest is changed; the rest stays as its author wrote it. */
interface Document {
  version: string;
  model_definitions?: { columns: { name: string; type: string; [more: string]: unknown }[] }[];
  capabilities?: object;
  [more: string]: unknown;
}

/** A bundle with another manifest, and perhaps one file more. */
async function mutated(
  archive: Uint8Array,
  change: (document: Document) => void,
  file?: readonly [string, string],
): Promise<Uint8Array> {
  const { entries, manifest } = await openBundle(archive);
  // Border: the parsed manifest of the bundle.
  const document = structuredClone(manifest.document) as unknown as Document;
  change(document);
  const files = new Map<string, Uint8Array | string>(
    [...entries].map(([path, { bytes }]) => [path, bytes]),
  );
  files.set("manifest.json", JSON.stringify(document));
  if (file !== undefined) files.set(...file);
  return await packBundle(files);
}

/** The nth version after another. */
function later(version: string, n: number): string {
  const major = Number(/^v?(\d+)/.exec(version)?.[1] ?? 0);
  return `${major + n}.0.0`;
}

async function state(kernel: Kernel, caller: SystemCaller) {
  const { addons, events } = kernel.services;
  const { version, revision, settings } = (await addons.installations(caller))[0]!;
  const happened = await events.read(caller, 0, 1_000);
  return { version, revision, settings, events: happened.length };
}

/** Later versions that must not enter as they are, each with the code of its refusal. */
async function badOnes(archive: Uint8Array): Promise<(readonly [RegExp, Uint8Array])[]> {
  const { manifest: { version, gonext, model_definitions: models } } = await openBundle(archive);
  const next = later(version, 1);
  const bad: (readonly [RegExp, Uint8Array])[] = [[
    /^schema.migration_refused$/,
    await mutated(archive, (document) => document.version = next, [
      "migrations/9999_bad.sql",
      "drop schema public cascade;",
    ]),
  ]];
  if (gonext === undefined) {
    bad.push([
      /^addon\.capabilities_not_accepted$/,
      await mutated(archive, (document) => {
        document.version = next;
        const old = Array.isArray(document.capabilities) ? document.capabilities : [];
        document.capabilities = [...old, { kind: "event:emit", target: "life.fixture.*" }];
      }),
    ]);
  }
  if (models.length > 0) {
    bad.push([
      /^schema\.type_conflict$/,
      await mutated(archive, (document) => {
        document.version = next;
        const column = columnsOf(document)!.at(-1)!;
        column.type = "boolean";
        delete column["size"];
      }),
    ]);
  }
  return bad;
}

function columnsOf(document: Document) {
  return document.model_definitions?.[0]?.columns;
}

async function live(kernel: Kernel, caller: SystemCaller, archive: Uint8Array): Promise<void> {
  const { addons } = kernel.services;
  const { manifest } = await openBundle(archive);
  const { key, version } = manifest;
  const install = (bundle: Uint8Array, terms = {}) =>
    addons.install(caller, { archive: bundle }, terms);
  await install(archive);
  const models = manifest.model_definitions.map((model) => model.model_key);
  const readAll = async () => {
    for (const model of models) {
      await kernel.services.records.list(caller, model, new URLSearchParams());
    }
  };
  await readAll();
  const wider = await mutated(archive, (document) => {
    document.version = later(version, 1);
    columnsOf(document)?.push({ name: "life_added", type: "string", index: true, size: 40 });
  });
  assert.equal((await install(wider)).operation, "upgrade");
  await readAll();
  assert.equal((await addons.rollback(caller, key)).installation.version, version);
  await readAll();
  await addons.rollback(caller, key);
  assert.equal((await state(kernel, caller)).version, later(version, 1));
  const before = await state(kernel, caller);
  const refused = [[/^addon\.version_rollback$/, archive] as const, ...await badOnes(wider)];
  for (const [code, bundle] of refused) {
    const thrown = await install(bundle).then(() => undefined, (error) => error);
    assert.ok(isKernelError(thrown) && code.test(thrown.code), `${key}: ${code}, not ${thrown}`);
    assert.deepEqual(await state(kernel, caller), before, `${key}: ${code}`);
  }
  const narrower = await mutated(archive, (document) => {
    document.version = later(version, 3);
  });
  await install(narrower, { acceptedCapabilities: "all" });
  await readAll();
  await addons.disable(caller, key);
  await addons.enable(caller, key);
  await addons.uninstall(caller, key, "drop");
  assert.deepEqual(await addons.installations(caller), []);
}

kernelTest("Every bundle through its life", async ({ kernel }) => {
  const bundles = [
    { name: "tickets", archive: await exampleBundle() },
    { name: "expenses", archive: await expensesBundle() },
    ...await realBundles(),
  ];
  for (const { name, archive } of bundles) {
    // Versions that were seen are remembered: two bundles of one key know each other's.
    const caller = systemCaller((await newOwner(kernel, name)).organizationId);
    try {
      await live(kernel, caller, archive);
    } catch (thrown) {
      throw new Error(`${name}: ${thrown instanceof Error ? thrown.message : thrown}`, {
        cause: thrown,
      });
    }
  }
});
