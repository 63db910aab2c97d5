/**
 * Slugs of organizations: short names for URLs, never empty (contract/metacore.md ⚠G17). That they
 * are unique is the store's part.
 *
 * @module
 */

/** Room for a suffix is left below the 100 characters of the column. */
const MAX_LENGTH = 60;
const FALLBACK = "organization";

/**
 * Makes a slug out of a name.
 *
 * @param name any text.
 * @returns 1 to 60 characters of `a-z`, `0-9` and single `-` between them; `organization` where the
 *   name has no letter or digit that ASCII knows.
 */
export function slugOf(name: string): string {
  const plain = name.slice(0, 255).normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const dashed = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-/, "").slice(0, MAX_LENGTH);
  return dashed.replace(/-$/, "") || FALLBACK;
}

/**
 * Tells apart a slug that is taken.
 *
 * @param slug see {@link slugOf}.
 * @param id a UUID; its last 40 bits, which are random, become the suffix.
 * @returns the slug, `-` and 10 hex digits.
 */
export function suffixedSlug(slug: string, id: string): string {
  return `${slug}-${id.slice(-10)}`;
}
