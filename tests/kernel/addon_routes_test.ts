/**
 * The life of an addon through the front door, as clients drive it: read the plan, apply that plan,
 * change on a revision, watch the progress, and hear from the addon's own backend.
 *
 * @module
 */

import assert from "node:assert/strict";
import { packBundle } from "../../src/bundle/mod.ts";
import { type Client, newOwner } from "../_support/client.ts";
import { kernelTest } from "../_support/kernel.ts";

const BASE = "/api/metacore/installations";

interface Version {
  readonly version: string;
  /** A setting without which it does not work. */
  readonly needs?: string;
  readonly capabilities?: readonly { readonly kind: string; readonly target: string }[];
}

async function bundle({ version, needs, capabilities = [] }: Version): Promise<Uint8Array> {
  const manifest = {
    key: "shop",
    name: "Shop",
    version,
    settings: [
      { key: "color", label: "Color", type: "string", default_value: "red" },
      { key: "token", label: "Token", type: "string", secret: true },
      ...(needs === undefined
        ? []
        : [{ key: needs, label: needs, type: "string", required: true }]),
    ],
    capabilities: [{ kind: "event:emit", target: "shop.*" }, ...capabilities],
    backend: { runtime: "webhook", url: "https://shop.example.com/hooks" },
  };
  return await packBundle(new Map([["manifest.json", JSON.stringify(manifest)]]));
}

function formOf(archive: Uint8Array, fields: Readonly<Record<string, string>> = {}): FormData {
  const form = new FormData();
  form.set("bundle", new Blob([new Uint8Array(archive)]), "shop.tgz");
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

kernelTest(
  "A plan asks for settings, and is the plan that is applied with them; without them it is told",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    for (const version of ["1.0.0", "1.1.0"]) {
      const archive = await bundle({ version, needs: `account_${version.slice(2, 3)}` });
      const { body } = await owner.send("POST", `${BASE}?plan=1`, formOf(archive));
      const [needed] = body.settings_needed;
      assert.match(needed.key, /^account_/);
      const terms = { plan_hash: body.plan_hash, settings: `{"${needed.key}":"a"}` };
      const done = await owner.send("POST", BASE, formOf(archive, terms));
      assert.equal(done.status, 200, JSON.stringify(done.body));
      assert.deepEqual(done.body.warnings ?? [], []);
    }
    const silent = await owner.send(
      "POST",
      BASE,
      formOf(await bundle({ version: "1.2.0", needs: "x" })),
    );
    assert.equal(silent.status, 200, JSON.stringify(silent.body));
    assert.deepEqual(silent.body.warnings, ['the setting "x" is required and has no value yet']);
  },
);

kernelTest(
  "What a manifest counts on and its bundle does not bring is told",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const handler = { type: "compiled" };
    const manifest = {
      apiVersion: "asteby.com/v3",
      kind: "Addon",
      metadata: { key: "shop", name: "Shop", version: "1.0.0" },
      frontend: {
        entry: "/api/metacore/addons/shop/frontend/remoteEntry.js",
        format: "federation",
      },
      contributions: {
        actions: [{ key: "rate", label: "Rate", target_model: "crm.Customer", handler }],
        tools: [{ key: "find", description: "Finds", handler }],
        subscriptions: [{ event: "crm.*", handler }],
      },
      lifecycle: {
        install: { type: "webhook", url: "https://shop.example.com/hook" },
        disable: handler,
      },
    };
    const files = new Map([["manifest.json", JSON.stringify(manifest)]]);
    const warningsOf = async () =>
      (await owner.send("POST", `${BASE}?plan=1`, formOf(await packBundle(files)))).body.warnings
        .filter((each: string) => /^the |^frontend/.test(each))
        .map((each: string) => each.split(/ calls|: /)[0]);
    const handlers = [
      'the action "rate"',
      'the tool "find"',
      'the subscription to "crm.*"',
      'the hook "disable"',
    ];
    assert.deepEqual(await warningsOf(), ["frontend.entry", ...handlers]);
    files.set("frontend/remoteEntry.js", "export {};");
    assert.deepEqual(await warningsOf(), handlers);
  },
);

