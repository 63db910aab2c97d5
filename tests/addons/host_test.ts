import assert from "node:assert/strict";
import fc from "fast-check";
import { KernelError } from "../../src/base/error.ts";
import { DEFAULT_HOST_LIMITS } from "../../src/addons/host/limits.ts";
import type { GuestSqlRequest } from "../../src/db/guest_sql/guest_sql.ts";
import type { EgressRequest } from "../../src/egress/egress.ts";
import { engineTest, openTestDatabase } from "../_support/engines.ts";
import {
  call,
  contextOf,
  gonext,
  json,
  makeHostWorld,
  ORG,
  OTHER_ORG,
  rights,
  text,
  worldTest,
} from "./host_world.ts";

const HOST = "metacore_host";
const EMIT = { kind: "event:emit", target: "tickets.*" };

worldTest("a function that is not in the interface's table ends the invocation", async (world) => {
  const metacore = world.port();
  for (const name of ["metacore_host.constructor", "gonext_data.gn_kv_get", "x", "__proto__"]) {
    await assert.rejects(call(metacore, name, "k"), { code: "addon.unknown_host_function" });
  }
  const guest = gonext(world, ["kv.read"]);
  await assert.rejects(call(guest, `${HOST}.env_get`, "k"), {
    code: "addon.unknown_host_function",
  });
  assert.match(world.metricsText(), /host_calls_total\{[^}]*function="unknown"[^}]*\} 5/);
});

worldTest("env_get answers texts, and 0 for everything else", async (world) => {
  const port = world.port({ settings: new Map([["a", "1"], ["empty", ""]]) });
  assert.equal(text(await call(port, `${HOST}.env_get`, "a")), "1");
  for (const key of ["missing", "empty", "", "unreadable", "__proto__"]) {
    assert.deepEqual(await call(port, `${HOST}.env_get`, key), { status: 0 }, key);
  }
  assert.deepEqual(await call(port, `${HOST}.env_get`, Uint8Array.of(0xff)), { status: 0 });
});

worldTest(
  "budgets: calls, bytes and time of one invocation; the next one starts anew",
  async (world) => {
    const run = (port = world.port()) => call(port, `${HOST}.db_exec`, "insert", "");
    const port = world.port();
    for (let n = 0; n < 32; n++) assert.equal(json(await run(port)).success, true);
    const refused = json(await run(port));
    assert.deepEqual([refused.success, refused.error.code], [false, "db_exec_limit_exceeded"]);
    assert.equal(json(await call(port, `${HOST}.db_query`, "select 1")).success, true);
    assert.equal(json(await run()).success, true);

    const emitting = world.port(contextOf(rights(EMIT)));
    const payload = JSON.stringify("x".repeat(262_000));
    const outcomes: unknown[] = [];
    for (let n = 0; n < 17; n++) {
      const reply = await call(emitting, `${HOST}.event_emit`, "tickets.big.made", payload);
      outcomes.push("bytes" in reply ? json(reply).error : reply);
    }
    assert.deepEqual(outcomes, [...Array(16).fill({ status: 0 }), "rate_limited"]);
  },
);

Deno.test("the time that calls of one kind took is bounded, whatever is left of the invocation", async () => {
  await using t = await openTestDatabase("sqlite");
  const limits = { db_read: { ...DEFAULT_HOST_LIMITS.db_read, timeMs: 30 } };
  const world = await makeHostWorld(t.database, { limits });
  world.answerSql = ({ limits: { timeoutMs }, signal }) => {
    assert.ok(timeoutMs <= 30, `${timeoutMs}`);
    const done = Promise.withResolvers<never>();
    signal!.addEventListener("abort", () => done.reject(new Error("stopped")));
    return done.promise;
  };
  const port = world.port();
  const codes: unknown[] = [];
  for (let n = 0; n < 2; n++) {
    codes.push(
      json(await call(port, `${HOST}.db_query`, "select 1")).error.code,
    );
  }
  assert.deepEqual(codes, ["query_timeout", "db_query_limit_exceeded"]);
});

