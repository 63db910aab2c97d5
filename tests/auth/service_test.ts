import assert from "node:assert/strict";
import bcrypt from "bcryptjs";
import type { AuthService } from "../../src/auth/auth_service.ts";
import { ensureFirstOrganization, generatePassword } from "../../src/auth/bootstrap.ts";
import { checkPassword } from "../../src/auth/password_policy.ts";
import { emailKey, isEmail } from "../../src/auth/email_key.ts";
import { slugOf, suffixedSlug } from "../../src/auth/slug.ts";
import type { UserCaller } from "../../src/base/caller.ts";
import { isKernelError, KernelError } from "../../src/base/error.ts";
import { SystemIds } from "../../src/base/ids.ts";
import type { Database } from "../../src/db/database.ts";
import { engineTest } from "../_support/engines.ts";
import { acme, makeAuth, sqliteTest } from "./auth_fixture.ts";

const ADDRESS = "192.0.2.1";
const REFUSAL = { code: "auth.invalid_credentials", message: "Invalid credentials" };

function caller(userId: string, organizationId: string): UserCaller {
  return { kind: "user", userId, organizationId, role: "owner", requestId: "r1" };
}

function code(expected: string): (thrown: unknown) => boolean {
  return (thrown) => isKernelError(thrown, expected);
}

async function failure(work: Promise<unknown>): Promise<KernelError> {
  const thrown = await work.then(() => undefined, (error: unknown) => error);
  assert.ok(thrown instanceof KernelError, `no KernelError but ${thrown}`);
  return thrown;
}

async function setUser(database: Database, id: string, values: Record<string, string>) {
  await database.kysely.updateTable("users").set(values).where("id", "=", id).execute();
}

engineTest(
  "AuthService.register() opens an organization with its owner and logs in",
  async ({ database }) => {
    const { auth, clock } = await makeAuth(database);
    const session = await auth.register({ ...acme(" Ada@Acme.example "), name: " Ada " });
    const { user, organization } = session;
    assert.deepEqual({ ...user, id: "", organization_id: "" }, {
      id: "",
      organization_id: "",
      name: "Ada",
      email: "Ada@Acme.example",
      role: "owner",
      created_at: "2026-11-21T09:00:00.000Z",
      updated_at: "2026-11-21T09:00:00.000Z",
    });
    assert.deepEqual(organization, { id: user.organization_id, name: "Acme", slug: "acme" });
    assert.equal(session.expires_at, "2026-11-22T09:00:00.000Z");
    const claims = await auth.verify(session.token);
    assert.deepEqual(claims, {
      userId: user.id,
      organizationId: organization.id,
      email: user.email,
      role: "owner",
      expiresAt: clock.nowMs() / 1000 + 86_400,
    });
  },
);

sqliteTest(
  "AuthService.register() is closed unless it was opened, and says how",
  async ({ database }) => {
    const { auth } = await makeAuth(database, { registration: "closed" });
    const error = await failure(auth.register(acme()));
    assert.equal(error.code, "auth.registration_closed");
    assert.equal(error.kind, "forbidden");
    assert.match(error.message, /METACORE_REGISTRATION=open/);
    assert.equal(await auth.countOrganizations(), 0);
  },
);

sqliteTest(
  "AuthService.register() ignores a role and a condition that a client sent",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    await auth.register(acme("first@x.io"));
    const request = { ...acme(), role: "admin", condition: "none_exists", status: "disabled" };
    const { user } = await auth.register(request);
    assert.equal(user.role, "owner");
  },
);

sqliteTest("AuthService.register() names what is missing or unacceptable", async ({ database }) => {
  const { auth } = await makeAuth(database);
  const refused: [Record<string, unknown>, string][] = [
    [{ name: "" }, "auth.missing_fields"],
    [{ email: "  " }, "auth.missing_fields"],
    [{ password: "" }, "auth.missing_fields"],
    [{ password: 12345678 }, "auth.missing_fields"],
    [{ email: undefined }, "auth.missing_fields"],
    [{ email: null }, "auth.missing_fields"],
    [{ email: { $ne: "" } }, "auth.missing_fields"],
    [{ password: "short" }, "auth.weak_password"],
    [{ email: "nobody" }, "auth.invalid_email"],
    [{ email: `${"\u0130".repeat(60)}@${"\u0130".repeat(180)}` }, "auth.invalid_email"],
    [{ email: "a@b\u0000c" }, "auth.invalid_email"],
    [{ email: `${"a".repeat(250)}@x.io` }, "auth.invalid_email"],
    [{ name: "a\u0000b" }, "auth.invalid_name"],
    [{ name: "x".repeat(256) }, "auth.invalid_name"],
    [{ organizationName: "a\nb" }, "auth.invalid_name"],
  ];
  for (const [change, expected] of refused) {
    // The border where callers without types come in.
    const request = { ...acme(), ...change } as ReturnType<typeof acme>;
    const error = await failure(auth.register(request));
    assert.equal(error.code, expected, JSON.stringify(change));
    assert.equal(error.kind, "invalid");
  }
  assert.equal(await auth.countOrganizations(), 0);
});

