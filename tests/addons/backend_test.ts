import assert from "node:assert/strict";
import { createBackendCaller } from "../../src/addons/backend/caller.ts";
import type { BackendCall, SignedCall } from "../../src/addons/backend/backend.ts";
import { createBackendEvents } from "../../src/addons/backend/events.ts";
import { namedHosts } from "../../src/addons/backend/named_hosts.ts";
import {
  firstSignature,
  preimageOf,
  secondSignature,
  type SignedParts,
} from "../../src/addons/backend/signature.ts";
import { createSignedCallVerifier } from "../../src/addons/backend/verifier.ts";
import { declaredCapabilities } from "../../src/addons/plan/capabilities.ts";
import { systemCaller } from "../../src/base/caller.ts";
import type { KernelError } from "../../src/base/error.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { hmacSha256 } from "../../src/base/secret.ts";
import { parseManifest } from "../../src/bundle/manifest/parse.ts";
import type { Database } from "../../src/db/database.ts";
import { openDatabase } from "../../src/db/open.ts";
import { createEgress } from "../../src/egress/create_egress.ts";
import type { Egress, EgressRequest, EgressResponse } from "../../src/egress/egress.ts";
import type { EgressLimits } from "../../src/egress/quota.ts";
import { createLogger, silentLogger } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";
import type { Kernel } from "../../mod.ts";
import { addonBundle, fixtureModule } from "../_support/addon.ts";
import { newOwner } from "../_support/client.ts";
import { engines, engineTest, openTestDatabase } from "../_support/engines.ts";
import { startKernel, testPlace } from "../_support/kernel.ts";
import { makeHostWorld } from "./host_world.ts";
import {
  type Installed,
  MASTER_KEY,
  NOW_MS,
  ORG,
  OTHER_ORG,
  processOn,
  putInstallation,
} from "./installation_rows.ts";

const UTF8 = new TextEncoder();
const SECRET = "ab".repeat(32);
const NONCE = "00000000-0000-4000-8000-000000000001";
const INSTALLATION = "0193a000-0000-7000-8000-0000000000f1";

function parts(change: Partial<SignedParts> = {}): SignedParts {
  return {
    installationId: INSTALLATION,
    timestamp: "1795219578",
    nonce: NONCE,
    method: "POST",
    path: "/hook?x=1",
    body: UTF8.encode('{"a":1}'),
    ...change,
  };
}

function coded(code: string, text = "") {
  return (thrown: KernelError) => {
    assert.equal(thrown.code, code, thrown.message);
    assert.ok(thrown.message.includes(text), thrown.message);
    return true;
  };
}

Deno.test("signed calls: the first form is the contract's, golden vector", () => {
  assert.equal(
    firstSignature(SECRET, parts()),
    "sha256=df7932030392c80d535a6eb00bf98d38483fa01537b153e7b45fc7bfce55bcba",
  );
  // Decoded path, raw query, no question mark before nothing, `/` for nothing.
  const message = (path: string) =>
    `sha256=${
      hmacSha256(
        SECRET,
        UTF8.encode(
          `1795219578.POST.${path}.${NONCE}.015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862`,
        ),
      ).toHex()
    }`;
  assert.equal(firstSignature(SECRET, parts({ path: "/a%20%C3%B1?q=%20" })), message("/a ñ?q=%20"));
  assert.equal(firstSignature(SECRET, parts({ path: "/a?" })), message("/a"));
  assert.equal(firstSignature(SECRET, parts({ path: "/50%?b" })), message("/50%?b"));
  assert.equal(firstSignature(SECRET, parts({ path: "" })), message("/"));
});

Deno.test("signed calls: the second form measures every part, golden vector", () => {
  const preimage = preimageOf(parts());
  const expected = [
    ["0000001746d65746163", "metacore-signed-call-v2"],
    ["", INSTALLATION],
    ["", "1795219578"],
    ["", NONCE],
    ["", "POST"],
    ["", "/hook?x=1"],
  ].map(([, text]) => {
    const bytes = UTF8.encode(text);
    return bytes.length.toString(16).padStart(8, "0") + bytes.toHex();
  }).join("") + "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
  assert.equal(preimage.toHex(), expected);
  assert.equal(secondSignature(SECRET, parts()), `v2=${hmacSha256(SECRET, preimage).toHex()}`);
});

