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
import { type BundleOffer, systemCaller } from "../../mod.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import {
  generateSigningKey,
  signArchive,
  type SigningKey,
} from "../../src/bundle/trust/private_key.ts";
import type { TrustedKey, TrustPolicy } from "../../src/bundle/trust/trust.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { addonBundle } from "../_support/addon.ts";
import { newOwner } from "../_support/client.ts";
import { engines, engineTest } from "../_support/engines.ts";
import { startKernel, testPlace } from "../_support/kernel.ts";
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
            await rememberVersion(tables, { addonKey, version, digest: "d1", signer, at: AT });
          }
          const highest = seen.reduce((a, b) => compareVersions(b, a) > 0 ? b : a);
          const check = (digest: string) =>
            checkSeen(tables, { addonKey, version: offered, digest, signer });
          const found = await check("d1");
          const order = compareVersions(offered, highest);
          if (order >= 0) assert.equal(found, undefined);
          else assert.ok(found?.finding === "higher version" && found.version === highest);
          if (order === 0) assert.deepEqual(await check("d2"), { finding: "other contents" });
          else assert.deepEqual(await check("d2"), found);
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
    const notes = { addonKey: "notes", digest: "d1" };
    await rememberVersion(tables, { ...notes, version: "999.0.0", signer: mine, at: AT });
    const check = (signer: string, addonKey = "notes") =>
      checkSeen(tables, { addonKey, version: "1.0.0", digest: "d2", signer });
    assert.deepEqual(await check(mine), { finding: "higher version", version: "999.0.0" });
    // A key called like an organization is none.
    const others = [signerOf(undefined, "org-2"), signerOf({ keyId: "org-1" }, "org-1")];
    for (const signer of others) {
      assert.equal(await check(signer), undefined, signer);
    }
    assert.equal(await check(mine, "tickets"), undefined);
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

/** A bundle of one model; each version has a column more than the last. */
async function notesBundle(version: string, name = "Notes"): Promise<Uint8Array> {
  const columns = Array.from({ length: Number(version.split(".")[1]) + 1 }, (_, at) => ({
    name: `text_${at}`,
    type: "string",
  }));
  const manifest = {
    key: "notes",
    name,
    version,
    model_definitions: [
      { table_name: "notes", model_key: "notes", label: "Notes", org_scoped: true, columns },
    ],
  };
  return await packBundle(new Map([["manifest.json", JSON.stringify(manifest)]]));
}

async function offerBy(pair: SigningKey, archive: Uint8Array, more: object = {}) {
  const value = (await signArchive(pair, archive)).toBase64();
  return { archive, signature: { value, ...more } };
}

function keyOf(pair: SigningKey, more: Partial<TrustedKey> = {}): TrustedKey {
  return { id: "acme", publicKey: pair.publicKey, role: "author", addons: ["notes"], ...more };
}

async function keptRows(databaseUrl: string, table: "bundles" | "installations" | "seen_versions") {
  const database = await openDatabase({ url: databaseUrl, logger: silentLogger });
  try {
    return (await database.kysely.selectFrom(table).select("addon_key").execute()).length;
  } finally {
    await database.close();
  }
}

for (const engine of engines) {
  Deno.test(`a bundle is verified before it is read, and what is refused leaves nothing behind [${engine}]`, async () => {
    const [acme, stranger] = [await generateSigningKey(), await generateSigningKey()];
    await using place = await testPlace(engine, "file");
    const trust: TrustPolicy = { keys: [keyOf(acme)], unsigned: "allow" };
    const kernel = await startKernel(place.databaseUrl, { trust, unsignedBundles: "allow" });
    const { addons } = kernel.services;
    const caller = systemCaller((await newOwner(kernel)).organizationId);
    const archive = await notesBundle("1.0.0");
    const garbage = new Uint8Array([0x1f, 0x8b, 8, 1, 2, 3]);
    const foreign = await addonBundle({
      key: "probe",
      wasm: await assembleWat(HEALTHY.echo.wat),
      exports: ["run"],
    });
    const refused: readonly (readonly [string, BundleOffer])[] = [
      ["bundle.unsigned", { archive }],
      // Not even opened; signed, it is.
      ["bundle.unsigned", { archive: garbage }],
      ["bundle.bad_signature", await offerBy(stranger, garbage)],
      ["bundle.bad_gzip", await offerBy(acme, garbage)],
      ["bundle.bad_signature", await offerBy(stranger, archive)],
      ["bundle.signer_not_allowed", await offerBy(acme, foreign)],
      [
        "bundle.checksum_mismatch",
        await offerBy(acme, archive, {
          checksums: { "README.md": "ab".repeat(32) },
        }),
      ],
    ];
    for (const [code, offer] of refused) {
      await assert.rejects(addons.plan(caller, offer), { code }, code);
      await assert.rejects(addons.install(caller, offer), { code }, code);
    }
    assert.deepEqual(await addons.installations(caller), []);
    const { installation } = await addons.install(caller, await offerBy(acme, archive));
    assert.deepEqual(installation.signature, {
      status: "verified",
      key_id: "acme",
      role: "author",
    });
    await kernel.stop();
    assert.equal(await keptRows(place.databaseUrl, "bundles"), 1);
    assert.equal(await keptRows(place.databaseUrl, "seen_versions"), 1);
  });

  Deno.test(`old versions come back only by word, also after an uninstall and a restart; a revoked key's not at all [${engine}]`, async () => {
    const acme = await generateSigningKey();
    await using place = await testPlace(engine, "file");
    const start = (key: TrustedKey) =>
      startKernel(place.databaseUrl, { trust: { keys: [key], unsigned: "refuse" } });
    const [lower, higher] = [
      await offerBy(acme, await notesBundle("1.0.0")),
      await offerBy(acme, await notesBundle("1.1.0")),
    ];
    const first = await start(keyOf(acme));
    const caller = systemCaller((await newOwner(first)).organizationId);
    await first.services.addons.install(caller, higher);
    await first.services.addons.uninstall(caller, "notes", "keep");
    await first.stop();
    const second = await start(keyOf(acme));
    const { addons } = second.services;
    const rollback = { code: "addon.version_rollback" };
    await assert.rejects(addons.install(caller, lower), rollback);
    // The memory is of the key, so it holds in every organization.
    const other = systemCaller((await newOwner(second, "Other")).organizationId);
    await assert.rejects(addons.install(other, lower), rollback);
    assert.match(
      (await addons.plan(caller, lower)).obstacles[0]!.code,
      /^addon\.version_rollback$/,
    );
    await addons.install(other, lower, { downgrade: "allow" });
    await addons.install(other, higher);
    await second.stop();
    const third = await start(keyOf(acme, { revokedAt: "2026-01-01T00:00:00Z" }));
    const revoked = { code: "bundle.key_revoked" };
    await assert.rejects(third.services.addons.rollback(other, "notes"), revoked);
    await assert.rejects(third.services.addons.install(caller, higher), revoked);
    // It is told, where the key is named.
    const shown = { status: "verified", key_id: "acme", role: "author", trusted: false };
    const listed = await third.services.addons.installations(other);
    assert.deepEqual(listed.map(({ signature }) => signature), [shown]);
    const { signature: ofOne } = await third.services.addons.installation(other, "notes");
    assert.deepEqual(ofOne, shown);
    // It may be taken out of use, and then takes part no more.
    const { signature } = await third.services.addons.disable(other, "notes");
    assert.deepEqual(signature, shown);
    await assert.rejects(third.services.addons.enable(other, "notes"), revoked);
    await third.stop();
    const fourth = await start(keyOf(acme));
    const back = await fourth.services.addons.rollback(other, "notes");
    assert.deepEqual([back.operation, back.installation.version], ["rollback", "1.0.0"]);
    const { trusted: _trusted, ...trusted } = shown;
    assert.deepEqual(back.installation.signature, trusted);
    await fourth.stop();
  });
}

