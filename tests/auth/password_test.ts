import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import bcrypt from "bcryptjs";
import fc from "fast-check";
import { checkPassword, passwordBytes } from "../../src/auth/password_policy.ts";
import { createPasswordHasher } from "../../src/auth/password.ts";
import {
  CURRENT_PARAMETERS,
  formatScryptHash,
  memoryBytes,
  parseScryptHash,
} from "../../src/auth/scrypt_hash.ts";
import { WorkQueue } from "../../src/auth/work_queue.ts";
import { isKernelError } from "../../src/base/error.ts";
import { CHEAP } from "./auth_fixture.ts";

const REFUSED = { matches: false, needsRehash: false };
const busy = (thrown: unknown) => isKernelError(thrown, "auth.busy");
const weak = (thrown: unknown) => isKernelError(thrown, "auth.weak_password");

Deno.test("PasswordHasher hashes with the documented parameters and verifies", async () => {
  const hasher = createPasswordHasher();
  const stored = await hasher.hash("correct horse");
  assert.match(stored, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.deepEqual(await hasher.verify("correct horse", stored), {
    matches: true,
    needsRehash: false,
  });
  assert.deepEqual(await hasher.verify("Correct horse", stored), REFUSED);
});

Deno.test("PasswordHasher computes scrypt as RFC 7914 §12 has it", async () => {
  // N=16384, r=8, p=1, P="pleaseletmein", S="SodiumChloride", 64 bytes.
  const expected = Uint8Array.fromHex(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
      "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
  );
  const stored = formatScryptHash({
    costLog2: 14,
    blockSize: 8,
    parallelization: 1,
    salt: new TextEncoder().encode("SodiumChloride"),
    hash: expected,
  });
  const verdict = await createPasswordHasher().verify("pleaseletmein", stored);
  assert.deepEqual(verdict, { matches: true, needsRehash: true });
});

Deno.test("PasswordHasher does not hold the event loop while it computes", async () => {
  const hasher = createPasswordHasher();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await hasher.hash("correct horse");
  clearInterval(timer);
  assert.ok(ticks >= 5, `${ticks} ticks`);
});

Deno.test("PasswordHasher.verify() computes once whatever is stored, and says no to what is unknown", async () => {
  let computed = 0;
  const hasher = createPasswordHasher({
    parameters: CHEAP,
    derive: (_password, form) => {
      computed++;
      // What the dummy would have to match.
      return Promise.resolve(new Uint8Array(form.hash.length));
    },
  });
  const stored = [
    undefined,
    "",
    "plain text",
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
    "$scrypt$ln=31,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$2b$31$" + "a".repeat(53),
  ];
  for (const form of stored) {
    assert.deepEqual(await hasher.verify("x", form), REFUSED, String(form));
  }
  assert.equal(computed, stored.length);
  assert.deepEqual(await hasher.verify("x".repeat(100_000), await hasher.hash("y")), REFUSED);
  assert.equal(computed, stored.length + 2);
});

Deno.test("PasswordHasher.verify() takes bcrypt of the original and asks for an upgrade", async () => {
  const hasher = createPasswordHasher({ parameters: CHEAP });
  for (const prefix of ["$2a$", "$2b$", "$2y$"]) {
    const stored = bcrypt.hashSync("hunter2", 4).replace(/^\$2.\$/, prefix);
    assert.deepEqual(await hasher.verify("hunter2", stored), { matches: true, needsRehash: true });
    assert.deepEqual(await hasher.verify("hunter3", stored), REFUSED);
  }
});

Deno.test("PasswordHasher.verify() refuses passwords that bcrypt would compare by 72 bytes only", async () => {
  const hasher = createPasswordHasher({ parameters: CHEAP });
  const stored = bcrypt.hashSync("a".repeat(72), 4);
  assert.equal((await hasher.verify("a".repeat(72), stored)).matches, true);
  assert.equal((await hasher.verify("a".repeat(73), stored)).matches, false);
});

Deno.test("PasswordHasher treats composed and decomposed letters alike", async () => {
  const hasher = createPasswordHasher({ parameters: CHEAP });
  const stored = await hasher.hash("contrase\u00f1a");
  assert.equal((await hasher.verify("contrasen\u0303a", stored)).matches, true);
});

Deno.test("PasswordHasher computes two at once, lets some wait and refuses the rest", async () => {
  let active = 0;
  let most = 0;
  const turns: (() => void)[] = [];
  const hasher = createPasswordHasher({
    maxWaiting: 3,
    derive: async (_password, form) => {
      most = Math.max(most, ++active);
      await new Promise<void>((resolve) => turns.push(resolve));
      active--;
      return new Uint8Array(form.hash.length);
    },
  });
  const calls = Array.from({ length: 9 }, () => hasher.hash("correct horse"));
  const settled = Promise.allSettled(calls);
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    turns.shift()?.();
  }
  const results = await settled;
  assert.equal(most, 2);
  assert.equal(results.filter((result) => result.status === "fulfilled").length, 5);
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 4);
  assert.ok(refused.every((result) => busy(result.reason)));
});