sqliteTest(
  "AuthService.register() names the organization after its owner where no name was given",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    const { organization } = await auth.register({ ...acme(), organizationName: " " });
    assert.equal(organization.name, "Ada's Organization");
  },
);

engineTest(
  "AuthService.register() refuses an address that is taken, in any spelling, leaving nothing",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    await auth.register(acme("jos\u00e9@x.io"));
    for (const email of ["JOS\u00c9@X.IO", " jose\u0301@x.io "]) {
      const error = await failure(auth.register(acme(email)));
      assert.equal(error.code, "auth.user_exists");
      assert.equal(error.kind, "conflict");
      assert.equal(error.message, "User already exists");
    }
    assert.equal(await auth.countOrganizations(), 1);
  },
);

engineTest(
  "AuthService.register() at one time with one address lets one through, leaving one organization",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () => auth.register(acme())),
    );
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 5);
    for (const { reason } of refused) assert.ok(code("auth.user_exists")(reason), reason);
    assert.equal(await auth.countOrganizations(), 1);
  },
);

engineTest(
  "AuthService.register() gives each organization a slug of its own, never an empty one",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    const names = ["Acme", "ACME!", "acme", "日本", "---"];
    const opened = await Promise.all(
      names.map((organizationName, at) =>
        auth.register({ ...acme(`user${at}@x.io`), organizationName })
      ),
    );
    const slugs = opened.map(({ organization }) => organization.slug);
    assert.equal(new Set(slugs).size, names.length);
    for (const slug of slugs.slice(0, 3)) assert.match(slug, /^acme(-[0-9a-f]{10})?$/);
    for (const slug of slugs.slice(3)) assert.match(slug, /^organization(-[0-9a-f]{10})?$/);
  },
);

engineTest("AuthService.login() gives a session and writes when it was", async ({ database }) => {
  const { auth, clock, lines } = await makeAuth(database);
  const { user } = await auth.register(acme());
  clock.advance(5_000);
  const login = { email: " ADA@acme.example", password: "correct horse" };
  const session = await auth.login(login, ADDRESS);
  assert.equal(session.user.last_login_at, "2026-11-21T09:00:05.000Z");
  assert.equal(session.organization.slug, "acme");
  const me = await auth.me(caller(user.id, user.organization_id));
  assert.deepEqual(me, { user: session.user, organization: session.organization });
  assert.equal(JSON.stringify(session).includes("scrypt"), false, "no hash leaves");
  assert.equal(lines.join().includes("correct horse"), false, "no password is logged");
});

sqliteTest("AuthService.login() names missing fields", async ({ database }) => {
  const { auth, derived } = await makeAuth(database);
  const forms = [
    { email: "", password: "x" },
    { email: " ", password: "x" },
    { email: "a@x.io", password: "" },
    { email: 5, password: "x" },
    { email: "a@x.io" },
    { email: "a@x.io", password: ["x"] },
  ];
  for (const form of forms) {
    // The border where callers without types come in.
    const login = form as { email: string; password: string };
    const error = await failure(auth.login(login, ADDRESS));
    assert.equal(error.message, "Required fields missing", JSON.stringify(form));
    assert.equal(error.code, "auth.missing_fields");
  }
  assert.equal(derived.length, 0);
});