worldTest("a rate holds across invocations of an addon within an organization", async (world) => {
  const context = contextOf(rights({ kind: "http:fetch", target: "api.example.com" }));
  const fetch = (organizationId: string) =>
    call(
      world.port({ ...context, subject: { ...context.subject, organizationId } }),
      `${HOST}.http_fetch`,
      "https://api.example.com/",
    );
  for (let n = 0; n < 60; n++) assert.equal(json(await fetch(ORG)).status, 200);
  assert.equal(json(await fetch(ORG)).error, "rate_limited");
  assert.equal(json(await fetch(OTHER_ORG)).status, 200);
  // A window slides: right after the turn of the minute nearly all of the last one still counts.
  world.nowMs += 61_100;
  assert.equal(json(await fetch(ORG)).status, 200);
  assert.equal(json(await fetch(ORG)).error, "rate_limited");
  world.nowMs += 90_000;
  assert.equal(json(await fetch(ORG)).status, 200);
});

worldTest("what an addon hands over within a minute is bounded too", async (world) => {
  const payload = JSON.stringify("x".repeat(262_000));
  let written = 0;
  for (let n = 0; n < 70; n++) {
    const port = world.port(contextOf(rights(EMIT)));
    const reply = await call(port, `${HOST}.event_emit`, "tickets.big.made", payload);
    if ("status" in reply) written++;
    else assert.equal(json(reply).error, "rate_limited");
  }
  assert.equal(written, 64);
});

worldTest("calls end with the invocation, and after it nothing runs", async (world) => {
  let runs = 0;
  let given: AbortSignal | undefined;
  world.answerSql = ({ signal }) => {
    runs++;
    given = signal;
    return new Promise(() => {});
  };
  const port = world.port();
  const stop = new AbortController();
  const pending = port.call({
    name: `${HOST}.db_query`,
    arguments: [new TextEncoder().encode("select 1")],
    deadlineMs: performance.now() + 60_000,
    signal: stop.signal,
  });
  assert.equal(given?.aborted, false);
  stop.abort();
  assert.equal(given?.aborted, true, "the statement is told at once");
  assert.equal(json(await pending).error.code, "query_timeout");
  const late = await port.call({
    name: `${HOST}.db_query`,
    arguments: [new TextEncoder().encode("select 1")],
    deadlineMs: performance.now() - 1,
    signal: new AbortController().signal,
  });
  assert.equal(json(late).error.code, "query_timeout");
  assert.equal(runs, 1);
});

worldTest(
  "what the kernel throws is logged with the request and hidden from the guest",
  async (world) => {
    world.answerSql = () => {
      throw new KernelError({
        code: "db.failed",
        kind: "internal",
        message: "password of postgres://kernel:hunter2@db is wrong",
      });
    };
    const reply = text(await call(world.port(), `${HOST}.db_query`, "select 1"));
    assert.doesNotMatch(reply, /hunter2|postgres/);
    assert.match(reply, /"code":"db_error".*request-1/);
    assert.ok(world.lines.some((line) => line.includes("hunter2") && line.includes("request-1")));
    world.answerHttp = () => {
      throw new TypeError("secret detail");
    };
    const context = contextOf(rights({ kind: "http:fetch", target: "api.example.com" }));
    const fetched = await call(
      world.port(context),
      `${HOST}.http_fetch`,
      "https://api.example.com",
    );
    assert.equal(json(fetched).error, "transport");
    assert.doesNotMatch(text(fetched), /secret detail/);
  },
);