/** A process with a caller whose requests go nowhere. */
function callerOn(database: Database) {
  const process = processOn(database);
  const requests: EgressRequest[] = [];
  const metrics = createMetrics();
  const lines: string[] = [];
  const answer: { make: (request: EgressRequest) => EgressResponse } = {
    make: () => ({
      status: 200,
      headers: [["content-type", "application/json"]],
      body: UTF8.encode("{}"),
      truncated: false,
    }),
  };
  const checked: string[] = [];
  const backend = createBackendCaller({
    egress: {
      fetch: (request) => {
        const { host } = new URL(request.url);
        if (!request.isAllowed(host)) throw new Error(`not allowed: ${host}`);
        requests.push(request);
        return Promise.resolve(answer.make(request));
      },
      close: () => Promise.resolve(),
    },
    enforcer: {
      mode: "enforce",
      setMode: () => Promise.resolve(),
      check: ({ capabilities }, kind, target) => {
        checked.push(`${kind} ${target}`);
        return capabilities.allows(kind, target);
      },
    },
    masterKey: MASTER_KEY,
    clock: process.clock,
    logger: createLogger({ level: "debug", sink: (line) => void lines.push(line), nowMs: () => 0 }),
    metrics,
    nonce: () => NONCE,
  });
  const call = async (change: Partial<BackendCall> & { readonly url: string }) =>
    await backend.call({
      caller: systemCaller(ORG, "request-1"),
      installation: await process.catalog.enabled(ORG, "tickets"),
      ...change,
    });
  return { ...process, backend, call, requests, metrics, lines, checked, answer };
}

function headersOf(request: EgressRequest | undefined): Headers {
  return new Headers(request?.headers.map(([name, value]): [string, string] => [name, value]));
}

const MANIFEST: JsonObject = {
  backend: { runtime: "webhook", url: "https://backend.example.com/api/" },
  capabilities: [{ kind: "http:fetch", target: "*.slack.com" }],
};

engineTest("signed calls: what goes out is signed in both forms, and says for whom", async (t) => {
  const { id, secret } = await putInstallation(t.database, { manifest: MANIFEST });
  const world = callerOn(t.database);
  const answer = await world.call({
    url: "hook?x=1",
    body: { a: 1 },
    event: "tickets::resolve",
    headers: {
      "X-Metacore-Invocation": "action",
      "x-metacore-tenant": "somebody else",
      "X-Metacore-Signature-Previous": "sha256=forged",
    },
    caller: {
      kind: "user",
      userId: "0193a000-0000-7000-8000-0000000000e1",
      role: "agent",
      organizationId: ORG,
      requestId: "r",
    },
  });
  assert.deepEqual(
    [answer.status, answer.contentType, answer.truncated],
    [200, "application/json", false],
  );
  const [request] = world.requests;
  assert.equal(request?.url, "https://backend.example.com/api/hook?x=1");
  assert.equal(request.maxRedirects, 0);
  assert.equal(request.timeoutMs, 15_000);
  assert.equal(request.maxResponseBytes, 1_048_576);
  const signed = parts({ installationId: id, path: "/api/hook?x=1" });
  assert.deepEqual(Object.fromEntries(headersOf(request)), {
    "content-type": "application/json",
    "x-metacore-event": "tickets::resolve",
    "x-metacore-host": "metacore",
    "x-metacore-installation-id": id,
    "x-metacore-invocation": "action",
    "x-metacore-nonce": NONCE,
    "x-metacore-signature": firstSignature(secret, signed),
    "x-metacore-signature-v2": secondSignature(secret, signed),
    "x-metacore-tenant": ORG,
    "x-metacore-timestamp": "1795219578",
    "x-metacore-user-id": "0193a000-0000-7000-8000-0000000000e1",
  });
  assert.match(world.metrics.text(), /metacore_backend_calls_total\{.*outcome="ok"\} 1/);
  assert.match(world.lines.join(""), /metacore\.webhook dispatch/);
  assert.doesNotMatch(world.lines.join(""), /\/api|x=1/, "neither path nor query is logged");
  assert.deepEqual(world.checked, [], "the manifest itself names the host");
});

