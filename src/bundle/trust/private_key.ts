/**
 * Private keys of authors: making, reading, writing, signing. Only the command line and tests hold
 * one; a kernel never does.
 *
 * @module
 */

import { readPem, writePem } from "./encoding.ts";
import { badKey } from "./errors.ts";
import { PUBLIC_KEY_BYTES } from "./public_key.ts";

/** A pair of Ed25519 keys. */
export interface SigningKey {
  /** 32 bytes: the whole secret. */
  readonly seed: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

const SEED_BYTES = 32;
/** What stands before the seed in PKCS#8 (RFC 8410). */
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b657004220420");

/**
 * Makes a pair of keys.
 *
 * @returns the pair.
 */
export async function generateSigningKey(): Promise<SigningKey> {
  return await pairOf(crypto.getRandomValues(new Uint8Array(SEED_BYTES)));
}

/**
 * Reads a private key.
 *
 * @param text PEM `METACORE PRIVATE KEY` around the 64 bytes seed ‖ public, or PKCS#8 PEM.
 * @returns the pair.
 * @throws {KernelError} bundle.bad_private_key — neither of these, or its halves do not belong
 *   together. The message holds none of the key.
 */
export async function parsePrivateKey(text: string): Promise<SigningKey> {
  const block = readPem(text);
  if (block === undefined) throw bad("is not one sound block of PEM");
  const { label, bytes } = block;
  if (label === "PRIVATE KEY") return await pairOf(seedOfPkcs8(bytes));
  if (label !== "METACORE PRIVATE KEY") {
    throw bad(`is PEM ${label}, not METACORE PRIVATE KEY or PRIVATE KEY (PKCS#8)`);
  }
  if (bytes.length !== SEED_BYTES + PUBLIC_KEY_BYTES) {
    throw bad(`has ${bytes.length} bytes, not 64`);
  }
  const pair = await pairOf(bytes.slice(0, SEED_BYTES));
  const belongs = pair.publicKey.every((byte, at) => byte === bytes[SEED_BYTES + at]);
  if (!belongs) throw bad("holds a public half that does not belong to its seed");
  return pair;
}

/**
 * Writes a pair as the author's tools do.
 *
 * @param pair the pair.
 * @returns both files: the private key's must be readable by its owner alone.
 */
export function pemOf(pair: SigningKey): { readonly private: string; readonly public: string } {
  const whole = new Uint8Array([...pair.seed, ...pair.publicKey]);
  return {
    private: writePem({ label: "METACORE PRIVATE KEY", bytes: whole }),
    public: writePem({ label: "METACORE PUBLIC KEY", bytes: pair.publicKey }),
  };
}

/**
 * Signs an archive.
 *
 * @param pair who signs.
 * @param archive the exact bytes of the bundle.
 * @returns 64 bytes over the 32 bytes of the archive's SHA-256.
 */
export async function signArchive(pair: SigningKey, archive: Uint8Array): Promise<Uint8Array> {
  const digest = await crypto.subtle.digest("SHA-256", archive as Uint8Array<ArrayBuffer>);
  const key = await importSeed(pair.seed);
  return new Uint8Array(await crypto.subtle.sign("Ed25519", key, digest));
}

async function pairOf(seed: Uint8Array): Promise<SigningKey> {
  const { x } = await crypto.subtle.exportKey("jwk", await importSeed(seed));
  return { seed, publicKey: Uint8Array.fromBase64(x!, { alphabet: "base64url" }) };
}

async function importSeed(seed: Uint8Array): Promise<CryptoKey> {
  const der = new Uint8Array([...PKCS8_PREFIX, ...seed]);
  return await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
}

function seedOfPkcs8(der: Uint8Array): Uint8Array {
  // RFC 8410 allows attributes and the public key behind the seed (version 2); openssl writes neither.
  const fits = der.length === PKCS8_PREFIX.length + SEED_BYTES &&
    PKCS8_PREFIX.every((byte, at) => der[at] === byte);
  if (fits) return der.slice(PKCS8_PREFIX.length);
  throw bad("is PKCS#8 of another kind than a plain Ed25519 seed");
}

function bad(reason: string) {
  return badKey("bundle.bad_private_key", `the private key ${reason}`);
}
