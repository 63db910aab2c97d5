/**
 * What is remembered and re-checked after a bundle has entered: the highest version of each signer,
 * and that code which is loaded is the code that was installed, whoever wrote into the database.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { AddonModules } from "../../src/addons/code/addon_modules.ts";
import { DEFAULT_CODE_LIMITS } from "../../src/addons/code/code_limits.ts";
import { keepPrepared } from "../../src/addons/code/prepared_store.ts";
import type { LiveInstallation } from "../../src/addons/live_installations.ts";
import { checkSeen, rememberVersion, signerOf } from "../../src/addons/trust/version_memory.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { Bundle } from "../../src/bundle/bundle.ts";
import { openBundle } from "../../src/bundle/bundle.ts";
import { KERNEL_CONTRACT_VERSION } from "../../src/bundle/manifest/kernel_range.ts";
import { compareVersions } from "../../src/bundle/version_order.ts";
import type { Database } from "../../src/db/database.ts";
import type { AuditRecord } from "../../src/telemetry/audit.ts";
import { addonBundle } from "../_support/addon.ts";
import { engineTest } from "../_support/engines.ts";
import { HEALTHY } from "../_support/guests/healthy.ts";
import { assembleWat } from "../_support/guests/wat.ts";

const AT = "2026-06-01T00:00:00.000Z";
const MASTER_KEY = new Uint8Array(32).fill(7);

engineTest(
  "the highest version is remembered for each addon and signer, and never falls",
  async ({ database }) => {
    const tables = database.kysely;
    const versions = fc.tuple(fc.nat(3), fc.nat(12), fc.constantFrom("", "-rc.1", "-rc.10", "+b1"))
      .map(([major, minor, rest]) => `${major}.${minor}.0${rest}`);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(versions, { minLength: 1, maxLength: 6 }),
        versions,
        async (seen, offered) => {
          const addonKey = `addon_${run++}`;
          const signer = signerOf({ keyId: "k1" }, "org-1");
          for (const version of seen) {
            await rememberVersion(tables, { addonKey, version, signer, at: AT });
          }
          const highest = seen.reduce((a, b) => compareVersions(b, a) > 0 ? b : a);
          const found = await checkSeen(tables, addonKey, offered, signer);
          if (compareVersions(offered, highest) >= 0) assert.equal(found, undefined);
          else assert.equal(compareVersions(found!, highest), 0);
        },
      ),
      { numRuns: 25 },
    );
    const numbers = ["1.9.0", "1.10.0", "v1.10", "1.10.0-rc.2"];
    assert.ok(compareVersions(numbers[1]!, numbers[0]!) > 0);
    assert.equal(compareVersions(numbers[2]!, numbers[1]!), 0);
    assert.ok(compareVersions(numbers[3]!, numbers[1]!) < 0);
  },
);

engineTest(
  "one organization's unsigned upload, or one signer's, uses up no version of others",
  async ({ database }) => {
    const tables = database.kysely;
    const mine = signerOf(undefined, "org-1");
    assert.notEqual(mine, signerOf(undefined, "org-2"));
    await rememberVersion(tables, { addonKey: "notes", version: "999.0.0", signer: mine, at: AT });
    assert.equal(await checkSeen(tables, "notes", "1.0.0", mine), "999.0.0");
    // A key called like an organization is none.
    const others = [signerOf(undefined, "org-2"), signerOf({ keyId: "org-1" }, "org-1")];
    for (const signer of others) {
      assert.equal(await checkSeen(tables, "notes", "1.0.0", signer), undefined, signer);
    }
    assert.equal(await checkSeen(tables, "tickets", "1.0.0", mine), undefined);
  },
);

interface World {
  readonly database: Database;
  readonly bundle: Bundle;
  readonly installation: LiveInstallation;
  readonly records: AuditRecord[];
  /** As another process would: nothing is at hand. */
  modules(masterKey?: Uint8Array): AddonModules;
}

async function world(database: Database): Promise<World> {
  const wasm = await assembleWat(HEALTHY.echo.wat);
  const archive = await addonBundle({ key: "probe", wasm, exports: ["run"] });
  const bundle = await openBundle(archive);
  const records: AuditRecord[] = [];
  const { manifest, digest } = bundle;
  await database.kysely.insertInto("bundles").values({
    digest,
    addon_key: manifest.key,
    version: manifest.version,
    manifest: JSON.stringify(manifest.document),
    entries: "{}",
    archive,
    created_at: AT,
  }).execute();
  const modules = (masterKey = MASTER_KEY) =>
    new AddonModules({
      database,
      limits: DEFAULT_CODE_LIMITS,
      kernelContractVersion: KERNEL_CONTRACT_VERSION,
      masterKey,
      audit: { record: (one) => void records.push(one), flush: async () => {} },
      clock: systemClock,
    });
  await keepAsInstalled(database, modules(), bundle);
  // Border: modules look at nothing else of an installation.
  const installation = { row: { bundle_digest: digest }, manifest } as LiveInstallation;
  return { database, bundle, installation, records, modules };
}