for (const engine of engines) {
  Deno.test(`other contents that a key signed as a version that was seen come only by word, also after an uninstall [${engine}]`, async () => {
    const acme = await generateSigningKey();
    await using place = await testPlace(engine, "file");
    const changed = { code: "addon.version_changed" };
    const kernel = await startKernel(place.databaseUrl, {
      trust: { keys: [keyOf(acme)], unsigned: "refuse" },
    });
    const { addons } = kernel.services;
    const first = await offerBy(acme, await notesBundle("1.0.0"));
    const second = await offerBy(acme, await notesBundle("1.0.0", "Not those"));
    const caller = systemCaller((await newOwner(kernel, "One")).organizationId);
    const other = systemCaller((await newOwner(kernel, "Other")).organizationId);
    await addons.install(caller, first);
    for (const data of ["keep", "drop"] as const) {
      await addons.uninstall(caller, "notes", data);
      await assert.rejects(addons.install(caller, second), changed, data);
      assert.deepEqual(
        (await addons.plan(caller, second)).obstacles.map(({ code }) => code),
        [changed.code],
      );
      await addons.install(caller, first);
    }
    await assert.rejects(addons.install(other, second), changed);
    await addons.uninstall(caller, "notes", "drop");
    await addons.install(caller, second, { downgrade: "allow" });
    await addons.uninstall(caller, "notes", "drop");
    // Now these are the contents that are meant.
    await assert.rejects(addons.install(caller, first), changed);
    await addons.install(caller, second);
    await kernel.stop();
  });

  Deno.test(`whoever builds an unsigned addon packs one version many times [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const kernel = await startKernel(place.databaseUrl);
    const { addons } = kernel.services;
    const caller = systemCaller((await newOwner(kernel)).organizationId);
    const [first, second] = [await notesBundle("1.0.0"), await notesBundle("1.0.0", "Not those")];
    await addons.install(caller, { archive: first });
    // What is installed keeps its contents for as long as it is.
    const changed = { code: "addon.version_changed" };
    await assert.rejects(addons.install(caller, { archive: second }), changed);
    await addons.uninstall(caller, "notes", "drop");
    const { operation } = await addons.install(caller, { archive: second });
    assert.equal(operation, "install");
    await kernel.stop();
  });
}

for (const engine of engines) {
  Deno.test(`a call finds code that somebody changed: the original runs, and its organization's audit tells [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const first = await startKernel(place.databaseUrl);
    const caller = systemCaller((await newOwner(first)).organizationId);
    const wasm = await assembleWat(HEALTHY.echo.wat);
    const { installation } = await first.services.addons.install(caller, {
      archive: await addonBundle({ key: "probe", wasm, exports: ["run"] }),
    });
    await first.stop();
    const database = await openDatabase({ url: place.databaseUrl, logger: silentLogger });
    await database.kysely.updateTable("prepared_modules").set({ outline: "{}" }).execute();
    await database.close();
    const second = await startKernel(place.databaseUrl);
    const input = new TextEncoder().encode("hello");
    const answer = await second.services.code.call(caller, "probe", "run", { input });
    assert.equal(new TextDecoder().decode(answer), "hello");
    await second.stop();
    const third = await startKernel(place.databaseUrl);
    const told = (await third.services.audit.list(caller))
      .filter(({ name }) => name === "module.distrusted");
    assert.deepEqual(
      told.map(({ addonKey, installationId, severity }) => [
        addonKey,
        installationId,
        severity,
      ]),
      [["probe", installation.id, "warning"]],
    );
    await third.stop();
  });
}
