/**
 * Entity tags: of contents, to be told that nothing has changed, and of revisions, to be refused
 * when something has (RFC 9110 §8.8 and §13.1).
 *
 * @module
 */

import { invalidRevision } from "../errors.ts";

/**
 * Tells whether a client already has a content. Proxies weaken tags when they compress, so weak ones
 * count as well.
 *
 * @param header value of If-None-Match.
 * @param etag of the content, in its quotes.
 * @returns true when one of the tags is it, or any would do.
 */
export function matchesEtag(header: string, etag: string): boolean {
  return header.split(",").some((part) => {
    const tag = part.trim();
    return tag === "*" || tag.replace(/^W\//, "") === etag;
  });
}

/**
 * Writes a revision as an entity tag.
 *
 * @param revision a whole number.
 * @returns it in quotes.
 */
export function revisionEtag(revision: number): string {
  return `"${revision}"`;
}

/**
 * Reads the revision that a client wants to change.
 *
 * @param value `"5"` as in If-Match, `5` as in a field, or a number.
 * @returns the revision; undefined for none, and for `*`, which is any.
 * @throws {KernelError} http.invalid_revision — what is meant as a condition must be understood.
 */
export function readRevision(value: unknown): number | undefined {
  if (value === undefined || value === null || value === "*" || value === "") return undefined;
  const text = String(value).trim().replace(/^(?:W\/)?"(.*)"$/, "$1");
  const revision = Number(text);
  if (/^\d{1,15}$/.test(text)) return revision;
  throw invalidRevision(String(value));
}
