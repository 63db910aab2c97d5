/**
 * E-mail addresses: one comparable form each, so that letter case makes no second account. Whether
 * an address receives mail is not known here.
 *
 * @module
 */

const ADDRESS = /^[^\s@\p{Cc}]{1,64}@[^\s@\p{Cc}]{1,189}$/u;

/**
 * Brings an address into the form that is compared and unique.
 *
 * @param email as typed.
 * @returns trimmed, composed (NFC), lower-case.
 */
export function emailKey(email: string): string {
  return email.trim().normalize("NFC").toLowerCase().normalize("NFC");
}

/**
 * Tells whether a text can be an address.
 *
 * @param email an address or its key.
 * @returns true for `name@host` of at most 254 characters without white space and control characters.
 */
export function isEmail(email: string): boolean {
  return email.length <= 254 && email.isWellFormed() && ADDRESS.test(email);
}
