/**
 * Routes of addons' lives: what an upload may say, on which revision, with which progress; files of
 * frontends; calls of backends.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { KernelError } from "../../src/base/error.ts";
import { checkAssetPath } from "../../src/addons/assets/asset_path.ts";
import type { AddonService, InstallProgress } from "../../src/addons/addon_service.ts";
import type { AssetQuery } from "../../src/addons/assets/addon_assets.ts";
import { sha256Hex } from "../../src/bundle/digest.ts";
import { ASSET, type Bench, ORGANIZATION_ID, PLAN, TOKEN, withApp } from "./services.ts";

const BASE = "/api/metacore/installations";
const ARCHIVE = new Uint8Array([0x1f, 0x8b, 0x0d, 0x0a, 0x2d, 0x2d, 0x00, 0xff]);
const SIGNATURE = "ab".repeat(64);
const GZIP = { "content-type": "application/gzip" };

function formOf(fields: readonly (readonly [string, string | File])[]): FormData {
  const form = new FormData();
  form.set("bundle", new File([ARCHIVE], "a.tgz"));
  for (const [name, value] of fields) form.append(name, value);
  return form;
}

/** Terms as the service got them, without the listener. */
function termsOf(call: readonly unknown[]): object {
  const { onProgress, ...terms } = call.at(-1) as Record<string, unknown>;
  assert.equal(typeof onProgress, "function");
  return terms;
}

Deno.test("Install: a form's fields are the signature and the operator's terms", () =>
  withApp({}, async ({ ask, calls }) => {
    const meta = {
      algorithm: "Ed25519",
      digest: "cd".repeat(32),
      checksums: { "frontend/a.js": "ef".repeat(32) },
      key_id: "k1",
      developer_id: "d1",
      developer_name: "Ana",
      signed_at: "2026-01-01T00:00:00Z",
    };
    const body = formOf([
      ["signature", new File([`${SIGNATURE}\n`], "a.tgz.sig")],
      ["signature_meta", JSON.stringify(meta)],
      ["plan_hash", "12".repeat(32)],
      ["accepted_capabilities", "db:read orders"],
      ["accepted_capabilities", "http:fetch api.example.com"],
      ["allow_downgrade", "true"],
      ["settings", '{"color":"red"}'],
      ["revision", "7"],
      ["selected_tools", "x"],
    ]);
    const answer = await ask(`${BASE}/tickets`, { method: "POST", body });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("etag"), '"3"');
    const { warnings } = await answer.json();
    assert.deepEqual(warnings, [
      "hooks are not run",
      "selected_tools has no effect on this server",
    ]);
    assert.deepEqual(calls[0]![2], {
      archive: ARCHIVE,
      expectedKey: "tickets",
      signature: {
        value: SIGNATURE,
        algorithm: "Ed25519",
        digest: "cd".repeat(32),
        keyId: "k1",
        signedAt: "2026-01-01T00:00:00Z",
        checksums: meta.checksums,
        developer: { id: "d1", name: "Ana" },
      },
    });
    assert.deepEqual(termsOf(calls[0]!), {
      planHash: "12".repeat(32),
      acceptedCapabilities: ["db:read orders", "http:fetch api.example.com"],
      downgrade: "allow",
      revision: 7,
      settings: { color: "red" },
    });
  }));

Deno.test("Install: the archive as the body, the rest in headers and query; a wrong checksum is refused", () =>
  withApp({}, async ({ ask, calls }) => {
    const checksum = await sha256Hex(ARCHIVE);
    const post = (query: string, headers: Record<string, string>) =>
      ask(`${BASE}${query}`, { method: "POST", body: ARCHIVE, headers: { ...GZIP, ...headers } });
    for (const name of ["X-Metacore-Bundle-Signature", "X-Asteby-Marketplace-Signature"]) {
      const headers = { [name]: SIGNATURE, "X-Bundle-Checksum": `sha256:${checksum}` };
      assert.equal((await post("", headers)).status, 200);
      assert.deepEqual(calls.pop()![2], {
        archive: ARCHIVE,
        signature: { value: SIGNATURE, digest: checksum },
      });
    }
    const query = `?signature=${SIGNATURE}&accepted_capabilities=all&plan_hash=p`;
    assert.equal((await post(query, { "If-Match": 'W/"9"' })).status, 200);
    assert.deepEqual(termsOf(calls.pop()!), {
      planHash: "p",
      acceptedCapabilities: "all",
      revision: 9,
    });
    const wrong = await post("", { "X-Bundle-Checksum": "00".repeat(32) });
    assert.equal((await wrong.json()).code, "http.checksum_mismatch");
    assert.equal(calls.length, 0);
  }));