engineTest("signed calls: during an overlap both secrets sign, and both are taken", async (t) => {
  const { id, secret } = await putInstallation(t.database, { manifest: MANIFEST });
  const world = callerOn(t.database);
  const rotated = await world.settings.rotateSecret(systemCaller(ORG), "tickets", 3600);
  assert.match(rotated.install_secret, /^[0-9a-f]{64}$/);
  assert.equal(rotated.previous_valid_until, new Date(NOW_MS + 3_600_000).toISOString());
  await world.call({ url: "/hook", method: "get" });
  const signed = parts({
    installationId: id,
    method: "GET",
    path: "/api/hook",
    body: new Uint8Array(),
  });
  const headers = headersOf(world.requests[0]);
  assert.equal(
    headers.get("x-metacore-signature"),
    firstSignature(rotated.install_secret, signed),
    "the first form has the new secret",
  );
  assert.equal(headers.get("x-metacore-signature-previous"), firstSignature(secret, signed));
  assert.equal(
    headers.get("x-metacore-signature-v2"),
    `${secondSignature(rotated.install_secret, signed)},${secondSignature(secret, signed)}`,
  );
  const verifier = verifierOn(t.database, world);
  await verifier.verify(incoming(id, secret, { nonce: nonce(1) }));
  await verifier.verify(incoming(id, rotated.install_secret, { nonce: nonce(2) }));
  world.clock.ms += 3_600_001;
  const late = { timestamp: String(Math.floor(world.clock.ms / 1000)) };
  await assert.rejects(
    verifier.verify(incoming(id, secret, { nonce: nonce(3), ...late })),
    coded("addon.call_refused"),
  );
  await verifier.verify(incoming(id, rotated.install_secret, { nonce: nonce(3), ...late }));
  await world.call({ url: "/hook" });
  assert.equal(headersOf(world.requests[1]).get("x-metacore-signature-previous"), null);
});

engineTest("signed calls: without a secret, or with another's, nothing goes out", async (t) => {
  const { id } = await putInstallation(t.database, { manifest: MANIFEST, secret: "none" });
  const world = callerOn(t.database);
  await assert.rejects(world.call({ url: "/hook" }), coded("addon.backend_refused", "no secret"));
  const other = await putInstallation(t.database, { organizationId: OTHER_ORG });
  const row = await t.database.kysely.selectFrom("installations").select("secret_enc")
    .where("id", "=", other.id).executeTakeFirstOrThrow();
  await t.database.kysely.updateTable("installations").set(row).where("id", "=", id).execute();
  await assert.rejects(
    callerOn(t.database).call({ url: "/hook" }),
    coded("kernel.secret_unreadable"),
  );
  assert.equal(world.requests.length, 0);
});