engineTest(
  "AuthService.login() refuses alike, at the cost of one hash, whatever the reason",
  async ({ database }) => {
    const { auth, derived } = await makeAuth(database);
    await auth.register(acme());
    const disabled = await auth.register(acme("disabled@x.io"));
    await setUser(database, disabled.user.id, { status: "disabled" });
    const broken = await auth.register(acme("broken@x.io"));
    await setUser(database, broken.user.id, { password_hash: "" });
    const attempts = [
      { email: "ada@acme.example", password: "wrong horse" },
      { email: "nobody@acme.example", password: "correct horse" },
      { email: "disabled@x.io", password: "correct horse" },
      { email: "broken@x.io", password: "" + "correct horse" },
      { email: "no address at all", password: "correct horse" },
      { email: "nul\u0000@x.io", password: "correct horse" },
      { email: `${"a".repeat(100_000)}@x.io`, password: "correct horse" },
      { email: "ada@acme.example", password: "x".repeat(100_000) },
      { email: "' or 1=1 --@x.io", password: "correct horse" },
    ];
    for (const attempt of attempts) {
      const before = derived.length;
      const error = await failure(auth.login(attempt, ADDRESS));
      const { code, message } = error;
      assert.deepEqual({ code, message }, REFUSAL, attempt.email.slice(0, 40));
      assert.equal(error.kind, "unauthenticated");
      assert.equal(error.details, undefined);
      assert.equal(derived.length, before + 1, "one computation, no more and no less");
    }
  },
);

sqliteTest(
  "AuthService.login() upgrades a bcrypt hash of the original, once",
  async ({ database }) => {
    const { auth, derived } = await makeAuth(database);
    const { user } = await auth.register(acme());
    await setUser(database, user.id, { password_hash: bcrypt.hashSync("old secret", 4) });
    const wrong = auth.login({ email: acme().email, password: "correct horse" }, ADDRESS);
    await assert.rejects(wrong, code("auth.invalid_credentials"));
    const before = derived.length;
    await auth.login({ email: acme().email, password: "old secret" }, ADDRESS);
    const stored = await database.kysely.selectFrom("users").select("password_hash")
      .executeTakeFirstOrThrow();
    assert.match(stored.password_hash, /^\$scrypt\$ln=10,r=1,p=1\$/);
    await auth.login({ email: acme().email, password: "old secret" }, ADDRESS);
    const after = await database.kysely.selectFrom("users").select("password_hash")
      .executeTakeFirstOrThrow();
    assert.equal(after.password_hash, stored.password_hash);
    assert.equal(derived.length, before + 2, "one to upgrade, one to verify");
  },
);

engineTest(
  "AuthService.me() knows no user that is disabled, deleted or of another organization",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    const { user, organization } = await auth.register(acme());
    const other = await auth.register(acme("other@x.io"));
    const asked = [
      caller(user.id, other.organization.id),
      caller(new SystemIds().next(), organization.id),
    ];
    await setUser(database, other.user.id, { status: "disabled" });
    asked.push(caller(other.user.id, other.organization.id));
    for (const who of asked) {
      const error = await failure(auth.me(who));
      assert.equal(error.code, "auth.user_not_found");
      assert.equal(error.kind, "not_found");
      assert.equal(error.message, "auth: user not found");
    }
    assert.equal((await auth.me(caller(user.id, organization.id))).user.id, user.id);
  },
);

engineTest(
  "AuthService.createUser() adds a user with a role to an organization",
  async ({ database }) => {
    const { auth } = await makeAuth(database, { registration: "closed" });
    const { organization } = await auth.createOrganization(acme());
    const form = { organizationId: organization.id, name: "Bo", password: "correct horse" };
    const user = await auth.createUser({ ...form, email: "bo@x.io", role: " Agent " });
    assert.equal(user.role, "agent");
    assert.equal(user.organization_id, organization.id);
    const session = await auth.login({ email: "bo@x.io", password: "correct horse" }, ADDRESS);
    assert.equal((await auth.verify(session.token)).role, "agent");
    const nowhere = { ...form, organizationId: new SystemIds().next() };
    const refused = [
      [{ ...form, email: "BO@x.io", role: "agent" }, "auth.user_exists"],
      [{ ...form, email: "c@x.io", role: "no role" }, "auth.invalid_role"],
      [{ ...form, email: "c@x.io", role: "" }, "auth.missing_fields"],
      [{ ...nowhere, email: "c@x.io", role: "agent" }, "auth.organization_not_found"],
      [
        { ...form, organizationId: "acme", email: "c@x.io", role: "agent" },
        "auth.organization_not_found",
      ],
    ] as const;
    for (const [request, expected] of refused) {
      assert.equal((await failure(auth.createUser(request))).code, expected);
    }
  },
);

engineTest(
  "AuthService.createOrganization() with none_exists opens the first one only",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    const results = await Promise.allSettled(
      [1, 2, 3, 4].map((at) =>
        auth.createOrganization({ ...acme(`user${at}@x.io`), condition: "none_exists" })
      ),
    );
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 3);
    for (const { reason } of refused) assert.ok(code("auth.organization_exists")(reason), reason);
    assert.equal(await auth.countOrganizations(), 1);
  },
);