Deno.test("Install: JSON or nothing installs what is on offer; credentials are settings", () =>
  withApp({}, async ({ ask, send, calls }) => {
    const body = {
      agent_id: "a1",
      credentials: { api_key: "s" },
      settings: { color: "red" },
      selected_tools: [],
      version: "2.0.0",
      accepted_capabilities: [],
    };
    const answer = await send("POST", `${BASE}/tickets`, body);
    const { source, warnings } = await answer.json();
    assert.equal(source, "registered");
    assert.equal(warnings.at(-1), "agent_id has no effect on this server");
    const [name, , key, version] = calls[0]!;
    assert.deepEqual([name, key, version], ["installRegistered", "tickets", "2.0.0"]);
    assert.deepEqual(termsOf(calls[0]!), {
      acceptedCapabilities: [],
      settings: { color: "red", api_key: "s" },
    });
    await ask(`${BASE}/tickets`, { method: "POST" });
    assert.deepEqual(termsOf(calls[1]!), {});
    const put = await send("PUT", `${BASE}/tickets/version`, {
      version: "3.0.0",
      accepted_capabilities: "all",
    });
    assert.equal(put.status, 200);
    assert.deepEqual(calls.slice(2).map(([each]) => each), ["installation", "installRegistered"]);
    assert.deepEqual(termsOf(calls[3]!), { acceptedCapabilities: "all" });
  }));

const UNCLEAR: readonly (readonly [string, string])[] = [
  ["allow_downgrade", "maybe"],
  ["revision", "latest"],
  ["revision", "-1"],
  ["settings", "[1]"],
  ["settings", "{"],
  ["accepted_capabilities", "[1]"],
  ["signature_meta", '{"key_id":"k"}'],
  ["signature_meta", '{"value":1}'],
  ["signature_meta", '{"value":"a","checksums":{"a":1}}'],
];

Deno.test("Install: a term that is not understood is refused, never left out", () =>
  withApp({}, async ({ ask, calls }) => {
    for (const [name, value] of UNCLEAR) {
      const answer = await ask(BASE, { method: "POST", body: formOf([[name, value]]) });
      assert.equal(answer.status, 400, `${name}=${value}`);
    }
    const bare = await ask(`${BASE}?plan=yes`, { method: "POST", body: formOf([]) });
    assert.equal(bare.status, 400);
    assert.equal(calls.length, 0);
  }));

Deno.test("Plans: bare, of every way in, and nothing is installed", () =>
  withApp({}, async ({ ask, calls }) => {
    const paths = [`${BASE}?plan=1`, `${BASE}/tickets?plan=true`];
    for (const path of paths) {
      const answer = await ask(path, { method: "POST", body: formOf([]) });
      assert.deepEqual(await answer.json(), PLAN);
    }
    await ask(`${BASE}/tickets?plan=1&version=2.0.0`, { method: "POST" });
    await ask(`${BASE}/tickets/version?plan=1`, { method: "PUT", body: formOf([]) });
    await ask(`${BASE}/tickets/rollback?plan=1`, { method: "POST" });
    assert.deepEqual(
      calls.map(([name, , ...rest]) => [name, ...rest]),
      [
        ["plan", { archive: ARCHIVE }],
        ["plan", { archive: ARCHIVE, expectedKey: "tickets" }],
        ["planRegistered", "tickets", "2.0.0"],
        ["installation", "tickets"],
        ["plan", { archive: ARCHIVE, expectedKey: "tickets" }],
        ["planRollback", "tickets"],
      ],
    );
  }));

