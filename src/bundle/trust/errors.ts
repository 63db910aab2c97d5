/**
 * Refusals of the trust room: why a bundle's signature, or a key, is not taken.
 *
 * @module
 */

import { type ErrorKind, KernelError } from "../../base/error.ts";
import { quoted } from "../errors.ts";

/** What every refusal of a signature begins with (contract/metacore.md §7.1). */
const REJECTED = "bundle signature rejected:";

/** Reasons for which a signature that can be read is not taken. */
export type SignatureRefusal =
  | "bundle.bad_signature"
  | "bundle.digest_drift"
  | "bundle.unknown_key"
  | "bundle.key_not_yet_valid"
  | "bundle.key_expired"
  | "bundle.key_revoked"
  | "bundle.signer_not_allowed";

/**
 * A signature is not taken.
 *
 * @param code why.
 * @param message the reason as half a sentence.
 * @param details facts, such as the key's id.
 * @returns an error of that code, kind forbidden.
 */
export function signatureRefused(
  code: SignatureRefusal,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): KernelError {
  return failure(code, "forbidden", `${REJECTED} ${message}`, details);
}

/**
 * A bundle without a signature is not taken.
 *
 * @param keys whether there are keys that it could have been signed with.
 * @returns `bundle.unsigned`; the text without keys is contract/metacore.md §7.1.
 */
export function unsignedBundle(keys: "some" | "none"): KernelError {
  const message = keys === "some"
    ? `${REJECTED} the bundle comes without a signature, and only signed ones are taken here`
    : "signature verification is required " +
      "(set MARKETPLACE_PUBKEY or, for dev, ALLOW_UNSIGNED_BUNDLES=true)";
  return failure("bundle.unsigned", "forbidden", message);
}

/**
 * A signature that cannot be read.
 *
 * @param reason what is wrong with it, as half a sentence.
 * @returns `bundle.malformed_signature`.
 */
export function malformedSignature(reason: string): KernelError {
  return failure("bundle.malformed_signature", "invalid", `${REJECTED} ${reason}`);
}

/**
 * A signature by another algorithm than Ed25519.
 *
 * @param algorithm the name it gives.
 * @returns `bundle.unsupported_algorithm`.
 */
export function unsupportedAlgorithm(algorithm: string): KernelError {
  const message = `${REJECTED} algorithm ${quoted(algorithm)} is not supported, only ed25519 is`;
  return failure("bundle.unsupported_algorithm", "unsupported", message, {
    algorithm: algorithm.slice(0, 64),
  });
}

/**
 * A file of the bundle is not the one that was signed, or not named beside the signature.
 *
 * @param path the file.
 * @param reason what is wrong with it.
 * @returns `bundle.checksum_mismatch`.
 */
export function checksumMismatch(path: string, reason: string): KernelError {
  const message = `${REJECTED} checksums: ${quoted(path)} ${reason}`;
  return failure("bundle.checksum_mismatch", "forbidden", message, { entry: path.slice(0, 256) });
}

/**
 * A key that cannot be read, or must not be used.
 *
 * @param code which half of a pair it is.
 * @param message what is wrong; never holds any of a private key.
 * @returns an error of that code, kind invalid.
 */
export function badKey(
  code: "bundle.bad_public_key" | "bundle.bad_private_key",
  message: string,
): KernelError {
  return failure(code, "invalid", message);
}

function failure(
  code: string,
  kind: ErrorKind,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): KernelError {
  return new KernelError({ code, kind, message, ...(details === undefined ? {} : { details }) });
}
