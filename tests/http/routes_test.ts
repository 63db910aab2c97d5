/**
 * Every route: what it asks its service, and the exact shape that clients read.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KernelError } from "../../src/base/error.ts";
import type { ErrorKind } from "../../src/base/error.ts";
import { describeRoutes, ROUTES } from "../../src/http/routes.ts";
import golden from "./golden.json" with { type: "json" };
import {
  OPERATOR_TOKEN,
  ORGANIZATION_ID,
  RECORD_ID,
  ROW_TEXT,
  USER_ID,
  withApp,
} from "./services.ts";

/** Every success once: method, path, body, name in golden.json. */
const SUCCESSES: readonly (readonly [string, string, unknown, keyof typeof golden])[] = [
  ["POST", "/api/auth/login", { email: "a@x.io", password: "p" }, "login"],
  ["POST", "/api/auth/register", { name: "A", email: "a@x.io", password: "p" }, "register"],
  ["GET", "/api/auth/me", undefined, "me"],
  ["POST", "/api/auth/logout", undefined, "logout"],
  ["GET", "/api/metadata/all", undefined, "metadata_all"],
  ["GET", "/api/metadata/table/tickets", undefined, "metadata_table"],
  ["GET", "/api/metadata/modal/tickets", undefined, "metadata_modal"],
  ["GET", "/api/options/tickets?field=status", undefined, "options"],
  ["GET", "/api/search/tickets?q=o", undefined, "search"],
  ["GET", "/api/metacore/manifests", undefined, "manifests"],
  ["GET", "/api/metacore/manifests?lite=1", undefined, "manifests_lite"],
  ["GET", "/api/metacore/navigation", undefined, "metacore_navigation"],
  ["GET", "/api/navigation", undefined, "navigation"],
  ["GET", "/api/metacore/installations", undefined, "installations"],
  ["DELETE", "/api/metacore/installations/tickets", undefined, "uninstall"],
  ["GET", "/api/metacore/installations/tickets", undefined, "installation"],
  ["POST", "/api/metacore/installations/tickets/enable", undefined, "installation"],
  ["POST", "/api/metacore/installations/tickets/enable", {}, "installation"],
  ["POST", "/api/metacore/installations/tickets/disable", undefined, "disabled"],
  ["GET", "/api/metacore/installations/tickets/settings", undefined, "settings_list"],
  ["POST", "/api/metacore/installations/tickets/settings", { color: 1 }, "installation_settings"],
  ["PUT", "/api/metacore/installations/tickets/settings", { color: 1 }, "installation_settings"],
  ["POST", "/api/metacore/installations/tickets/rotate-secret", undefined, "rotated"],
  ["GET", "/api/addons/tickets/settings", undefined, "setting_values"],
  ["PUT", "/api/addons/tickets/settings", { color: "blue" }, "settings_updated"],
  ["GET", "/api/metacore/catalog", undefined, "catalog"],
  ["GET", "/api/metacore/catalog?envelope=1", undefined, "catalog_page"],
  ["GET", "/api/metacore/catalog?shape=page", undefined, "catalog_page"],
  ["GET", "/api/metacore/catalog/tickets", undefined, "catalog_entry"],
  ["POST", "/api/marketplace/install", { addonKey: "tickets" }, "wish"],
  ["GET", "/api/marketplace/installs", undefined, "wishes"],
  ["GET", "/api/kernel/addons", undefined, "kernel_addons"],
  ["GET", "/api/kernel/addons/tickets", undefined, "kernel_addon"],
  ["POST", "/api/kernel/addons/tickets/upgrade", { target_version: "2.0.0" }, "kernel_upgrade"],
  ["DELETE", "/api/kernel/addons/tickets", undefined, "success"],
  ["GET", "/healthz", undefined, "healthz"],
  ["GET", "/readyz", undefined, "readyz"],
  ...["/api/dynamic/tickets", "/api/data/tickets", "/api/data/tickets/me"].flatMap((base) =>
    [
      ["GET", base, undefined, "list"],
      ["POST", base, { title: "one" }, "create"],
      ["GET", `${base}/${RECORD_ID}`, undefined, "get"],
      ["PUT", `${base}/${RECORD_ID}`, { title: "two" }, "update"],
      ["PATCH", `${base}/${RECORD_ID}`, { title: "two" }, "update"],
      ["DELETE", `${base}/${RECORD_ID}`, undefined, "remove"],
      ["GET", `${base}/facets?field=status`, undefined, "facets"],
      ["GET", `${base}/aggregate`, undefined, "aggregate"],
    ] as const
  ),
];

