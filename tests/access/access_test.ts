import assert from "node:assert/strict";
import fc from "fast-check";
import type { Denial } from "../../src/access/denial_log.ts";
import { MAX_LINES_PER_WINDOW, WINDOW_MS } from "../../src/access/denial_log.ts";
import { GrantCache, MAX_AGE_MS } from "../../src/access/grant_cache.ts";
import type { Holder } from "../../src/access/grant_store.ts";
import { covers, normalizePermission } from "../../src/access/permission.ts";
import { createAccessService } from "../../src/access/service.ts";
import { systemCaller, type UserCaller } from "../../src/base/caller.ts";
import { isKernelError } from "../../src/base/error.ts";
import type { Database } from "../../src/db/database.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { engineTest, openTestDatabase } from "../_support/engines.ts";

const ORGANIZATIONS = [
  "01890a5d-ac96-774b-bcce-b302099a8001",
  "01890a5d-ac96-774b-bcce-b302099a8002",
] as const;
const USERS = [
  "01890a5d-ac96-774b-bcce-b302099a9001",
  "01890a5d-ac96-774b-bcce-b302099a9002",
] as const;
const NOBODY = "01890a5d-ac96-774b-bcce-b302099a9009";
const SYSTEM = systemCaller(ORGANIZATIONS[0]);

/** Two organizations with one user each. */
async function seed({ kysely }: Database): Promise<void> {
  const time = { created_at: "2026-11-21T09:00:00.000Z", updated_at: "2026-11-21T09:00:00.000Z" };
  for (const [at, id] of ORGANIZATIONS.entries()) {
    await kysely.insertInto("organizations")
      .values({ id, name: "o", slug: `o${at}`, ...time }).execute();
    await kysely.insertInto("users").values({
      id: USERS[at]!,
      organization_id: id,
      name: "u",
      email: `u${at}@x.io`,
      email_key: `u${at}@x.io`,
      password_hash: "",
      role: "agent",
      avatar: null,
      last_login_at: null,
      ...time,
    }).execute();
  }
}

function user(at: 0 | 1, role = "agent"): UserCaller {
  const [userId, organizationId] = [USERS[at], ORGANIZATIONS[at]];
  return { kind: "user", userId, organizationId, role, requestId: "r1" };
}

interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

function makeAccess(database: Database, audit?: (denial: Denial) => void) {
  const time = { ms: Date.parse("2026-11-21T09:00:00.000Z") };
  const clock = { nowMs: () => time.ms };
  const lines: Line[] = [];
  const logger = createLogger({ sink: (line) => lines.push(JSON.parse(line)), ...clock });
  const access = createAccessService({ database, clock, logger, ...(audit && { audit }) });
  return { access, time, lines };
}

/** A database that fails whatever is asked of it. */
function unusable(): Database {
  const use = (): never => {
    throw new Error("the database was asked");
  };
  return new Proxy({}, { get: use }) as Database;
}

function denied(permission: string): (thrown: unknown) => boolean {
  return (thrown) =>
    isKernelError(thrown, "access.denied") && thrown.kind === "forbidden" &&
    thrown.message === `permission denied: missing capability "${permission}"`;
}

function code(expected: string): (thrown: unknown) => boolean {
  return (thrown) => isKernelError(thrown, expected);
}

Deno.test("AccessService.check() lets owners and the system pass without the database", async () => {
  const { access } = makeAccess(unusable());
  for (const role of ["owner", " Owner ", "OWNER"]) {
    await access.check(user(0, role), "tickets.create");
    assert.equal(await access.allows(user(0, role), "anything.at_all"), true);
  }
  await access.check(SYSTEM, "tickets.create");
});

Deno.test("AccessService.check() lets nobody pass when the database fails", async () => {
  const { access } = makeAccess(unusable());
  await assert.rejects(access.check(user(0), "tickets.read"), /the database was asked/);
  await assert.rejects(access.allows(user(0), "tickets.read"), /the database was asked/);
});