engineTest("signed calls: only hosts that the manifest or a capability names", async (t) => {
  await putInstallation(t.database, {
    manifest: {
      ...MANIFEST,
      hooks: { "tickets::close": "http://ops:8080/close" },
      tools: [
        { id: "send", name: "Send", description: "Sends", endpoint: "https://{{host}}/x" },
        { id: "get", name: "Get", description: "G", endpoint: "https://api.example.com/{{id}}" },
        { id: "post", name: "Post", description: "Posts", endpoint: "{{hook_url}}" },
      ],
    },
  });
  const world = callerOn(t.database);
  const url = async (address: string, values: Record<string, string> = {}) => {
    await world.call({ url: address, placeholders: new Map(Object.entries(values)) });
    return world.requests.at(-1)?.url;
  };
  assert.equal(await url("http://ops:8080/close"), "http://ops:8080/close");
  assert.equal(
    await url("https://api.example.com/{{ id }}", { id: "a/b?c" }),
    "https://api.example.com/a%2Fb%3Fc",
  );
  assert.equal(
    await url("{{hook_url}}", { hook_url: "https://hooks.slack.com/services/T/{{x}}?a=b#c" }),
    "https://hooks.slack.com/services/T/%7B%7Bx%7D%7D?a=b",
  );
  assert.deepEqual(world.checked, ["http:fetch hooks.slack.com"]);
  const refused: readonly (readonly [string, string, Record<string, string>?])[] = [
    ["{{hook_url}}", "{{hook_url}}"],
    ["{{hook_url}}", "no http or https", { hook_url: "ftp://hooks.slack.com/" }],
    ["{{hook_url}}", "no http or https", { hook_url: "https://u:p@hooks.slack.com/" }],
    ["{{hook_url}}", "no http or https", { hook_url: "/relative" }],
    ["https://{{host}}/x", "outside of path and query", { host: "api.example.com" }],
    ["https://api.{{host}}/x", "outside of path and query", { host: "example.com" }],
    ["https://{{user}}@api.example.com/", "no http or https", { user: "u" }],
    ["https://api.example.com:{{port}}/", "no http or https", { port: "80" }],
    ["https://api.example.com/{{id}}", "{{id}}"],
    ["https://api.example.com/{{id}}", "a path segment of dots", { id: ".." }],
    ["https://api.example.com/{{id}}", "empty", { id: "" }],
    ["https://api.example.com/.{{id}}/x", "a path segment of dots", { id: "." }],
    ["https://api.example.com/%2e{{id}}", "a path segment of dots", { id: "." }],
    ["https://api.example.com/{{id}}", "no well-formed", { id: "\ud800" }],
    ["https://api.example.com/{{id}}/../x", "outside of path and query", { id: "a" }],
    ["https://api.example.com/#{{id}}", "outside of path and query", { id: "a" }],
    ["https://api.example.com/{{}}", "cannot be read"],
    ["https://api.example.com/{{a b}}", "cannot be read", { "a b": "x" }],
    ["//api.example.com/x", "no host"],
    ["\\\\api.example.com/x", "no host"],
    ["javascript:alert(1)", "no http or https"],
    ["", "no address"],
    ["https://api.example.com/api/metacore/callbacks/events", "come in"],
    ["https://api.example.com/api%2Fmetacore/callbacks%2fevents", "come in"],
  ];
  for (const [address, text, values] of refused) {
    await assert.rejects(url(address, values), coded("addon.backend_refused", text), address);
  }
  for (const address of ["https://elsewhere.example.com/", "https://api.example.com:8443/"]) {
    await assert.rejects(url(address), /not allowed/);
  }
  assert.equal(world.requests.length, 3);
});

Deno.test("signed calls: every host that is called unasked is one that the plan shows", () => {
  const at = (host: string) => `https://${host}.example.com:8443/{{id}}?q={{id}}`;
  const tool = { name: "T", description: "D" };
  const manifest = parseManifest(JSON.stringify({
    key: "tickets",
    name: "T",
    version: "1.0.0",
    kernel: ">=2.0.0 <3.0.0",
    backend: { runtime: "webhook", url: "https://backend.example.com/" },
    hooks: { "tickets::close": at("hook"), "tickets::open": "a_function" },
    model_definitions: [{
      table_name: "tickets",
      model_key: "tickets",
      label: "T",
      columns: [{ name: "title", type: "string" }],
    }],
    actions: {
      tickets: [{
        key: "go",
        name: "Go",
        label: "Go",
        trigger: { type: "webhook", url: at("action") },
      }],
    },
    tools: [
      { id: "a", ...tool, endpoint: at("tool") },
      { id: "b", ...tool, endpoint: "{{hook_url}}" },
      { id: "c", ...tool, endpoint: "https://{{host}}.example.com/" },
      { id: "d", ...tool, endpoint: "https://Upper.Example.com/x" },
      { id: "e", ...tool, endpoint: "https://user@other.example.com/" },
    ],
  }));
  const named = namedHosts(manifest);
  assert.deepEqual([...named].sort(), [
    "action.example.com:8443",
    "backend.example.com",
    "hook.example.com:8443",
    "tool.example.com:8443",
    "upper.example.com",
  ]);
  const planned = declaredCapabilities(manifest)
    .filter(({ kind }) => kind === "backend:call").map(({ target }) => target);
  for (const host of named) assert.ok(planned.includes(host), host);
});

engineTest("signed calls: a relative address needs backend.url", async (t) => {
  await putInstallation(t.database, { manifest: { backend: { runtime: "webhook" } } });
  await assert.rejects(
    callerOn(t.database).call({ url: "/hook" }),
    coded("addon.backend_refused", "backend.url"),
  );
});

