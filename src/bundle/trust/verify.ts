/**
 * Verifies who signed a bundle, over its exact bytes and before anything of it is read: no inflating,
 * no JSON (contract/metacore.md §4.4, §7.1). What the signer may sign can only be held against the
 * addon's key, which is known once the bundle is open: see {@link checkSignerRole}.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import type { Bundle } from "../bundle.ts";
import { quoted } from "../errors.ts";
import {
  checksumMismatch,
  malformedSignature,
  signatureRefused,
  unsignedBundle,
  unsupportedAlgorithm,
} from "./errors.ts";
import { parseSignature } from "./public_key.ts";
import type { DetachedSignature, TrustedKey, TrustPolicy, VerifiedSignature } from "./trust.ts";

/**
 * Verifies an archive against what an operator trusts.
 *
 * @param archive the exact bytes as they arrived.
 * @param signature what came beside them.
 * @param policy with one key or more every bundle must be signed by one of them, whatever
 *   `unsigned` says.
 * @param nowMs time, milliseconds since 1970.
 * @returns the signature; undefined for a bundle that is admitted unsigned, whose signature, if one
 *   came along, nobody here can verify.
 * @throws {KernelError} bundle.unsigned, bundle.malformed_signature, bundle.unsupported_algorithm,
 *   bundle.digest_drift, bundle.unknown_key, bundle.bad_signature, bundle.key_not_yet_valid,
 *   bundle.key_expired, bundle.key_revoked
 */
export async function verifyArchive(
  archive: Uint8Array,
  signature: DetachedSignature | undefined,
  policy: TrustPolicy,
  nowMs: number,
): Promise<VerifiedSignature | undefined> {
  if (policy.keys.length === 0) {
    // Written so that any other word than "allow" refuses.
    if (policy.unsigned !== "allow") throw unsignedBundle("none");
    // Bytes that are not even those that the sender meant are refused all the same.
    if (signature !== undefined) checkDigest(signature, await sha256(archive));
    return undefined;
  }
  if (signature === undefined) throw unsignedBundle("some");
  checkAlgorithm(signature);
  const bytes = parseSignature(signature.value);
  const digest = await sha256(archive);
  checkDigest(signature, digest);
  const key = await findSigner(candidates(signature, policy.keys), bytes, digest);
  checkStanding(key, nowMs);
  return {
    keyId: key.id,
    role: key.role,
    value: bytes.toHex(),
    ...(signature.signedAt === undefined ? {} : { signedAt: signature.signedAt }),
    ...(signature.developer === undefined ? {} : { developer: signature.developer }),
  };
}

/**
 * Verifies again what has entered before and is to run once more: a key that was revoked or is not
 * trusted any more is refused. One that has merely expired is not, for it was good when the bundle
 * entered. What was kept is not believed: the signature itself must still hold.
 *
 * @param archive the exact bytes as they are kept.
 * @param kept what {@link verifyArchive} gave when it entered; undefined for an unsigned bundle.
 * @param addonKey the addon, which the key must still be allowed to sign.
 * @param policy what the operator trusts now.
 * @throws {KernelError} bundle.unsigned, bundle.unknown_key, bundle.key_revoked,
 *   bundle.bad_signature, bundle.malformed_signature, bundle.signer_not_allowed
 */
export async function verifyKept(
  archive: Uint8Array,
  kept: VerifiedSignature | undefined,
  addonKey: string,
  policy: TrustPolicy,
): Promise<void> {
  if (policy.keys.length === 0) {
    // Where no key is trusted any more, nothing can say who signed it.
    if (policy.unsigned !== "allow") throw unsignedBundle("none");
    return;
  }
  if (kept === undefined) throw unsignedBundle("some");
  await checkKept(await sha256(archive), kept, addonKey, policy);
}

/**
 * Tells whether a signature that was verified once would still be, by the digest alone: for showing
 * what is installed. What is to run again is held against {@link verifyKept}.
 *
 * @param digest SHA-256 of the archive, hex, as it is kept.
 * @param kept what {@link verifyArchive} gave when it entered.
 * @param addonKey the addon, which the key must still be allowed to sign.
 * @param policy what the operator trusts now.
 * @returns false where the key is unknown by now, revoked, another one of the same name, or not for
 *   this addon; true also for one that has merely expired.
 */
export async function isTrustedStill(
  digest: string,
  kept: VerifiedSignature,
  addonKey: string,
  policy: TrustPolicy,
): Promise<boolean> {
  try {
    await checkKept(Uint8Array.fromHex(digest), kept, addonKey, policy);
    return true;
  } catch (thrown) {
    if (!isKernelError(thrown)) throw thrown;
    return false;
  }
}

async function checkKept(
  digest: Uint8Array,
  { value, keyId }: VerifiedSignature,
  addonKey: string,
  policy: TrustPolicy,
): Promise<void> {
  const key = await findSigner(
    candidates({ value, keyId }, policy.keys),
    parseSignature(value),
    digest,
  );
  checkRevocation(key);
  checkSignerRole({ keyId }, addonKey, policy);
}

/**
 * Holds a verified signer against the addon: an author signs only its own addons.
 *
 * @param verified what {@link verifyArchive} gave; nothing is checked for an unsigned bundle.
 * @param addonKey key in the manifest of the opened bundle.
 * @param policy the same policy.
 * @throws {KernelError} bundle.signer_not_allowed
 */