for (const [method, path, body, name] of SUCCESSES) {
  Deno.test(`${method} ${path} answers golden ${name}`, () =>
    withApp({}, async ({ ask, send }) => {
      const answer = body === undefined
        ? await ask(path, { method })
        : await send(method, path, body);
      const expected = golden[name];
      assert.equal(answer.status, expected.status);
      const text = await answer.text();
      if (expected.body === null) assert.equal(text, "");
      else {
        assert.deepEqual(JSON.parse(text), expected.body);
        assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
      }
      assert.equal(answer.headers.get("cache-control"), "no-store");
      assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
      assert.equal(answer.headers.get("x-request-id"), "request-1");
    }));
}

Deno.test("Record routes hand the engine's text through without parsing it", () =>
  withApp({}, async ({ ask }) => {
    const one = await (await ask(`/api/dynamic/tickets/${RECORD_ID}`)).text();
    assert.equal(one, `{"success":true,"data":${ROW_TEXT}}`);
    const list = await (await ask("/api/dynamic/tickets")).text();
    assert.equal(
      list,
      `{"success":true,"data":[${ROW_TEXT}],` +
        `"meta":{"total":1,"page":1,"per_page":15,"last_page":1}}`,
    );
  }));

Deno.test("Record routes tell the service who asks, which model, which id and what", () =>
  withApp({}, async ({ ask, calls }) => {
    await ask(`/api/data/addon_x.Tickets/me/${RECORD_ID}`, {
      method: "PUT",
      body: '{"a":[1,{"b":null}]}',
      headers: {
        "content-type": "application/merge-patch+json; charset=utf-8",
        "accept-language": "es-MX,en;q=0.5",
        "x-request-id": "client/1",
        "x-branch-id": "ignored",
      },
    });
    const [name, caller, model, id, input] = calls[0]!;
    assert.equal(name, "update");
    assert.deepEqual({ ...caller as object }, {
      kind: "user",
      userId: USER_ID,
      organizationId: ORGANIZATION_ID,
      role: "owner",
      requestId: "client/1",
      locale: "es-MX",
    });
    assert.equal((caller as { signal: AbortSignal }).signal.aborted, false);
    assert.deepEqual([model, id, input], ["addon_x.Tickets", RECORD_ID, { a: [1, { b: null }] }]);
  }));

Deno.test("Record routes hand null, arrays and texts to the service, which refuses them", () =>
  withApp({}, async ({ send, calls }) => {
    for (const body of [null, [], "text"]) await send("POST", "/api/dynamic/tickets", body);
    assert.deepEqual(calls.map((call) => call[3]), [null, [], "text"]);
  }));

Deno.test("List hands the decoded query to the service", () =>
  withApp({}, async ({ ask, calls }) => {
    await ask("/api/dynamic/tickets?f_title=ILIKE:a%20b%26&page=2&f_x=1&f_x=2#part");
    const query = calls[0]![3] as URLSearchParams;
    assert.deepEqual([...query], [["f_title", "ILIKE:a b&"], ["page", "2"], ["f_x", "1"], [
      "f_x",
      "2",
    ]]);
  }));