kernelTest(
  "The plan that was read is the plan that is applied; new rights are accepted by name",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const first = await bundle({ version: "1.0.0" });
    const plan = await owner.send("POST", `${BASE}/shop?plan=1`, formOf(first));
    assert.equal(plan.status, 200, JSON.stringify(plan.body));
    assert.deepEqual([plan.body.operation, plan.body.obstacles], ["install", []]);
    assert.deepEqual((await owner.get(BASE)).body, []);
    const other = await owner.send("POST", BASE, formOf(first, { plan_hash: "0".repeat(64) }));
    assert.equal(other.status, 409, JSON.stringify(other.body));
    const terms = { plan_hash: plan.body.plan_hash, settings: '{"color":"blue"}' };
    const done = await owner.send("POST", BASE, formOf(first, terms));
    assert.equal(done.status, 200, JSON.stringify(done.body));
    assert.deepEqual([done.body.operation, done.body.settings.color], ["install", "blue"]);
    assert.equal(done.headers.get("etag"), `"${done.body.revision}"`);

    const capabilities = [{ kind: "http:fetch", target: "api.example.com" }];
    const second = await bundle({ version: "1.1.0", capabilities });
    const upgrade = await owner.send("POST", `${BASE}?plan=1`, formOf(second));
    assert.deepEqual(
      upgrade.body.capabilities.added.map(({ kind, target }: Record<string, string>) =>
        `${kind} ${target}`
      ),
      ["http:fetch api.example.com"],
    );
    const refused = await owner.send("PUT", `${BASE}/shop/version`, formOf(second));
    assert.ok(refused.status >= 400 && refused.status < 500, JSON.stringify(refused.body));
    const accepted = { accepted_capabilities: "http:fetch api.example.com" };
    const stale = await owner.send(
      "PUT",
      `${BASE}/shop/version`,
      formOf(second, {
        ...accepted,
        revision: String(done.body.revision + 1),
      }),
    );
    assert.equal(stale.status, 409, JSON.stringify(stale.body));
    const applied = await owner.send("PUT", `${BASE}/shop/version`, formOf(second, accepted));
    assert.deepEqual([applied.status, applied.body.version], [200, "1.1.0"]);
    assert.equal((await owner.get("/api/kernel/addons/shop")).body.data.version, "1.1.0");
  },
);

kernelTest(
  "Progress through the front door ends with what the plain answer says",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const archive = await bundle({ version: "1.0.0" });
    const install = async (headers: Record<string, string>) => {
      const response = await kernel.fetch(
        new Request(`http://kernel.test${BASE}`, {
          method: "POST",
          body: formOf(archive),
          headers: { authorization: `Bearer ${owner.token}`, ...headers },
        }),
      );
      return { type: response.headers.get("content-type"), text: await response.text() };
    };
    const { type, text } = await install({ accept: "text/event-stream" });
    assert.match(type ?? "", /^text\/event-stream/);
    const last = text.trim().split("\n\n").at(-1)!;
    assert.match(last, /^event: done\ndata: \{/);
    const body = JSON.parse(last.slice(last.indexOf("{")));
    assert.deepEqual([body.http_status, body.status, body.version], [200, "enabled", "1.0.0"]);
    const denied = await owner.send("POST", `${BASE}/shop/rollback?progress=1`);
    assert.match(denied.body, /^event: failed\ndata: .*"code":"addon\.no_previous_version"/);
  },
);

kernelTest(
  "Settings and states: both clients' shapes, on the revision that was seen",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    await owner.install(await bundle({ version: "1.0.0" }));
    const changed = await owner.send("POST", `${BASE}/shop/settings`, {
      color: "green",
      token: "x",
    });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    assert.deepEqual(changed.body.data, { color: "green" });
    assert.equal(changed.body.settings.color, "green");
    assert.deepEqual((await owner.get("/api/addons/shop/settings")).body.data, { color: "green" });
    const listed = (await owner.get(`${BASE}/shop/settings`)).body.data;
    assert.ok(!JSON.stringify(listed).includes('"x"'));
    assert.deepEqual(
      listed.map(({ key, is_set }: { key: string; is_set: boolean }) => [key, is_set]),
      [["color", true], ["token", true]],
    );
    const wrapped = { settings: { color: "blue" }, credentials: { token: "y" } };
    const unwrapped = await owner.send("POST", `${BASE}/shop/settings`, wrapped);
    assert.deepEqual([unwrapped.status, unwrapped.body.data], [200, { color: "blue" }]);
    for (const body of [{ settings: { no: 1 } }, { ...wrapped, color: "red" }, { settings: "x" }]) {
      const refused = await owner.send("POST", `${BASE}/shop/settings`, body);
      assert.deepEqual([refused.status, refused.body.code], [422, "addon.invalid_settings"]);
    }
    const { revision } = (await owner.get(`${BASE}/shop`)).body;
    const off = await owner.send("POST", `${BASE}/shop/disable`, { revision: revision - 1 });
    assert.equal(off.status, 409);
    const disabled = await owner.send("POST", `${BASE}/shop/disable`, { revision });
    assert.deepEqual([disabled.status, disabled.body.status], [200, "disabled"]);
    assert.deepEqual((await owner.get("/api/metacore/manifests")).body, []);
    assert.equal((await owner.send("POST", `${BASE}/shop/enable`)).body.status, "enabled");
    assert.equal((await owner.send("DELETE", "/api/kernel/addons/shop")).status, 200);
    assert.equal((await owner.send("GET", `${BASE}/shop`)).status, 404);
  },
);

