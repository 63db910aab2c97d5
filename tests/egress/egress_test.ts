import assert from "node:assert/strict";
import fc from "fast-check";
import { isKernelError } from "../../src/base/error.ts";
import { compileHosts } from "../../src/base/host_pattern.ts";
import {
  createEgress,
  createEgressBehind,
  type EgressOptions,
} from "../../src/egress/create_egress.ts";
import { contains, readAddress } from "../../src/egress/address.ts";
import { createAddressPolicy } from "../../src/egress/address_policy.ts";
import type { Egress, EgressRequest } from "../../src/egress/egress.ts";
import { workerPermissions } from "../../src/egress/egress_worker.ts";
import type { Gate } from "../../src/egress/gate.ts";
import { systemResolver } from "../../src/egress/resolver.ts";
import { WORKER_SOURCE } from "../../src/egress/worker_source.ts";
import type { AuditRecord } from "../../src/telemetry/audit.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";
import { AUTHORITY, CERTIFICATE, PRIVATE_KEY } from "./certificates.ts";

const TEXT = new TextEncoder();
const ORGANIZATION = "01890a5d-ac96-774b-bcce-b302099a8001";

interface Server extends AsyncDisposable {
  readonly port: number;
  /** Requests as they came. */
  readonly seen: { readonly method: string; readonly headers: Headers }[];
}

function serve(handler: (request: Request) => Response | Promise<Response>): Server {
  const seen: { method: string; headers: Headers }[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    seen.push({ method: request.method, headers: new Headers(request.headers) });
    return handler(request);
  });
  return { port: server.addr.port, seen, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A server that speaks bytes; each connection is closed when the test ends. */
function serveBytes(speak: (connection: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const open = new Set<Deno.TcpConn>();
  const closed = Promise.withResolvers<void>();
  const accepting = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      speak(connection).catch(() => closed.resolve());
    }
  })();
  return {
    port: listener.addr.port,
    /** Settles when a client has gone. */
    clientGone: closed.promise,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) connection.close();
      await accepting;
    },
  };
}

interface Setting {
  readonly egress: Egress;
  readonly records: AuditRecord[];
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly time: { ms: number };
  [Symbol.asyncDispose](): Promise<void>;
}

function setUp(
  options: Partial<EgressOptions> = {},
  make: (options: EgressOptions) => Egress = createEgress,
): Setting {
  const records: AuditRecord[] = [];
  const metrics = createMetrics();
  const time = { ms: 1_000_000 };
  const egress = make({
    policy: "any",
    resolve: () => Promise.resolve(["127.0.0.1"]),
    clock: { nowMs: () => time.ms },
    logger: silentLogger,
    metrics,
    audit: { record: (record) => void records.push(record), flush: () => Promise.resolve() },
    ...options,
  });
  return { egress, records, metrics, time, [Symbol.asyncDispose]: () => egress.close() };
}

function ask(url: string, request: Partial<EgressRequest> = {}): EgressRequest {
  return {
    addonKey: "tickets",
    organizationId: ORGANIZATION,
    method: "GET",
    url,
    headers: [],
    isAllowed: () => true,
    maxResponseBytes: 1_000_000,
    timeoutMs: 20_000,
    ...request,
  };
}

function coded(code: string, reason?: string): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(isKernelError(thrown), String(thrown));
    assert.equal(thrown.code, code, thrown.message);
    if (reason !== undefined) assert.equal(thrown.details?.["reason"], reason);
    return true;
  };
}

const text = (body: Uint8Array) => new TextDecoder().decode(body);