Deno.test("Static segments match in any letter case and with a trailing slash", () =>
  withApp({}, async ({ ask, calls }) => {
    assert.equal((await ask("/API/Auth/ME/")).status, 200);
    assert.equal((await ask("/Api/DATA/Ticket/ME/?page=1")).status, 200);
    assert.equal((await ask(`/api/dynamic/Ticket/${RECORD_ID.toUpperCase()}/`)).status, 200);
    assert.equal((await ask("/api/dynamic/%54icket/FACETS")).status, 200);
    assert.deepEqual(calls.slice(1).map(([name, , model, id]) => [name, model, id]), [
      ["list", "Ticket", calls[1]![3]],
      ["get", "Ticket", RECORD_ID.toUpperCase()],
      ["facets", "Ticket", calls[3]![3]],
    ]);
    assert.equal((await ask("/api//auth/me")).status, 404);
    assert.equal((await ask("/api/dynamic//x")).status, 404);
  }));

Deno.test("Unknown routes are 404 in the envelope, naming method and path without the query", () =>
  withApp({}, async ({ ask }) => {
    const answer = await ask("/api/nope?token=secret", { method: "PUT" });
    assert.equal(answer.status, 404);
    assert.deepEqual(await answer.json(), {
      success: false,
      message: "no route for PUT /api/nope",
      code: "http.route_not_found",
      request_id: "request-1",
    });
    for (
      const path of ["/", "/api", "/api/metacore/oauth", "/api/auth/refresh", "/api/healthz"]
    ) {
      assert.equal((await ask(path)).status, 404, path);
    }
  }));

Deno.test("A known path with another method is 405 with Allow; OPTIONS and HEAD are answered", () =>
  withApp({}, async ({ ask, calls }) => {
    const wrong = await ask("/api/metadata/ALL/", { method: "DELETE" });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get("allow"), "GET, HEAD, OPTIONS");
    assert.equal((await wrong.json()).code, "http.method_not_allowed");
    const options = await ask("/api/dynamic/tickets", { method: "OPTIONS" });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get("allow"), "GET, POST, HEAD, OPTIONS");
    const head = await ask(`/api/dynamic/tickets/${RECORD_ID}`, { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), "");
    assert.equal(calls[0]![0], "get");
    const gone = await ask("/api/nope", { method: "HEAD" });
    assert.deepEqual([gone.status, await gone.text()], [404, ""]);
  }));

const STATUSES: readonly (readonly [ErrorKind, number])[] = [
  ["invalid", 400],
  ["unauthenticated", 401],
  ["forbidden", 403],
  ["not_found", 404],
  ["conflict", 409],
  ["precondition", 409],
  ["too_large", 413],
  ["rate_limited", 429],
  ["unavailable", 503],
  ["timeout", 504],
  ["unsupported", 501],
  ["internal", 500],
];

for (const [kind, status] of STATUSES) {
  Deno.test(`A service's failure of kind ${kind} is answered ${status} in the envelope`, () => {
    const error = new KernelError({ code: "room.word", kind, message: "What failed." });
    return withApp({ records: { get: () => Promise.reject(error) } }, async ({ ask }) => {
      const answer = await ask(`/api/dynamic/tickets/${RECORD_ID}`);
      assert.equal(answer.status, status);
      assert.deepEqual(await answer.json(), {
        success: false,
        message: kind === "internal" ? "Internal server error" : "What failed.",
        code: "room.word",
        request_id: "request-1",
      });
      const waits = kind === "rate_limited" || kind === "unavailable";
      assert.equal(answer.headers.get("retry-after"), waits ? "1" : null);
      assert.equal(answer.headers.has("www-authenticate"), kind === "unauthenticated");
    });
  });
}

Deno.test("Complaints about fields are 422; clients word them; details is only ever a text", () => {
  const error = new KernelError({
    code: "record.invalid",
    kind: "invalid",
    message: "Some fields are invalid.",
    fields: {
      title: [{ code: "max", params: { max: 50, kind: "length" }, message: "too long" }],
      seats: [{ code: "sold_out", message: "are sold out" }],
    },
    details: { reason: "title: too long", nearest: "titles" },
  });
  return withApp({ records: { create: () => Promise.reject(error) } }, async ({ send }) => {
    const answer = await send("POST", "/api/data/tickets", {});
    assert.equal(answer.status, golden.invalid_record.status);
    assert.deepEqual(await answer.json(), golden.invalid_record.body);
  });
});

