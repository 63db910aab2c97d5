import assert from "node:assert/strict";
import fc from "fast-check";
import {
  equalSecrets,
  hmacSha256,
  openSecret,
  randomSecretHex,
  sealSecret,
} from "../../src/base/secret.ts";
import { isKernelError } from "../../src/base/error.ts";
import { normalizeRole } from "../../src/base/role.ts";

const KEY = new Uint8Array(32).fill(0x07);
const VECTOR = "QS9/7/WXTHjAlTCXpTj/CzRz+g8euIrVMBNpSKk5BRIq";

const unreadable = (thrown: unknown) => isKernelError(thrown, "kernel.secret_unreadable");

async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

Deno.test("openSecret() opens the contract's vector", async () => {
  assert.equal(await openSecret(KEY, VECTOR), "hello");
});

Deno.test("sealSecret() writes nonce, ciphertext and tag, with a fresh nonce each time", async () => {
  const [one, two] = [await sealSecret(KEY, "hello"), await sealSecret(KEY, "hello")];
  assert.equal(Uint8Array.fromBase64(one).length, 12 + 5 + 16);
  assert.notEqual(one.slice(0, 16), two.slice(0, 16));
});

Deno.test("openSecret() gives back any text that was sealed", async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), async (text) => {
    assert.equal(await openSecret(KEY, await sealSecret(KEY, text)), text);
  }));
});

Deno.test("openSecret() refuses another key, and every single changed bit", async () => {
  await assert.rejects(openSecret(new Uint8Array(32).fill(0x08), VECTOR), unreadable);
  const bytes = Uint8Array.fromBase64(VECTOR);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    await assert.rejects(openSecret(KEY, changed.toBase64()), unreadable);
  }
});

Deno.test("openSecret() refuses what is cut, empty or no base64", async () => {
  for (const text of ["", "QQ==", VECTOR.slice(0, 40), `${VECTOR}!`, `${VECTOR}QS9/`]) {
    await assert.rejects(openSecret(KEY, text), unreadable, text);
  }
});

Deno.test("sealSecret() and openSecret() refuse keys that have not 32 bytes", async () => {
  const weak = (thrown: unknown) => isKernelError(thrown, "kernel.weak_key");
  for (const length of [0, 16, 24, 31, 33]) {
    await assert.rejects(sealSecret(new Uint8Array(length), "x"), weak);
    await assert.rejects(openSecret(new Uint8Array(length), VECTOR), weak);
  }
});

Deno.test("hmacSha256() computes the contract's signatures of addon calls", async () => {
  const secret = "ab".repeat(32);
  const nonce = "00000000-0000-4000-8000-000000000001";
  const body = await sha256Hex('{"a":1}');
  assert.equal(
    hmacSha256(secret, `1795219578.POST./hook?x=1.${nonce}.${body}`).toHex(),
    "df7932030392c80d535a6eb00bf98d38483fa01537b153e7b45fc7bfce55bcba",
  );
  assert.equal(
    hmacSha256(secret, `1795219578.post./hook.${await sha256Hex("")}`).toHex(),
    "5fede0cceecf228fe4ad7ba32aa9dbd4dfa0767bc3fe42aa54d4826b748a48c6",
  );
});

Deno.test("equalSecrets() compares content, and lengths that differ are unequal", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  fc.assert(fc.property(bytes, bytes, (a, b) => {
    assert.equal(equalSecrets(a, b), a.toHex() === b.toHex());
    assert.equal(equalSecrets(a, a.slice()), true);
  }));
});

Deno.test("randomSecretHex() gives as many hex digits as asked for, and none twice", () => {
  assert.match(randomSecretHex(), /^[0-9a-f]{64}$/);
  assert.match(randomSecretHex(16), /^[0-9a-f]{32}$/);
  assert.notEqual(randomSecretHex(), randomSecretHex());
  for (const count of [0, 15, 1025, 16.5, NaN]) {
    assert.throws(() => randomSecretHex(count), RangeError);
  }
});

Deno.test("normalizeRole() gives one form, or nothing", () => {
  assert.equal(normalizeRole(" Owner "), "owner");
  assert.equal(normalizeRole("team-lead_2"), "team-lead_2");
  for (
    const text of ["", " ", "2nd", "a b", "*", "é", "a".repeat(51), "owner\u0000", "\u212aing"]
  ) {
    assert.equal(normalizeRole(text), undefined, JSON.stringify(text));
  }
});
