/**
 * The walls of the HTTP surface: who may ask, how much a request may cost, what an answer may tell.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError, KernelError } from "../../src/base/error.ts";
import { createHttpApp } from "../../src/http/app.ts";
import type { HttpServices } from "../../src/http/http_services.ts";
import { RECORD_ID, TOKEN, USER_ID, withApp } from "./services.ts";

const RECORD = `/api/dynamic/tickets/${RECORD_ID}`;
const JSON_TYPE = { "content-type": "application/json" };

/** A body whose size nobody announces, far larger than any limit here, and how much was read. */
function large(chunkBytes: number): { stream: ReadableStream<Uint8Array>; pulled: () => number } {
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulled === 100 * chunkBytes) return controller.close();
      pulled += chunkBytes;
      controller.enqueue(new Uint8Array(chunkBytes).fill(0x20));
    },
  }, { highWaterMark: 0 });
  return { stream, pulled: () => pulled };
}

/** A body that begins and never goes on. */
function stalled(): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
  });
}

async function codeOf(answer: Response): Promise<string> {
  return (await answer.json()).code;
}

const HEADERS: readonly (readonly [string, number, string])[] = [
  [`Bearer ${TOKEN}`, 200, ""],
  [`bearer ${TOKEN}`, 200, ""],
  [`BEARER   ${TOKEN} `, 200, ""],
  [TOKEN, 200, ""],
  [`Token ${TOKEN}`, 401, "Unauthorized"],
  ["Basic YTpi", 401, "Unauthorized"],
  [`Bearer ${TOKEN}, Bearer ${TOKEN}`, 401, "Unauthorized"],
  ["Bearer wrong", 401, "Unauthorized"],
  ["wrong", 401, "Unauthorized"],
  ["Bearer", 401, "Invalid or expired token"],
  ["", 401, "Invalid or expired token"],
];

for (const [header, status, message] of HEADERS) {
  Deno.test(`Authorization ${JSON.stringify(header)} is answered ${status} ${message}`, () =>
    withApp({}, async ({ ask }) => {
      const answer = await ask(RECORD, { headers: { authorization: header } });
      assert.equal(answer.status, status);
      const body = await answer.json();
      if (status === 200) return;
      assert.equal(body.message, message);
      assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="metacore"');
    }));
}

Deno.test("A token in the URL proves nothing and is not logged", () =>
  withApp({}, async ({ app, lines }) => {
    const url = `http://kernel.test${RECORD}?token=${TOKEN}&access_token=${TOKEN}`;
    const answer = await app.fetch(new Request(url));
    assert.equal(answer.status, 401);
    assert.ok(!JSON.stringify(lines).includes(TOKEN));
    assert.ok(!(await answer.text()).includes(TOKEN));
  }));

Deno.test("X-Request-ID is taken when harmless, made anew when not, and always echoed", () =>
  withApp({}, async ({ ask }) => {
    const idFor = async (given: string) =>
      (await ask("/api/nope", { headers: { "x-request-id": given } })).headers.get("x-request-id");
    for (const good of ["a", "018f-abc.DEF_1:2/3+4=@5", "x".repeat(128)]) {
      assert.equal(await idFor(good), good);
    }
    for (const bad of ["", "-a", "a b", 'a"b', "a;b", "a,b", "é", "<a>", "x".repeat(129)]) {
      assert.match(await idFor(bad) ?? "", /^request-\d+$/, bad);
    }
  }));

Deno.test("What was not thrown on purpose is logged whole and answered without a word of it", () => {
  const secret = "password=hunter2 at /srv/app.ts SELECT * FROM users";
  const thrown: unknown[] = [
    new Error(secret, { cause: new TypeError(secret) }),
    secret,
    null,
    { message: secret },
    new DOMException(secret, "AbortError"),
    new KernelError({
      code: "db.broken",
      kind: "internal",
      message: secret,
      details: { reason: secret, sql: secret },
      cause: new Error(secret),
    }),
  ];
  let next = 0;
  const get = () => Promise.reject(thrown[next++]);
  return withApp({ records: { get } }, async ({ ask, lines }) => {
    for (const _ of thrown) {
      const answer = await ask(RECORD);
      assert.equal(answer.status, 500);
      const text = await answer.text();
      assert.ok(!text.includes("hunter2") && !text.includes("app.ts"), text);
      assert.equal(JSON.parse(text).message, "Internal server error");
      assert.equal(JSON.parse(text).request_id, answer.headers.get("x-request-id"));
    }
    assert.deepEqual(lines.map((line) => line.level), thrown.map(() => "error"));
    const { error, requestId } = lines[0]!.fields as { error: Error; requestId: string };
    assert.equal((error.cause as Error).message, secret);
    assert.equal(requestId, "request-1");
  });
});