Deno.test("Changes of state name the revision they were decided on: header, query or body", () =>
  withApp({}, async ({ ask, send, calls }) => {
    await ask(`${BASE}/tickets/enable`, { method: "POST", headers: { "if-match": '"5"' } });
    await ask(`${BASE}/tickets/disable?revision=6`, { method: "POST" });
    await send("POST", `${BASE}/tickets/enable`, { revision: 7 });
    await ask(`${BASE}/tickets?drop=1`, { method: "DELETE", headers: { "if-match": "*" } });
    await ask(`${BASE}/tickets/rollback`, { method: "POST", headers: { "if-match": '"8"' } });
    assert.deepEqual(calls.slice(0, 4).map(([name, , ...rest]) => [name, ...rest]), [
      ["enable", "tickets", { revision: 5 }],
      ["disable", "tickets", { revision: 6 }],
      ["enable", "tickets", { revision: 7 }],
      ["uninstall", "tickets", "drop", {}],
    ]);
    assert.deepEqual(termsOf(calls[4]!), { revision: 8 });
    const unclear = await ask(`${BASE}/tickets/enable`, {
      method: "POST",
      headers: { "if-match": '"x"' },
    });
    assert.equal((await unclear.json()).code, "http.invalid_revision");
    // A change that has begun is not told that its client has gone.
    for (const [, caller] of calls) assert.equal("signal" in (caller as object), false);
  }));

Deno.test("The install secret is rotated with an overlap of a week at most", () =>
  withApp({}, async ({ send, calls }) => {
    const rotate = (body: unknown) => send("POST", `${BASE}/tickets/rotate-secret`, body);
    assert.equal((await rotate({ overlap_seconds: 604_800 })).status, 200);
    assert.deepEqual(calls[0]!.slice(2), ["tickets", 604_800]);
    for (const seconds of [-1, 1.5, "60", 604_801]) {
      assert.equal((await rotate({ overlap_seconds: seconds })).status, 400);
    }
    assert.equal(calls.length, 1);
  }));

