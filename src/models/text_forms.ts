/**
 * Forms of text that forms, agents and clients send for values that are none: numbers, addresses of
 * e-mail. Every pattern reads a text once, however long it is: texts come from outside.
 *
 * @module
 */

/** The dot has one place only: where it had two, a long row of digits would be tried at each. */
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
/** One address: no spaces, one `@`, a dotted domain. */
const EMAIL = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,190}\.[^\s@<>".]{2,63}$/;

/**
 * Reads a number that is written as text.
 *
 * @param text decimal, with a sign, a fraction and an exponent where it has them; spaces around it do
 *   not count.
 * @returns the number, never -0; undefined where it is none, or none that is finite.
 */
export function numberOfText(text: string): number | undefined {
  const trimmed = text.trim();
  const number = NUMBER.test(trimmed) ? Number(trimmed) : NaN;
  return Number.isFinite(number) ? number + 0 : undefined;
}

/**
 * Tells whether a text is an address of e-mail.
 *
 * @param text the text, without spaces around it.
 * @returns true for one address `name@host.tld`.
 */
export function isEmailAddress(text: string): boolean {
  return EMAIL.test(text);
}