Deno.test("A service that throws instead of rejecting is an answer too", () => {
  const list = () => {
    throw new Error("not async");
  };
  return withApp({ records: { list }, auth: { verify: list } }, async ({ ask, send }) => {
    assert.equal((await ask("/api/dynamic/tickets")).status, 500);
    assert.equal((await send("POST", "/api/auth/login", {})).status, 200);
  });
});

Deno.test("The access log has one line per request, with its route and without its query", () =>
  withApp({}, async ({ ask, lines }) => {
    await ask(`${RECORD}?search=private`);
    await ask("/api/nope?q=private");
    await ask("/healthz");
    assert.equal(lines.length, 3);
    const { durationMs, ...fields } = lines[0]!.fields;
    assert.equal(typeof durationMs, "number");
    assert.deepEqual([lines[0]!.level, lines[0]!.message], ["info", "request"]);
    assert.deepEqual(fields, {
      requestId: "request-1",
      method: "GET",
      route: "/api/dynamic/:model/:id",
      path: RECORD,
      status: 200,
      userId: USER_ID,
      organizationId: fields["organizationId"],
    });
    assert.equal(lines[1]!.fields["code"], "http.route_not_found");
    assert.equal(lines[1]!.fields["route"], undefined);
    assert.equal(lines[2]!.level, "debug");
    assert.ok(!JSON.stringify(lines).includes("private"));
  }));

const ESCAPES: readonly (readonly [string, string])[] = [
  ["/api/dynamic/tickets?bad=%zz", "%zz"],
  ["/api/dynamic/%zz", "%zz"],
  ["/api/dynamic/tickets?bad=%", "%"],
  ["/api/dynamic/tickets?bad=%4", "%4"],
  ["/api/dynamic/tickets?bad=%ff", "%ff"],
  ["/api/dynamic/%C3%28", "%C3%28"],
  ["/api/dynamic/tickets?bad=a%00b", "%00"],
  ["/api/nope%zz", "%zz"],
];

for (const [path, escape] of ESCAPES) {
  Deno.test(`GET ${path} is 400 invalid URL escape`, () =>
    withApp({}, async ({ ask, calls }) => {
      const answer = await ask(path);
      assert.equal(answer.status, 400);
      assert.equal((await answer.json()).message, `invalid URL escape "${escape}"`);
      assert.deepEqual(calls, []);
    }));
}

Deno.test("A URL longer than its limit is 414", () =>
  withApp({ limits: { urlLength: 100 } }, async ({ ask }) => {
    const answer = await ask(`/api/dynamic/tickets?q=${"a".repeat(100)}`);
    assert.equal(answer.status, 414);
    assert.equal(await codeOf(answer), "http.url_too_long");
  }));

Deno.test("A JSON body is counted while it comes, and left unread beyond the limit", () =>
  withApp({ limits: { jsonBytes: 1_000 } }, async ({ ask, calls }) => {
    const { stream, pulled } = large(400);
    const answer = await ask("/api/dynamic/tickets", {
      method: "POST",
      body: stream,
      headers: JSON_TYPE,
    });
    assert.equal(answer.status, 413);
    assert.equal(await codeOf(answer), "http.body_too_large");
    assert.equal(pulled(), 1_200);
    assert.deepEqual(calls, []);
  }));

Deno.test("A body that announces too much is refused unread, whatever it really holds", () =>
  withApp({ limits: { jsonBytes: 1_000 } }, async ({ ask }) => {
    const { stream, pulled } = large(10);
    const answer = await ask("/api/dynamic/tickets", {
      method: "POST",
      body: stream,
      headers: { ...JSON_TYPE, "content-length": "1001" },
    });
    assert.equal(answer.status, 413);
    assert.equal(pulled(), 0);
  }));

Deno.test("A body that announces little is counted all the same", () =>
  withApp({ limits: { jsonBytes: 1_000 } }, async ({ ask }) => {
    const answer = await ask("/api/dynamic/tickets", {
      method: "POST",
      body: large(400).stream,
      headers: { ...JSON_TYPE, "content-length": "10" },
    });
    assert.equal(answer.status, 413);
  }));

Deno.test("A bundle is counted while it comes, as form and as body", () =>
  withApp({ limits: { bundleBytes: 2_000 } }, async ({ ask, calls }) => {
    for (const type of ["application/gzip", "multipart/form-data; boundary=b"]) {
      const answer = await ask("/api/metacore/installations", {
        method: "POST",
        body: large(900).stream,
        headers: { "content-type": type },
      });
      assert.equal(answer.status, 413, type);
    }
    assert.deepEqual(calls, []);
  }));

