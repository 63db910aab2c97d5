import assert from "node:assert/strict";
import fc from "fast-check";
import { clientNetwork } from "../../src/auth/client_network.ts";
import { createPasswordHasher } from "../../src/auth/password.ts";
import { DEFAULT_THROTTLE } from "../../src/auth/throttle.ts";
import { isKernelError } from "../../src/base/error.ts";
import { engineTest, openTestDatabase } from "../_support/engines.ts";
import { acme, type AuthFixture, CHEAP, makeAuth, sqliteTest } from "./auth_fixture.ts";

const LIMITS = { accountFailures: 3, clientFailures: 6, windowMs: 60_000, blockMs: 120_000 };
const RIGHT = { email: acme().email, password: "correct horse" };
const WRONG = { email: acme().email, password: "wrong horse" };

/** Tries to log in and tells how it went. */
async function attempt(
  { auth }: AuthFixture,
  credentials = WRONG,
  address = "192.0.2.1",
): Promise<string> {
  try {
    await auth.login(credentials, address);
    return "in";
  } catch (thrown) {
    if (isKernelError(thrown, "auth.rate_limited")) {
      return `limited for ${thrown.details?.["retry_after_seconds"]} s`;
    }
    if (isKernelError(thrown, "auth.invalid_credentials")) return "refused";
    throw thrown;
  }
}

async function times(count: number, work: (at: number) => Promise<string>): Promise<string[]> {
  const outcomes: string[] = [];
  for (let at = 0; at < count; at++) outcomes.push(await work(at));
  return outcomes;
}

engineTest(
  "login throttle blocks an account from one client after its failures, whatever the password",
  async ({ database }) => {
    const fixture = await makeAuth(database, { throttle: LIMITS });
    await fixture.auth.register(acme());
    assert.deepEqual(await times(3, () => attempt(fixture)), ["refused", "refused", "refused"]);
    const hashes = fixture.derived.length;
    assert.equal(await attempt(fixture, RIGHT), "limited for 120 s");
    fixture.clock.advance(30_500);
    assert.equal(await attempt(fixture, RIGHT), "limited for 90 s");
    assert.equal(fixture.derived.length, hashes, "nothing is hashed for who is blocked");
    assert.equal(await attempt(fixture, RIGHT, "192.0.2.2"), "in", "the owner elsewhere");
  },
);

sqliteTest(
  "login throttle ends its block by itself and starts to count anew",
  async ({ database }) => {
    const fixture = await makeAuth(database, { throttle: LIMITS });
    await fixture.auth.register(acme());
    await times(4, () => attempt(fixture));
    fixture.clock.advance(LIMITS.blockMs - 1);
    assert.equal(await attempt(fixture, RIGHT), "limited for 1 s");
    fixture.clock.advance(1);
    assert.deepEqual(await times(3, () => attempt(fixture)), ["refused", "refused", "refused"]);
    assert.equal(await attempt(fixture), "limited for 120 s");
  },
);

engineTest("login throttle forgets failures when their window is over", async ({ database }) => {
  const fixture = await makeAuth(database, { throttle: LIMITS });
  await fixture.auth.register(acme());
  await times(3, () => attempt(fixture));
  fixture.clock.advance(LIMITS.windowMs);
  assert.deepEqual(await times(3, () => attempt(fixture)), ["refused", "refused", "refused"]);
});

engineTest(
  "login throttle counts failures only: a login clears the account and costs the client nothing",
  async ({ database }) => {
    const fixture = await makeAuth(database, { throttle: LIMITS });
    await fixture.auth.register(acme());
    for (let round = 0; round < 4; round++) {
      assert.deepEqual(await times(1, () => attempt(fixture)), ["refused"]);
      assert.deepEqual(await times(5, () => attempt(fixture, RIGHT)), Array(5).fill("in"));
    }
  },
);

sqliteTest("login throttle counts unknown addresses like known ones", async ({ database }) => {
  const fixture = await makeAuth(database, { throttle: LIMITS });
  const nobody = { email: "nobody@x.io", password: "wrong horse" };
  assert.deepEqual(await times(4, () => attempt(fixture, nobody)), [
    "refused",
    "refused",
    "refused",
    "limited for 120 s",
  ]);
  const spelled = { email: " NOBODY@x.io", password: "wrong horse" };
  assert.equal(await attempt(fixture, spelled), "limited for 120 s");
});

sqliteTest(
  "login throttle blocks a client that tries many accounts, by its /64 too",
  async ({ database }) => {
    const fixture = await makeAuth(database, { throttle: LIMITS });
    await fixture.auth.register(acme());
    const spray = (at: number) =>
      attempt(fixture, { email: `user${at}@x.io`, password: "password1" }, `2001:db8::${at + 1}`);
    assert.deepEqual(await times(6, spray), Array(6).fill("refused"));
    assert.equal(await spray(7), "limited for 120 s");
    assert.equal(await attempt(fixture, RIGHT, "2001:db8::ffff"), "limited for 120 s");
    assert.equal(await attempt(fixture, RIGHT, "2001:db8:0:1::1"), "in", "another network");
  },
);