/** An event of a stream. */
interface Sent {
  readonly event: string;
  // Events carry bodies of every shape.
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

function eventsOf(text: string): Sent[] {
  return text.split("\n\n").filter((block) => block.startsWith("event:")).map((block) => {
    const [event, data] = block.split("\n");
    return { event: event!.slice(7), data: JSON.parse(data!.slice(6)) };
  });
}

type Install = AddonService["install"];
type OnProgress = (progress: InstallProgress) => void;

const EVENTS = { accept: "text/event-stream" };

function installing(work: (tell: OnProgress) => Promise<void>): {
  readonly addons: { readonly install: Install };
} {
  return {
    addons: {
      install: async (_caller, _offer, terms) => {
        await work(terms!.onProgress!);
        throw new KernelError({ code: "addon.test", kind: "conflict", message: "no" });
      },
    },
  };
}

Deno.test("Progress: a quick install is only told at its end, with the plain answer's body", () =>
  withApp({}, async ({ ask }) => {
    const plain = await (await ask(BASE, { method: "POST", body: formOf([]) })).json();
    for (const asked of [{ headers: EVENTS }, { query: "?progress=1" }]) {
      const { headers = {}, query = "" } = asked as { headers?: HeadersInit; query?: string };
      const answer = await ask(`${BASE}${query}`, { method: "POST", body: formOf([]), headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("content-type"), "text/event-stream; charset=utf-8");
      assert.match(answer.headers.get("cache-control") ?? "", /no-transform/);
      assert.deepEqual(eventsOf(await answer.text()), [
        { event: "done", data: { ...plain, http_status: 200 } },
      ]);
    }
  }));

Deno.test("Progress: from the second second on, where it stands, then the failure's envelope", () => {
  const isTold = Promise.withResolvers<void>();
  const work = async (tell: OnProgress) => {
    tell({ station: "verify" });
    tell({ station: "migrate", detail: "1 of 2" });
    await isTold.promise;
    tell({ station: "commit" });
  };
  return withApp(installing(work), async ({ ask }) => {
    const startMs = performance.now();
    const answer = await ask(BASE, { method: "POST", body: formOf([]), headers: EVENTS });
    let text = "";
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      if (text === "") assert.ok(performance.now() - startMs >= 990);
      text += chunk;
      isTold.resolve();
    }
    const events = eventsOf(text);
    assert.deepEqual(events.map(({ event, data }) => [event, data.station ?? data.code]), [
      ["progress", "migrate"],
      ["progress", "commit"],
      ["failed", "addon.test"],
    ]);
    const [first, , failed] = events;
    assert.equal(first!.data.detail, "1 of 2");
    assert.ok(first!.data.elapsed_ms >= 990, String(first!.data.elapsed_ms));
    assert.deepEqual([failed!.data.success, failed!.data.http_status], [false, 409]);
  });
});

Deno.test("Progress: the install goes on when nobody listens, and a stopping server waits for it", async () => {
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  let isOver = false;
  const work = async () => {
    begun.resolve();
    await goOn.promise;
    isOver = true;
  };
  await withApp({ ...installing(work), limits: { concurrentUploads: 1 } }, async (bench: Bench) => {
    const { app, ask } = bench;
    const answer = await ask(BASE, { method: "POST", body: formOf([]), headers: EVENTS });
    await begun.promise;
    await answer.body!.cancel();
    // Its upload is still in memory.
    assert.equal((await ask(BASE, { method: "POST", body: formOf([]) })).status, 503);
    let isDrained = false;
    const drained = app.drain().then(() => isDrained = true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual([isOver, isDrained], [false, false]);
    goOn.resolve();
    await drained;
    assert.equal(isOver, true);
  });
});

Deno.test("Progress: who may not install is refused as always, before any stream", () => {
  const denied = () =>
    Promise.reject(
      new KernelError({ code: "access.denied", kind: "forbidden", message: "no" }),
    );
  return withApp({ addons: { checkInstall: denied } }, async ({ ask, calls }) => {
    const answer = await ask(BASE, { method: "POST", body: formOf([]), headers: EVENTS });
    assert.equal(answer.status, 403);
    assert.equal(calls.length, 0);
  });
});

const FRONTEND = "/api/metacore/addons/tickets/frontend";
const DIGEST = "0123456789abcdef";

/** Asks without a token. */
function anonymous({ app }: Bench, path: string, init: RequestInit = {}): Promise<Response> {
  return app.fetch(new Request(`http://kernel.test${path}`, init));
}

Deno.test("Assets: bytes without a token, their type, entity tag and rights of other origins", () =>
  withApp({ cors: { origins: ["https://app.example.com"] } }, async (bench) => {
    for (const path of [`${FRONTEND}/remoteEntry.js`, "/api/addons/tickets/frontend/a/b.js"]) {
      const answer = await anonymous(bench, path, { headers: { origin: "https://x.test" } });
      assert.equal(answer.status, 200);
      assert.equal(await answer.text(), "export{}");
      const headers = Object.fromEntries(answer.headers);
      assert.equal(headers["content-type"], "application/javascript");
      assert.equal(headers["cache-control"], "no-cache");
      assert.equal(headers["etag"], `"${"ab".repeat(16)}"`);
      assert.equal(headers["access-control-allow-origin"], "*");
      assert.equal(headers["cross-origin-resource-policy"], "cross-origin");
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["content-length"], "8");
      assert.equal("access-control-allow-credentials" in headers, false);
    }
    const found = bench.calls.map(([, query]) => query as AssetQuery);
    assert.deepEqual(found, [
      { addonKey: "tickets", path: "remoteEntry.js" },
      { addonKey: "tickets", path: "a/b.js" },
    ]);
  }));

Deno.test("Assets: what a browser has is not sent again; HEAD has no body; OPTIONS permits", () => {
  let reads = 0;
  const read = () => {
    reads++;
    return ASSET.read();
  };
  const find = ({ path }: AssetQuery) => {
    checkAssetPath(path);
    return Promise.resolve({ ...ASSET, read });
  };
  return withApp({ assets: { find } }, async (bench) => {
    const path = `${FRONTEND}/remoteEntry.js`;
    const etag = (await anonymous(bench, path)).headers.get("etag")!;
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const same = await anonymous(bench, path, { headers: { "if-none-match": tag } });
      assert.equal(same.status, 304, tag);
      assert.equal(same.headers.get("etag"), etag);
      assert.equal(same.body, null);
    }
    const head = await anonymous(bench, path, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("content-length")], [200, "8"]);
    assert.equal(await head.text(), "");
    assert.equal(reads, 1);
    const options = await anonymous(bench, path, {
      method: "OPTIONS",
      headers: { origin: "https://x.test", "access-control-request-method": "GET" },
    });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get("access-control-allow-origin"), "*");
    assert.equal(options.headers.get("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    const post = await anonymous(bench, path, { method: "POST" });
    assert.equal(post.status, 405);
    // A page elsewhere can tell "not there" from a broken network.
    const missing = await anonymous(bench, FRONTEND, { headers: { origin: "https://x.test" } });
    assert.equal(missing.status, 400);
    assert.equal(missing.headers.get("access-control-allow-origin"), "*");
  });
});