/** Signs as an addon's backend does (contract/author.md §9). */
async function signed(
  secret: string,
  path: string,
  body: string,
  nonce = crypto.randomUUID(),
): Promise<Record<string, string>> {
  const text = new TextEncoder();
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text.encode(body))).toHex();
  const message = [timestamp, "POST", path, nonce, hash].join(".");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", text.encode(secret), algorithm, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(message))).toHex();
  return {
    "content-type": "application/json",
    "x-metacore-timestamp": timestamp,
    "x-metacore-nonce": nonce,
    "x-metacore-signature": `sha256=${mac}`,
  };
}

kernelTest(
  "A backend publishes events with its install secret, each call once",
  async ({ kernel }) => {
    const owner: Client = await newOwner(kernel);
    const { install_secret: secret, id } = (await owner.install(await bundle({ version: "1.0.0" })))
      .body;
    const path = "/api/metacore/callbacks/events";
    const body = JSON.stringify({ name: "shop.sync.done", payload: { n: 1 } });
    const post = async (headers: Record<string, string>, sent = body) => {
      const request = new Request(`http://kernel.test${path}`, {
        method: "POST",
        body: sent,
        headers: { ...headers, "x-metacore-installation-id": id },
      });
      return await (await kernel.fetch(request)).json();
    };
    const headers = await signed(secret, path, body);
    assert.deepEqual(await post(headers), { success: true });
    const replayed = await post(headers);
    assert.deepEqual([replayed.success, replayed.code], [false, "addon.call_refused"]);
    assert.equal((await post(await signed(secret, path, body), `${body} `)).code, replayed.code);
    assert.equal((await post(await signed("0".repeat(64), path, body))).code, replayed.code);
    const foreign = JSON.stringify({ name: "orders.order.created", payload: {} });
    const denied = await post(await signed(secret, path, foreign), foreign);
    assert.equal(denied.code, "access.capability_denied");

    const overlap = await owner.send("POST", `${BASE}/shop/rotate-secret`, { overlap_seconds: 60 });
    assert.equal(overlap.status, 200, JSON.stringify(overlap.body));
    const { install_secret: newer, previous_valid_until } = overlap.body;
    assert.ok(Date.parse(previous_valid_until) > Date.now());
    for (const each of [secret, newer]) {
      assert.deepEqual(await post(await signed(each, path, body)), { success: true });
    }
    const atOnce = await owner.send("POST", `${BASE}/shop/rotate-secret`);
    for (const each of [secret, newer]) {
      assert.equal((await post(await signed(each, path, body))).code, "addon.call_refused");
    }
    const { install_secret: newest } = atOnce.body;
    assert.deepEqual(await post(await signed(newest, path, body)), { success: true });
  },
);

kernelTest(
  "A guard that is misspelt is refused, and nothing is installed; names that are no guard pass",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const archive = await bundle({ version: "1.0.0" });
    const misspelt: readonly (readonly [string, Record<string, string>, string])[] = [
      ["?plann=1", {}, "plan"],
      ["?Plan=1", {}, "plan"],
      ["", { planHash: "00" }, "plan_hash"],
      ["?plan-hash=00", {}, "plan_hash"],
      ["", { "accpted_capabilities[]": "a" }, "accepted_capabilities"],
      ["", { revison: "7" }, "revision"],
    ];
    for (const [query, fields, meant] of misspelt) {
      const answer = await owner.send("POST", BASE + query, formOf(archive, fields));
      assert.equal(answer.status, 400, `${query} ${JSON.stringify(fields)}`);
      assert.match(String(answer.body.details), new RegExp(`did you mean ${meant}\\?$`));
    }
    assert.deepEqual((await owner.get(BASE)).body, []);
    const others = { agent_id: "a", agentId: "a", lang: "es", note: "x" };
    const done = await owner.send("POST", `${BASE}?lang=es&_=1&page=2`, formOf(archive, others));
    assert.equal(done.status, 200, JSON.stringify(done.body));
  },
);