Deno.test("Retry-After says the seconds that a failure names, rounded up", () => {
  const error = new KernelError({
    code: "auth.rate_limited",
    kind: "rate_limited",
    message: "Too many attempts.",
    details: { retry_after_seconds: 12.2 },
  });
  return withApp({ auth: { login: () => Promise.reject(error) } }, async ({ send }) => {
    const answer = await send("POST", "/api/auth/login", { email: "a", password: "b" });
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get("retry-after"), "13");
  });
});

Deno.test("Login hands over texts and the client's address, and reads nothing else", () =>
  withApp({}, async ({ send, calls }) => {
    await send("POST", "/api/auth/login", { email: "a@x.io", password: "p", role: "owner" });
    await send("POST", "/api/auth/login", { email: null });
    assert.deepEqual(calls, [
      ["login", { email: "a@x.io", password: "p" }, "192.0.2.1"],
      ["login", { email: "", password: "" }, "192.0.2.1"],
    ]);
    for (const body of [null, [], "x", { email: 1, password: "p" }]) {
      const answer = await send("POST", "/api/auth/login", body);
      assert.equal(answer.status, 400);
      assert.equal((await answer.json()).message, "Invalid request format");
    }
    assert.equal(calls.length, 2);
  }));

Deno.test("Register names the organization after the person, and takes no role", () =>
  withApp({}, async ({ send, calls }) => {
    const person = { name: "Ana", email: "a@x.io", password: "p", role: "admin", extra: {} };
    await send("POST", "/api/auth/register", person);
    await send("POST", "/api/auth/register", { ...person, organization_name: "Acme" });
    const read = { name: "Ana", email: "a@x.io", password: "p" };
    assert.deepEqual(calls, [
      ["register", { ...read, organizationName: "Ana's Organization" }],
      ["register", { ...read, organizationName: "Acme" }],
    ]);
  }));

Deno.test("Manifests carry the contract version of the kernel", () =>
  withApp({}, async ({ ask }) => {
    const answer = await ask("/api/metacore/manifests");
    assert.equal(answer.headers.get("x-metacore-kernel-version"), "2.0.0");
  }));

const ARCHIVE = new Uint8Array([0x1f, 0x8b, 0x0d, 0x0a, 0x2d, 0x2d, 0x00, 0xff, 0x0d, 0x0a]);

Deno.test("Install reads a form's bundle byte for byte and answers both clients' shapes", () =>
  withApp({}, async ({ ask, calls }) => {
    const form = new FormData();
    form.set("note", "before");
    form.set("bundle", new File([ARCHIVE], 'a "b".tgz'));
    const answer = await ask("/api/metacore/installations/tickets", { method: "POST", body: form });
    assert.equal(answer.status, golden.install.status);
    assert.deepEqual(await answer.json(), golden.install.body);
    const [name, , offer] = calls[0]!;
    assert.deepEqual([name, offer], ["install", { archive: ARCHIVE, expectedKey: "tickets" }]);
  }));