worldTest(
  "without the capability nothing is reached; shadow lets it pass and records it",
  async (world) => {
    let asked = 0;
    world.answerHttp = () => {
      asked++;
      return { status: 204, headers: [], body: new Uint8Array(), truncated: false };
    };
    const fetch = () => call(world.port(), `${HOST}.http_fetch`, "https://api.example.com/");
    assert.equal(json(await fetch()).error, "forbidden");
    assert.equal(asked, 0);
    const emitted = await call(world.port(), `${HOST}.event_emit`, "tickets.ticket.solved", "{}");
    assert.equal(json(emitted).error, "forbidden");
    await world.setMode("shadow");
    assert.equal(json(await fetch()).status, 204);
    const violation = world.records.find((one) => one.name === "capability.violation");
    assert.equal(violation?.organizationId, ORG);
    assert.equal(violation?.requestId, "request-1");
  },
);

worldTest(
  "http: every redirect is asked for again, the first host is not asked for twice",
  async (world) => {
    let request: EgressRequest | undefined;
    world.answerHttp = (given) => {
      request = given;
      const headers = [["X-A", "1"], ["x-a", "2"], ["__proto__", "3"]] as const;
      return { status: 200, headers, body: Uint8Array.of(0x61, 0xff), truncated: false };
    };
    const port = world.port(contextOf(rights({ kind: "http:fetch", target: "api.example.com" })));
    const args = ["https://api.example.com/x", "POST", '{"X-Key":"k"}', "{}"] as const;
    const reply = json(await call(port, `${HOST}.http_request`, ...args));
    assert.equal(reply.body, "a\uFFFD");
    assert.equal(reply.headers["x-a"], "1, 2");
    assert.deepEqual(request?.headers, [["X-Key", "k"], ["Content-Type", "application/json"]]);
    assert.equal(request?.isAllowed("api.example.com"), true);
    assert.equal(request?.isAllowed("169.254.169.254"), false);
    for (const url of ["", "ftp://api.example.com", "//x", "javascript:1", "unreadable"]) {
      assert.equal(json(await call(port, `${HOST}.http_fetch`, url)).error, "bad_request", url);
    }
    const named = await call(port, `${HOST}.http_request`, args[0], "", '{"a":1}', "");
    assert.equal(json(named).error, "bad_request");
  },
);

worldTest("http: failures have the contract's words", async (world) => {
  const port = () =>
    world.port(contextOf(rights({ kind: "http:fetch", target: "api.example.com" })));
  const words: Record<string, string> = {
    "egress.bad_request": "bad_request",
    "egress.forbidden": "forbidden",
    "egress.rate_limited": "rate_limited",
    "egress.transport": "transport",
    "egress.timeout": "timeout",
  };
  for (const [code, word] of Object.entries(words)) {
    world.answerHttp = () => {
      throw new KernelError({ code, kind: "unavailable", message: "why" });
    };
    const reply = await call(port(), `${HOST}.http_fetch`, "https://api.example.com");
    assert.deepEqual(json(reply), { error: word, message: "why" });
  }
});

worldTest(
  "http: what reaches the guest fits 8 MiB with its escapes, and is cut between characters",
  async (world) => {
    world.answerHttp = () => ({
      status: 200,
      headers: [],
      body: new TextEncoder().encode("\u0001".repeat(4_000_000) + "é😀"),
      truncated: false,
    });
    const port = world.port(contextOf(rights({ kind: "http:fetch", target: "api.example.com" })));
    const reply = await call(port, `${HOST}.http_fetch`, "https://api.example.com");
    assert.ok("bytes" in reply && reply.bytes.length <= 8 * 1024 * 1024, "too long");
    assert.ok("bytes" in reply && reply.bytes.length > 8 * 1024 * 1024 - 4_096, "cut too short");
    assert.equal(json(reply).truncated, true);
  },
);

engineTest(
  "event_emit writes to the organization's log, once, with the digits given",
  async (t) => {
    const world = await makeHostWorld(t.database);
    const port = world.port({ ...contextOf(rights(EMIT)), actorId: "user-1" });
    const payload = '{"total":12345678901234567890.10,"t":"\\u0000"}';
    assert.deepEqual(await call(port, `${HOST}.event_emit`, "tickets.ticket.solved", payload), {
      status: 0,
    });
    const rows = await t.database.kysely.selectFrom("events").selectAll().execute();
    assert.equal(rows.length, 1);
    const { name, addon_key, organization_id, payload: stored, actor_id, request_id } = rows[0]!;
    assert.deepEqual(
      [name, addon_key, organization_id, stored, actor_id, request_id],
      ["tickets.ticket.solved", "tickets", ORG, payload, "user-1", "request-1"],
    );
  },
);