sqliteTest(
  "login throttle shares no count among clients that are unknown",
  async ({ database }) => {
    const fixture = await makeAuth(database, { throttle: LIMITS });
    await fixture.auth.register(acme());
    const spray = (at: number) =>
      attempt(fixture, { email: `user${at}@x.io`, password: "password1" }, "unknown");
    assert.deepEqual(await times(12, spray), Array(12).fill("refused"));
    assert.equal(await attempt(fixture, RIGHT, "unknown"), "in");
    await times(3, () => attempt(fixture, WRONG, "unknown"));
    assert.equal(await attempt(fixture, WRONG, "unknown"), "limited for 120 s");
  },
);

engineTest(
  "login throttle lets attempts at one time not slip through together",
  async ({ database }) => {
    const fixture = await makeAuth(database, { throttle: LIMITS });
    await fixture.auth.register(acme());
    const hashes = fixture.derived.length;
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => attempt(fixture)));
    assert.equal(outcomes.filter((outcome) => outcome === "refused").length, 3);
    assert.equal(fixture.derived.length, hashes + 3, "passwords that were tried");
  },
);

engineTest("login throttle holds on another replica and after a restart", async ({ database }) => {
  const before = await makeAuth(database, { throttle: LIMITS });
  await before.auth.register(acme());
  await times(4, () => attempt(before));
  const after = await makeAuth(database, { throttle: LIMITS }, before.clock);
  assert.equal(await attempt(after, RIGHT), "limited for 120 s");
});

Deno.test("login throttle holds after the process and its database were closed [sqlite]", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/metacore.db`;
    const first = await openTestDatabase("sqlite", { path });
    const before = await makeAuth(first.database, { throttle: LIMITS });
    await before.auth.register(acme());
    await times(4, () => attempt(before));
    await first[Symbol.asyncDispose]();
    await using second = await openTestDatabase("sqlite", { path });
    const after = await makeAuth(second.database, { throttle: LIMITS }, before.clock);
    assert.equal(await attempt(after, RIGHT), "limited for 120 s");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

engineTest(
  "login throttle gives back what was not decided because there was no room",
  async ({ database }) => {
    const turns: (() => void)[] = [];
    const passwords = createPasswordHasher({
      parameters: CHEAP,
      maxActive: 1,
      maxWaiting: 0,
      derive: async (_password, form) => {
        await new Promise<void>((resolve) => turns.push(resolve));
        return new Uint8Array(form.hash.length).fill(1);
      },
    });
    const fixture = await makeAuth(database, { throttle: LIMITS, passwords });
    const held = attempt(fixture);
    while (turns.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    for (let at = 0; at < 8; at++) {
      await assert.rejects(
        fixture.auth.login(WRONG, "192.0.2.1"),
        (thrown) => isKernelError(thrown, "auth.busy") && thrown.kind === "unavailable",
      );
    }
    turns.shift()!();
    assert.equal(await held, "refused");
    const rows = await database.kysely.selectFrom("login_attempts").select("failures").execute();
    assert.deepEqual(rows, [{ failures: 1 }, { failures: 1 }]);
  },
);

engineTest(
  "login throttle removes counts whose window is over, and keeps no address in clear",
  async ({ database }) => {
    const limits = { ...LIMITS, clientFailures: 10_000 };
    const fixture = await makeAuth(database, { throttle: limits });
    await times(
      150,
      (at) => attempt(fixture, { email: `user${at}@x.io`, password: "x" }, `10.0.${at}.1`),
    );
    const count = async () =>
      (await database.kysely.selectFrom("login_attempts").select("key").execute()).length;
    assert.equal(await count(), 300);
    fixture.clock.advance(LIMITS.windowMs + LIMITS.blockMs);
    await times(50, (at) => attempt(fixture, { email: `late${at}@x.io`, password: "x" }));
    assert.equal(await count(), 51);
    const rows = await database.kysely.selectFrom("login_attempts").select("key").execute();
    assert.equal(rows.some(({ key }) => key.includes("late")), false);
  },
);

Deno.test("DEFAULT_THROTTLE bears 10 failures of an account and 100 of a client in 15 minutes", () => {
  assert.deepEqual(DEFAULT_THROTTLE, {
    accountFailures: 10,
    clientFailures: 100,
    windowMs: 900_000,
    blockMs: 900_000,
  });
});

Deno.test("clientNetwork() keeps what a client cannot change", () => {
  const expected: [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
    ["[2001:db8:1:2::9]", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["unknown", "unknown"],
    ["", ""],
    ["1:2:3", "1:2:3"],
    ["1::2::3", "1::2::3"],
    ["x".repeat(500), "x".repeat(64)],
  ];
  for (const [address, network] of expected) assert.equal(clientNetwork(address), network);
});

Deno.test("clientNetwork() gives every address of a /64 one name", () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
  const half = fc.array(group, { minLength: 4, maxLength: 4 });
  fc.assert(fc.property(half, half, half, (network, one, two) => {
    const names = [one, two].map((host) => clientNetwork([...network, ...host].join(":")));
    assert.equal(names[0], names[1]);
    assert.equal(names[0], `${network.join(":")}::/64`);
  }));
});