Deno.test("Assets: the version an address, a token, a query or a referrer names", () =>
  withApp({}, async (bench) => {
    const { calls } = bench;
    const asked = async (path: string, headers: HeadersInit = {}) => {
      await (await anonymous(bench, path, { headers })).body?.cancel();
      const { addonKey: _key, ...query } = calls.at(-1)![1] as AssetQuery;
      return query;
    };
    const path = "assets/a.js";
    assert.deepEqual(await asked(`${FRONTEND}/@${DIGEST}/assets/a.js`), {
      path,
      digestPrefix: DIGEST,
    });
    // Any other folder that begins so is a folder.
    assert.deepEqual(await asked(`${FRONTEND}/@scope/a.js`), { path: "@scope/a.js" });
    const own = { path, organizationId: ORGANIZATION_ID };
    assert.deepEqual(
      await asked(`${FRONTEND}/${path}`, { authorization: `Bearer ${TOKEN}` }),
      own,
    );
    assert.deepEqual(await asked(`${FRONTEND}/${path}?token=${TOKEN}&v=01234567`), own);
    assert.deepEqual(await asked(`${FRONTEND}/${path}?token=old&v=01234567`), {
      path,
      digestPrefix: "01234567",
    });
    assert.deepEqual(await asked(`${FRONTEND}/${path}?v=1.0.0`), { path });
    // However many digits a query has, its address is not one that never changes.
    const { digestPrefix } = await asked(`${FRONTEND}/${path}?v=${DIGEST}${DIGEST}`);
    assert.equal(digestPrefix, DIGEST.slice(0, 15));
    const referer = `http://kernel.test${FRONTEND}/@${DIGEST}/remoteEntry.js`;
    assert.deepEqual(await asked(`${FRONTEND}/${path}`, { referer }), {
      path,
      digestPrefix: DIGEST.slice(0, 15),
    });
    const other = referer.replace("tickets", "orders");
    assert.deepEqual(await asked(`${FRONTEND}/${path}`, { referer: other }), { path });
  }));