Deno.test("Install reads the archive as the body, and takes the key from the manifest", () =>
  withApp({}, async ({ ask, calls }) => {
    const answer = await ask("/api/metacore/installations", {
      method: "POST",
      body: ARCHIVE,
      headers: { "content-type": "application/gzip" },
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(calls[0]![2], { archive: ARCHIVE });
  }));

Deno.test("Install without a bundle says what to send", () =>
  withApp({}, async ({ ask, send, calls }) => {
    const path = "/api/metacore/installations/tickets";
    const text = new FormData();
    text.set("bundle", "not a file");
    const other = new FormData();
    other.set("file", new File([ARCHIVE], "a.tgz"));
    const empty = new FormData();
    empty.set("bundle", new File([], "a.tgz"));
    const answers = [
      await ask("/api/metacore/installations", { method: "POST" }),
      await send("POST", "/api/metacore/installations", { settings: {} }),
      await ask(path, { method: "POST", body: "text", headers: { "content-type": "text/plain" } }),
      await ask(path, { method: "POST", body: text }),
      await ask(path, { method: "POST", body: other }),
      await ask(path, { method: "POST", body: empty }),
      await ask(path, {
        method: "POST",
        body: new Uint8Array(0),
        headers: { "content-type": "application/gzip" },
      }),
    ];
    for (const answer of answers) {
      assert.equal(answer.status, 400);
      const { code, message } = await answer.json();
      assert.equal(code, "http.missing_bundle");
      assert.match(message, /multipart field `bundle`/);
    }
    assert.equal(calls.length, 0);
  }));

Deno.test("Uninstall keeps data unless told plainly, and refuses words it does not know", () =>
  withApp({}, async ({ ask, calls }) => {
    const remove = (query: string) =>
      ask(`/api/metacore/installations/tickets${query}`, { method: "DELETE" });
    for (const query of ["", "?drop=", "?drop=false", "?drop=true", "?drop=1"]) {
      assert.equal((await remove(query)).status, 204);
    }
    assert.deepEqual(calls.map((call) => call[3]), ["keep", "keep", "keep", "drop", "drop"]);
    const unclear = await remove("?drop=TRUE");
    assert.equal(unclear.status, 400);
    assert.match((await unclear.json()).message, /drop: "TRUE" is none of true, false/);
    assert.equal(calls.length, 5);
  }));

Deno.test("Readiness: 503 with what failed, also when it cannot be told", async () => {
  const failed = { ready: false, checks: { database: "failed" as const } };
  await withApp({ readiness: () => Promise.resolve(failed) }, async ({ ask }) => {
    const answer = await ask("/readyz");
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), failed);
  });
  const broken = () => Promise.reject(new Error("postgres://secret@10.0.0.1"));
  await withApp({ readiness: broken }, async ({ ask }) => {
    const answer = await ask("/readyz");
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), { ready: false, checks: { readiness: "failed" } });
    assert.equal((await ask("/healthz")).status, 200);
  });
});

Deno.test("ROUTES: described without functions, each once, each guarded unless named here", () => {
  const open = new Set([
    "/healthz",
    "/readyz",
    "/api/auth/login",
    "/api/auth/register",
    "/api/metacore/callbacks/events",
    "/api/metacore/addons/:key/i18n/:lang",
    "/v1/addons/:key/i18n/:lang",
    "/api/metacore/addons/:key/frontend",
    "/api/metacore/addons/:key/frontend/*path",
    "/api/addons/:key/frontend",
    "/api/addons/:key/frontend/*path",
  ]);
  const seen = new Set<string>();
  for (const route of describeRoutes()) {
    const name = `${route.method} ${route.path}`;
    assert.ok(!seen.has(name), `${name} is mounted twice`);
    seen.add(name);
    const forOperators = route.path === "/metrics" || route.path.startsWith("/api/operator/");
    assert.equal(route.access === "operator", forOperators, name);
    assert.equal(route.access === "public" || route.access === "probe", open.has(route.path), name);
    assert.equal(JSON.parse(JSON.stringify(route)).summary, route.summary);
    assert.match(route.summary, /^[A-Z].*\.$/);
  }
  assert.equal(seen.size, ROUTES.length);
});

Deno.test("ROUTES: every guarded route refuses a request without a token before its service", () =>
  withApp({}, async ({ app, calls }) => {
    for (const route of ROUTES) {
      if (route.access !== "user" && route.access !== "operator") continue;
      if ("answerToNobody" in route) continue;
      const path = route.path.replace(":model", "tickets").replace(/:\w+/, RECORD_ID);
      const request = new Request(`http://kernel.test${path}`, { method: route.method });
      const answer = await app.fetch(request);
      assert.equal(answer.status, 401, `${route.method} ${route.path}`);
      assert.equal((await answer.json()).message, "Invalid or expired token");
    }
    assert.deepEqual(calls, []);
  }));