engineTest(
  "AccessService.check() denies what was not granted, in the contract's words",
  async ({ database }) => {
    await seed(database);
    const { access } = makeAccess(database);
    for (const role of ["agent", "admin", "", "owner2", "own er"]) {
      await assert.rejects(access.check(user(0, role), "tickets.create"), denied("tickets.create"));
    }
    assert.equal(await access.allows(user(0), "tickets.create"), false);
  },
);

engineTest(
  "AccessService grants to a role take effect at once, and end at once",
  async ({ database }) => {
    await seed(database);
    const { access } = makeAccess(database);
    assert.equal(await access.allows(user(0), "tickets.create"), false, "remembered as not held");
    await access.grantToRole(SYSTEM, " Agent ", " Tickets.create ");
    await access.grantToRole(SYSTEM, "agent", "tickets.create");
    await access.check(user(0), "tickets.create");
    await access.check(user(0, "AGENT"), "TICKETS.create");
    assert.equal(await access.allows(user(0), "tickets.delete"), false);
    assert.equal(await access.allows(user(0), "tickets.Create"), false, "actions keep their case");
    assert.equal(await access.allows(user(0, "admin"), "tickets.create"), false, "another role");
    await access.revokeFromRole(SYSTEM, "agent", "tickets.create");
    await assert.rejects(access.check(user(0), "tickets.create"), denied("tickets.create"));
    await access.revokeFromRole(SYSTEM, "agent", "tickets.create");
    await access.grantToRole(SYSTEM, "agent", "tickets.create");
    await access.check(user(0), "tickets.create");
  },
);

engineTest("AccessService grants to a user hold for that user alone", async ({ database }) => {
  await seed(database);
  const { access } = makeAccess(database);
  await access.grantToUser(SYSTEM, USERS[0].toUpperCase(), "tickets.create");
  await access.check(user(0), "tickets.create");
  await access.check(user(0, "no role"), "tickets.create");
  assert.equal(await access.allows({ ...user(0), userId: NOBODY }, "tickets.create"), false);
  await access.revokeFromUser(SYSTEM, USERS[0], "tickets.create");
  assert.equal(await access.allows(user(0), "tickets.create"), false);
  await access.grantToUser(SYSTEM, USERS[0], "*");
  await access.check(user(0), "tickets.create");
});

engineTest("AccessService grants hold inside their organization only", async ({ database }) => {
  await seed(database);
  const { access } = makeAccess(database);
  await access.grantToRole(SYSTEM, "agent", "*");
  await access.grantToUser(SYSTEM, USERS[0], "*");
  await access.check(user(0), "tickets.create");
  assert.equal(await access.allows(user(1), "tickets.create"), false, "same role, elsewhere");
  const moved = { ...user(0), organizationId: ORGANIZATIONS[1] };
  assert.equal(await access.allows(moved, "tickets.create"), false, "same user, elsewhere");
  await access.revokeFromRole(systemCaller(ORGANIZATIONS[1]), "agent", "*");
  await access.check(user(0), "tickets.create");
});

engineTest(
  "AccessService.grantToUser() knows only users of the caller's organization",
  async ({ database }) => {
    await seed(database);
    const { access } = makeAccess(database);
    for (const userId of [USERS[1], NOBODY, "", "x", "' or 1=1 --"]) {
      const work = access.grantToUser(SYSTEM, userId, "tickets.create");
      await assert.rejects(work, code("access.user_not_found"), userId);
    }
    const rows = await database.kysely.selectFrom("permission_grants").selectAll().execute();
    assert.deepEqual(rows, []);
  },
);

