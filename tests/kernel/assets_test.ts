/**
 * Files of addons' frontends through the front door: each organization its own version, nobody needs
 * a token, nothing is served that nobody has enabled.
 *
 * @module
 */

import assert from "node:assert/strict";
import { packBundle } from "../../src/bundle/mod.ts";
import { type Client, newOwner, sendAnonymous } from "../_support/client.ts";
import { kernelTest } from "../_support/kernel.ts";

const FRONTEND = "/api/metacore/addons/shop/frontend";

/** A version of an addon whose scripts say which it is. */
async function version(
  number: string,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  frontend: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const manifest = {
    key: "shop",
    name: "Shop",
    version: number,
    icon: "Box",
    frontend: { entry: `${FRONTEND}/remoteEntry.js`, format: "federation", ...frontend },
  };
  return await packBundle(
    new Map<string, string | Uint8Array>([
      ["manifest.json", JSON.stringify(manifest)],
      ["frontend/remoteEntry.js", `export const version = "${number}";`],
      ...Object.entries(files),
    ]),
  );
}

async function installed(client: Client, archive: Uint8Array): Promise<void> {
  const answer = await client.install(archive);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

/** Where the manifests of a person's organization say that the entry lies. */
async function entryOf(client: Client): Promise<string> {
  const [manifest] = (await client.get("/api/metacore/manifests?lite=1")).body;
  return manifest.frontend.entry;
}

kernelTest(
  "Two organizations on two versions: each page loads its own, for ever the same",
  async ({ kernel }) => {
    const [acme, other] = [await newOwner(kernel), await newOwner(kernel, "Other")];
    const hashed = "assets/index-BX3dk_91.js";
    await installed(acme, await version("1.0.0", { [`frontend/${hashed}`]: "one" }));
    await installed(other, await version("2.0.0", { "frontend/new.js": "two" }));
    const [one, two] = [await entryOf(acme), await entryOf(other)];
    assert.notEqual(one, two);
    for (const [entry, number] of [[one, "1.0.0"], [two, "2.0.0"]] as const) {
      const answer = await sendAnonymous(kernel, "GET", entry);
      assert.equal(answer.status, 200);
      assert.equal(answer.body, `export const version = "${number}";`);
      assert.equal(answer.headers.get("cache-control"), "public, max-age=31536000, immutable");
      assert.equal(answer.headers.get("content-type"), "application/javascript");
      assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    }
    // Without a version in the address: whose page it is, or the first digits of a hash.
    const entry = `${FRONTEND}/remoteEntry.js`;
    const digits = one.split("@")[1]!.slice(0, 8);
    const asked: readonly (readonly [string, string])[] = [
      [`${entry}?token=${acme.token}`, "1.0.0"],
      [`${entry}?token=${other.token}`, "2.0.0"],
      [`${entry}?v=${digits}`, "1.0.0"],
      [`${entry}?v=${one.split("@")[1]!.slice(0, 16)}`, "1.0.0"],
    ];
    for (const [path, number] of asked) {
      const answer = await sendAnonymous(kernel, "GET", path);
      assert.match(answer.body, new RegExp(`"${number}"`), path);
      // Whatever keeps answers in between must not give one organization's to another.
      assert.equal(answer.headers.get("vary"), "Authorization, Referer");
      assert.equal(answer.headers.get("cache-control"), "no-cache");
    }
    assert.match((await acme.get(entry)).body, /1\.0\.0/);
    // Where nothing says which, neither organization's unsigned script is given for the other's.
    for (const path of [entry, `${entry}?token=stale`]) {
      assert.equal((await sendAnonymous(kernel, "GET", path)).status, 404, path);
    }
    // What only one version holds is found there, and is nobody else's.
    assert.equal((await sendAnonymous(kernel, "GET", `${FRONTEND}/${hashed}`)).body, "one");
    assert.equal((await other.send("GET", `${FRONTEND}/${hashed}`)).status, 404);
    const elsewhere = await sendAnonymous(kernel, "GET", two.replace("remoteEntry.js", hashed));
    assert.deepEqual([elsewhere.status, elsewhere.body.message], [404, "file not found"]);
  },
);

kernelTest(
  "A page opened before an upgrade goes on loading its version; a removed addon serves nothing",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    await installed(owner, await version("1.0.0", { "frontend/lazy.js": "old" }));
    const lazy = (await entryOf(owner)).replace("remoteEntry.js", "lazy.js");
    await installed(owner, await version("1.1.0", { "frontend/lazy.js": "new" }));
    assert.equal((await sendAnonymous(kernel, "GET", lazy)).body, "old");
    assert.equal((await sendAnonymous(kernel, "GET", `${FRONTEND}/lazy.js`)).body, "new");
    const back = await owner.send("POST", "/api/metacore/installations/shop/rollback");
    assert.equal(back.status, 200, JSON.stringify(back.body));
    assert.equal((await sendAnonymous(kernel, "GET", `${FRONTEND}/lazy.js`)).body, "old");
    const off = await owner.send("POST", "/api/metacore/installations/shop/disable");
    assert.equal(off.status, 200, JSON.stringify(off.body));
    for (const path of [lazy, `${FRONTEND}/lazy.js`, `${FRONTEND}/lazy.js?token=${owner.token}`]) {
      const answer = await sendAnonymous(kernel, "GET", path);
      assert.equal(answer.status, 404, path);
      assert.equal(answer.body.message, "addon not installed for organization");
    }
    assert.equal((await owner.send("POST", "/api/metacore/installations/shop/enable")).status, 200);
    assert.equal((await sendAnonymous(kernel, "GET", lazy)).status, 200);
    await owner.send("DELETE", "/api/metacore/installations/shop?drop=true");
    assert.equal((await sendAnonymous(kernel, "GET", lazy)).status, 404);
  },
);