Deno.test("ROUTES: without a token shells get empty lists, and with a bad one they are sent away", () =>
  withApp({}, async ({ app, calls }) => {
    const open = ROUTES.filter((route) => "answerToNobody" in route).map(({ path }) => path);
    assert.deepEqual(open, ["/api/metacore/manifests", "/api/metacore/navigation"]);
    for (const path of open) {
      const ask = (headers: Record<string, string>) =>
        app.fetch(new Request(`http://kernel.test${path}`, { headers }));
      const answer = await ask({});
      assert.deepEqual([answer.status, await answer.text()], [200, "[]"]);
      const version = path.endsWith("manifests") ? "2.0.0" : null;
      assert.equal(answer.headers.get("x-metacore-kernel-version"), version);
      for (const authorization of ["Bearer wrong", "Bearer", "Token x"]) {
        assert.equal((await ask({ authorization })).status, 401, authorization);
      }
    }
    assert.deepEqual(calls, []);
  }));

const ACTION = `/api/dynamic/tickets/${RECORD_ID}/action/close`;

Deno.test("Actions: every base, with a body, an empty one or none", () =>
  withApp({}, async ({ ask, send, calls }) => {
    for (const base of ["/api/dynamic/tickets", "/api/data/tickets", "/api/data/tickets/me"]) {
      const answer = await send("POST", `${base}/${RECORD_ID}/action/close`, { note: "now" });
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), {
        success: true,
        data: { closed: true },
        meta: { model: "tickets", action: "close", trigger_type: "wasm" },
      });
    }
    assert.equal((await ask(ACTION, { method: "POST" })).status, 200);
    // A server gives a stream to a request without a length, as `curl -X POST` sends it.
    const nothing = () => new ReadableStream({ start: (stream) => stream.close() });
    for (const headers of [{ "content-type": "application/json" }, {}]) {
      const empty = await ask(ACTION, { method: "POST", headers, body: nothing() });
      assert.equal(empty.status, 200, await empty.text());
      assert.deepEqual(calls.pop()![5], {});
    }
    const payloads = calls.map((call) => call.slice(2, 6));
    assert.deepEqual(payloads.at(-2), ["tickets", RECORD_ID, "close", { note: "now" }]);
    assert.deepEqual(payloads.at(-1), ["tickets", RECORD_ID, "close", {}]);
    const refused = await send("POST", ACTION, ["a", "list"]);
    assert.equal(refused.status, 400);
    assert.match((await refused.json()).details, /a JSON object, or absent/);
    assert.equal(calls.length, 4);
  }));

Deno.test("Actions: an addon that declines is 422 with its own words; one that fails is told apart", async () => {
  const error = { code: "over_limit", message: "Too much" };
  const meta = { model: "tickets", action: "close", trigger_type: "wasm", rolled_back: true };
  const declined = { outcome: "declined" as const, data: { limit: 5 }, error, meta };
  await withApp({ actions: { run: () => Promise.resolve(declined) } }, async ({ send }) => {
    const answer = await send("POST", ACTION, {});
    assert.equal(answer.status, 422);
    assert.deepEqual(await answer.json(), {
      success: false,
      message: "Too much",
      error,
      data: { limit: 5 },
      meta,
    });
  });
  const failures = [
    ["sandbox.trap", "unavailable", 502, "runtime_error", null],
    ["sandbox.timeout", "timeout", 504, "timeout", null],
    ["sandbox.out_of_memory", "unavailable", 502, "memory_exhausted", null],
    ["sandbox.circuit_open", "unavailable", 503, "addon_unavailable", "9"],
    ["sandbox.busy", "unavailable", 503, "addon_unavailable", "9"],
    ["addon.backend_failed", "unavailable", 502, "webhook_unreachable", null],
    ["addon.backend_refused", "precondition", 502, "webhook_unreachable", null],
    ["addon.backend_unreachable", "unavailable", 502, "webhook_unreachable", null],
    ["addon.backend_timeout", "timeout", 504, "timeout", null],
    ["addon.handler_timeout", "timeout", 504, "timeout", null],
    ["addon.action_invalid_state", "precondition", 409, "invalid_state", null],
    ["db.serialization", "unavailable", 409, "serialization_failure", "9"],
  ] as const;
  for (const [code, kind, status, word, retryAfter] of failures) {
    const details = { retry_after_seconds: 9 };
    const failure = new KernelError({ code, kind, message: "It failed.", details });
    await withApp({ actions: { run: () => Promise.reject(failure) } }, async ({ send }) => {
      const answer = await send("POST", ACTION, {});
      assert.equal(answer.status, status, code);
      assert.equal(answer.headers.get("retry-after"), retryAfter);
      const body = await answer.json();
      assert.deepEqual(body.error, { code: word, message: "It failed." });
      assert.equal(body.code, code);
    });
  }
});

