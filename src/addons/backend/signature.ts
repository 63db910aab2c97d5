/**
 * The two forms of a signed call. The first is the contract's (contract/metacore.md §6.4), whose parts
 * are joined by dots; the second measures every part, so that no two calls share what is signed. It
 * keeps no secrets and decides nothing.
 *
 * @module
 */

import { hmacSha256, sha256 } from "../../base/secret.ts";

/** Names of the header fields. */
export const SIGNED_HEADERS = {
  timestamp: "X-Metacore-Timestamp",
  nonce: "X-Metacore-Nonce",
  signature: "X-Metacore-Signature",
  previous: "X-Metacore-Signature-Previous",
  second: "X-Metacore-Signature-V2",
} as const;

/** What is signed. */
export interface SignedParts {
  readonly installationId: string;
  /** Seconds since 1970, in decimal. */
  readonly timestamp: string;
  readonly nonce: string;
  /** As it is sent, in upper case. */
  readonly method: string;
  /** Path with `?query` where there is one, percent-encoded as it is sent; `/` at least. */
  readonly path: string;
  readonly body: Uint8Array;
}

/** Where calls of backends come in: the kernel signs no call that leads there, lest it come back. */
const CALLBACK_PREFIX = "/api/metacore/callbacks/";

/**
 * Tells whether a path leads to where calls of backends come in.
 *
 * @param path percent-encoded.
 */
export function leadsToCallbacks(path: string): boolean {
  const decoded = new TextDecoder("latin1").decode(percentDecoded(path));
  return decoded.startsWith(CALLBACK_PREFIX);
}

const DOMAIN = "metacore-signed-call-v2";
const UTF8 = new TextEncoder();
const PERCENT = 0x25;

/**
 * Signs in the first form.
 *
 * @param secret the install secret; its text is the key, it is not decoded.
 * @param parts what is signed.
 * @returns `sha256=` and hex.
 */
export function firstSignature(secret: string, parts: SignedParts): string {
  return `sha256=${hmacSha256(secret, canonicalBytes(parts)).toHex()}`;
}

/**
 * Signs in the second form.
 *
 * @param secret the install secret, as in the first form.
 * @param parts what is signed.
 * @returns `v2=` and hex.
 */
export function secondSignature(secret: string, parts: SignedParts): string {
  return `v2=${hmacSha256(secret, preimageOf(parts)).toHex()}`;
}

/**
 * What the second form signs: label, installation id, timestamp, nonce, method and path, each as its
 * length in four bytes, the highest first, and its UTF-8; then the SHA-256 of the body, 32 bytes.
 *
 * @param parts what is signed.
 * @returns the bytes; different for different parts.
 */
export function preimageOf(parts: SignedParts): Uint8Array {
  const { installationId, timestamp, nonce, method, path, body } = parts;
  const measured = [DOMAIN, installationId, timestamp, nonce, method, path].flatMap((part) => {
    const bytes = UTF8.encode(part);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    return [length, bytes];
  });
  return joined([...measured, sha256(body)]);
}

/** `<timestamp>.<method>.<path>.<nonce>.<hex of the body's SHA-256>`, the path decoded. */
function canonicalBytes({ timestamp, nonce, method, path, body }: SignedParts): Uint8Array {
  const question = path.indexOf("?");
  const bare = question < 0 ? path : path.slice(0, question);
  // An empty query has no question mark, as in the original.
  const query = question < 0 || question === path.length - 1 ? "" : path.slice(question);
  return joined([
    UTF8.encode(`${timestamp}.${method}.`),
    percentDecoded(bare === "" ? "/" : bare),
    UTF8.encode(`${query}.${nonce}.${sha256(body).toHex()}`),
  ]);
}

/** Bytes, for what is encoded need not be UTF-8. */
function percentDecoded(path: string): Uint8Array {
  const bytes = UTF8.encode(path);
  if (!path.includes("%")) return bytes;
  const decoded = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const digits = bytes[at] === PERCENT
      ? String.fromCharCode(...bytes.subarray(at + 1, at + 3))
      : "";
    if (/^[0-9A-Fa-f]{2}$/.test(digits)) {
      decoded[length++] = Number.parseInt(digits, 16);
      at += 2;
    } else decoded[length++] = bytes[at]!;
  }
  return decoded.subarray(0, length);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
