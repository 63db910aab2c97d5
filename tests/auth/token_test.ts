import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import type { TokenClaims } from "../../src/auth/auth_service.ts";
import { createTokens } from "../../src/auth/token.ts";
import { TokenCache } from "../../src/auth/token_cache.ts";
import { isKernelError } from "../../src/base/error.ts";
import { FakeClock, SECRET } from "./auth_fixture.ts";

const USER = "01890a5d-ac96-774b-bcce-b302099a8057";
const ORGANIZATION = "01890a5d-ac96-774b-bcce-b302099a8058";
const SUBJECT = { userId: USER, organizationId: ORGANIZATION, email: "a@x.io", role: "agent" };
const DAY_MS = 86_400_000;

type Values = Record<string, unknown>;

const invalid = (thrown: unknown) =>
  isKernelError(thrown, "auth.token_invalid") && thrown.kind === "unauthenticated" &&
  thrown.message === "Unauthorized";
const expired = (thrown: unknown) =>
  isKernelError(thrown, "auth.token_expired") && thrown.kind === "unauthenticated" &&
  thrown.message === "Invalid or expired token";

function base64url(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Signs anything, as an attacker who holds a key could. */
function forge(header: Values, payload: Values, key: Uint8Array = SECRET, hash = "sha256"): string {
  const text = `${base64url(header)}.${base64url(payload)}`;
  return `${text}.${createHmac(hash, key).update(text).digest("base64url")}`;
}

async function fixture(options: { lifetimeSeconds?: number } = {}) {
  const clock = new FakeClock();
  const tokens = await createTokens({ key: SECRET, clock, ...options });
  const now = clock.nowMs() / 1000;
  const header = { alg: "HS256", typ: "JWT" };
  const claims: Values = {
    iss: "metacore",
    aud: "metacore-api",
    sub: USER,
    org: ORGANIZATION,
    email: "a@x.io",
    role: "agent",
    iat: now,
    exp: now + 3600,
  };
  return { clock, tokens, now, header, claims };
}

function without(values: Values, name: string): Values {
  const { [name]: _removed, ...rest } = values;
  return rest;
}

Deno.test("Tokens.issue() writes the claims of the contract", async () => {
  const { tokens, now } = await fixture();
  const { token, expiresAt } = await tokens.issue(SUBJECT);
  const [header, payload] = token.split(".").slice(0, 2).map((part) =>
    JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" })))
  );
  assert.deepEqual(header, { alg: "HS256", typ: "JWT" });
  const { jti, ...claims } = payload;
  assert.match(jti, /^[0-9a-f-]{36}$/);
  assert.deepEqual(claims, {
    iss: "metacore",
    aud: "metacore-api",
    sub: USER,
    org: ORGANIZATION,
    email: "a@x.io",
    role: "agent",
    iat: now,
    exp: now + 86_400,
  });
  assert.equal(expiresAt, now + 86_400);
});

Deno.test("Tokens.verify() reads back what was issued, from the second time on from its cache", async () => {
  const { tokens, now } = await fixture();
  const { token } = await tokens.issue(SUBJECT);
  const claims = await tokens.verify(token);
  assert.deepEqual(claims, {
    userId: USER,
    organizationId: ORGANIZATION,
    email: "a@x.io",
    role: "agent",
    expiresAt: now + 86_400,
  });
  assert.equal(await tokens.verify(token), claims, "the very same object");
  tokens.forget("someone else");
  assert.equal(await tokens.verify(token), claims);
  tokens.forget(USER);
  assert.notEqual(await tokens.verify(token), claims, "proven anew");
});

Deno.test("Tokens.verify() takes the forged control, so that each refusal below has one cause", async () => {
  const { tokens, header, claims } = await fixture();
  assert.equal((await tokens.verify(forge(header, claims))).userId, USER);
});

Deno.test("Tokens.verify() takes a token without e-mail and role, which then holds nothing", async () => {
  const { tokens, header, claims } = await fixture();
  const bare = without(without(claims, "email"), "role");
  const verified = await tokens.verify(forge(header, bare));
  assert.equal(verified.role, "");
  assert.equal("email" in verified, false);
});

Deno.test("Tokens.verify() refuses every other algorithm", async () => {
  const { tokens, header, claims } = await fixture();
  const unsigned = `${base64url({ alg: "none", typ: "JWT" })}.${base64url(claims)}.`;
  const refused = [
    unsigned,
    forge({ ...header, alg: "none" }, claims),
    forge({ ...header, alg: "None" }, claims),
    forge({ ...header, alg: "HS512" }, claims, SECRET, "sha512"),
    forge({ ...header, alg: "HS384" }, claims, SECRET, "sha384"),
    forge({ ...header, alg: "hs256" }, claims),
    forge({ ...header, alg: "RS256" }, claims),
    forge({ typ: "JWT" }, claims),
    forge({ ...header, alg: ["HS256"] }, claims),
  ];
  for (const token of refused) await assert.rejects(tokens.verify(token), invalid, token);
});

Deno.test("Tokens.verify() refuses RS256, also when the public key is the shared key", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = new TextEncoder().encode(publicKey.export({ type: "spki", format: "pem" }) as string);
  const { claims, clock, header } = await fixture();
  const tokens = await createTokens({ key: pem, clock });
  const text = `${base64url({ alg: "RS256", typ: "JWT" })}.${base64url(claims)}`;
  const signature = sign("sha256", new TextEncoder().encode(text), privateKey);
  const token = `${text}.${signature.toString("base64url")}`;
  await assert.rejects(tokens.verify(token), invalid);
  assert.ok(await tokens.verify(forge(header, claims, pem)), "control");
});

