/**
 * Hashes that the original system stored (bcrypt, `$2a$`, `$2b$`, `$2y$`). They verify, and nothing
 * is hashed in this way again.
 *
 * @module
 */

import { compare } from "bcryptjs";

/** Costs above are refused: each step doubles the work, and 14 is about a second. */
const FORM = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;
/** Bcrypt looks at no byte behind these. */
const MAX_BYTES = 72;

/**
 * Tells whether a stored hash is bcrypt's and cheap enough to check.
 *
 * @param stored a stored hash.
 * @returns true when {@link matchesBcrypt} takes it.
 */
export function isBcryptHash(stored: string): boolean {
  return FORM.test(stored);
}

/**
 * Checks a password. The computation holds the thread for up to 0.1 s at a time.
 *
 * @param password as typed: what was hashed was not normalized.
 * @param stored see {@link isBcryptHash}.
 * @returns true when it is the password. One of more than 72 bytes never is: the original refused to
 *   hash such, and comparing only the first 72 would let a longer one pass and then be stored.
 */
export async function matchesBcrypt(password: string, stored: string): Promise<boolean> {
  const matches = await compare(password, stored);
  return matches && new TextEncoder().encode(password).length <= MAX_BYTES;
}