engineTest("event_emit joins the action's transaction: rolled back with it", async (t) => {
  const world = await makeHostWorld(t.database);
  await assert.rejects(
    t.database.transaction(ORG, async (transaction) => {
      const context = contextOf(rights(EMIT));
      const port = world.port({ ...context, transaction, transactionMode: "action" });
      await call(port, `${HOST}.event_emit`, "tickets.ticket.solved", "{}");
      const inside = await transaction.kysely.selectFrom("events").selectAll().execute();
      assert.equal(inside.length, 1);
      throw new Error("declined");
    }),
    /declined/,
  );
  assert.equal((await t.database.kysely.selectFrom("events").selectAll().execute()).length, 0);
});

worldTest(
  "event_emit: checks in the contract's order, forged names refused also in shadow",
  async (world) => {
    const emit = async (
      name: string | Uint8Array,
      payload: string | Uint8Array,
      ...more: string[]
    ) => {
      const targets = ["tickets.*", ...more].map((target) => ({ kind: "event:emit", target }));
      const reply = await call(
        world.port(contextOf(rights(...targets))),
        `${HOST}.event_emit`,
        name,
        payload,
      );
      return "bytes" in reply ? json(reply).error : "status" in reply && reply.status;
    };
    const big = JSON.stringify("x".repeat(262_144));
    assert.equal(await emit("", big), "invalid_event");
    assert.equal(await emit("a".repeat(300), "{}"), "invalid_event");
    assert.equal(await emit("too_large", "{}"), "invalid_event");
    assert.equal(await emit(Uint8Array.of(0x74, 0xff), "{}"), "invalid_event");
    for (const name of ["Tickets.x", "tickets", "tickets..x", ".x", "tickets.x\n", "tickets. x"]) {
      assert.equal(await emit(name, "{}"), "invalid_event", name);
    }
    assert.equal(await emit("tickets.*", "{}"), "wildcard_publish");
    assert.equal(await emit("tickets.a.b", big), "payload_too_large");
    assert.equal(await emit("tickets.a.b", "too_large"), "payload_too_large");
    assert.equal(await emit("tickets.a.b", "{"), "invalid_payload");
    // Whole, but so deep that whoever prints it recursively would not come back.
    const deep = "[".repeat(65) + "]".repeat(65);
    assert.equal(await emit("tickets.a.b", deep), "invalid_payload");
    assert.deepEqual(await emit("tickets.a.b", `["\\"[", ${deep.slice(2, -2)}]`), 0);
    assert.equal(await emit("tickets.a.b", Uint8Array.of(0xff)), "invalid_payload");
    assert.equal(await emit("tickets.a.b", "unreadable"), "invalid_payload");
    assert.equal(await emit("tickets.a.b", ""), 0);
    for (const mode of ["enforce", "shadow"] as const) {
      await world.setMode(mode);
      for (const name of ["kernel.user.created", "metacore.x.y", "host.x.y", "orders.order.paid"]) {
        assert.equal(await emit(name, "{}", "*"), "forbidden", `${mode} ${name}`);
      }
      // Named by a capability, another addon's name is no forgery.
      assert.equal(await emit("orders.order.paid", "{}", "orders.order.*"), 0);
    }
    assert.ok(world.records.some((one) => one.name === "event.forged"));
    await world.setMode("enforce");
    assert.equal(await emit("shop.order.paid", "{}"), "forbidden");
    assert.equal(await emit("shop.order.paid", "{}", "shop.*"), 0);
  },
);