Deno.test("Assets: kept for ever only under a version; pages of an addon's own run no script", async () => {
  const cacheOf = async (path: string) => {
    let header: string | null = "";
    const immutable = path.startsWith("@");
    const find = () => Promise.resolve({ ...ASSET, immutable });
    await withApp({ assets: { find } }, async (bench) => {
      const answer = await anonymous(bench, `${FRONTEND}/${path}`);
      header = answer.headers.get("cache-control");
      const vary = answer.headers.get("vary");
      assert.equal(vary, immutable ? null : "Authorization, Referer");
      await answer.body?.cancel();
    });
    return header;
  };
  const forever = "public, max-age=31536000, immutable";
  assert.equal(await cacheOf(`@${DIGEST}/remoteEntry.js`), forever);
  assert.equal(await cacheOf("assets/index-BX3dk_91.js"), "public, max-age=300");
  assert.equal(await cacheOf("assets/main.3f9a0c1d.chunk.css"), "public, max-age=300");
  for (const path of ["remoteEntry.js", "index.html", "some-component.js", "jquery.min.js"]) {
    assert.equal(await cacheOf(path), "no-cache", path);
  }
  for (const contentType of ["text/html; charset=utf-8", "image/svg+xml", "application/xml"]) {
    const find = () => Promise.resolve({ ...ASSET, contentType });
    await withApp({ assets: { find } }, async (bench) => {
      const answer = await anonymous(bench, `${FRONTEND}/@${DIGEST}/index.html`);
      const policy = answer.headers.get("content-security-policy") ?? "";
      assert.match(policy, /^sandbox; default-src 'none'/);
      assert.doesNotMatch(policy, /script|allow-/);
      await answer.body?.cancel();
    });
  }
});

/** Checks paths as the service does, and finds nothing. */
const CHECKING = {
  find: (query: AssetQuery) => {
    checkAssetPath(query.path);
    return Promise.resolve(ASSET);
  },
};