Deno.test("A body exactly at the limit is read", () =>
  withApp({ limits: { jsonBytes: 7 } }, async ({ ask }) => {
    const post = (body: string) =>
      ask("/api/dynamic/tickets", { method: "POST", body, headers: JSON_TYPE });
    assert.equal((await post('{"a":1}')).status, 201);
    assert.equal((await post('{"a":12}')).status, 413);
  }));

const BODIES: readonly (readonly [string, BodyInit | null, string, number, string])[] = [
  ["no body", null, "application/json", 400, "invalid body"],
  ["an empty body", "", "application/json", 400, "invalid body"],
  ["half a body", '{"a":', "application/json", 400, "invalid body"],
  ["two bodies", "{}{}", "application/json", 400, "invalid body"],
  ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "application/json", 400, "invalid body"],
  ["text/plain", "{}", "text/plain", 400, "Invalid request format"],
  ["a form", "a=1", "application/x-www-form-urlencoded", 400, "Invalid request format"],
  ["a near miss", "{}", "application/jsonp", 400, "Invalid request format"],
  ["upper case", "{}", "Application/JSON; charset=UTF-8", 201, ""],
  ["64 levels", "[".repeat(64) + "]".repeat(64), "application/json", 201, ""],
  ["65 levels", "[".repeat(65) + "]".repeat(65), "application/json", 400, "invalid body"],
  ["brackets in texts", `["${"[".repeat(99)}\\"${"{".repeat(99)}"]`, "application/json", 201, ""],
];

for (const [name, body, type, status, message] of BODIES) {
  Deno.test(`POST with ${name} is answered ${status} ${message}`, () =>
    withApp({}, async ({ ask }) => {
      const headers = { "content-type": type };
      const answer = await ask("/api/dynamic/tickets", { method: "POST", body, headers });
      assert.equal(answer.status, status);
      if (status !== 201) assert.equal((await answer.json()).message, message);
    }));
}

Deno.test("A compressed body is 415: nothing is inflated", () =>
  withApp({}, async ({ ask }) => {
    const answer = await ask("/api/dynamic/tickets", {
      method: "POST",
      body: "{}",
      headers: { ...JSON_TYPE, "content-encoding": "gzip" },
    });
    assert.equal(answer.status, 415);
  }));

Deno.test("A body that breaks off is 400 and no failure of the server", () =>
  withApp({}, async ({ ask, lines }) => {
    const body = new ReadableStream({ pull: () => Promise.reject(new Error("reset")) });
    const answer = await ask(RECORD, { method: "PUT", body, headers: JSON_TYPE });
    assert.equal(answer.status, 400);
    assert.equal(await codeOf(answer), "http.body_interrupted");
    assert.equal(lines[0]!.level, "info");
  }));

Deno.test("A client that is late with its body is 408, and its half body is never used", () =>
  withApp({ limits: { requestTimeoutMs: 20, uploadTimeoutMs: 20 } }, async ({ ask, calls }) => {
    const post = (path: string, type: string) =>
      ask(path, { method: "POST", body: stalled(), headers: { "content-type": type } });
    const [record, bundle] = await Promise.all([
      post("/api/dynamic/tickets", "application/json"),
      post("/api/metacore/installations", "application/gzip"),
    ]);
    assert.deepEqual([record.status, bundle.status], [408, 408]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(calls, []);
  }));

Deno.test("Work that is late is 504 and told by its signal", () => {
  let signal: AbortSignal | undefined;
  const get = (caller: { signal?: AbortSignal }) => {
    signal = caller.signal;
    return new Promise<never>(() => {});
  };
  return withApp({ records: { get }, limits: { requestTimeoutMs: 20 } }, async ({ ask }) => {
    const answer = await ask(RECORD);
    assert.equal(answer.status, 504);
    assert.equal(await codeOf(answer), "http.request_timeout");
    assert.equal(signal?.aborted, true);
  });
});

Deno.test("A client that hangs up is told to the work, and is no failure of the server", () => {
  const get = (caller: { signal?: AbortSignal }) =>
    new Promise<never>((_resolve, reject) => {
      caller.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    });
  return withApp({ records: { get } }, async ({ ask, lines }) => {
    const client = new AbortController();
    const answer = ask(RECORD, { signal: client.signal });
    await new Promise((resolve) => setTimeout(resolve, 1));
    client.abort();
    assert.equal((await answer).status, 499);
    assert.equal(lines[0]!.level, "info");
  });
});

Deno.test("Uploads beyond the places are 503 at once, and places are given back", () => {
  const running: PromiseWithResolvers<never>[] = [];
  const install = () => {
    running.push(Promise.withResolvers<never>());
    return running.at(-1)!.promise;
  };
  return withApp(
    { addons: { install }, limits: { concurrentUploads: 2, uploadTimeoutMs: 500 } },
    async ({ ask }) => {
      const upload = () =>
        ask("/api/metacore/installations", {
          method: "POST",
          body: "x",
          headers: { "content-type": "application/gzip" },
        });
      const two = [upload(), upload()];
      await new Promise((resolve) => setTimeout(resolve, 1));
      const third = await upload();
      assert.equal(third.status, 503);
      assert.equal(third.headers.get("retry-after"), "5");
      for (const { reject } of running) reject(new Error("done"));
      assert.deepEqual((await Promise.all(two)).map((answer) => answer.status), [500, 500]);
      const fourth = upload();
      await new Promise((resolve) => setTimeout(resolve, 1));
      running.at(-1)!.reject(new Error("done"));
      assert.equal((await fourth).status, 500);
    },
  );
});

Deno.test("drain() waits for running requests, refuses new ones, and lets probes answer", () => {
  const work = Promise.withResolvers<never>();
  return withApp({ records: { get: () => work.promise } }, async ({ app, ask }) => {
    const running = ask(RECORD);
    let drained = false;
    const draining = app.drain().then(() => drained = true);
    const refused = await ask("/api/auth/me");
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("connection"), "close");
    assert.equal(await codeOf(refused), "http.stopping");
    assert.equal((await ask("/healthz")).status, 200);
    const ready = await ask("/readyz");
    assert.deepEqual([ready.status, (await ready.json()).ready], [503, false]);
    assert.equal(drained, false);
    work.reject(new KernelError({ code: "a.b", kind: "conflict", message: "c" }));
    assert.equal((await running).status, 409);
    await draining;
    assert.equal(drained, true);
    await app.drain();
  });
});

