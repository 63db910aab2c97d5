/**
 * What a permission looks like and what it covers (contract/metacore.md §9): `<resource>.<action>`,
 * or `*` for everything. There is no `<resource>.*`. Who holds which is not known here.
 *
 * @module
 */

/** Covers every permission. */
export const EVERYTHING = "*";

/** Looked at before letters are made small: some that are not ASCII become ASCII by that. */
const RESOURCE = /^[A-Za-z0-9_:-]+(?:\.[A-Za-z0-9_:-]+)*$/;
const ACTION = /^[A-Za-z0-9_:-]+$/;
const MAX_LENGTH = 255;

/**
 * Brings a permission into its one form: resource trimmed and lower-case, action trimmed.
 *
 * @param text as written; the action stands behind the last dot.
 * @returns the permission, or undefined where it is none.
 */
export function normalizePermission(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const trimmed = text.trim();
  if (trimmed === EVERYTHING) return EVERYTHING;
  const dot = trimmed.lastIndexOf(".");
  if (dot < 0) return undefined;
  const resource = trimmed.slice(0, dot).trim();
  const action = trimmed.slice(dot + 1).trim();
  if (!RESOURCE.test(resource) || !ACTION.test(action)) return undefined;
  return `${resource.toLowerCase()}.${action}`;
}

/**
 * Tells whether held permissions cover one that is demanded.
 *
 * @param held normalized permissions.
 * @param demanded a normalized permission.
 * @returns true when it is among them, or everything is.
 */
export function covers(held: ReadonlySet<string>, demanded: string): boolean {
  return held.has(demanded) || held.has(EVERYTHING);
}