engineTest(
  "AccessService lets only those give and take who hold everything",
  async ({ database }) => {
    await seed(database);
    const { access } = makeAccess(database);
    await access.grantToRole(SYSTEM, "agent", "tickets.create");
    const changes = [
      () => access.grantToRole(user(0), "agent", "tickets.delete"),
      () => access.grantToRole(user(0), "agent", "*"),
      () => access.grantToUser(user(0), USERS[0], "*"),
      () => access.grantToUser(user(0), NOBODY, "*"),
      () => access.revokeFromRole(user(0), "agent", "tickets.create"),
      () => access.revokeFromUser(user(0), USERS[0], "tickets.create"),
    ];
    for (const change of changes) await assert.rejects(change(), denied("*"), String(change));
    await access.grantToRole(user(0, "owner"), "agent", "tickets.delete");
    await access.check(user(0), "tickets.delete");
    await access.grantToUser(SYSTEM, USERS[0], "*");
    await access.grantToRole(user(0), "agent", "tickets.update");
    await access.check(user(0), "tickets.update");
  },
);

Deno.test("AccessService refuses to grant what is no permission, or to what is no role", async () => {
  const { access } = makeAccess(unusable());
  for (const permission of ["", "tickets", "tickets.*", "*.create", "**", ".create", "a b.c"]) {
    const work = access.grantToRole(SYSTEM, "agent", permission);
    await assert.rejects(work, code("access.invalid_permission"), permission);
  }
  for (const role of ["", "*", "a b", "1st"]) {
    const work = access.grantToRole(SYSTEM, role, "tickets.create");
    await assert.rejects(work, code("access.invalid_role"), role);
  }
});

engineTest(
  "AccessService sees a change by another replica within seconds",
  async ({ database }) => {
    await seed(database);
    const here = makeAccess(database);
    const there = makeAccess(database);
    await there.access.grantToRole(SYSTEM, "agent", "tickets.create");
    await here.access.check(user(0), "tickets.create");
    await there.access.revokeFromRole(SYSTEM, "agent", "tickets.create");
    here.time.ms += MAX_AGE_MS - 1;
    assert.equal(await here.access.allows(user(0), "tickets.create"), true, "the known staleness");
    here.time.ms += 1;
    assert.equal(await here.access.allows(user(0), "tickets.create"), false);
  },
);

Deno.test("AccessService logs denials with who and what, and no flood of them", async () => {
  await using test = await openTestDatabase("sqlite");
  await seed(test.database);
  const audited: Denial[] = [];
  const { access, time, lines } = makeAccess(test.database, (denial) => audited.push(denial));
  const ask = () => access.check(user(0), "tickets.create").catch(() => {});
  await ask();
  const { time: _time, ...line } = lines[0]!;
  assert.deepEqual(line, {
    level: "warn",
    message: "permission denied",
    permission: "tickets.create",
    organizationId: ORGANIZATIONS[0],
    requestId: "r1",
    userId: USERS[0],
    role: "agent",
  });
  assert.equal(await access.allows(user(0), "tickets.create"), false);
  assert.equal(lines.length, 1, "a question is no denial");
  for (let at = 0; at < 100; at++) await ask();
  assert.equal(lines.length, MAX_LINES_PER_WINDOW);
  time.ms += WINDOW_MS;
  await ask();
  assert.equal(lines.at(-1)?.["unwritten"], 101 - MAX_LINES_PER_WINDOW);
  await ask();
  assert.equal(lines.at(-1)?.["unwritten"], undefined);
  assert.equal(audited.length, 103, "every one is audited");
});

Deno.test("GrantCache reads once for callers at one time, and is bounded", async () => {
  let reads = 0;
  const clock = { nowMs: () => 0 };
  const load = () => Promise.resolve(new Set([`read ${++reads}`]));
  const cache = new GrantCache(load, clock, 3);
  const holder = (name: string): Holder => ({ organizationId: "o", kind: "role", name });
  const [one, two] = await Promise.all([cache.held(holder("a")), cache.held(holder("a"))]);
  assert.equal(one, two);
  assert.equal(reads, 1);
  for (const name of ["b", "c", "d"]) await cache.held(holder(name));
  assert.equal(cache.size, 3);
  await cache.held(holder("a"));
  assert.equal(reads, 5, "the oldest was forgotten");
  await cache.held({ ...holder("a"), kind: "user" });
  await cache.held({ ...holder("a"), organizationId: "p" });
  assert.equal(reads, 7, "kind and organization are part of the key");
});

