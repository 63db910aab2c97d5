/**
 * Extensions that stand before an entry and say more about it: PAX records and GNU long names. Only
 * the path is taken from them. Records that would change where bytes end or what kind of file it is
 * (size, link target, sparse maps) are refused, the rest of the known ones carry nothing we use.
 *
 * @module
 */

import { badTar, entryKind } from "./errors.ts";
import { utf8 } from "./tar_header.ts";

/** Greatest size of one extension in bytes. */
export const MAX_EXTENSION_BYTES = 64 * 1024;

const IGNORED_KEYS: ReadonlySet<string> = new Set([
  "atime",
  "comment",
  "ctime",
  "gid",
  "gname",
  "mtime",
  "uid",
  "uname",
]);
const VENDOR_KEY = /^[A-Z]+\./;
const SPARSE_KEY = /^(GNU\.sparse\.|SCHILY\.realsize$|SUN\.holesdata$)/;

/**
 * Reads the PAX records that stand before one entry.
 *
 * @param body the records.
 * @param offset where they lie, for messages.
 * @returns the path they give, or undefined.
 * @throws {KernelError} bundle.bad_tar — malformed, repeated or unknown records;
 *   bundle.entry_kind — they make the entry a link or a sparse file.
 */
export function paxPath(body: Uint8Array, offset: number): string | undefined {
  const records = readRecords(body, offset);
  for (const key of records.keys()) {
    if (key === "path" || IGNORED_KEYS.has(key)) continue;
    if (key === "linkpath") throw entryKind(records.get("path") ?? "", "link");
    if (SPARSE_KEY.test(key)) throw entryKind(records.get("path") ?? "", "sparse file");
    if (VENDOR_KEY.test(key)) continue;
    throw badTar(`PAX record ${JSON.stringify(key.slice(0, 64))} is not taken`, offset);
  }
  return records.get("path");
}

/**
 * Checks PAX records that speak for the whole archive: `git archive` writes a comment there, and
 * nothing else is taken.
 *
 * @param body the records.
 * @param offset where they lie, for messages.
 * @throws {KernelError} bundle.bad_tar — they hold anything but a comment.
 */
export function checkGlobalPax(body: Uint8Array, offset: number): void {
  for (const key of readRecords(body, offset).keys()) {
    if (key !== "comment") throw badTar("global PAX records are not taken", offset);
  }
}

/**
 * Reads a GNU long name.
 *
 * @param body the name, ended by NUL.
 * @param offset where it lies, for messages.
 * @returns the name.
 * @throws {KernelError} bundle.bad_tar — it is not one text ended by one NUL.
 */
export function gnuLongName(body: Uint8Array, offset: number): string {
  const end = body.indexOf(0);
  if (end < 0 || end !== body.length - 1) throw badTar("a GNU long name does not end", offset);
  return utf8(body.subarray(0, end), offset);
}

function readRecords(body: Uint8Array, offset: number): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < body.length) {
    const blank = body.indexOf(32, at);
    const digits = blank < 0 || blank - at > 6 ? "" : utf8(body.subarray(at, blank), offset);
    const length = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (end <= blank + 1 || end > body.length || body[end - 1] !== 10) {
      throw badTar("a PAX record is malformed", offset + at);
    }
    const record = utf8(body.subarray(blank + 1, end - 1), offset);
    const equals = record.indexOf("=");
    const key = record.slice(0, Math.max(equals, 0));
    if (key === "" || records.has(key)) {
      throw badTar("a PAX record is repeated or has no key", offset + at);
    }
    records.set(key, record.slice(equals + 1));
    at = end;
  }
  return records;
}