engineTest(
  "ensureFirstOrganization() makes an owner who can log in, and only once",
  async ({ database }) => {
    const { auth } = await makeAuth(database, { registration: "closed" });
    const first = await ensureFirstOrganization(auth, {});
    assert.ok(first.created);
    assert.equal(first.email, "admin@localhost");
    assert.match(first.password ?? "", /^([a-z2-8]{6}-){3}[a-z2-8]{6}$/);
    const login = { email: first.email, password: first.password ?? "" };
    assert.equal((await auth.login(login, ADDRESS)).user.role, "owner");
    assert.deepEqual(await ensureFirstOrganization(auth, {}), { created: false });
    assert.equal(await auth.countOrganizations(), 1);
  },
);

sqliteTest(
  "ensureFirstOrganization() keeps a password that was given to itself",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    const given = {
      adminEmail: "ops@x.io",
      adminPassword: "correct horse",
      organizationName: "Ops",
    };
    assert.deepEqual(await ensureFirstOrganization(auth, given), {
      created: true,
      email: "ops@x.io",
    });
    const login = { email: "ops@x.io", password: "correct horse" };
    assert.equal((await auth.login(login, ADDRESS)).organization.name, "Ops");
  },
);

engineTest(
  "ensureFirstOrganization() by two starters at one time opens one organization",
  async ({ database }) => {
    // Two processes: two services over one database, with settings of their own.
    const starters = await Promise.all([makeAuth(database), makeAuth(database)]);
    const results = await Promise.all([
      ensureFirstOrganization(starters[0]!.auth, { adminEmail: "one@x.io" }),
      ensureFirstOrganization(starters[1]!.auth, { adminEmail: "two@x.io" }),
    ]);
    assert.equal(results.filter((result) => result.created).length, 1);
    assert.equal(await starters[0]!.auth.countOrganizations(), 1);
  },
);

Deno.test("ensureFirstOrganization() passes on what makes its values unacceptable", async () => {
  const refusal = new KernelError({ code: "auth.weak_password", kind: "invalid", message: "" });
  // Only what is called is there.
  const auth = {
    countOrganizations: () => Promise.resolve(0),
    createOrganization: () => Promise.reject(refusal),
  } as unknown as AuthService;
  await assert.rejects(ensureFirstOrganization(auth, { adminPassword: "x" }), refusal);
});

Deno.test("generatePassword() meets the policy and repeats nothing", () => {
  const made = Array.from({ length: 100 }, () => generatePassword());
  for (const password of made) checkPassword(password);
  assert.equal(new Set(made).size, 100);
});

sqliteTest(
  "AuthService.register() stores the address that it compares, not one that looks like it",
  async ({ database }) => {
    const { auth } = await makeAuth(database);
    const { user } = await auth.register(acme("\u212aim@x.io"));
    assert.equal(user.email, "Kim@x.io", "no Kelvin sign");
    assert.equal((await failure(auth.register(acme("kim@x.io")))).code, "auth.user_exists");
  },
);

Deno.test("emailKey() is one form per address, and isEmail() tells what can be one", () => {
  assert.equal(emailKey("  Ada@X.IO "), "ada@x.io");
  assert.equal(emailKey("jose\u0301@x.io"), "jos\u00e9@x.io");
  for (const email of ["a@b", "admin@localhost", "a.b+c@x.io", "é@x.io", "o'neil@x.io"]) {
    assert.equal(isEmail(email), true, email);
    assert.equal(emailKey(emailKey(email)), emailKey(email));
  }
  for (const email of ["", "@", "a@", "@b", "a b@x.io", "a@b@c", "a@b\n", "\ud800@x.io"]) {
    assert.equal(isEmail(email), false, email);
  }
});

Deno.test("slugOf() is short, never empty and of one alphabet", () => {
  assert.equal(slugOf("Ácme & Söhne, S.A. "), "acme-sohne-s-a");
  assert.equal(slugOf("---"), "organization");
  assert.equal(slugOf(""), "organization");
  assert.match(slugOf("x ".repeat(200)), /^[a-z0-9]+(-[a-z0-9]+)*$/);
  assert.ok(slugOf("x".repeat(1000)).length <= 60);
  assert.equal(
    suffixedSlug("acme", "01890a5d-ac96-774b-bcce-b302099a8057"),
    "acme-02099a8057",
  );
});
