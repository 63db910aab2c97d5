/**
 * One 512-byte tar header, POSIX ustar or GNU (POSIX.1-2001 pax, "ustar interchange format"). Every
 * field that says where bytes end is checked; owners, modes and times are of no use here and stay
 * unread.
 *
 * @module
 */

import { badTar } from "./errors.ts";

/** Size of a block, in bytes. */
export const BLOCK_BYTES = 512;

/** What the reader needs of a header. */
export interface TarHeader {
  /** Name, prefix included. */
  readonly name: string;
  /** Size of the content in bytes. */
  readonly size: number;
  /** Type flag as one character; `0` for a regular file of either spelling. */
  readonly type: string;
}

/** Names of the kinds of entries that are never taken. */
export const REFUSED_TYPES: Readonly<Record<string, string>> = {
  "1": "hard link",
  "2": "symbolic link",
  "3": "character device",
  "4": "block device",
  "6": "FIFO",
  "7": "contiguous file",
  "D": "GNU directory dump",
  "K": "link with a long target",
  "M": "continuation of another volume",
  "S": "sparse file",
  "V": "volume label",
};

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a header.
 *
 * @param block 512 bytes, not all zero.
 * @param offset where the block lies in the archive, for messages.
 * @returns its name, size and type.
 * @throws {KernelError} bundle.bad_tar — checksum, magic, size or name is wrong.
 */
export function readHeader(block: Uint8Array, offset: number): TarHeader {
  checkChecksum(block, offset);
  const magic = latin1(block.subarray(257, 265));
  const posix = magic === "ustar\x0000";
  if (!posix && magic !== "ustar  \0") throw badTar("a header is neither ustar nor GNU", offset);
  const name = text(block.subarray(0, 100), offset);
  // In a GNU header these bytes hold times.
  const prefix = posix ? text(block.subarray(345, 500), offset) : "";
  const type = block[156] === 0 ? "0" : String.fromCharCode(block[156]!);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: octal(block.subarray(124, 136), "size", offset),
    type,
  };
}

/**
 * Reads bytes of UTF-8.
 *
 * @param bytes the text.
 * @param offset where it lies, for messages.
 * @returns the text.
 * @throws {KernelError} bundle.bad_tar — it is not UTF-8.
 */
export function utf8(bytes: Uint8Array, offset: number): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw badTar("a name is not UTF-8", offset);
  }
}

function checkChecksum(block: Uint8Array, offset: number): void {
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 32 : block[at]!;
  if (octal(block.subarray(148, 156), "checksum", offset) !== sum) {
    throw badTar("the checksum of a header is wrong", offset);
  }
}

function octal(field: Uint8Array, what: string, offset: number): number {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(latin1(field))?.[1];
  if (digits === undefined) throw badTar(`the ${what} in a header is not an octal number`, offset);
  return parseInt(digits, 8);
}

function text(field: Uint8Array, offset: number): string {
  const end = field.indexOf(0);
  return utf8(end < 0 ? field : field.subarray(0, end), offset);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