Deno.test("Tokens.verify() refuses another key and every changed character", async () => {
  const { tokens, header, claims } = await fixture();
  const other = new TextEncoder().encode("fedcba9876543210fedcba9876543210");
  await assert.rejects(tokens.verify(forge(header, claims, other)), invalid);
  const { token } = await tokens.issue(SUBJECT);
  for (let at = 0; at < token.length; at += 3) {
    const letter = token[at] === "A" ? "B" : "A";
    const changed = token.slice(0, at) + letter + token.slice(at + 1);
    await assert.rejects(tokens.verify(changed), invalid, `${at}`);
  }
});

Deno.test("Tokens.verify() refuses a token that lacks a required claim", async () => {
  const { tokens, header, claims } = await fixture();
  for (const name of ["iss", "aud", "exp", "iat", "sub", "org"]) {
    await assert.rejects(tokens.verify(forge(header, without(claims, name))), invalid, name);
  }
});

Deno.test("Tokens.verify() refuses claims of another value or type", async () => {
  const { tokens, header, claims, now } = await fixture();
  const wrong: Values[] = [
    { iss: "someone" },
    { iss: ["metacore"] },
    { aud: "other-api" },
    { aud: ["metacore-api", "other-api"] },
    { aud: [] },
    { sub: "1" },
    { sub: `${USER} ` },
    { sub: 5 },
    { org: "" },
    { org: null },
    { org: { id: ORGANIZATION } },
    { exp: String(now + 3600) },
    { exp: null },
    { iat: String(now) },
    { iat: now + 60 },
    { nbf: now + 60 },
    { role: ["owner"] },
    { email: { $ne: 1 } },
  ];
  for (const change of wrong) {
    const token = forge(header, { ...claims, ...change });
    await assert.rejects(tokens.verify(token), invalid, JSON.stringify(change));
  }
});

Deno.test("Tokens.verify() refuses headers beyond alg and typ: kid, keys, crit", async () => {
  const { tokens, header, claims } = await fixture();
  const jwk = { kty: "oct", k: base64url("attacker") };
  const extra: Values[] = [
    { kid: "../../../../dev/null" },
    { kid: "' union select 'key" },
    { kid: "" },
    { jwk },
    { jku: "https://attacker.example/keys.json" },
    { x5u: "https://attacker.example/cert.pem" },
    { x5c: ["MIIB"] },
    { crit: ["exp"], exp: 1 },
    { crit: ["b64"], b64: true },
    { crit: ["b64"], b64: false },
    { crit: [] },
    { b64: true },
    { typ: "at+jwt" },
    { typ: undefined },
    { cty: "JWT" },
    { zip: "DEF" },
  ];
  for (const change of extra) {
    const token = forge({ ...header, ...change }, claims);
    await assert.rejects(tokens.verify(token), invalid, JSON.stringify(change));
  }
});

Deno.test("Tokens.verify() expires a token after 5 s of tolerance, in the cache and outside", async () => {
  const { tokens, clock, header, claims, now } = await fixture();
  const token = forge(header, { ...claims, exp: now + 60 });
  const unseen = forge(header, { ...claims, exp: now + 60, role: "x" });
  clock.advance(64_000);
  assert.ok(await tokens.verify(token));
  clock.advance(1_000);
  await assert.rejects(tokens.verify(token), expired, "from the cache");
  await assert.rejects(tokens.verify(token), expired, "after it left the cache");
  await assert.rejects(tokens.verify(unseen), expired, "never cached");
});