worldTest("event_emit answers 0 up to level 1.4 and an envelope from 1.5 on", async (world) => {
  const emit = (level: string, name = "tickets.a.b") =>
    call(world.port({ ...contextOf(rights(EMIT)), level }), `${HOST}.event_emit`, name, "1");
  assert.deepEqual(await emit("1.3"), { status: 0 });
  assert.deepEqual(await emit("1.4"), { status: 0 });
  const { success, data } = json(await emit("1.10"));
  assert.deepEqual([success, data], [true, { event: "tickets.a.b", subscribers: 0 }]);
  assert.equal(json(await emit("1.5", "")).error.code, "invalid_event");
  assert.equal(json(await emit("1.3", "")).error, "invalid_event");
});

worldTest("db: arguments are decoded as the contract has it", async (world) => {
  let given: GuestSqlRequest["arguments"] = [];
  world.answerSql = (request) => {
    given = request.arguments;
    return { columns: [], rows: [], changes: 0 };
  };
  const run = async (args: string | Uint8Array) => {
    const reply = json(await call(world.port(), `${HOST}.db_query`, "select 1", args));
    return reply.error?.code ?? given;
  };
  const id = "0193A000-0000-7000-8000-00000000000a";
  assert.deepEqual(await run(""), []);
  assert.deepEqual(await run("null"), []);
  assert.deepEqual(
    await run('[null,true,1,-0,1.5,"x",9007199254740993,1e3,92233720368547758070]'),
    [
      null,
      true,
      1,
      0,
      1.5,
      "x",
      9007199254740993n,
      1000,
      92233720368547758070,
    ],
  );
  assert.deepEqual(
    await run(
      `[{"$uuid":"${id}","x":[1]},{"$ts":"2026-01-02T03:04:05.123456789+02:00"},{"$bytes":"AAE="}]`,
    ),
    [
      { kind: "uuid", text: id },
      { kind: "timestamp", text: "2026-01-02T03:04:05.123456789+02:00" },
      { kind: "bytes", bytes: Uint8Array.of(0, 1) },
    ],
  );
  const bad = [
    "{}",
    "1",
    "[",
    "[[1]]",
    "[{}]",
    '[{"$uuid":"x"}]',
    '[{"$ts":"2026-13-02T03:04:05Z"}]',
    '[{"$ts":"yesterday"}]',
    '[{"$bytes":"%"}]',
    '[{"$uuid":1}]',
    "[1e999]",
    "[".repeat(200_000),
    JSON.stringify(Array(65).fill(1)),
    "unreadable",
  ];
  for (const args of bad) assert.equal(await run(args), "arg_decode", args.slice(0, 40));
  assert.equal(await run(Uint8Array.of(0x5b, 0xff)), "arg_decode");
  assert.equal(await run("too_large"), "payload_too_large");
});

Deno.test("db: decoding never throws anything but a refusal, whatever the bytes", async () => {
  await using t = await openTestDatabase("sqlite");
  const limits = { db_read: { ...DEFAULT_HOST_LIMITS.db_read, callsPerMinute: 1e9 } };
  const world = await makeHostWorld(t.database, { limits });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((one) => new TextEncoder().encode(one)),
    fc.json().map((one) => new TextEncoder().encode(`[${one}]`)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (args) => {
      const reply = json(await call(world.port(), `${HOST}.db_query`, "select 1", args));
      const code = reply.error?.code;
      return reply.success === true || code === "arg_decode";
    }),
    { numRuns: 300, seed: 7 },
  );
});

