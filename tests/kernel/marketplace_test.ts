/**
 * Wishes for addons through the front door: noted, downloaded past the walls of outbound requests,
 * verified, installed, or failed with a reason.
 *
 * @module
 */

import assert from "node:assert/strict";
import { packBundle, sha256Hex } from "../../src/bundle/mod.ts";
import { generateSigningKey, signArchive } from "../../src/bundle/trust/private_key.ts";
import type { KernelOptions } from "../../mod.ts";
import { type Client, newOwner } from "../_support/client.ts";
import { engines } from "../_support/engines.ts";
import { startKernel, testPlace } from "../_support/kernel.ts";

async function bundle(key: string, version: string): Promise<Uint8Array<ArrayBuffer>> {
  const manifest = { key, name: key, version };
  return new Uint8Array(await packBundle(new Map([["manifest.json", JSON.stringify(manifest)]])));
}

/** A marketplace on this machine. */
function hub(answers: Readonly<Record<string, () => Response | Promise<Response>>>) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    return answers[pathname]?.() ?? new Response("no such bundle\n", { status: 404 });
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Runs a test on every engine with a kernel that may reach one port of this machine. */
function marketTest(
  name: string,
  answers: Readonly<Record<string, () => Response | Promise<Response>>>,
  options: () => Promise<Partial<KernelOptions>>,
  run: (owner: Client, base: string) => Promise<void>,
): void {
  for (const engine of engines) {
    Deno.test(`${name} [${engine}]`, async () => {
      await using place = await testPlace(engine, "memory");
      await using market = hub(answers);
      const kernel = await startKernel(place.databaseUrl, {
        egress: { hosts: "any", privateAddresses: [`127.0.0.1:${market.port}`] },
        ...await options(),
      });
      try {
        await run(await newOwner(kernel), `http://127.0.0.1:${market.port}`);
      } finally {
        await kernel.stop();
      }
    });
  }
}