/** A backend on this machine, and a caller before it with the real walls between. */
async function realWalls() {
  const t = await openTestDatabase("sqlite");
  const seen: { readonly url: string; readonly headers: Headers; readonly body: string }[] = [];
  const late = Promise.withResolvers<Response>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      seen.push({ url: request.url, headers: request.headers, body: await request.text() });
      const { pathname } = new URL(request.url);
      if (pathname === "/slow") return await late.promise;
      if (pathname === "/large") return new Response("x".repeat(1_048_577));
      return Response.redirect("http://127.0.0.1/elsewhere");
    },
  );
  const host = `127.0.0.1:${server.addr.port}`;
  const { id, secret } = await putInstallation(t.database, {
    manifest: { backend: { runtime: "webhook", url: `http://${host}` } },
  });
  const { catalog, clock } = processOn(t.database);
  const installation = await catalog.enabled(ORG, "tickets");
  const metrics = createMetrics();
  const egressOf = (
    policy: "off" | readonly string[],
    privateAddresses: readonly string[],
    limits: Partial<EgressLimits> = {},
  ) =>
    createEgress({
      limits,
      policy,
      privateAddresses,
      clock,
      metrics,
      logger: silentLogger,
      audit: { record: () => {}, flush: () => Promise.resolve() },
    });
  const call = async (egress: Egress, url: string, timeoutMs = 10_000) =>
    await createBackendCaller({
      egress,
      enforcer: { mode: "enforce", setMode: () => Promise.resolve(), check: () => false },
      masterKey: MASTER_KEY,
      clock,
      logger: silentLogger,
      metrics,
    }).call({ caller: systemCaller(ORG), installation, url, body: { text: "ñ" }, timeoutMs });
  const shutdown = async () => {
    late.resolve(new Response());
    await server.shutdown();
  };
  return {
    ...{ id, secret, seen, host, egressOf, call, shutdown },
    [Symbol.asyncDispose]: async () => {
      await shutdown();
      await t[Symbol.asyncDispose]();
    },
  };
}

Deno.test("signed calls: refusals of the real walls name the setting that decides", async () => {
  await using world = await realWalls();
  const { host, egressOf, call, seen } = world;
  const cases: readonly (readonly ["off" | readonly string[], readonly string[], string])[] = [
    ["off", [], "METACORE_EGRESS"],
    [["api.example.com"], [host], "METACORE_EGRESS"],
    [[host], [], "METACORE_EGRESS_PRIVATE"],
  ];
  for (const [policy, addresses, setting] of cases) {
    const egress = egressOf(policy, addresses);
    await assert.rejects(call(egress, "/hook"), coded("addon.backend_refused", setting));
    await egress.close();
  }
  assert.equal(seen.length, 0);
});