kernelTest(
  "Only what lies in frontend/ is served, byte for byte; nothing else of a bundle",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const bytes = new Uint8Array(70_000).map((_, index) => index * 7);
    await installed(
      owner,
      await version("1.0.0", {
        "frontend/deep/er/x.wasm": bytes,
        "frontend/page.html": "<script>steal()</script>",
        "secret.json": "{}",
        "README.md": "# Shop",
      }),
    );
    const answer = await kernel.fetch(new Request(`http://k${FRONTEND}/deep/er/x.wasm`));
    assert.deepEqual(await answer.bytes(), bytes);
    assert.equal(answer.headers.get("content-type"), "application/wasm");
    const again = await kernel.fetch(
      new Request(`http://k${FRONTEND}/deep/er/x.wasm`, {
        headers: { "if-none-match": answer.headers.get("etag")! },
      }),
    );
    assert.deepEqual([again.status, (await again.bytes()).length], [304, 0]);
    const page = await sendAnonymous(kernel, "GET", `${FRONTEND}/page.html`);
    assert.match(page.headers.get("content-security-policy") ?? "", /^sandbox;/);
    for (
      const path of ["secret.json", "README.md", "manifest.json", "frontend/remoteEntry.js", "DEEP"]
    ) {
      assert.equal((await sendAnonymous(kernel, "GET", `${FRONTEND}/${path}`)).status, 404, path);
    }
    const climbing = [
      "..%2fsecret.json",
      "%252e%252e%252fsecret.json",
      "deep%2f..%2f..%2fsecret.json",
    ];
    for (const path of climbing) {
      const refused = await sendAnonymous(kernel, "GET", `${FRONTEND}/${path}`);
      assert.deepEqual([refused.status, refused.body.message], [400, "invalid path"], path);
    }
    for (const path of [FRONTEND, `${FRONTEND}/`]) {
      const nothing = await sendAnonymous(kernel, "GET", path);
      assert.deepEqual([nothing.status, nothing.body.message], [400, "key and path required"]);
    }
    const unknown = await sendAnonymous(kernel, "GET", FRONTEND.replace("shop", "other") + "/a.js");
    assert.equal(unknown.body.message, "addon not installed for organization");
  },
);

kernelTest(
  "An entry is installed only if it is the one that the manifest names by hash",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const script = new TextEncoder().encode('export const version = "1.0.0";');
    const sha = async (name: string) =>
      new Uint8Array(await crypto.subtle.digest(name, script)).toBase64();
    const [weak, strong] = [`sha256-${await sha("SHA-256")}`, `sha384-${await sha("SHA-384")}`];
    const other = `sha384-${"A".repeat(64)}`;
    // The strongest kind decides, as in a browser.
    for (const integrity of [other, `${weak} ${other}`, "md5-abc", "nonsense"]) {
      const refused = await owner.install(await version("1.0.0", {}, { integrity }));
      assert.deepEqual([refused.status, refused.body.code], [400, "bundle.integrity_mismatch"]);
    }
    assert.deepEqual((await owner.get("/api/metacore/installations")).body, []);
    await installed(owner, await version("1.0.0", {}, { integrity: `${other} ${strong}` }));
    const missing = await version("1.1.0", {}, { integrity: weak, entry: "gone.js" });
    assert.equal((await owner.install(missing)).body.code, "bundle.integrity_mismatch");
  },
);

kernelTest(
  "However the entry is written, the manifests name an address that loads",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const written: readonly (string | undefined)[] = [
      `${FRONTEND}/remoteEntry.js`,
      "/api/addons/shop/frontend/remoteEntry.js",
      "api/metacore/addons/shop/frontend/remoteEntry.js",
      "/API/metacore/addons/shop/Frontend/remoteEntry.js",
      "remoteEntry.js",
      "./remoteEntry.js",
      "frontend/remoteEntry.js",
      undefined,
    ];
    for (const [index, entry] of written.entries()) {
      for (const [generation, format] of [[2, "federation"], [3, "federation"], [2, undefined]]) {
        // Without a format, who names no file has none.
        if (entry === undefined && format === undefined) continue;
        const number = `1.${index}.${generation === 3 ? 1 : format === undefined ? 2 : 0}`;
        const root = { key: "shop", name: "Shop", version: number };
        const frontend = { ...(entry && { entry }), ...(format && { format }) };
        const manifest = generation === 3
          ? { apiVersion: "asteby.com/v3", kind: "Addon", metadata: root, frontend }
          : { ...root, frontend };
        const script = `export const version = "${number}";`;
        const files = [["manifest.json", JSON.stringify(manifest)], [
          "frontend/remoteEntry.js",
          script,
        ]] as const;
        const install = await owner.install(await packBundle(new Map(files)));
        assert.equal(install.status, 200, JSON.stringify(install.body));
        assert.equal(install.body.manifest.frontend.entry, `${FRONTEND}/remoteEntry.js`);
        const address = await entryOf(owner);
        assert.match(
          address,
          /^\/api\/metacore\/addons\/shop\/frontend\/@[0-9a-f]{16}\//,
          String(entry),
        );
        const answer = await sendAnonymous(kernel, "GET", address);
        assert.deepEqual([answer.status, answer.body], [200, script], `${entry} ${generation}`);
        assert.match(answer.headers.get("cache-control") ?? "", /immutable/);
      }
    }
    const elsewhere = "https://cdn.example.com/remoteEntry.js";
    await installed(owner, await version("2.0.0", {}, { entry: elsewhere }));
    assert.equal(await entryOf(owner), elsewhere);
  },
);
