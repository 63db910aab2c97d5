/**
 * Which passwords are taken. Length only: rules about kinds of characters make passwords worse
 * (NIST SP 800-63B §5.1.1.2).
 *
 * @module
 */

import { weakPassword } from "./errors.ts";

/** Fewest characters of a password. */
export const MIN_PASSWORD_CHARACTERS = 8;
/** Most characters of a password. */
export const MAX_PASSWORD_CHARACTERS = 256;
/** Most bytes of UTF-8 of a normalized password; bounds the cost of hashing. */
export const MAX_PASSWORD_BYTES = 1024;

/**
 * Demands that a new password meets the policy.
 *
 * @param password as typed.
 * @throws {KernelError} auth.weak_password — naming what it must be.
 */
export function checkPassword(password: string): void {
  if (!password.isWellFormed()) throw weakPassword("The password is not valid text");
  const characters = password.length > 2 * MAX_PASSWORD_CHARACTERS
    ? Infinity
    : [...password].length;
  if (characters < MIN_PASSWORD_CHARACTERS || characters > MAX_PASSWORD_CHARACTERS) {
    throw weakPassword(
      `The password must have ${MIN_PASSWORD_CHARACTERS} to ${MAX_PASSWORD_CHARACTERS} characters`,
    );
  }
  if (passwordBytes(password) === undefined) {
    throw weakPassword(`The password must have at most ${MAX_PASSWORD_BYTES} bytes of UTF-8`);
  }
}

/**
 * Brings a password into the bytes that are hashed: NFKC, because keyboards differ in how they
 * compose a letter, then UTF-8.
 *
 * @param password as typed.
 * @returns the bytes, or undefined when it is longer than any password can be.
 */
export function passwordBytes(password: string): Uint8Array | undefined {
  if (password.length > MAX_PASSWORD_BYTES) return undefined;
  const bytes = new TextEncoder().encode(password.normalize("NFKC"));
  return bytes.length <= MAX_PASSWORD_BYTES ? bytes : undefined;
}