export function checkSignerRole(
  verified: Pick<VerifiedSignature, "keyId"> | undefined,
  addonKey: string,
  policy: TrustPolicy,
): void {
  if (verified === undefined) return;
  const key = policy.keys.find(({ id }) => id === verified.keyId);
  if (key?.role === "marketplace") return;
  const allowed = key?.role === "author" ? key.addons ?? [] : [];
  if (allowed.some((pattern) => coversAddon(pattern, addonKey))) return;
  throw signatureRefused(
    "bundle.signer_not_allowed",
    `key ${quoted(verified.keyId)} may not sign addon ${quoted(addonKey)}`,
    { key_id: verified.keyId, addon_key: addonKey },
  );
}

/**
 * Holds every file of a bundle but its manifest against the checksums that came with its signature.
 *
 * @param bundle the opened bundle.
 * @param checksums SHA-256 in hex by path; an empty list says nothing, as in the contract.
 * @throws {KernelError} bundle.checksum_mismatch — a listed file is missing or differs, or a file is
 *   not listed.
 */
export function verifyChecksums(
  bundle: Pick<Bundle, "entries">,
  checksums: Readonly<Record<string, string>> | undefined,
): void {
  const listed = new Map(Object.entries(checksums ?? {}));
  listed.delete("manifest.json");
  if (Object.keys(checksums ?? {}).length === 0) return;
  for (const [path, expected] of listed) {
    const entry = bundle.entries.get(path);
    if (entry === undefined) throw checksumMismatch(path, "is listed, but not in the bundle");
    if (entry.sha256 !== expected.toLowerCase()) {
      throw checksumMismatch(path, "has other contents than its checksum says");
    }
  }
  for (const path of bundle.entries.keys()) {
    if (path === "manifest.json" || listed.has(path)) continue;
    throw checksumMismatch(path, "is in the bundle, but not listed");
  }
}

function coversAddon(pattern: string, addonKey: string): boolean {
  return pattern.endsWith("*") ? addonKey.startsWith(pattern.slice(0, -1)) : pattern === addonKey;
}

function checkAlgorithm({ algorithm = "" }: DetachedSignature): void {
  if (algorithm !== "" && algorithm.toLowerCase() !== "ed25519") {
    throw unsupportedAlgorithm(algorithm);
  }
}

function checkDigest({ digest = "" }: DetachedSignature, actual: Uint8Array): void {
  if (digest === "") return;
  if (!/^[0-9a-f]{64}$/i.test(digest)) throw malformedSignature("the digest is not 64 hex digits");
  if (digest.toLowerCase() === actual.toHex()) return;
  throw signatureRefused(
    "bundle.digest_drift",
    `digest drift: the signature is for ${digest.toLowerCase()}, the bundle is ${actual.toHex()}`,
    { signed: digest.toLowerCase(), actual: actual.toHex() },
  );
}

function candidates({ keyId }: DetachedSignature, keys: readonly TrustedKey[]) {
  if (keyId === undefined || keyId === "") return keys;
  const named = keys.filter(({ id }) => id === keyId);
  if (named.length > 0) return named;
  throw signatureRefused("bundle.unknown_key", `no key ${quoted(keyId)} is trusted here`, {
    key_id: keyId.slice(0, 128),
  });
}

async function findSigner(
  keys: readonly TrustedKey[],
  signature: Uint8Array,
  digest: Uint8Array,
): Promise<TrustedKey> {
  for (const key of keys) {
    if (await fits(key, signature, digest)) return key;
  }
  throw signatureRefused(
    "bundle.bad_signature",
    keys.length === 1
      ? `it was not made over this bundle by key ${quoted(keys[0]!.id)}`
      : `none of the ${keys.length} trusted keys made it over this bundle`,
  );
}

async function fits(key: TrustedKey, signature: Uint8Array, digest: Uint8Array): Promise<boolean> {
  // The copies: Web Crypto types admit only views that cannot be over shared memory.
  const raw = new Uint8Array(key.publicKey);
  const imported = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  return await crypto.subtle.verify(
    "Ed25519",
    imported,
    new Uint8Array(signature),
    new Uint8Array(digest),
  );
}

/** By the kernel's clock: the time that a signature names is not signed, so anybody can write it. */
function checkStanding(key: TrustedKey, nowMs: number): void {
  checkRevocation(key);
  const { id, notBefore, expiresAt } = key;
  const details = { key_id: id };
  // Written so that a time that cannot be read refuses.
  if (notBefore !== undefined && !(nowMs >= Date.parse(notBefore))) {
    const message = `key ${quoted(id)} is not valid before ${notBefore}`;
    throw signatureRefused("bundle.key_not_yet_valid", message, details);
  }
  if (expiresAt !== undefined && !(nowMs < Date.parse(expiresAt))) {
    const message = `key ${quoted(id)} expired (${expiresAt})`;
    throw signatureRefused("bundle.key_expired", message, details);
  }
}

/** Whatever its time says: an operator who writes one down wants the key out. */
function checkRevocation({ id, revokedAt }: TrustedKey): void {
  if (revokedAt === undefined) return;
  const message = `key ${quoted(id)} was revoked (${revokedAt})`;
  throw signatureRefused("bundle.key_revoked", message, { key_id: id });
}

async function sha256(archive: Uint8Array): Promise<Uint8Array> {
  // As in digest.ts: bytes of an upload lie over no shared memory.
  const own = archive as Uint8Array<ArrayBuffer>;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", own));
}