/** Sends a request line as it is: clients of the platform put paths in order before they send them. */
async function rawStatus(port: number, path: string): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = `GET ${path} HTTP/1.1\r\nHost: kernel.test\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head));
  const buffer = new Uint8Array(64);
  const length = await connection.read(buffer) ?? 0;
  return Number(new TextDecoder().decode(buffer.subarray(0, length)).split(" ")[1]);
}

Deno.test("Assets: no spelling of a path leads out of the frontend", () =>
  withApp({ assets: CHECKING }, async ({ app }) => {
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      (request) => app.fetch(request),
    );
    const { port } = server.addr;
    try {
      assert.equal(await rawStatus(port, `${FRONTEND}/assets/a.js`), 200);
      for (const path of ESCAPES) {
        const status = await rawStatus(port, `${FRONTEND}/${path}`);
        assert.ok(status === 400 || status === 404, `${path} was answered ${status}`);
      }
      const dots = fc.constantFrom(
        "..",
        "%2e%2e",
        ".%2E",
        "%252e%252e",
        "%25252e.",
        "..%20",
        "..;",
      );
      const slash = fc.constantFrom("/", "%2f", "%5c", "\\", "%252f", "//");
      const climbing = fc.array(fc.tuple(dots, slash), { minLength: 1, maxLength: 4 }).map((
        steps,
      ) => steps.flat().join(""));
      await fc.assert(
        fc.asyncProperty(climbing, async (climb) => {
          const status = await rawStatus(port, `${FRONTEND}/a/${climb}manifest.json`);
          assert.ok(status === 400 || status === 404, `${climb}: ${status}`);
        }),
        { numRuns: 60 },
      );
    } finally {
      await server.shutdown();
    }
  }));

const ESCAPES: readonly string[] = [
  "",
  "/",
  "../manifest.json",
  "%2e%2e/manifest.json",
  "%2e%2e%2fmanifest.json",
  "%252e%252e%252fmanifest.json",
  "..%5cmanifest.json",
  "..\\manifest.json",
  "%2fetc/passwd",
  "/etc/passwd",
  "c%3a/windows",
  "a/./b.js",
  "a//b.js",
  "a/",
  "a%00.js",
  "a%0a.js",
  "a.js%20",
  "a.",
  `@${DIGEST}/../remoteEntry.js`,
  `@${DIGEST}`,
  `@${DIGEST}/`,
  "a".repeat(300),
  "%E2%80%AE.js",
];

Deno.test("Callbacks: verified as received, before the body is looked at", () =>
  withApp({}, async (bench) => {
    const { calls } = bench;
    const id = "0190a000-0000-7000-8000-00000000000d";
    const post = (body: string, installation: string | undefined = id) =>
      anonymous(bench, "/api/metacore/callbacks/events?a=%20b", {
        method: "POST",
        body,
        headers: installation === undefined ? {} : { "X-Metacore-Installation-ID": installation },
      });
    const event = '{"name":"tickets.sync.done","payload":{"n":1}}';
    assert.equal((await post(event)).status, 200);
    const [[, call], [, ...published]] = calls as [[string, object], [string, ...unknown[]]];
    const { headers: _headers, ...seen } = call as { headers: Headers };
    assert.deepEqual(seen, {
      installationId: id,
      method: "POST",
      path: "/api/metacore/callbacks/events?a=%20b",
      body: new TextEncoder().encode(event),
    });
    const sender = { organizationId: ORGANIZATION_ID, addonKey: "tickets" };
    assert.deepEqual(published, [sender, "tickets.sync.done", { n: 1 }, "request-1"]);
    for (const body of ["[]", "{", '{"payload":1}', '{"name":""}']) {
      assert.equal((await post(body)).status, 400, body);
      assert.equal(calls.at(-1)![0], "verifyCall");
    }
    assert.equal((await post(event, "")).status, 401);
    assert.equal((await post("x".repeat(512 * 1024 + 1))).status, 413);
  }));

Deno.test("Callbacks: an unsigned body is never parsed", () => {
  const refused = new KernelError({
    code: "addon.call_refused",
    kind: "unauthenticated",
    message: "refused",
  });
  const verify = () => Promise.reject(refused);
  return withApp({ signedCalls: { verify } }, async (bench) => {
    const answer = await anonymous(bench, "/api/metacore/callbacks/events", {
      method: "POST",
      body: "{",
      headers: { "X-Metacore-Installation-ID": ORGANIZATION_ID },
    });
    assert.equal((await answer.json()).code, "addon.call_refused");
    assert.equal(bench.calls.length, 0);
  });
});

Deno.test("Marketplace: a wish that failed is 422 with its row; one that came is 201 with its secret", async () => {
  const request = {
    id: ORGANIZATION_ID,
    organization_id: ORGANIZATION_ID,
    addon_key: "tickets",
    name: "",
    category: "",
    version: "latest",
    bundle_url: "https://hub.test/a.tgz",
    status: "failed" as const,
    error_message: "the place that bundleURL names answered 404: gone",
    requested_by_id: null,
    requested_at: "2026-01-01T00:00:00Z",
    completed_at: "2026-01-01T00:00:01Z",
  };
  const install = () => Promise.resolve({ request });
  await withApp({ marketplace: { install } }, async ({ send }) => {
    const answer = await send("POST", "/api/marketplace/install", { addonKey: "tickets" });
    assert.equal(answer.status, 422);
    const { success, message, data } = await answer.json();
    assert.deepEqual([success, message, data.status], [false, request.error_message, "failed"]);
    assert.equal("name" in data, false);
  });
  await withApp({}, async ({ send, calls }) => {
    for (const body of [{}, { addonKey: "" }, { addonKey: null }]) {
      const answer = await send("POST", "/api/marketplace/install", body);
      assert.deepEqual([answer.status, (await answer.json()).message], [
        400,
        "addonKey is required",
      ]);
    }
    const wish = { addonKey: "tickets", version: "1.0.0", bundleURL: "https://h/x", extra: 1 };
    await send("POST", "/api/marketplace/install", { ...wish, accepted_capabilities: "all" });
    const { extra: _extra, ...known } = wish;
    assert.deepEqual(calls[0]![2], { ...known, terms: { acceptedCapabilities: "all" } });
    const claim = await send("POST", "/api/kernel/addons/claim", { token: "t" });
    assert.deepEqual([claim.status, (await claim.json()).code], [501, "http.claim_unsupported"]);
  });
});