async function keepAsInstalled(database: Database, modules: AddonModules, bundle: Bundle) {
  const prepared = await modules.prepare(bundle);
  const id = modules.idOf(bundle.digest, bundle.manifest);
  await keepPrepared(database.kysely, id, bundle.digest, prepared!, AT);
}

/** Names of the functions that would run. */
async function loadedExports({ modules, installation }: World, masterKey?: Uint8Array) {
  const { module } = await modules(masterKey).codeOf(installation).load();
  return WebAssembly.Module.exports(module).map(({ name }) => name);
}

async function rowOf({ database }: World) {
  return await database.kysely.selectFrom("prepared_modules").selectAll()
    .executeTakeFirstOrThrow();
}

/** A module of somebody else, prepared as this kernel does and without fault, but for the seal. */
async function strangerRow({ modules }: World) {
  const wasm = await assembleWat(
    HEALTHY.echo.wat.replace('(export "run")', '(export "run") (export "evil")'),
  );
  const archive = await addonBundle({ key: "probe", wasm, exports: ["run"], version: "6.6.6" });
  const prepared = await modules().prepare(await openBundle(archive));
  const { outline, bytes, seal } = prepared!;
  return { outline: JSON.stringify(outline), bytes, seal };
}

function reasons({ records }: World) {
  return records.map(({ name, severity, addonKey, details }) => ({
    name,
    severity,
    addonKey,
    because: details?.because,
  }));
}

function distrusted(because: string) {
  return { name: "module.distrusted", severity: "warning", addonKey: "probe", because };
}

engineTest("a sealed module is run as it is kept, without its archive", async ({ database }) => {
  const t = await world(database);
  await database.kysely.updateTable("bundles").set({ archive: new Uint8Array([1]) }).execute();
  assert.ok((await loadedExports(t)).includes("run"));
  assert.deepEqual(t.records, []);
});

engineTest(
  "a module that was changed in the database is not run: it is made anew from the archive, and told",
  async ({ database }) => {
    const t = await world(database);
    const sound = await rowOf(t);
    const evil = await strangerRow(t);
    const outline = JSON.parse(sound.outline);
    const tampered: readonly (readonly [string, Partial<typeof evil> | { seal: null }, string])[] =
      [
        [
          "other bytes under their own outline",
          { bytes: evil.bytes, outline: evil.outline },
          "other_seal",
        ],
        ["other bytes under the old outline and seal", { bytes: evil.bytes }, "other_seal"],
        // The seal is good, but for another name: it cannot be moved.
        ["a whole row of another module", evil, "other_seal"],
        ["no seal", { ...evil, seal: null as unknown as string }, "no_seal"],
        ["a seal that is none", { ...evil, seal: "" }, "other_seal"],
        [
          "more memory than was admitted",
          { outline: JSON.stringify({ ...outline, memoryLimitBytes: 4 * 1024 ** 3 }) },
          "other_seal",
        ],
        ["an outline that is no JSON", { outline: "{" }, "other_seal"],
      ];
    for (const [what, change, because] of tampered) {
      t.records.length = 0;
      await database.kysely.updateTable("prepared_modules").set(change).execute();
      const names = await loadedExports(t);
      assert.ok(names.includes("run") && !names.includes("evil"), what);
      assert.deepEqual(reasons(t), [distrusted(because)], what);
      // The row is put right, and trusted again.
      const { created_at: _at, ...repaired } = await rowOf(t);
      const { created_at: _before, ...expected } = sound;
      assert.deepEqual(
        { ...repaired, bytes: [...repaired.bytes] },
        { ...expected, bytes: [...expected.bytes] },
        what,
      );
      await loadedExports(t);
      assert.equal(t.records.length, 1, what);
    }
  },
);

engineTest(
  "a seal of another master key is none",
  async ({ database }) => {
    const t = await world(database);
    await loadedExports(t, new Uint8Array(32).fill(8));
    assert.deepEqual(reasons(t), [distrusted("other_seal")]);
  },
);

engineTest(
  "an archive that is not what was installed is not even opened, and nothing runs",
  async ({ database }) => {
    const t = await world(database);
    const wasm = await assembleWat(HEALTHY.echo.wat);
    const other = await addonBundle({ key: "probe", wasm, exports: ["run"], version: "6.6.6" });
    for (const archive of [other, new Uint8Array([1, 2, 3])]) {
      t.records.length = 0;
      await database.kysely.updateTable("bundles").set({ archive }).execute();
      await database.kysely.deleteFrom("prepared_modules").execute();
      await assert.rejects(loadedExports(t), { code: "addon.bundle_damaged", kind: "internal" });
      await assert.rejects(t.modules().bundleOf(t.bundle.digest, "probe"), {
        code: "addon.bundle_damaged",
      });
      const twice = [distrusted("other_archive"), distrusted("other_archive")];
      assert.deepEqual(reasons(t), twice);
      assert.equal(
        (await database.kysely.selectFrom("prepared_modules").select("id").execute()).length,
        0,
      );
    }
  },
);
