/**
 * Secrets: values encrypted at rest (contract/metacore.md §6.6), message authentication codes,
 * comparison that takes the same time whatever differs, and new random secrets. It keeps no keys.
 *
 * @module
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { KernelError } from "./error.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Encrypts a text with AES-256-GCM under a fresh random nonce.
 *
 * @param masterKey 32 bytes.
 * @param text what must stay secret.
 * @returns standard base64 of nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes).
 * @throws {KernelError} kernel.weak_key — the key has not 32 bytes.
 */
export async function sealSecret(masterKey: Uint8Array, text: string): Promise<string> {
  const key = await importKey(masterKey, "encrypt");
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const plain = new TextEncoder().encode(text);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, plain);
  const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  bytes.set(nonce);
  bytes.set(new Uint8Array(sealed), NONCE_BYTES);
  return bytes.toBase64();
}

/**
 * Decrypts what {@link sealSecret} gave.
 *
 * @param masterKey 32 bytes, the same.
 * @param sealed base64 of nonce ‖ ciphertext ‖ tag.
 * @returns the text.
 * @throws {KernelError} kernel.weak_key — the key has not 32 bytes.
 * @throws {KernelError} kernel.secret_unreadable — another key, or the value was changed or cut.
 */
export async function openSecret(masterKey: Uint8Array, sealed: string): Promise<string> {
  const key = await importKey(masterKey, "decrypt");
  try {
    const bytes = Uint8Array.fromBase64(sealed, { lastChunkHandling: "strict" });
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new RangeError("too short");
    const iv = bytes.subarray(0, NONCE_BYTES);
    const box = bytes.subarray(NONCE_BYTES);
    return UTF8.decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, box));
  } catch (cause) {
    throw new KernelError({
      code: "kernel.secret_unreadable",
      kind: "internal",
      message: "A stored secret cannot be decrypted: METACORE_MASTER_KEY is not the key that it " +
        "was encrypted with, or the value was damaged",
      cause,
    });
  }
}

/**
 * Computes HMAC-SHA-256 (RFC 2104).
 *
 * @param key the shared secret; a text stands for its UTF-8 bytes.
 * @param message what is authenticated; a text stands for its UTF-8 bytes.
 * @returns the code, 32 bytes.
 */
export function hmacSha256(key: string | Uint8Array, message: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(message).digest());
}

/**
 * Computes SHA-256.
 *
 * @param message what is digested; a text stands for its UTF-8 bytes.
 * @returns the digest, 32 bytes.
 */
export function sha256(message: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(message).digest());
}

/**
 * Compares secrets in a time that depends on their lengths only.
 *
 * @param a one.
 * @param b the other.
 * @returns true when they are equal.
 */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Makes a random secret.
 *
 * @param byteCount how many random bytes, 16 to 1,024. @default 32
 * @returns twice as many lower-case hex digits.
 * @throws {RangeError} when fewer or more are asked for.
 */
export function randomSecretHex(byteCount = KEY_BYTES): string {
  if (!Number.isInteger(byteCount) || byteCount < 16 || byteCount > 1024) {
    throw new RangeError(`a secret has 16 to 1024 bytes, not ${byteCount}`);
  }
  return crypto.getRandomValues(new Uint8Array(byteCount)).toHex();
}

async function importKey(key: Uint8Array, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  if (key.length !== KEY_BYTES) {
    throw new KernelError({
      code: "kernel.weak_key",
      kind: "precondition",
      message: `METACORE_MASTER_KEY has ${key.length} bytes; it must have ${KEY_BYTES}`,
    });
  }
  // The copy: Web Crypto types admit only views that cannot be over shared memory.
  return await crypto.subtle.importKey("raw", new Uint8Array(key), "AES-GCM", false, [usage]);
}