Deno.test("Addon code: traps, breaker and stop are asked of the service", () =>
  withApp({}, async ({ ask, calls }) => {
    const base = "/api/metacore/installations/tickets";
    assert.deepEqual((await (await ask(`${base}/traps`)).json()).data, []);
    assert.equal((await (await ask(`${base}/code`)).json()).data.breaker, "closed");
    assert.equal((await ask(`${base}/code/reset`, { method: "POST" })).status, 204);
    const stopped = await (await ask(`${base}/code/stop`, { method: "POST" })).json();
    assert.deepEqual(stopped.data, { stopped: 2 });
    assert.deepEqual(calls.map(([name, , key]) => [name, key]), [
      ["traps", "tickets"],
      ["status", "tickets"],
      ["resetBreaker", "tickets"],
      ["stop", "tickets"],
    ]);
    assert.equal((await ask("/api/metacore/audit?limit=501")).status, 400);
    assert.equal((await ask("/api/metacore/audit?limit=7&after=3&addon_key=x")).status, 200);
    assert.deepEqual(calls.at(-1)?.[2], { addonKey: "x", after: 3, limit: 7 });
  }));

Deno.test("Secrets of addons: named, set and removed, never shown", () =>
  withApp({}, async ({ ask, send, calls }) => {
    const base = "/api/metacore/installations/tickets/secrets";
    assert.deepEqual((await (await ask(base)).json()).data, ["api_key"]);
    assert.equal((await send("PUT", `${base}/api_key`, { value: "s3cret" })).status, 204);
    assert.equal((await send("PUT", `${base}/api_key`, { value: 7 })).status, 400);
    assert.equal((await ask(`${base}/api_key`, { method: "DELETE" })).status, 204);
    assert.deepEqual(calls.map(([name, , ...rest]) => [name, ...rest]), [
      ["names", "tickets"],
      ["set", "tickets", "api_key", "s3cret"],
      ["remove", "tickets", "api_key"],
    ]);
  }));

Deno.test("Operators: their own token, in the header, or nothing", async () => {
  const asOperator = { headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } };
  await withApp({}, async ({ ask, calls }) => {
    const metrics = await ask("/metrics", asOperator);
    assert.equal(metrics.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.match(await metrics.text(), /^up 1$/m);
    assert.equal((await ask("/metrics")).status, 403);
    const wrong = { headers: { authorization: `Bearer ${OPERATOR_TOKEN.slice(1)}x` } };
    assert.equal((await ask("/api/operator/sandbox", wrong)).status, 403);
    const put = (body: unknown) =>
      ask("/api/operator/enforcement", {
        method: "PUT",
        body: JSON.stringify(body),
        headers: { ...asOperator.headers, "content-type": "application/json" },
      });
    assert.equal((await put({ mode: "off" })).status, 400);
    assert.equal(calls.length, 0);
    assert.equal((await put({ mode: "shadow" })).status, 200);
    assert.deepEqual(calls, [["setEnforcement", "shadow"]]);
  });
  await withApp({ operator: NO_OPERATOR }, async ({ ask }) => {
    const answer = await ask("/metrics", asOperator);
    assert.equal(answer.status, 403);
    assert.match((await answer.json()).message, /METACORE_OPERATOR_TOKEN/);
  });
});

const NO_OPERATOR = {
  metrics: () => "",
  sandboxStats: () => {
    throw new Error("nobody may ask");
  },
  stop: () => 0,
  enforcement: () => "enforce" as const,
  setEnforcement: () => Promise.resolve(),
};
