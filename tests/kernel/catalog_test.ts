/**
 * The catalog: a folder of bundles and addons of the host application, as an organization sees them,
 * and installing from it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { packBundle } from "../../src/bundle/mod.ts";
import { systemClock } from "../../src/base/clock.ts";
import { systemCaller } from "../../src/base/caller.ts";
import { createAddonCatalog } from "../../src/addons/catalog/service.ts";
import { generateSigningKey, signArchive } from "../../src/bundle/trust/private_key.ts";
import type { TrustPolicy } from "../../src/bundle/trust/trust.ts";
import { checkSignerRole, verifyArchive } from "../../src/bundle/trust/verify.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import { newOwner } from "../_support/client.ts";
import { engines, engineTest } from "../_support/engines.ts";
import { startKernel, testPlace } from "../_support/kernel.ts";

const WRONG = "ab".repeat(64);
const COMPILED = { key: "inside", name: "Inside", version: "3.0.0" };

async function bundle(key: string, version: string): Promise<Uint8Array> {
  const manifest = { key, name: key, version, kernel: ">=2.0.0" };
  return await packBundle(new Map([["manifest.json", JSON.stringify(manifest)]]));
}

/** A folder that is gone when the test ends. */
async function folder(files: Readonly<Record<string, Uint8Array | string>>) {
  const path = await Deno.makeTempDir();
  const write = async (name: string, content: Uint8Array | string) => {
    const file = `${path}/${name}`;
    if (typeof content === "string") await Deno.writeTextFile(file, content);
    else await Deno.writeFile(file, content);
  };
  for (const [name, content] of Object.entries(files)) await write(name, content);
  return {
    path,
    write,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

for (const engine of engines) {
  Deno.test(`Catalog: listed as clients expect, installed by key and version, upgraded [${engine}]`, async () => {
    await using place = await testPlace(engine, "memory");
    await using shelf = await folder({
      "shop-1.0.0.tgz": await bundle("shop", "1.0.0"),
      "shop-1.10.0.tar.gz": await bundle("shop", "1.10.0"),
      "shop-1.9.0.tgz": await bundle("shop", "1.9.0"),
      "other.tgz": await bundle("other", "1.0.0"),
      "inside.tgz": await bundle("inside", "9.0.0"),
      "broken.tgz": "no archive",
      "notes.txt": "nothing",
    });
    const kernel = await startKernel(place.databaseUrl, {
      catalogDir: shelf.path,
      addons: [{ manifest: COMPILED }],
    });
    try {
      const owner = await newOwner(kernel);
      const entries = (await owner.get("/api/metacore/catalog")).body;
      const plain = { installable: true, entitled: true, installed: false, enabled: false };
      assert.deepEqual(
        entries.map(({ manifest, ...rest }: { manifest: { key: string } }) => [manifest.key, rest]),
        [
          // Nobody's bundle stands in for code of the host application.
          ["inside", { ...plain, version: "3.0.0", source: "compiled" }],
          ["other", { ...plain, version: "1.0.0", source: "catalog" }],
          ["shop", { ...plain, version: "1.10.0", source: "catalog" }],
        ],
      );
      const page = (await owner.get("/api/metacore/catalog?envelope=1")).body;
      assert.deepEqual(page, { items: entries, total: 3 });
      const base = "/api/metacore/installations";
      const install = await owner.send("POST", `${base}/shop`, { version: "1.9.0" });
      assert.equal(install.status, 200, JSON.stringify(install.body));
      assert.deepEqual([install.body.source, install.body.version], ["registered", "1.9.0"]);
      assert.match(install.body.install_secret, /^[0-9a-f]{64}$/);
      const entry = (await owner.get("/api/metacore/catalog/shop")).body;
      assert.deepEqual([entry.installed, entry.installed_version], [true, "1.9.0"]);
      const plan = await owner.send("POST", `${base}/shop?plan=1`);
      assert.deepEqual([plan.body.operation, plan.body.to_version], ["upgrade", "1.10.0"]);
      const upgrade = await owner.send("POST", "/api/kernel/addons/shop/upgrade", {
        target_version: "1.10.0",
      });
      assert.deepEqual([upgrade.status, upgrade.body.data.version], [200, "1.10.0"]);
      const inside = await owner.send("POST", `${base}/inside`);
      assert.deepEqual([inside.status, inside.body.installation.source], [200, "compiled"]);
      for (const [path, body] of [[`${base}/none`, {}], [`${base}/shop`, { version: "7.0.0" }]]) {
        const missing = await owner.send("POST", path as string, body);
        assert.deepEqual([missing.status, missing.body.code], [404, "addon.not_registered"]);
        assert.match(
          missing.body.message,
          /^addon ".*" (?:7\.0\.0 )?is not registered in the kernel; upload a bundle or register it first$/,
        );
      }
      assert.equal((await owner.send("GET", "/api/metacore/catalog/none")).status, 404);
    } finally {
      await kernel.stop();
    }
  });
}

engineTest(
  "Catalog: a file is read when it is new or changed, and never again; a broken one is told once",
  async ({ database }) => {
    await using shelf = await folder({
      "a.tgz": await bundle("aa", "1.0.0"),
      "b.tgz": "no archive",
      "c.tgz": await bundle("cc", "1.0.0"),
      "c.tgz.sig": WRONG,
    });
    const verified: (string | undefined)[] = [];
    const logged: string[] = [];
    const logger: Logger = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (message) => logged.push(message),
      with: () => logger,
    };
    const catalog = createAddonCatalog({
      database,
      compiled: { bundles: [] },
      dir: shelf.path,
      kernelContractVersion: "2.0.0",
      logger,
      verify: (_archive, signature) => {
        verified.push(signature?.value);
        return signature === undefined
          ? Promise.resolve(undefined)
          : Promise.reject(new Error("the signature is not good"));
      },
    });
    const caller = systemCaller("01890a5d-ac96-774b-bcce-b302099a8001");
    const listed = async () =>
      (await catalog.entries(caller)).map(({ manifest, installable, reason }) => [
        manifest["key"],
        manifest["version"],
        installable,
        reason,
      ]);
    const first = [["aa", "1.0.0", true, undefined]];
    assert.deepEqual(await listed(), first);
    assert.deepEqual(verified, [undefined, undefined, WRONG]);
    for (let times = 0; times < 3; times++) assert.deepEqual(await listed(), first);
    assert.equal(verified.length, 3);
    assert.equal(logged.length, 2);
    // A file that was exchanged, one that came, one that went, a signature that went.
    await shelf.write("a.tgz", await bundle("aa", "1.0.10"));
    await Deno.utime(`${shelf.path}/a.tgz`, new Date(0), new Date(systemClock.nowMs() + 5_000));
    await shelf.write("d.tgz", await bundle("dd", "1.0.0"));
    await Deno.remove(`${shelf.path}/b.tgz`);
    await Deno.remove(`${shelf.path}/c.tgz.sig`);
    assert.deepEqual(await listed(), [
      ["aa", "1.0.10", true, undefined],
      ["cc", "1.0.0", true, undefined],
      ["dd", "1.0.0", true, undefined],
    ]);
    assert.equal(verified.length, 6);
    await Deno.remove(shelf.path, { recursive: true });
    assert.deepEqual(await listed(), []);
    await Deno.mkdir(shelf.path);
  },
);

engineTest(
  "Catalog: what nobody trusted has signed is not even unpacked; who may not sign it is told",
  async ({ database }) => {
    const [acme, stranger] = [await generateSigningKey(), await generateSigningKey()];
    const sound = await bundle("shop", "1.0.0");
    const [other, garbage] = [await bundle("other", "1.0.0"), new Uint8Array([0x1f, 0x8b, 8, 1])];
    await using shelf = await folder({
      "forged.tgz": garbage,
      "forged.tgz.sig": (await signArchive(stranger, garbage)).toHex(),
      "other.tgz": other,
      "other.tgz.sig": (await signArchive(acme, other)).toHex(),
      "shop.tgz": sound,
      "shop.tgz.sig": (await signArchive(acme, sound)).toHex(),
      "unsigned.tgz": garbage,
    });
    const codes: unknown[] = [];
    const logger: Logger = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (_message, fields) => codes.push((fields?.["cause"] as { code?: string }).code),
      with: () => logger,
    };
    const trust: TrustPolicy = {
      keys: [{ id: "acme", publicKey: acme.publicKey, role: "author", addons: ["shop"] }],
      unsigned: "refuse",
    };
    const catalog = createAddonCatalog({
      database,
      compiled: { bundles: [] },
      dir: shelf.path,
      kernelContractVersion: "2.0.0",
      logger,
      verify: (archive, signature) => verifyArchive(archive, signature, trust, 0),
      checkSigner: (verified, addonKey) => checkSignerRole(verified, addonKey, trust),
    });
    const entries = await catalog.entries(systemCaller("01890a5d-ac96-774b-bcce-b302099a8001"));
    assert.deepEqual(
      entries.map(({ manifest, installable }) => [manifest["key"], installable]),
      [["other", false], ["shop", true]],
    );
    assert.match(entries[0]!.reason ?? "", /may not sign addon "other"/);
    // An archive that had been opened would have been refused as one that is no gzip.
    assert.deepEqual(codes, ["bundle.bad_signature", "bundle.unsigned"]);
  },
);
