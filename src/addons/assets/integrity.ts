/**
 * Checks that a bundle's entry script is the one its manifest names by hash (Subresource Integrity):
 * a browser would refuse any other, which is better known at the install.
 *
 * @module
 */

import type { Bundle } from "../../bundle/bundle.ts";
import { integrityMismatch } from "./errors.ts";

const HASHES: Readonly<Record<string, string>> = {
  sha256: "SHA-256",
  sha384: "SHA-384",
  sha512: "SHA-512",
};
const METADATA = /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})(?:\?.*)?$/;

/**
 * Checks `frontend.integrity`. As a browser does, only the strongest kind of hash counts, and of
 * several of that kind one must fit.
 *
 * @param bundle the opened bundle.
 * @throws {KernelError} bundle.integrity_mismatch — nothing that can be read as a hash, no such file,
 *   or another content.
 */
export async function checkIntegrity(bundle: Bundle): Promise<void> {
  const { entry = "remoteEntry.js", integrity = "" } = bundle.manifest.frontend ?? {};
  // A script on another server is the browser's to check.
  if (integrity.trim() === "" || isElsewhere(entry)) return;
  const hashes = strongest(integrity);
  if (hashes.values.length === 0) throw integrityMismatch(entry, "is no sha256, sha384 or sha512");
  const file = bundle.entries.get(entryPath(bundle, entry));
  if (file === undefined) throw integrityMismatch(entry, "names a file that is not in the bundle");
  // Border: the entries of a bundle are views of an ordinary buffer.
  const bytes = file.bytes as Uint8Array<ArrayBuffer>;
  const found = new Uint8Array(await crypto.subtle.digest(HASHES[hashes.kind]!, bytes)).toBase64();
  if (!hashes.values.includes(found)) throw integrityMismatch(entry, "is not that of the file");
}

function strongest(integrity: string): { readonly kind: string; readonly values: string[] } {
  const known = integrity.trim().split(/\s+/).flatMap((word) => {
    const [, kind, value] = METADATA.exec(word) ?? [];
    if (kind === undefined || value === undefined) return [];
    const standard = value.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
    return [{ kind, value: standard.padEnd(Math.ceil(standard.length / 4) * 4, "=") }];
  });
  const kind = known.map((each) => each.kind).sort().at(-1) ?? "";
  return { kind, values: known.filter((each) => each.kind === kind).map(({ value }) => value) };
}

/**
 * Tells whether an entry lies on another server.
 *
 * @param entry `frontend.entry`.
 * @returns true for an address with a host.
 */
export function isElsewhere(entry: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:)?\/\//i.test(entry);
}

/**
 * Finds an entry, which is written as the address it will have, or as a path in the bundle or below
 * `frontend/`.
 *
 * @param bundle the opened bundle.
 * @param entry `frontend.entry`.
 * @returns the path it must have in the bundle, whether or not it is there.
 */
export function entryPath(bundle: Bundle, entry: string): string {
  const served = /^\/?api\/(?:metacore\/)?addons\/[^/]+\/frontend\/([^?#]+)/.exec(entry)?.[1];
  if (served !== undefined) return `frontend/${served}`;
  const path = entry.replace(/[?#].*$/, "").replace(/^\.?\//, "");
  return bundle.entries.has(path) ? path : `frontend/${path}`;
}