Deno.test("GrantCache does not remember failures", async () => {
  let fails = true;
  const load = () => fails ? Promise.reject(new Error("down")) : Promise.resolve(new Set(["x.y"]));
  const cache = new GrantCache(load, { nowMs: () => 0 });
  const holder: Holder = { organizationId: "o", kind: "role", name: "a" };
  await assert.rejects(cache.held(holder), /down/);
  fails = false;
  assert.equal((await cache.held(holder)).has("x.y"), true);
});

Deno.test("GrantCache does not remember a reading that began before a change", async () => {
  const readings: ((held: Set<string>) => void)[] = [];
  const load = () => new Promise<Set<string>>((resolve) => readings.push(resolve));
  const cache = new GrantCache(load, { nowMs: () => 0 });
  const holder: Holder = { organizationId: "o", kind: "role", name: "a" };
  const before = cache.held(holder);
  cache.forget(holder);
  readings[0]!(new Set(["old.right"]));
  assert.equal((await before).has("old.right"), true);
  const after = cache.held(holder);
  readings[1]!(new Set());
  assert.equal((await after).size, 0);
});

Deno.test("normalizePermission() gives one form, or nothing", () => {
  const expected: [string, string | undefined][] = [
    ["tickets.create", "tickets.create"],
    [" Tickets . create ", "tickets.create"],
    ["tickets.resolveTicket", "tickets.resolveTicket"],
    ["crm.tickets.create", "crm.tickets.create"],
    ["a-b_c:d.e", "a-b_c:d.e"],
    ["*", "*"],
    [" * ", "*"],
    ["tickets.*", undefined],
    ["*.create", undefined],
    ["*.*", undefined],
    ["tickets", undefined],
    ["tickets.", undefined],
    [".create", undefined],
    ["a..b", undefined],
    ["tick ets.create", undefined],
    ["tickets.create\u0000", undefined],
    ["\u212aind.read", undefined],
    ["x".repeat(256) + ".y", undefined],
    ["", undefined],
  ];
  for (const [text, permission] of expected) {
    assert.equal(normalizePermission(text), permission, JSON.stringify(text));
  }
});

const WORD = fc.stringMatching(/^[A-Za-z0-9_:-]{1,8}$/);
const PERMISSION = fc.tuple(fc.array(WORD, { minLength: 1, maxLength: 3 }), WORD)
  .map(([resource, action]) => `${resource.join(".")}.${action}`);

Deno.test("normalizePermission() takes every permission and repeats itself on none", () => {
  fc.assert(fc.property(PERMISSION, (text) => {
    const permission = normalizePermission(text);
    assert.ok(permission !== undefined, text);
    assert.equal(normalizePermission(permission), permission);
    assert.equal(normalizePermission(`  ${text}  `), permission);
    assert.equal(permission.toLowerCase(), text.toLowerCase());
  }));
});

Deno.test("normalizePermission() gives for any text nothing, everything or a plain permission", () => {
  const wild = fc.oneof(
    fc.string({ unit: "binary-ascii" }),
    fc.tuple(fc.string(), fc.constantFrom(".", "*", ".*", "*."), fc.string()).map((all) =>
      all.join("")
    ),
    PERMISSION,
  );
  fc.assert(
    fc.property(wild, (text) => {
      const permission = normalizePermission(text);
      if (permission === undefined) return;
      if (text.trim() !== "*") assert.match(permission, /^[a-z0-9_:.-]+\.[A-Za-z0-9_:-]+$/);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("covers() is equality, or everything; nothing covers by prefix", () => {
  fc.assert(fc.property(fc.array(PERMISSION), PERMISSION, (written, asked) => {
    const held = new Set(written.map((text) => normalizePermission(text)!));
    const demanded = normalizePermission(asked)!;
    assert.equal(covers(held, demanded), [...held].some((one) => one === demanded));
    assert.equal(covers(new Set([...held, "*"]), demanded), true);
  }));
  assert.equal(covers(new Set(["tickets.create"]), "*"), false);
  assert.equal(covers(new Set(["tickets"]), "tickets.create"), false);
});