const gzip = (archive: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  new Response(archive, { headers: { "content-type": "application/gzip", ...headers } });

async function wish(owner: Client, body: object) {
  return await owner.send("POST", "/api/marketplace/install", body);
}

marketTest(
  "Marketplace: a bundle is downloaded and installed; what is wrong with one is noted",
  {
    "/shop.tgz": async () => gzip(await bundle("shop", "1.0.0")),
    "/changed.tgz": async () =>
      gzip(await bundle("shop", "1.0.0"), { "x-bundle-checksum": "00".repeat(32) }),
    "/private": () => Response.redirect("http://127.0.0.2:9/secret"),
    "/empty": () => new Response(null),
    "/page": () => new Response("<html>"),
  },
  () => Promise.resolve({}),
  async (owner, base) => {
    const shop = `${base}/shop.tgz`;
    const done = await wish(owner, { addonKey: "shop", version: "1.0.0", bundleURL: shop });
    assert.equal(done.status, 201, JSON.stringify(done.body));
    const { data, installation, install_secret } = done.body;
    assert.deepEqual([data.status, data.addon_key, data.bundle_url], ["installed", "shop", shop]);
    assert.ok(data.completed_at >= data.requested_at);
    assert.equal("error_message" in data, false);
    assert.deepEqual([installation.addon_key, installation.version], ["shop", "1.0.0"]);
    assert.match(install_secret, /^[0-9a-f]{64}$/);
    const failures: readonly (readonly [object, RegExp])[] = [
      [{ addonKey: "other", bundleURL: shop }, /bundle key "shop" does not match/],
      [{ addonKey: "shop", version: "2.0.0", bundleURL: shop }, /2\.0\.0 was wished for/],
      [{ addonKey: "shop", bundleURL: `${base}/gone` }, /answered 404: no such bundle$/],
      [{ addonKey: "shop", bundleURL: `${base}/empty` }, /sent nothing/],
      [{ addonKey: "shop", bundleURL: `${base}/changed.tgz` }, /than its checksum says/],
      [{ addonKey: "shop", bundleURL: `${base}/page` }, /gzip/],
      // Neither plain HTTP beyond this machine, nor a place that the operator has not opened.
      [{ addonKey: "shop", bundleURL: "http://hub.example/a.tgz" }, /not reached by an https/],
      [{ addonKey: "shop", bundleURL: "file:///etc/passwd" }, /not reached by an https/],
      [{ addonKey: "shop", bundleURL: "https://10.0.0.1/a.tgz" }, /address/],
      [{ addonKey: "shop", bundleURL: `${base}/private` }, /address/],
    ];
    for (const [body, reason] of failures) {
      const failed = await wish(owner, body);
      assert.equal(failed.status, 422, JSON.stringify(failed.body));
      assert.equal(failed.body.success, false);
      assert.match(failed.body.message, reason);
      assert.equal(failed.body.data.status, "failed");
      assert.equal(failed.body.data.error_message, failed.body.message);
    }
    const listed = (await owner.get("/api/marketplace/installs")).body.data;
    assert.equal(listed.length, failures.length + 1);
    assert.deepEqual([listed[0].status, listed.at(-1).status], ["failed", "installed"]);
    assert.deepEqual(listed.at(-1), data);
    assert.equal((await owner.get("/api/metacore/installations")).body.length, 1);
  },
);

const KEY = generateSigningKey();

async function signed(version: string, headers: Record<string, string> = {}): Promise<Response> {
  const archive = await bundle("shop", version);
  const signature = (await signArchive(await KEY, archive)).toHex();
  return gzip(archive, {
    "x-asteby-marketplace-signature": signature,
    "x-bundle-checksum": await sha256Hex(archive),
    ...headers,
  });
}

marketTest(
  "Marketplace: where keys are trusted, the signature that comes beside the bundle must hold",
  {
    "/good": () => signed("1.0.0"),
    "/other": () => signed("1.1.0", { "x-asteby-marketplace-signature": "ab".repeat(64) }),
    "/unsigned": async () => gzip(await bundle("shop", "1.1.0")),
  },
  async () => ({
    trust: {
      keys: [{ id: "hub", publicKey: (await KEY).publicKey, role: "marketplace" as const }],
      unsigned: "refuse" as const,
    },
  }),
  async (owner, base) => {
    const good = await wish(owner, { addonKey: "shop", bundleURL: `${base}/good` });
    assert.equal(good.status, 201, JSON.stringify(good.body));
    assert.deepEqual(
      [good.body.installation.signature.status, good.body.installation.signature.key_id],
      ["verified", "hub"],
    );
    for (const path of ["/other", "/unsigned"]) {
      const refused = await wish(owner, { addonKey: "shop", bundleURL: base + path });
      assert.equal(refused.status, 422, path);
    }
    const [{ version }] = (await owner.get("/api/metacore/installations")).body;
    assert.equal(version, "1.0.0");
  },
);

for (const engine of engines) {
  Deno.test(`Marketplace: without outbound HTTP a wish is noted and nothing else; each organization sees its own [${engine}]`, async () => {
    await using place = await testPlace(engine, "memory");
    // A fraction that ends in zeros, which an engine would cut.
    const time = { ms: Math.floor(Date.now() / 1_000) * 1_000 + 500 };
    const kernel = await startKernel(place.databaseUrl, { clock: { nowMs: () => time.ms } });
    try {
      const [owner, other] = [await newOwner(kernel), await newOwner(kernel, "Other")];
      const plain = await wish(owner, { addonKey: "shop" });
      assert.equal(plain.status, 201);
      const { id, requested_at, ...row } = plain.body.data;
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.equal(requested_at, new Date(time.ms).toISOString());
      assert.deepEqual(row, {
        organization_id: owner.organizationId,
        addon_key: "shop",
        version: "latest",
        status: "requested",
        requested_by_id: owner.userId,
      });
      const url = "https://hub.example/a.tgz";
      const noted = await wish(owner, { addonKey: "shop", bundleURL: url, name: "Shop" });
      assert.deepEqual([noted.status, noted.body.data.status], [201, "requested"]);
      const listed = (await owner.get("/api/marketplace/installs")).body.data;
      assert.equal(listed.length, 2);
      assert.deepEqual(listed.at(-1), plain.body.data);
      assert.deepEqual((await other.get("/api/marketplace/installs")).body.data, []);
      for (const addonKey of ["x", "fiscal-mexico"]) {
        assert.equal((await wish(owner, { addonKey })).status, 201, addonKey);
      }
      for (
        const body of [{ addonKey: "no key" }, { addonKey: "../x" }, {
          addonKey: "shop",
          name: "x".repeat(201),
        }]
      ) {
        const refused = await wish(owner, body);
        assert.deepEqual([refused.status, refused.body.code], [400, "addon.invalid_wish"]);
      }
    } finally {
      await kernel.stop();
    }
  });
}