Deno.test("Tokens.verify() takes 5 s of a clock that is behind", async () => {
  const { tokens, header, claims, now } = await fixture();
  assert.ok(await tokens.verify(forge(header, { ...claims, iat: now + 5, nbf: now + 5 })));
  await assert.rejects(tokens.verify(forge(header, { ...claims, iat: now + 6 })), invalid);
});

Deno.test("Tokens.verify() gives identifiers in lower case", async () => {
  const { tokens, header, claims } = await fixture();
  const token = forge(header, { ...claims, sub: USER.toUpperCase() });
  assert.equal((await tokens.verify(token)).userId, USER);
});

Deno.test("Tokens.verify() names a missing token, and bounds a long one", async () => {
  const { tokens, header, claims } = await fixture();
  await assert.rejects(
    tokens.verify(""),
    (thrown) =>
      isKernelError(thrown, "auth.token_missing") && thrown.message === "Invalid or expired token",
  );
  const long = forge(header, { ...claims, filler: "x".repeat(4096) });
  await assert.rejects(tokens.verify(long), invalid);
});

Deno.test("Tokens.verify() throws token_invalid for any text", async () => {
  const { tokens } = await fixture();
  const part = fc.oneof(
    fc.base64String({ maxLength: 30 }),
    fc.string({ maxLength: 30 }),
    fc.json().map((text) => new TextEncoder().encode(text).toBase64({ alphabet: "base64url" })),
  );
  const text = fc.oneof(
    fc.string({ unit: "binary-ascii", minLength: 1 }),
    fc.array(part, { minLength: 2, maxLength: 5 }).map((parts) => parts.join(".")),
  );
  await fc.assert(fc.asyncProperty(text, async (token) => {
    await assert.rejects(tokens.verify(token), invalid);
  }));
});

Deno.test("createTokens() refuses short keys and lifetimes out of range", async () => {
  const clock = new FakeClock();
  for (const length of [0, 1, 31]) {
    const key = new Uint8Array(length);
    await assert.rejects(
      createTokens({ key, clock }),
      (thrown) => isKernelError(thrown, "auth.weak_key") && thrown.message.includes("JWT_SECRET"),
    );
  }
  for (const lifetimeSeconds of [0, 59, 2_592_001, 60.5, NaN, Infinity, -1]) {
    await assert.rejects(
      createTokens({ key: SECRET, clock, lifetimeSeconds }),
      (thrown) => isKernelError(thrown, "auth.invalid_lifetime"),
    );
  }
});

Deno.test("createTokens() keeps its key when the caller's bytes are wiped", async () => {
  const key = SECRET.slice();
  const clock = new FakeClock();
  const tokens = await createTokens({ key, clock });
  key.fill(0);
  const { token } = await tokens.issue(SUBJECT);
  const other = await createTokens({ key: SECRET, clock });
  assert.equal((await other.verify(token)).userId, USER);
});

Deno.test("Tokens.issue() uses the lifetime, issuer and audience it was given", async () => {
  const clock = new FakeClock();
  const own = { issuer: "acme", audience: "acme-app", lifetimeSeconds: 60 };
  const tokens = await createTokens({ key: SECRET, clock, ...own });
  const { token, expiresAt } = await tokens.issue(SUBJECT);
  assert.equal(expiresAt, clock.nowMs() / 1000 + 60);
  assert.ok(await tokens.verify(token));
  const { tokens: others } = await fixture();
  await assert.rejects(others.verify(token), invalid);
  clock.advance(DAY_MS);
  await assert.rejects(tokens.verify(token), expired);
});

Deno.test("TokenCache forgets the oldest when it is full", () => {
  const cache = new TokenCache(3);
  const claims = (userId: string): TokenClaims => ({
    userId,
    organizationId: ORGANIZATION,
    role: "",
    expiresAt: 0,
  });
  for (const name of ["a", "b", "c", "d"]) cache.set(name, claims(name));
  assert.equal(cache.size, 3);
  assert.equal(cache.get("a"), undefined);
  assert.equal(cache.get("d")?.userId, "d");
  cache.deleteUser("c");
  assert.equal(cache.get("c"), undefined);
  assert.equal(cache.size, 2);
});