Deno.test("WorkQueue goes on after work that failed", async () => {
  const queue = new WorkQueue(1, 1);
  const failing = queue.run(() => Promise.reject(new Error("no")));
  const waiting = queue.run(() => Promise.resolve("done"));
  await assert.rejects(queue.run(() => Promise.resolve()), busy);
  await assert.rejects(failing, /no/);
  assert.equal(await waiting, "done");
  assert.equal(await queue.run(() => Promise.resolve("again")), "again");
});

Deno.test("parseScryptHash() reads back exactly what formatScryptHash() wrote", () => {
  const form = fc.record({
    costLog2: fc.integer({ min: 10, max: 17 }),
    blockSize: fc.integer({ min: 1, max: 8 }),
    parallelization: fc.integer({ min: 1, max: 4 }),
    salt: fc.uint8Array({ minLength: 8, maxLength: 64 }),
    hash: fc.uint8Array({ minLength: 16, maxLength: 64 }),
  });
  fc.assert(fc.property(form, (written) => {
    const read = parseScryptHash(formatScryptHash(written));
    assert.deepEqual(JSON.stringify(read), JSON.stringify(written));
  }));
});

Deno.test("parseScryptHash() gives nothing, or something bounded with one way to write it", () => {
  const real = formatScryptHash({
    ...CURRENT_PARAMETERS,
    salt: new Uint8Array(16).fill(1),
    hash: new Uint8Array(32).fill(2),
  });
  const mutated = fc.tuple(fc.nat(real.length), fc.nat(3), fc.string({ maxLength: 4 }))
    .map(([at, removed, inserted]) => real.slice(0, at) + inserted + real.slice(at + removed));
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string(), fc.constant(real)), (text) => {
      const read = parseScryptHash(text);
      if (read === undefined) return;
      assert.equal(formatScryptHash(read), text);
      assert.ok(memoryBytes(read) <= 128 * 1024 * 1024);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("parseScryptHash() refuses parameters out of bounds and loose base64", () => {
  const salt = "AAAAAAAAAAAAAAAAAAAAAA";
  const hash = "A".repeat(43);
  assert.ok(parseScryptHash(`$scrypt$ln=15,r=8,p=1$${salt}$${hash}`));
  for (
    const text of [
      `$scrypt$ln=9,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=18,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=17,r=16,p=1$${salt}$${hash}`,
      `$scrypt$ln=15,r=17,p=1$${salt}$${hash}`,
      `$scrypt$ln=15,r=8,p=5$${salt}$${hash}`,
      `$scrypt$ln=015,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=1e1,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=15,r=8,p=1$${salt}==$${hash}=`,
      `$scrypt$ln=15,r=8,p=1$${salt.slice(0, -1)}B$${hash}`,
      `$scrypt$ln=15,r=8,p=1$${salt}$${"A".repeat(20)}`,
      `$scrypt$ln=15,r=8,p=1$${salt}$${hash}\n`,
      `$scrypt$ln=15,r=8,p=1$${salt}$${hash}$`,
    ]
  ) assert.equal(parseScryptHash(text), undefined, text);
});

Deno.test("checkPassword() takes 8 to 256 characters of any script and nothing else", () => {
  for (
    const password of [
      "12345678",
      "🔑".repeat(8),
      "é".repeat(256),
      "a b c d e f",
      "\u0000".repeat(8),
    ]
  ) {
    checkPassword(password);
  }
  for (const password of ["", "1234567", "🔑".repeat(7), "a".repeat(257), "a".repeat(1e6)]) {
    assert.throws(() => checkPassword(password), weak);
  }
  assert.throws(() => checkPassword("1234567\ud800"), weak, "half a surrogate pair");
  // One character that NFKC makes eighteen of: 33 bytes for 3.
  assert.throws(() => checkPassword("\ufdfa".repeat(256)), weak, "bytes are bounded");
  assert.equal(passwordBytes("a".repeat(1025)), undefined);
});

Deno.test("what checkPassword() takes, PasswordHasher hashes and verifies", async () => {
  const hasher = createPasswordHasher({
    parameters: CHEAP,
    derive: (password, form) => {
      const cost = { N: 2 ** form.costLog2, r: form.blockSize, p: form.parallelization };
      return Promise.resolve(
        new Uint8Array(scryptSync(password, form.salt, form.hash.length, cost)),
      );
    },
  });
  const text = fc.string({ unit: "binary", minLength: 8, maxLength: 300 });
  await fc.assert(fc.asyncProperty(text, async (password) => {
    try {
      checkPassword(password);
    } catch {
      return;
    }
    const stored = await hasher.hash(password);
    assert.equal((await hasher.verify(password, stored)).matches, true);
    assert.equal((await hasher.verify(password + "x", stored)).matches, false);
  }));
});