worldTest("db: envelopes of rows, of changes and of failures", async (world) => {
  world.answerSql = () => ({
    columns: [{ name: "a", type: "int4" }, { name: "__proto__" }, { name: "a", type: "text" }],
    rows: [[1, 2, "x"]],
    changes: 1,
  });
  const read = json(
    await call(world.port({ schemaName: "addon_tickets$org" }), `${HOST}.db_query`, "q"),
  );
  assert.equal(
    JSON.stringify(read).replace(/"durationMs":\d+/, '"durationMs":0'),
    '{"success":true,"data":{"rows":[{"a":"x","__proto__":2}],"rowCount":1,"columns":[' +
      '{"name":"a","type":"int4"},{"name":"__proto__"},{"name":"a","type":"text"}]},' +
      '"meta":{"schema":"addon_tickets","durationMs":0,"truncated":false}}',
  );
  const written = json(await call(world.port(), `${HOST}.db_exec`, "q"));
  assert.deepEqual([written.data.rowsAffected, written.data.rows.length], [1, 1]);
  world.answerSql = () => ({ columns: [], rows: [], changes: 3 });
  const changed = json(await call(world.port(), `${HOST}.db_exec`, "q"));
  assert.deepEqual(changed.data, { rowsAffected: 3 });
  const words: Record<string, string> = {
    "guest_sql.invalid": "invalid_sql",
    "guest_sql.argument_count": "arg_count_mismatch",
    "guest_sql.forbidden": "forbidden",
    "guest_sql.row_limit": "row_limit_exceeded",
    "guest_sql.timeout": "query_timeout",
    "guest_sql.failed": "db_error",
    "guest_sql.constraint": "constraint_violation",
    "guest_sql.serialization": "serialization_failure",
    "guest_sql.unavailable": "db_unavailable",
  };
  for (const [code, word] of Object.entries(words)) {
    world.answerSql = () => {
      throw new KernelError({ code, kind: "invalid", message: "why" });
    };
    const { success, error, meta } = json(
      await call(world.port(), `${HOST}.db_exec`, "q"),
    );
    assert.deepEqual([success, error, meta?.schema], [
      false,
      {
        code: word,
        // Names of roles and databases are the operator's business.
        message: word === "db_unavailable"
          ? "SQL of addons is not available now; an operator of this server finds out why"
          : "why",
      },
      "addon_tickets",
    ]);
  }
  assert.match(text(await call(world.port(), `${HOST}.db_query`, "too_large")), /"invalid_sql"/);
});

worldTest("db: rows that names would blow up are refused before they are built", async (world) => {
  const name = "n".repeat(63);
  world.answerSql = () => ({
    columns: Array.from({ length: 100 }, () => ({ name })),
    rows: Array.from({ length: 10_000 }, () => Array(100).fill(1)),
    changes: 10_000,
  });
  assert.match(text(await call(world.port(), `${HOST}.db_query`, "q")), /"row_limit_exceeded"/);
  const written = json(await call(world.port(), `${HOST}.db_exec`, "q"));
  // The change stands, so it is told; its rows are left out.
  assert.deepEqual([written.data?.rowsAffected, written.meta?.truncated], [10_000, true]);
});

worldTest(
  "db: names reach the own tables, and others' by capability and installation only",
  async (world) => {
    let relations: GuestSqlRequest["relations"] | undefined;
    world.answerSql = (request) => {
      relations = request.relations;
      return { columns: [], rows: [], changes: 0 };
    };
    const ask = async (capabilities = rights()) => {
      const context = { ...contextOf(capabilities), schemaName: "addon_tickets$org" };
      await call(world.port(context), `${HOST}.db_query`, "q");
      return relations!;
    };
    const own = await ask();
    assert.deepEqual(own.find(undefined, "t", "write"), {
      schema: "addon_tickets$org",
      table: "t",
    });
    assert.deepEqual(own.find("addon_tickets", "t", "read"), {
      schema: "addon_tickets$org",
      table: "t",
    });
    assert.deepEqual([own.readable, own.writable], [["addon_tickets$org"], ["addon_tickets$org"]]);
    const closed = [
      "public",
      "metacore",
      "pg_catalog",
      "addon_orders",
      "addon_x",
      "addon_tickets$org",
    ];
    for (const schema of closed) {
      assert.ok("refused" in own.find(schema, "t", "read"), schema);
    }
    // Cutting the prefix off would make another addon of it.
    const odd = await ask(rights({ kind: "db:read", target: "other_orders.orders" }));
    assert.ok("refused" in odd.find("other_orders", "orders", "read"));
    assert.deepEqual(odd.readable, ["addon_tickets$org"]);
    const reads = await ask(rights(
      { kind: "db:read", target: "addon_orders.orders" },
      { kind: "db:read", target: "addon_absent.x" },
    ));
    assert.deepEqual(reads.find("addon_orders", "orders", "read"), {
      schema: "addon_orders$x",
      table: "orders",
    });
    assert.ok("refused" in reads.find("addon_orders", "orders", "write"));
    assert.ok("refused" in reads.find("addon_orders", "secrets", "read"));
    assert.ok("refused" in reads.find("addon_absent", "x", "read"));
    assert.deepEqual(reads.readable, ["addon_tickets$org", "addon_orders$x"]);
    assert.deepEqual(reads.writable, ["addon_tickets$org"]);
  },
);