Deno.test("egress: a request goes to the pinned address under its own name", async () => {
  await using server = serve(async (request) => {
    const body = await request.text();
    const headers = new Headers([["x-answer", "1"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
    return new Response(`${request.method} ${new URL(request.url).pathname} ${body}`, { headers });
  });
  await using setting = setUp({ privateAddresses: [`127.0.0.1:${server.port}`] });
  const response = await setting.egress.fetch(
    ask(`http://API.Example.test.:${server.port}/a?b=1#c`, {
      method: "post",
      body: TEXT.encode("hello"),
      headers: [
        ["Authorization", "Bearer t"],
        ["Content-Type", "text/plain"],
        ["Cookie", "s=1"],
        ["Host", "evil.test"],
        ["X-Hop", "1"],
        ["Connection", "x-hop"],
        ["Accept-Encoding", "gzip"],
        ["User-Agent", "curl"],
        ["Content-Length", "9999"],
        ["Transfer-Encoding", "chunked"],
      ],
    }),
  );
  assert.equal(response.status, 200);
  assert.equal(text(response.body), "POST /a hello");
  assert.equal(response.truncated, false);
  assert.deepEqual(response.headers.filter(([name]) => name === "set-cookie"), [
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
  assert.equal(response.headers.some(([name]) => name === "connection"), false);
  const sent = server.seen[0]!.headers;
  assert.equal(sent.get("host"), `api.example.test.:${server.port}`);
  assert.equal(sent.get("authorization"), "Bearer t");
  assert.equal(sent.get("content-type"), "text/plain");
  assert.equal(sent.get("user-agent"), "metacore-addon/tickets");
  assert.equal(sent.get("accept-encoding"), "identity");
  assert.equal(sent.get("content-length"), "5");
  for (const name of ["cookie", "x-hop", "transfer-encoding"]) assert.equal(sent.get(name), null);
  await setting.egress.fetch(
    ask(`http://a.test:${server.port}/`, { userAgent: "GoNext-Plugin/x" }),
  );
  assert.equal(server.seen[1]!.headers.get("user-agent"), "GoNext-Plugin/x");
  assert.match(
    setting.metrics.text(),
    /metacore_egress_requests_total\{addon="tickets",outcome="ok"\} 2\n/,
  );
});

Deno.test("egress: the operator's policy and the capability are asked before the name", async () => {
  const asked: string[] = [];
  const resolve = () => Promise.reject(new Error("the name was looked up"));
  await using off = setUp({ policy: "off", resolve });
  await assert.rejects(
    off.egress.fetch(ask("https://api.example.com/")),
    coded("egress.forbidden", "switched_off"),
  );
  await using listed = setUp({ policy: ["api.example.com", "*.example.org"], resolve });
  for (
    const host of ["other.com", "example.com", "api.example.com:8443", "api.example.com.evil.io"]
  ) {
    await assert.rejects(
      listed.egress.fetch(ask(`https://${host}/`)),
      coded("egress.forbidden", "operator_policy"),
    );
  }
  for (const host of ["API.example.com.", "a.b.example.org", "example.org"]) {
    const isAllowed = (allowed: string) => (asked.push(allowed), false);
    await assert.rejects(
      listed.egress.fetch(ask(`https://${host}/`, { isAllowed })),
      coded("egress.forbidden", "capability"),
    );
  }
  assert.deepEqual(asked, ["api.example.com", "a.b.example.org", "example.org"]);
  assert.deepEqual(listed.records.map((record) => record.name), Array(4).fill("outbound.refused"));
  for (
    const policy of [
      ["*"],
      ["*.com"],
      ["http://x.com/a"],
      [""],
      "shadow",
      ["any"],
      ["Yes"],
      ["*.internal"],
    ]
  ) {
    // Border: what a caller without types may hand over.
    assert.throws(() => setUp({ policy: policy as never }), coded("egress.misconfigured"));
  }
  for (const address of ["10.0.0.0/33", "localhost", "10.0.0.1:0", "10.0.0.1:70000", "[::1", ""]) {
    assert.throws(() => setUp({ privateAddresses: [address] }), coded("egress.misconfigured"));
  }
});

Deno.test("egress: hosts of one label are named by the operator alone, exactly", async () => {
  const resolve = () => Promise.reject(new Error("the name was looked up"));
  await using listed = setUp({ policy: ["Ops-backend:8080", "intranet"], resolve });
  const addonOf = compileHosts(["ops-backend:8080", "intranet"]);
  for (const url of ["http://ops-backend:8080/", "http://intranet/", "http://intranet./"]) {
    const isAllowed = (host: string) => addonOf.matches(host);
    await assert.rejects(
      listed.egress.fetch(ask(url, { isAllowed })),
      coded("egress.forbidden", "capability"),
    );
  }
  for (const host of ["ops-backend", "ops-backend:80", "a.intranet", "intranet:81", "localhost"]) {
    await assert.rejects(
      listed.egress.fetch(ask(`http://${host}/`)),
      coded("egress.forbidden", "operator_policy"),
    );
  }
});

Deno.test("egress: what is no proper request is refused", async () => {
  await using setting = setUp();
  const long = "a".repeat(10_000);
  const cases: readonly Partial<EgressRequest>[] = [
    { url: "" },
    { url: "/relative" },
    { url: "ftp://example.com/" },
    { url: "file:///etc/passwd" },
    { url: "https://user:secret@example.com/" },
    { url: "http://example.com:0/" },
    { url: "http://exa mple.com/" },
    { url: `http://example.com/${long}` },
    { method: "CONNECT" },
    { method: "TRACE" },
    { method: "GET / HTTP/1.1\r\nX: y" },
    { headers: [["X-A", "b\r\nX-C: d"]] },
    { headers: [["X A", "b"]] },
    { headers: [["X-A", "\u0100"]] },
    { headers: [["X-A", long], ["X-B", long]] },
    { headers: Array.from({ length: 101 }, () => ["x", "y"] as const) },
    { body: new Uint8Array(17 * 1024 * 1024) },
  ];
  for (const request of cases) {
    await assert.rejects(
      setting.egress.fetch(ask("http://example.com/", request)),
      coded("egress.bad_request"),
      `${request.url} ${request.method} ${request.headers}`.slice(0, 80),
    );
  }
});

/** The second wall is gone: there is a worker for every address, and it may connect to it. */
const anyWorker = (options: EgressOptions) =>
  createEgressBehind(options, { workers: { admits: () => true } });

Deno.test("egress: first wall alone: no address that is not public, whatever its spelling", async () => {
  await using server = serve(() => new Response("inside"));
  const answers: readonly string[][] = [
    ["127.0.0.1"],
    ["8.8.8.8", "127.0.0.1"],
    ["::ffff:127.0.0.1"],
    ["::ffff:7f00:1"],
    ["64:ff9b::7f00:1"],
    ["fe80::1%eth0"],
    ["not an address"],
    Array.from({ length: 65 }, () => "8.8.8.8"),
  ];
  for (const addresses of answers) {
    await using setting = setUp({ resolve: () => Promise.resolve(addresses) }, anyWorker);
    await assert.rejects(
      setting.egress.fetch(ask(`http://name.test:${server.port}/`)),
      coded("egress.forbidden", "address"),
      addresses.join(),
    );
  }
  await using literal = setUp({
    resolve: () => Promise.reject(new Error("an address is no name")),
  }, anyWorker);
  const hosts = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::127.0.0.1]",
    "①②⑦.⓪.⓪.①",
  ];
  for (const host of hosts) {
    await assert.rejects(
      literal.egress.fetch(ask(`http://${host}:${server.port}/`)),
      coded("egress.forbidden", "address"),
      host,
    );
  }
  assert.equal(server.seen.length, 0);
  assert.equal(literal.records[0]?.name, "outbound.refused");
});

Deno.test("egress: first wall alone: the address that was checked is the one connected to", async () => {
  await using server = serve(() => new Response("hello"));
  await using inside = serve(() => new Response("inside"));
  const answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"]];
  let lookups = 0;
  await using setting = setUp({
    privateAddresses: [`127.0.0.1:${server.port}`],
    resolve: () => Promise.resolve(answers[lookups++]!),
  }, anyWorker);
  const url = `http://rebind.test:${server.port}/`;
  assert.equal(text((await setting.egress.fetch(ask(url))).body), "hello");
  assert.equal(lookups, 1, "a name is looked up once for a request");
  await assert.rejects(setting.egress.fetch(ask(url)), coded("egress.forbidden", "address"));
  await assert.rejects(
    setting.egress.fetch(ask(`http://rebind.test:${inside.port}/`)),
    coded("egress.forbidden", "address"),
  );
  assert.equal(inside.seen.length, 0);
});

Deno.test("egress: every redirect passes the whole gate", async () => {
  await using inside = serve(() => new Response("inside"));
  let location = "";
  let status = 302;
  await using server = serve((request) =>
    new URL(request.url).pathname === "/from"
      ? new Response(null, { status, headers: { location } })
      : new Response("arrived")
  );
  await using setting = setUp({
    policy: [`*.b.test:${server.port}`, "*.inside.test:" + inside.port],
    limits: { requestsPerMinute: 1_000 },
    privateAddresses: [`127.0.0.1:${server.port}`],
  }, anyWorker);
  const from = `http://a.b.test:${server.port}/from`;
  const isAllowed = (host: string) => !host.startsWith("unasked.");
  const follow = (to: string, request: Partial<EgressRequest> = {}) => {
    location = to;
    return setting.egress.fetch(ask(from, { isAllowed, ...request }));
  };
  const refusals: readonly (readonly [string, string, string?])[] = [
    [`http://127.0.0.1:${inside.port}/`, "egress.forbidden", "operator_policy"],
    [`http://x.inside.test:${inside.port}/`, "egress.forbidden", "address"],
    [`http://unasked.b.test:${server.port}/`, "egress.forbidden", "capability"],
    ["file:///etc/passwd", "egress.transport", "EREDIRECT"],
    [`http://u:p@a.b.test:${server.port}/`, "egress.transport", "EREDIRECT"],
    ["/from", "egress.transport", "EREDIRECT"],
  ];
  for (const [to, code, reason] of refusals) {
    await assert.rejects(follow(to), coded(code, reason), to);
  }
  assert.equal(inside.seen.length, 0);
  assert.equal(text((await follow("/to")).body), "arrived");
  assert.equal((await follow("/to", { maxRedirects: 0 })).status, 302);

  server.seen.length = 0;
  const secret: Partial<EgressRequest> = {
    method: "POST",
    body: TEXT.encode("{}"),
    headers: [["Authorization", "Bearer t"], ["X-Api-Key", "k"], ["Content-Type", "text/x"]],
  };
  const last = () => server.seen.at(-1)!;
  await follow("/to", secret);
  assert.equal(last().method, "GET");
  assert.equal(last().headers.get("authorization"), "Bearer t");
  assert.equal(last().headers.get("content-type"), null);
  status = 307;
  await follow("/to", secret);
  assert.equal(last().method, "POST");
  assert.equal(last().headers.get("content-length"), "2");
  await follow(`http://c.b.test:${server.port}/to`, secret);
  assert.equal(last().method, "POST");
  assert.equal(last().headers.get("content-type"), "text/x");
  assert.equal(last().headers.get("authorization"), null);
  assert.equal(last().headers.get("x-api-key"), null);
});

/** A gate that admits everything and believes every address: the first wall is gone. */
const noGate: Gate = {
  admitHost: () => {},
  route: (url) =>
    Promise.resolve({
      hostname: url.hostname,
      port: Number(url.port),
      addresses: [url.hostname === "name.test" ? "127.0.0.1" : url.hostname],
    }),
};

Deno.test("egress: second wall alone: no worker for an address that is not public", async () => {
  await using server = serve((request) =>
    new URL(request.url).pathname === "/from"
      ? new Response(null, {
        status: 302,
        headers: { location: `http://127.0.0.1:${inside.port}/` },
      })
      : new Response("hello")
  );
  await using inside = serve(() => new Response("inside"));
  const privateAddresses = [`127.0.0.1:${server.port}`];
  await using setting = setUp(
    { privateAddresses },
    (given) => createEgressBehind(given, { gate: noGate }),
  );
  const { egress } = setting;
  assert.equal(text((await egress.fetch(ask(`http://name.test:${server.port}/`))).body), "hello");
  const urls = [
    `http://127.0.0.1:${inside.port}/`,
    `http://name.test:${inside.port}/`,
    `http://127.0.0.2:${server.port}/`,
    `http://name.test:${server.port}/from`,
  ];
  for (const url of urls) {
    await assert.rejects(egress.fetch(ask(url)), coded("egress.forbidden", "address"), url);
  }
  assert.equal(inside.seen.length, 0);
});

Deno.test("egress: second wall alone: Deno keeps the worker to its address and port", async () => {
  await using inside = serve(() => new Response("inside"));
  await using server = serve(() =>
    new Response(null, { status: 302, headers: { location: `http://127.0.0.1:${inside.port}/` } })
  );
  const policy = createAddressPolicy(["127.0.0.0/8"]);
  const pinned = { address: "127.0.0.1", port: server.port };
  const denied = { read: false, write: false, env: false, run: false, ffi: false, sys: false };
  const net = [`127.0.0.1:${server.port}`];
  assert.deepEqual(workerPermissions(pinned, policy), { net, ...denied, import: false });

  // What a worker with these permissions could do at the most, whatever its text were.
  const attempts = `
    import netModule from "node:net";
    const node = (port, host) => new Promise((resolve, reject) => {
      const socket = netModule.connect({ port, host }, () => (socket.destroy(), resolve()));
      socket.on("error", reject);
    });
    const fetched = async (url) => (await fetch(url)).body?.cancel();
    self.onmessage = async ({ data: [own, other] }) => {
      const attempts = {
        own: async () => (await Deno.connect({ hostname: "127.0.0.1", port: own })).close(),
        ownByNode: () => node(own, "127.0.0.1"),
        port: () => Deno.connect({ hostname: "127.0.0.1", port: other }),
        portByNode: () => node(other, "127.0.0.1"),
        address: () => Deno.connect({ hostname: "127.0.0.2", port: own }),
        name: () => Deno.connect({ hostname: "localhost", port: own }),
        redirect: () => fetched("http://127.0.0.1:" + own + "/from"),
        listen: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
        read: () => Deno.readTextFile("/etc/hostname"),
        env: () => Deno.env.get("HOME"),
        run: () => new Deno.Command("true").output(),
      };
      const outcomes = {};
      for (const [name, attempt] of Object.entries(attempts)) {
        try {
          await attempt();
          outcomes[name] = "done";
        } catch (error) {
          outcomes[name] = error.name + (error.cause?.name ?? "");
        }
      }
      self.postMessage(outcomes);
    };`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(attempts)}`, {
    type: "module",
    deno: { permissions: workerPermissions(pinned, policy) },
  });
  const { promise, resolve } = Promise.withResolvers<Record<string, string>>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    resolve({ failed: event.message });
  };
  worker.postMessage([server.port, inside.port]);
  const { own, ownByNode, ...others } = await promise;
  worker.terminate();
  assert.deepEqual([own, ownByNode], ["done", "done"]);
  for (const [name, outcome] of Object.entries(others)) assert.match(outcome, /NotCapable/, name);
  assert.equal(Object.keys(others).length, 9);
  assert.equal(inside.seen.length, 0);
});

Deno.test("egress: a worker that is not walled in says so and takes no request", async () => {
  const own = "127.0.0.1:9999";
  const cases: readonly (readonly [Deno.PermissionOptions, string])[] = [
    ["inherit", "read"],
    [{ net: [own], read: true }, "read"],
    [{ net: [own], env: ["HOME"] }, "ready"],
    [{ net: [own], env: true }, "env"],
    [{ net: ["127.0.0.1"] }, "listen"],
    [{ net: ["127.0.0.1:9998"] }, "address"],
    ["none", "address"],
    [{ net: [own] }, "ready"],
  ];
  for (const [permissions, expected] of cases) {
    const url = `data:text/javascript,${encodeURIComponent(WORKER_SOURCE)}`;
    const worker = new Worker(url, { type: "module", deno: { permissions } });
    const { promise, resolve } = Promise.withResolvers<string>();
    worker.onmessage = ({ data }) => resolve(data.wall ?? Object.keys(data)[0]);
    worker.postMessage({ address: "127.0.0.1", port: 9999, family: 4, certificates: [] });
    assert.equal(await promise, expected, JSON.stringify(permissions));
    worker.terminate();
  }
});

/** Answers a request's end with bytes, then does what it is told. */
async function answer(connection: Deno.TcpConn, bytes: string): Promise<void> {
  const buffer = new Uint8Array(4_096);
  await connection.read(buffer);
  await connection.write(TEXT.encode(bytes));
}

Deno.test("egress: a body is cut where it is longer than was asked for", async () => {
  await using server = serve(() => new Response("0123456789"));
  await using endless = serveBytes(async (connection) => {
    await answer(connection, "HTTP/1.1 200 OK\r\n\r\n");
    for (;;) await connection.write(new Uint8Array(65_536));
  });
  const privateAddresses = [`127.0.0.1:${server.port}`, `127.0.0.1:${endless.port}`];
  await using setting = setUp({ privateAddresses });
  const url = `http://a.test:${server.port}/`;
  const sizes: readonly (readonly [number, string, boolean])[] = [
    [9, "012345678", true],
    [10, "0123456789", false],
    [0, "", true],
  ];
  for (const [maxResponseBytes, body, truncated] of sizes) {
    const response = await setting.egress.fetch(ask(url, { maxResponseBytes }));
    assert.equal(text(response.body), body);
    assert.equal(response.truncated, truncated);
  }
  const cut = await setting.egress.fetch(ask(`http://a.test:${endless.port}/`));
  assert.equal(cut.body.length, 1_000_000);
  assert.equal(cut.truncated, true);
  await endless.clientGone;
});

Deno.test("egress: hostile servers end in an error, and their connection with it", async () => {
  const slow = new Promise<void>(() => {});
  const servers: readonly (readonly [(c: Deno.TcpConn) => Promise<void>, string, string?])[] = [
    [() => slow, "egress.timeout"],
    [
      async (connection) => {
        await answer(connection, "HTTP/1.1 200 OK\r\n");
        for (let at = 0;; at++) {
          await connection.write(
            TEXT.encode(`X-${at}: ${"a".repeat(999)}\r\n`),
          );
        }
      },
      "egress.transport",
      "HPE_HEADER_OVERFLOW",
    ],
    [async (connection) => {
      await answer(connection, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nx");
      await slow;
    }, "egress.timeout"],
    [
      async (connection) => {
        await answer(connection, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nx");
        connection.closeWrite();
      },
      "egress.transport",
      "ECONNRESET",
    ],
    [
      async (connection) => {
        await answer(connection, "SSH-2.0-OpenSSH\r\n");
        await slow;
      },
      "egress.transport",
      "HPE_INVALID_CONSTANT",
    ],
    [async (connection) => {
      await answer(
        connection,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      );
      await slow;
    }, "egress.transport"],
    [async (connection) => {
      await answer(connection, "");
      for (;;) await connection.write(TEXT.encode("HTTP/1.1 100 Continue\r\n\r\n"));
    }, "egress.timeout"],
  ];
  for (const [speak, code, reason] of servers) {
    await using server = serveBytes(speak);
    await using setting = setUp({
      privateAddresses: [`127.0.0.1:${server.port}`],
      limits: { concurrent: 1 },
    });
    const url = `http://a.test:${server.port}/`;
    // A busy machine takes its time to start a worker.
    await assert.rejects(
      setting.egress.fetch(ask(url, { timeoutMs: code === "egress.timeout" ? 1_000 : 20_000 })),
      coded(code, reason),
      speak.toString(),
    );
    // The place is free again.
    const signal = AbortSignal.timeout(1);
    await assert.rejects(
      setting.egress.fetch(ask(url, { signal })),
      (thrown) => !isKernelError(thrown, "egress.rate_limited"),
    );
  }
});

Deno.test("egress: abort and deadline hold while a name is looked up too", async () => {
  const { promise: never } = Promise.withResolvers<string[]>();
  await using setting = setUp({ resolve: () => never, limits: { concurrent: 1 } });
  const url = "http://a.test/";
  await assert.rejects(setting.egress.fetch(ask(url, { timeoutMs: 20 })), coded("egress.timeout"));
  const stop = new AbortController();
  const pending = setting.egress.fetch(ask(url, { signal: stop.signal }));
  await assert.rejects(setting.egress.fetch(ask(url)), coded("egress.rate_limited"));
  stop.abort();
  await assert.rejects(pending, coded("egress.cancelled"));
  await assert.rejects(
    setting.egress.fetch(ask(url, { signal: AbortSignal.abort() })),
    coded("egress.cancelled"),
  );
  const last = setting.egress.fetch(ask(url));
  await setting.egress.close();
  await assert.rejects(last, coded("egress.transport", "ECLOSED"));
  await assert.rejects(setting.egress.fetch(ask(url)), coded("egress.transport", "ECLOSED"));
});

Deno.test("egress: abort reaches the server, and the worker serves on", async () => {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using server = serveBytes(async (connection) => {
    const buffer = new Uint8Array(4_096);
    const read = await connection.read(buffer);
    if (text(buffer.subarray(0, read ?? 0)).startsWith("GET /later")) {
      await released.promise;
      await connection.write(TEXT.encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
      return;
    }
    arrived.resolve();
    // Ends when the client has gone.
    if (await connection.read(buffer) === null) throw new Error("gone");
  });
  await using setting = setUp({ privateAddresses: [`127.0.0.1:${server.port}`] });
  const stop = new AbortController();
  const url = `http://a.test:${server.port}`;
  // It goes through the same worker: were that ended, this would fail.
  const later = setting.egress.fetch(ask(`${url}/later`));
  const pending = setting.egress.fetch(ask(`${url}/slow`, { signal: stop.signal }));
  await arrived.promise;
  stop.abort();
  await assert.rejects(pending, coded("egress.cancelled"));
  await server.clientGone;
  released.resolve();
  assert.equal(text((await later).body), "ok");
  assert.match(setting.metrics.text(), /\nmetacore_egress_workers 1\n/);
});

Deno.test("egress: rate and places are counted by addon, places in all as well", async () => {
  const waiting: ((addresses: string[]) => void)[] = [];
  await using setting = setUp({
    resolve: () => new Promise((resolve) => waiting.push(resolve)),
    limits: { requestsPerMinute: 4, concurrent: 2, concurrentInAll: 3 },
  });
  const { egress, time } = setting;
  const start = (addonKey: string) => egress.fetch(ask("http://a.test/", { addonKey }));
  const running = [start("a"), start("a")];
  await assert.rejects(start("a"), coded("egress.rate_limited"));
  running.push(start("b"));
  await assert.rejects(start("c"), coded("egress.rate_limited"));
  const finish = async () => {
    for (const resolve of waiting.splice(0)) resolve(["10.0.0.1"]);
    const ended = await Promise.allSettled(running.splice(0));
    for (const one of ended) {
      assert.ok(one.status === "rejected" && coded("egress.forbidden")(one.reason));
    }
  };
  await finish();
  running.push(start("a"), start("a"));
  await finish();
  await assert.rejects(start("a"), (thrown) => {
    assert.ok(isKernelError(thrown, "egress.rate_limited"));
    assert.equal(thrown.details?.["retry_after_seconds"], 15);
    return true;
  });
  running.push(start("b"));
  await finish();
  time.ms += 15_000;
  running.push(start("a"));
  await assert.rejects(start("a"), coded("egress.rate_limited"));
  await finish();
});

Deno.test("egress: workers are not shared between addons, and few are kept", async () => {
  await using server = serve(() => new Response("ok"));
  const privateAddresses = [`127.0.0.1:${server.port}`];
  const count = ({ metrics }: Setting) =>
    /\nmetacore_egress_workers (\d+)\n/.exec(metrics.text())?.[1];
  const get = ({ egress }: Setting, addonKey: string) =>
    egress.fetch(ask(`http://a.test:${server.port}/`, { addonKey }));
  await using few = setUp({ privateAddresses, maxIdleWorkers: 2 });
  await Promise.all([get(few, "a"), get(few, "a"), get(few, "b")]);
  assert.equal(count(few), "2");
  await get(few, "c");
  assert.equal(count(few), "2");
  await using brief = setUp({ privateAddresses, idleWorkerMs: 1 });
  await get(brief, "a");
  while (count(brief) !== "0") await new Promise((resolve) => setTimeout(resolve, 1));
});

Deno.test("egress: another address is tried where the first cannot be connected to", async () => {
  await using server = serve(() => new Response("ok"));
  await using setting = setUp({
    privateAddresses: ["127.0.0.0/8"],
    resolve: () => Promise.resolve(["127.0.0.9", "127.0.0.1"]),
  });
  const response = await setting.egress.fetch(ask(`http://a.test:${server.port}/`));
  assert.equal(text(response.body), "ok");
  await using refused = setUp({
    privateAddresses: ["127.0.0.9"],
    resolve: () => Promise.resolve(["127.0.0.9"]),
  });
  await assert.rejects(
    refused.egress.fetch(ask(`http://a.test:${server.port}/`)),
    coded("egress.transport", "ECONNREFUSED"),
  );
});

Deno.test("egress: https checks the certificate against the name of the URL", async () => {
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
    cert: CERTIFICATE,
    key: PRIVATE_KEY,
  }, () => new Response("safe"));
  const privateAddresses = [`127.0.0.1:${server.addr.port}`];
  {
    await using trusting = setUp({ privateAddresses, certificates: [AUTHORITY] });
    for (const host of ["a.test", "127.0.0.1"]) {
      const url = `https://${host}:${server.addr.port}/`;
      assert.equal(text((await trusting.egress.fetch(ask(url))).body), "safe", host);
    }
    await assert.rejects(
      trusting.egress.fetch(ask(`https://b.test:${server.addr.port}/`)),
      coded("egress.transport", "ETLS"),
    );
    await using strict = setUp({ privateAddresses });
    await assert.rejects(
      strict.egress.fetch(ask(`https://a.test:${server.addr.port}/`)),
      coded("egress.transport", "ETLS"),
    );
  }
  await server.shutdown();
});

Deno.test({
  name: "egress: a server without the network permission says what is missing",
  permissions: { net: ["127.0.0.1:1"] },
  fn: async () => {
    await using pinned = setUp({ resolve: () => Promise.resolve(["8.8.8.8"]) });
    await assert.rejects(
      pinned.egress.fetch(ask("http://a.test/")),
      (thrown) =>
        coded("egress.forbidden", "server_permission")(thrown) &&
        /METACORE_EGRESS/.test(String(thrown)),
    );
    await using named = setUp({ resolve: systemResolver() });
    await assert.rejects(
      named.egress.fetch(ask("http://a.test/")),
      coded("egress.forbidden", "server_permission"),
    );
  },
});

Deno.test("egress: addresses of every special purpose are not public", () => {
  const refused = [
    ..."10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1 127.0.0.1".split(" "),
    ..."127.255.255.255 169.254.169.254 169.254.1.1 100.64.0.1 100.100.100.200".split(" "),
    ..."0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255".split(" "),
    ..."198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255".split(" "),
    ..."168.63.129.16 :: ::1 fe80::1 febf::1 fec0::1 fc00::1 fd00:ec2::254 ff02::1".split(" "),
    ..."::ffff:8.8.8.8 ::8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::808:808 64:ff9b:1::1".split(" "),
    ..."100::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:808:808::".split(" "),
    ..."3ffe::1 3fff::1 3fff:fff::1 5f00::1 4000::1".split(" "),
    ..."256.1.1.1 01.1.1.1 1.1.1 1.1.1.1.1 0x1.1.1.1 8.8.8.8%1 fe80::1%0 [::1] 1.1.1.1/32".split(
      " ",
    ),
    ..."2606:4700:::1 g::1 1:2:3:4:5:6:7:8:9 2606:4700::1111. localhost".split(" "),
    "",
    " 8.8.8.8",
  ];
  const admitted =
    "8.8.8.8 1.1.1.1 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.0 192.0.1.1 " +
    "198.17.255.255 198.20.0.0 223.255.255.255 2606:4700:4700::1111 2A00:1450::1 2003::1 2400::1";
  const policy = createAddressPolicy([]);
  for (const address of refused) assert.equal(policy.admits(address, 443), false, address);
  for (const address of admitted.split(" ")) {
    assert.equal(policy.admits(address, 443), true, address);
  }
  const some = createAddressPolicy(["10.1.0.0/16:80", "fd00::/8", "[::1]:81", "[fe80::/10]:82"]);
  const cases: readonly (readonly [string, number, boolean])[] = [
    ["10.1.2.3", 80, true],
    ["10.1.2.3", 81, false],
    ["10.2.0.1", 80, false],
    ["::ffff:10.1.2.3", 80, false],
    ["fdff::1", 1, true],
    ["fc00::1", 1, false],
    ["::1", 81, true],
    ["::1", 80, false],
    ["febf::1", 82, true],
  ];
  for (const [address, port, isAdmitted] of cases) {
    assert.equal(some.admits(address, port), isAdmitted, `${address} ${port}`);
  }
});

Deno.test("egress: a range holds exactly the addresses that begin as it does (property)", () => {
  const bits = (bytes: Uint8Array) =>
    [...bytes].map((b) => b.toString(2).padStart(8, "0")).join("");
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(fc.property(
    fc.constantFrom(4, 16).chain((n) => fc.tuple(bytes(n), bytes(n), fc.nat(n * 8), fc.nat(n * 8))),
    ([a, noise, width, flip]) => {
      // Equal up to a bit, so that both answers come up.
      const b = a.map((byte, at) => (at * 8 + 7 < flip ? byte : byte ^ noise[at]!));
      const expected = bits(a).slice(0, width) === bits(b).slice(0, width);
      return contains({ bytes: a, bits: width }, b) === expected;
    },
  ));
  fc.assert(fc.property(fc.ipV6(), (address) => {
    const read = readAddress(address);
    return read?.length === 16 && readAddress(address.toUpperCase())!.toHex() === read.toHex();
  }));
});

Deno.test("egress: with --allow-net alone, https trusts the authorities that Deno brings", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, AUTHORITY);
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
    cert: CERTIFICATE,
    key: PRIVATE_KEY,
  }, () => new Response("safe"));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      "--cached-only",
      "--allow-net",
      new URL("./https_program.ts", import.meta.url).pathname,
      String(server.addr.port),
    ],
    env: { DENO_CERT: file },
  }).output();
  await server.shutdown();
  await Deno.remove(file);
  assert.equal(text(stdout), "200 safe\n", text(stderr));
});