Deno.test("signed calls: a backend receives what was signed; redirects are answers", async () => {
  await using world = await realWalls();
  const { id, secret, host, egressOf, call, seen } = world;
  const egress = egressOf([host], [host]);
  try {
    const answer = await call(egress, "/hook/%C3%B1 ?q={a}");
    assert.deepEqual([answer.status, seen.length], [302, 1]);
    const [received] = seen;
    const at = new URL(received?.url ?? "");
    const signed: SignedParts = {
      installationId: id,
      timestamp: received?.headers.get("x-metacore-timestamp") ?? "",
      nonce: received?.headers.get("x-metacore-nonce") ?? "",
      method: "POST",
      path: at.pathname + at.search,
      body: UTF8.encode(received?.body),
    };
    assert.match(signed.nonce, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    assert.equal(received?.headers.get("x-metacore-signature"), firstSignature(secret, signed));
    assert.equal(
      received?.headers.get("x-metacore-signature-v2"),
      secondSignature(secret, signed),
    );
    const large = await call(egress, "/large");
    assert.deepEqual([large.body.length, large.truncated], [1_048_576, true]);
    await assert.rejects(call(egress, "/slow", 200), coded("addon.backend_timeout", "200 ms"));
    await world.shutdown();
    await assert.rejects(call(egress, "/hook"), coded("addon.backend_unreachable"));
  } finally {
    await egress.close();
  }
});

Deno.test("signed calls: counted for each organization, apart from what code asks for", async () => {
  await using world = await realWalls();
  const { host, egressOf, call } = world;
  const egress = egressOf([host], [host], { backendCallsPerMinute: 2, requestsPerMinute: 1 });
  const ask = (organizationId: string, countedAs?: "backend") =>
    egress.fetch({
      addonKey: "tickets",
      organizationId,
      method: "GET",
      url: `http://${host}/`,
      headers: [],
      isAllowed: () => true,
      maxRedirects: 0,
      maxResponseBytes: 10,
      timeoutMs: 10_000,
      ...(countedAs === undefined ? {} : { countedAs }),
    });
  try {
    await call(egress, "/1");
    await call(egress, "/2");
    await assert.rejects(call(egress, "/3"), (thrown: KernelError) => {
      assert.deepEqual([thrown.code, thrown.kind], ["addon.backend_busy", "rate_limited"]);
      assert.equal(thrown.details?.["retry_after_seconds"], 30);
      return true;
    });
    assert.equal((await ask(OTHER_ORG, "backend")).status, 302);
    assert.equal((await ask(ORG)).status, 302);
    await assert.rejects(ask(OTHER_ORG), coded("egress.rate_limited"));
  } finally {
    await egress.close();
  }
});

function verifierOn(database: Database, { clock }: Pick<Installed, "clock">) {
  return createSignedCallVerifier({ database, masterKey: MASTER_KEY, clock });
}

function nonce(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

const EVENTS = "/api/metacore/callbacks/events";

/** A call as a backend that knows a secret would make it. */
function incoming(
  installationId: string,
  secret: string,
  change: Partial<SignedParts> & { readonly form?: "first" | "second" | "both" } = {},
): SignedCall & { readonly headers: Headers } {
  const { form = "first", ...rest } = change;
  const signed = parts({ installationId, path: EVENTS, ...rest });
  const headers = new Headers({
    "x-metacore-timestamp": signed.timestamp,
    "x-metacore-nonce": signed.nonce,
  });
  if (form !== "second") headers.set("x-metacore-signature", firstSignature(secret, signed));
  if (form !== "first") headers.set("x-metacore-signature-v2", secondSignature(secret, signed));
  return { installationId, method: signed.method, path: signed.path, headers, body: signed.body };
}

engineTest(
  "calls of backends: taken in either form, and by their installation alone",
  async (t) => {
    const { id, secret } = await putInstallation(t.database);
    const other = await putInstallation(t.database, { organizationId: OTHER_ORG });
    const verifier = verifierOn(t.database, processOn(t.database));
    const sender = { organizationId: ORG, addonKey: "tickets" };
    for (const [at, form] of (["first", "second", "both"] as const).entries()) {
      const call = incoming(id, secret, { form, nonce: nonce(at) });
      assert.deepEqual(await verifier.verify(call), sender);
    }
    const good = () => incoming(id, secret, { form: "both", nonce: nonce(9) });
    const changed = (change: Partial<SignedCall>) => ({ ...good(), ...change });
    const headed = (name: string, value: string | null, form: "first" | "both" = "both") => {
      const call = incoming(id, secret, { form, nonce: nonce(9) });
      if (value === null) call.headers.delete(name);
      else call.headers.set(name, value);
      return call;
    };
    const doubled = (name: string, form: "first" | "both") => {
      const call = incoming(id, secret, { form, nonce: nonce(9) });
      call.headers.append(name, call.headers.get(name) ?? "");
      return call;
    };
    const zero = "0".repeat(64);
    const refused: readonly (readonly [string, SignedCall])[] = [
      ["another's secret", incoming(id, other.secret, { nonce: nonce(9) })],
      ["another's id", changed({ installationId: other.id })],
      ["no id", changed({ installationId: "tickets" })],
      ["another body", changed({ body: UTF8.encode('{"a":2}') })],
      ["another method", changed({ method: "PUT" })],
      ["another path", changed({ path: `${EVENTS}?x=1` })],
      ["another nonce", headed("x-metacore-nonce", nonce(8))],
      ["another time", headed("x-metacore-timestamp", "1795219579")],
      ["no nonce", headed("x-metacore-nonce", null)],
      ["a nonce that is none", headed("x-metacore-nonce", "1")],
      ["a signed nonce that is none", incoming(id, secret, { form: "both", nonce: "a.b" })],
      ["no time", headed("x-metacore-timestamp", null)],
      ["a time that is none", headed("x-metacore-timestamp", "1795219578.0")],
      ["no signature", headed("x-metacore-signature", null, "first")],
      ["a signature without its name", headed("x-metacore-signature", zero, "first")],
      ["a wrong first form", headed("x-metacore-signature", `sha256=${zero}`, "first")],
      ["a wrong second form beside a right first", headed("x-metacore-signature-v2", `v2=${zero}`)],
      ["an empty second form beside a right first", headed("x-metacore-signature-v2", "")],
      ["two times", doubled("x-metacore-timestamp", "both")],
      ["two nonces", doubled("x-metacore-nonce", "both")],
      ["two signatures", doubled("x-metacore-signature", "first")],
      ["two second forms", doubled("x-metacore-signature-v2", "both")],
    ];
    for (const [what, call] of refused) {
      await assert.rejects(
        verifier.verify(call),
        coded("addon.call_refused", "is not signed"),
        what,
      );
    }
    // None of them used up the nonce; and only a right second form was looked at.
    const oneRight = good();
    const right = oneRight.headers.get("x-metacore-signature-v2");
    oneRight.headers.set("x-metacore-signature-v2", `v2=${zero},${right}`);
    oneRight.headers.set("x-metacore-signature", "nonsense");
    assert.deepEqual(await verifier.verify(oneRight), sender);
  },
);

engineTest("calls of backends: five minutes of difference, to both sides", async (t) => {
  const { id, secret } = await putInstallation(t.database);
  const process = processOn(t.database);
  const verifier = verifierOn(t.database, process);
  for (const [at, seconds] of [-300, 300].entries()) {
    const timestamp = String(NOW_MS / 1000 + seconds);
    await verifier.verify(incoming(id, secret, { timestamp, nonce: nonce(at) }));
  }
  for (const seconds of [-301, 301]) {
    const timestamp = String(NOW_MS / 1000 + seconds);
    await assert.rejects(
      verifier.verify(incoming(id, secret, { timestamp, nonce: nonce(9) })),
      coded("addon.call_refused", "clock"),
    );
  }
});

engineTest("calls of backends: an addon that is switched off or gone is not heard", async (t) => {
  const verifier = verifierOn(t.database, processOn(t.database));
  for (const [at, status] of ["disabled", "removed"].entries()) {
    const { id, secret } = await putInstallation(t.database, { key: `addon_${at}`, status });
    await assert.rejects(
      verifier.verify(incoming(id, secret)),
      coded("addon.call_refused", "is not signed"),
    );
  }
});

engineTest("calls of backends: a nonce is kept as long as its call could be taken", async (t) => {
  const { id, secret } = await putInstallation(t.database);
  const process = processOn(t.database);
  const verifier = verifierOn(t.database, process);
  const ahead = incoming(id, secret, { timestamp: String(NOW_MS / 1000 + 300) });
  await verifier.verify(ahead);
  const count = async () =>
    (await t.database.kysely.selectFrom("call_nonces").select("nonce").execute()).length;
  // The last moment at which it is young enough, with a sweep just before.
  process.clock.ms += 600_000;
  const timestamp = String(process.clock.ms / 1000);
  await verifier.verify(incoming(id, secret, { timestamp, nonce: nonce(2) }));
  await assert.rejects(verifier.verify(ahead), coded("addon.call_refused", "taken before"));
  assert.equal(await count(), 2);
  process.clock.ms += 3_600_000;
  const later = String(process.clock.ms / 1000);
  await verifier.verify(incoming(id, secret, { timestamp: later, nonce: nonce(3) }));
  assert.equal(await count(), 1, "what cannot come again is swept");
});

for (const engine of engines) {
  Deno.test(`calls of backends: taken once, by whichever process, also after a restart [${engine}]`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await using t = await openTestDatabase(engine, { path: `${folder}/kernel.db` });
      const { id, secret } = await putInstallation(t.database);
      const call = incoming(id, secret, { form: "both" });
      await verifierOn(t.database, processOn(t.database)).verify(call);
      // SQLite has one process: it is started anew. Postgres has a second one beside it.
      if (engine === "sqlite") await t.database.close();
      const second = await openDatabase({ url: t.url, logger: silentLogger });
      try {
        const verifier = verifierOn(second, processOn(second));
        await assert.rejects(verifier.verify(call), coded("addon.call_refused", "taken before"));
        const racing = incoming(id, secret, { nonce: nonce(2) });
        const others = engine === "sqlite"
          ? verifier
          : verifierOn(t.database, processOn(t.database));
        const taken = await Promise.allSettled(
          Array.from({ length: 20 }, (_, at) => (at % 2 ? verifier : others).verify(racing)),
        );
        assert.equal(taken.filter(({ status }) => status === "fulfilled").length, 1);
      } finally {
        await second.close();
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

engineTest("events of backends: the gate of event_emit, in the addon's name", async (t) => {
  const host = await makeHostWorld(t.database);
  await putInstallation(t.database, {
    manifest: { capabilities: [{ kind: "event:emit", target: "tickets.*" }] },
  });
  await putInstallation(t.database, { key: "orders", status: "disabled" });
  await putInstallation(t.database, { key: "silent" });
  const { catalog } = processOn(t.database);
  const events = createBackendEvents({ catalog, host: host.services });
  const sender = { organizationId: ORG, addonKey: "tickets" };
  await events.publish(sender, "tickets.ticket.solved", { id: "7", ñ: [1] }, "request-9");
  const kept = await t.database.kysely.selectFrom("events")
    .select(["name", "addon_key", "organization_id", "payload", "actor_id", "request_id"])
    .execute();
  assert.deepEqual(kept, [{
    name: "tickets.ticket.solved",
    addon_key: "tickets",
    organization_id: ORG,
    payload: '{"id":"7","ñ":[1]}',
    actor_id: null,
    request_id: "request-9",
  }]);
  const silent = { organizationId: ORG, addonKey: "silent" };
  const large = "x".repeat(262_144);
  const refused: readonly (readonly [typeof sender, string, string, string?])[] = [
    [sender, "orders.order.paid", "access.capability_denied"],
    [sender, "kernel.addon.installed", "access.capability_denied"],
    [sender, "other.thing.done", "access.capability_denied"],
    [silent, "silent.thing.done", "access.capability_denied"],
    [sender, "tickets", "addon.invalid_event"],
    [sender, "tickets.*", "addon.invalid_event"],
    [sender, `tickets.${"x".repeat(250)}`, "addon.invalid_event"],
    [sender, "tickets.ticket.solved", "addon.invalid_event", large],
    [{ ...sender, addonKey: "orders" }, "orders.order.paid", "addon.not_installed"],
  ];
  for (const [from, name, code, payload = ""] of refused) {
    await assert.rejects(events.publish(from, name, payload, "r"), coded(code), name);
  }
  const rows = await t.database.kysely.selectFrom("events").select("id").execute();
  assert.equal(rows.length, 1);
});

for (const engine of engines) {
  Deno.test(`calls of backends: no kernel takes what another one took [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const first = await startKernel(place.databaseUrl, { clock: { nowMs: () => NOW_MS } });
    const owner = await newOwner(first);
    const installed = await owner.install(
      await addonBundle({
        key: "probe",
        ...await fixtureModule("probe"),
        exports: ["calls"],
        capabilities: [
          { kind: "event:emit", target: "probe.*" },
          { kind: "http:fetch", target: "api.example.com" },
        ],
      }),
    );
    assert.equal(installed.status, 200, JSON.stringify(installed.body));
    const { install_secret: secret, installation } = installed.body;
    const body = UTF8.encode(JSON.stringify({ name: "probe.order.paid", payload: { id: 1 } }));
    const send = async (kernel: Kernel, number: number) => {
      const call = incoming(installation.id, secret, { form: "both", nonce: nonce(number), body });
      call.headers.set("x-metacore-installation-id", installation.id);
      call.headers.set("content-type", "application/json");
      const request = new Request(`http://kernel.test${call.path}`, {
        method: "POST",
        headers: call.headers,
        body,
      });
      const answer = await kernel.fetch(request, { remoteAddress: "192.0.2.1" });
      await answer.body?.cancel();
      return answer.status;
    };
    assert.equal(await send(first, 1), 200);
    assert.equal(await send(first, 1), 401);
    if (engine === "sqlite") await first.stop();
    const second = await startKernel(place.databaseUrl, { clock: { nowMs: () => NOW_MS } });
    assert.equal(await send(second, 1), 401);
    assert.equal(await send(second, 2), 200);
    if (engine === "postgres") {
      assert.equal(await send(first, 2), 401);
      await first.stop();
    }
    const events = await second.services.events.read(systemCaller(owner.organizationId), 0, 100);
    const paid = events.filter(({ name }) => name === "probe.order.paid");
    assert.equal(paid.length, 2);
    await second.stop();
  });
}