engineTest(
  "db: a change leaves events behind that make counts anew, in the same transaction",
  async (t) => {
    const world = await makeHostWorld(t.database);
    world.answerSql = async (request) => {
      const tables = [
        { schema: "addon_tickets", table: "tickets" },
        { schema: "addon_orders$x", table: "orders" },
      ];
      request.relations.find("addon_orders", "orders", "write");
      await t.database.batch(ORG, request.epilogue!(tables, 2));
      return { columns: [], rows: [], changes: 2 };
    };
    const capability = { kind: "db:write", target: "addon_orders.orders" };
    const port = world.port(contextOf(rights(capability)));
    await call(port, `${HOST}.db_exec`, "update x set a = 1");
    await call(port, `${HOST}.db_exec`, "DELETE from x");
    const rows = await t.database.kysely.selectFrom("events").selectAll().orderBy("sequence")
      .execute();
    assert.deepEqual(
      rows.map((row) => [row.name, row.addon_key, row.table_name, row.record_id, row.payload]),
      [
        ["tickets.tickets.changed", "tickets", "addon_tickets.tickets", null, '{"changes":2}'],
        ["orders.orders.changed", "orders", "addon_orders$x.orders", null, '{"changes":2}'],
        ["tickets.tickets.changed", "tickets", "addon_tickets.*", null, '{"changes":2}'],
        ["orders.orders.changed", "orders", "addon_orders$x.*", null, '{"changes":2}'],
      ],
    );
  },
);

engineTest(
  "db: statements join the action's transaction; without one they fail, not fall back",
  async (t) => {
    const world = await makeHostWorld(t.database);
    const places: string[] = [];
    world.answerSql = (_request, place) => {
      places.push(place);
      return { columns: [], rows: [], changes: 0 };
    };
    await call(world.port(), `${HOST}.db_exec`, "q");
    await t.database.transaction(ORG, async (transaction) => {
      const port = world.port({ transaction, transactionMode: "action" });
      await call(port, `${HOST}.db_exec`, "q");
      await call(port, `${HOST}.db_query`, "q");
    });
    assert.deepEqual(places, ["own", "joined", "joined"]);
    const missing = await call(world.port({ transactionMode: "action" }), `${HOST}.db_exec`, "q");
    assert.match(text(missing), /"no_active_tx"/);
    assert.equal(places.length, 3);
  },
);

worldTest("log lines carry their origin, cannot forge others, and are bounded", (world) => {
  const port = world.port();
  port.log([{ level: "warn", text: "a\nb\x1b[31m\u2028" }], 3);
  const line = JSON.parse(world.lines.at(-1)!);
  assert.equal(line.message, "a\\u000ab\\u001b[31m\\u2028");
  assert.deepEqual([line.addon, line.organization_id, line.request_id], [
    "tickets",
    ORG,
    "request-1",
  ]);
  const before = world.lines.length;
  port.log(
    Array.from({ length: 1_500 }, () => ({ level: "info" as const, text: "x".repeat(9_000) })),
    0,
  );
  assert.equal(world.lines.length - before, 999);
  assert.ok(world.lines.at(-1)!.length < 4_500);
  assert.match(world.metricsText(), /log_lines_dropped_total\{addon="tickets"\} 504/);
});