const ORIGIN = "https://app.example.com";

Deno.test("CORS is off unless origins are named", () =>
  withApp({}, async ({ ask }) => {
    const answer = await ask(RECORD, { headers: { origin: ORIGIN } });
    assert.equal(answer.headers.has("access-control-allow-origin"), false);
    const preflight = await ask(RECORD, {
      method: "OPTIONS",
      headers: { origin: ORIGIN, "access-control-request-method": "PUT" },
    });
    assert.equal(preflight.headers.has("access-control-allow-methods"), false);
  }));

Deno.test("CORS answers the exact origins that are named, failures included", () =>
  withApp({ cors: { origins: [ORIGIN] } }, async ({ ask }) => {
    const allowed = async (origin: string, path = RECORD) =>
      (await ask(path, { headers: { origin } })).headers.get("access-control-allow-origin");
    assert.equal(await allowed(ORIGIN), ORIGIN);
    assert.equal(await allowed(ORIGIN, "/api/nope"), ORIGIN);
    const others = ["http://app.example.com", `${ORIGIN}.evil.test`, `${ORIGIN}:444`, "null"];
    for (const origin of others) assert.equal(await allowed(origin), null, origin);
    const answer = await ask(RECORD);
    assert.equal(answer.headers.get("vary"), "Origin");
    assert.equal(answer.headers.has("access-control-allow-credentials"), false);
  }));

Deno.test("A preflight names what published clients send, and is kept by browsers", () =>
  withApp({ cors: { origins: [ORIGIN] } }, async ({ app }) => {
    const preflight = (origin: string) =>
      app.fetch(
        new Request(`http://kernel.test${RECORD}`, {
          method: "OPTIONS",
          headers: { origin, "access-control-request-method": "PUT" },
        }),
      );
    const { status, headers } = await preflight(ORIGIN);
    assert.equal(status, 204);
    assert.equal(headers.get("access-control-allow-origin"), ORIGIN);
    assert.match(headers.get("access-control-allow-methods") ?? "", /PUT, PATCH, DELETE/);
    assert.match(
      headers.get("access-control-allow-headers") ?? "",
      /Authorization, Content-Type, Accept-Language, If-Match, X-Branch-ID/,
    );
    assert.equal(headers.get("access-control-max-age"), "7200");
    const other = await preflight("https://evil.test");
    assert.equal(other.headers.has("access-control-allow-origin"), false);
    assert.equal(other.headers.has("access-control-allow-methods"), false);
  }));

Deno.test("createHttpApp() refuses settings that would not do what their writer meant", () => {
  const make = (settings: Partial<HttpServices>) => () => createHttpApp(settings as HttpServices);
  for (const origin of ["*", "null", `${ORIGIN}/`, "app.example.com", "https://*.example.com/"]) {
    assert.throws(
      make({ cors: { origins: [origin] } }),
      (error) => isKernelError(error, "http.invalid_origin"),
      origin,
    );
  }
  const unlimited = [{ jsonBytes: NaN }, { jsonBytes: Infinity }, { jsonBytes: 0 }, {
    jsonByte: 5,
  }];
  for (const limits of unlimited) {
    assert.throws(make({ limits }), (error) => isKernelError(error, "http.invalid_limit"));
  }
});
