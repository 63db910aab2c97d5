/**
 * Names of roles, as auth gives them to users and access gives permissions to them
 * (contract/metacore.md §9). What a role may do is not known here.
 *
 * @module
 */

/** The role that may do everything inside its organization. */
export const SUPER_ROLE = "owner";

/** Looked at before letters are made small: some that are not ASCII become ASCII by that. */
const ROLE = /^[A-Za-z][A-Za-z0-9_-]{0,49}$/;

/**
 * Brings a role into its one form: trimmed, lower-case.
 *
 * @param text a role as somebody wrote it.
 * @returns the role, or undefined where it is none (1 to 50 of `a-z 0-9 _ -`, a letter first).
 */
export function normalizeRole(text: string): string | undefined {
  const role = text.trim();
  return ROLE.test(role) ? role.toLowerCase() : undefined;
}
