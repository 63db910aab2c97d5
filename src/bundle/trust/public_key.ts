/**
 * Public keys and signatures as people write them down: every form of contract/metacore.md §4.4 and
 * contract/author.md §6. Keys that anybody could sign for are refused.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { decodeText, readPem } from "./encoding.ts";
import { badKey, malformedSignature } from "./errors.ts";

/** Bytes of an Ed25519 public key. */
export const PUBLIC_KEY_BYTES = 32;
/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;

/** What stands before the key in SubjectPublicKeyInfo (RFC 8410). */
const SPKI_PREFIX = Uint8Array.fromHex("302a300506032b6570032100");
const SPKI_BYTES = SPKI_PREFIX.length + PUBLIC_KEY_BYTES;

/**
 * Points of small order in every encoding, the sign bit cleared. Under such a key a signature that
 * nobody made fits messages that nobody signed, and Web Crypto takes it.
 */
const WEAK_POINTS: ReadonlySet<string> = new Set([
  "00".repeat(32),
  "01" + "00".repeat(31),
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ec" + "ff".repeat(30) + "7f",
  "ed" + "ff".repeat(30) + "7f",
  "ee" + "ff".repeat(30) + "7f",
]);

const FORMS = "64 hex digits, base64 of 32 bytes, PEM METACORE PUBLIC KEY, PEM PUBLIC KEY (SPKI) " +
  "or SPKI DER as hex or base64";

/**
 * Reads an Ed25519 public key.
 *
 * @param text 64 hex digits; base64 of the 32 bytes; PEM `METACORE PUBLIC KEY` around the 32 bytes;
 *   PEM `PUBLIC KEY`; or the SPKI DER as hex or base64. White space around it is taken.
 * @returns the 32 bytes.
 * @throws {KernelError} bundle.bad_public_key — none of these, or a key that anybody could sign for.
 */
export function parsePublicKey(text: string): Uint8Array {
  const key = text.includes("-----") ? fromPem(text) : fromText(text.trim());
  if (isWeak(key)) {
    throw badKey("bundle.bad_public_key", "is a point of small order, which anybody can sign for");
  }
  return key;
}

/**
 * Names a key that was given no name.
 *
 * @param publicKey 32 bytes.
 * @returns the first 16 hex digits of its SHA-256.
 */
export function keyIdOf(publicKey: Uint8Array): string {
  return createHash("sha256").update(publicKey).digest("hex").slice(0, 16);
}

/**
 * Reads a signature.
 *
 * @param text 64 bytes as hex or as base64, standard or URL-safe, with or without padding, white
 *   space around it.
 * @returns the 64 bytes.
 * @throws {KernelError} bundle.malformed_signature
 */
export function parseSignature(text: string): Uint8Array {
  const bytes = decodeText(text.trim(), [SIGNATURE_BYTES]);
  if (bytes !== undefined) return bytes;
  throw malformedSignature(`the signature is not ${SIGNATURE_BYTES} bytes as hex or base64`);
}

function fromPem(text: string): Uint8Array {
  const block = readPem(text);
  if (block === undefined) throw badKey("bundle.bad_public_key", "is not one sound block of PEM");
  const { label, bytes } = block;
  if (/PRIVATE/.test(label)) {
    throw badKey("bundle.bad_public_key", `is a private key (PEM ${label}); give the public one`);
  }
  if (label === "METACORE PUBLIC KEY" && bytes.length === PUBLIC_KEY_BYTES) return bytes;
  if (label === "PUBLIC KEY") return fromSpki(bytes);
  throw badKey("bundle.bad_public_key", `is PEM ${label} of ${bytes.length} bytes, not ${FORMS}`);
}

function fromText(text: string): Uint8Array {
  const bytes = decodeText(text, [PUBLIC_KEY_BYTES, SPKI_BYTES]);
  if (bytes === undefined) throw badKey("bundle.bad_public_key", `is not ${FORMS}`);
  return bytes.length === PUBLIC_KEY_BYTES ? bytes : fromSpki(bytes);
}

function fromSpki(der: Uint8Array): Uint8Array {
  const fits = der.length === SPKI_BYTES && SPKI_PREFIX.every((byte, at) => der[at] === byte);
  if (fits) return der.slice(SPKI_PREFIX.length);
  throw badKey("bundle.bad_public_key", "is SPKI of another algorithm than Ed25519");
}

function isWeak(key: Uint8Array): boolean {
  const unsigned = key.slice();
  unsigned[PUBLIC_KEY_BYTES - 1]! &= 0x7f;
  return WEAK_POINTS.has(unsigned.toHex());
}
