/**
 * Reads a bundle's archive: one gzip member around one tar of regular files, nothing else. The tar is
 * parsed here and not by the library that writes it (`modern-tar`), because that reader hands out
 * unknown kinds of entries (sparse files, volume labels) as plain files and folds extension records
 * into the header before a caller can refuse them. Nothing is ever written to a file system.
 *
 * @module
 */

import { badPath, badTar, entryKind, overLimit, quoted } from "./errors.ts";
import { pathFault, PathSet } from "./entry_path.ts";
import { gunzipOne } from "./gzip.ts";
import { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from "./limits.ts";
import { checkGlobalPax, gnuLongName, MAX_EXTENSION_BYTES, paxPath } from "./tar_extension.ts";
import { BLOCK_BYTES, readHeader, REFUSED_TYPES, type TarHeader } from "./tar_header.ts";

/** A regular file of an archive. */
export interface ArchiveEntry {
  /** Its name: relative, `/`-separated, unique in any letter case. */
  readonly path: string;
  /** Its content. */
  readonly bytes: Uint8Array;
}

/**
 * Reads an archive, strictly and within bounds (contract/metacore.md §4.2). Entries of plain
 * directories are skipped, every other kind is refused.
 *
 * @param archive the exact bytes of the `.tar.gz`.
 * @param limits bounds; those not given have their defaults.
 * @returns the files in the order of the archive.
 * @throws {KernelError} bundle.archive_too_large, bundle.unpacked_too_large, bundle.ratio_too_high,
 *   bundle.too_many_entries, bundle.entry_too_large — a bound is exceeded; bundle.bad_gzip,
 *   bundle.bad_tar — it is damaged; bundle.entry_kind, bundle.bad_path, bundle.duplicate_entry — an
 *   entry is not a plain file in a place of its own.
 */
export async function readArchive(
  archive: Uint8Array,
  limits?: ArchiveLimits,
): Promise<ArchiveEntry[]> {
  const bounds = { ...DEFAULT_ARCHIVE_LIMITS, ...limits };
  if (archive.length > bounds.maxArchiveBytes) {
    throw overLimit(
      "bundle.archive_too_large",
      `Bundle has ${archive.length} bytes; ${bounds.maxArchiveBytes} are allowed.`,
      bounds.maxArchiveBytes,
    );
  }
  return new TarReader(await gunzipOne(archive, bounds), bounds).read();
}

/** Walks one unpacked tar from block to block. */
class TarReader {
  readonly #tar: Uint8Array;
  readonly #limits: Required<ArchiveLimits>;
  readonly #entries: ArchiveEntry[] = [];
  readonly #paths = new PathSet();
  #offset = 0;
  #headers = 0;
  /** Name that an extension gave to the entry that follows. */
  #longName: string | undefined;
  /** Where an extension stood that has no entry yet. */
  #extensionAt: number | undefined;

  constructor(tar: Uint8Array, limits: Required<ArchiveLimits>) {
    this.#tar = tar;
    this.#limits = limits;
  }

  read(): ArchiveEntry[] {
    if (this.#tar.length % BLOCK_BYTES !== 0) {
      throw badTar(`its length is no multiple of ${BLOCK_BYTES}`, this.#tar.length);
    }
    while (!this.#atEnd()) this.#readEntry();
    if (this.#extensionAt !== undefined) {
      throw badTar("an extension has no entry behind it", this.#extensionAt);
    }
    return this.#entries;
  }

  #atEnd(): boolean {
    if (this.#offset >= this.#tar.length) {
      throw badTar("it is cut short: its two closing blocks are missing", this.#offset);
    }
    if (!isZero(this.#tar.subarray(this.#offset, this.#offset + BLOCK_BYTES))) return false;
    if (this.#tar.length - this.#offset < 2 * BLOCK_BYTES) {
      throw badTar("it is cut short: one of its two closing blocks is missing", this.#offset);
    }
    if (!isZero(this.#tar.subarray(this.#offset))) {
      throw badTar("something follows its end", this.#offset);
    }
    return true;
  }

  #readEntry(): void {
    const at = this.#offset;
    const header = readHeader(this.#tar.subarray(at, at + BLOCK_BYTES), at);
    if (++this.#headers > this.#limits.maxEntries) {
      throw overLimit(
        "bundle.too_many_entries",
        `Bundle has more than ${this.#limits.maxEntries} entries.`,
        this.#limits.maxEntries,
      );
    }
    const path = this.#longName ?? header.name;
    const body = this.#body(header, path);
    if (header.type === "x" || header.type === "L") {
      this.#keepExtension(header.type, body, at);
      return;
    }
    if (header.type === "g") {
      checkGlobalPax(body, at);
      return;
    }
    this.#longName = undefined;
    this.#extensionAt = undefined;
    if (header.type === "5") this.#skipFolder(path, header, at);
    else if (header.type === "0") this.#keepFile(path, body);
    else throw entryKind(path, REFUSED_TYPES[header.type] ?? "file of an unknown kind");
  }

  #body(header: TarHeader, path: string): Uint8Array {
    const isExtension = "xgL".includes(header.type);
    const limit = isExtension ? MAX_EXTENSION_BYTES : this.#limits.maxEntryBytes;
    if (header.size > limit) {
      throw overLimit(
        "bundle.entry_too_large",
        `Entry ${quoted(path)} has ${header.size} bytes; ${limit} are allowed.`,
        limit,
      );
    }
    const start = this.#offset + BLOCK_BYTES;
    const end = start + header.size;
    const next = start + Math.ceil(header.size / BLOCK_BYTES) * BLOCK_BYTES;
    if (next > this.#tar.length) throw badTar("it is cut short inside a file", this.#offset);
    if (!isZero(this.#tar.subarray(end, next))) {
      throw badTar("the padding of a file is not zero", end);
    }
    this.#offset = next;
    return this.#tar.subarray(start, end);
  }

  #keepExtension(type: "x" | "L", body: Uint8Array, at: number): void {
    if (this.#extensionAt !== undefined) {
      throw badTar("two extensions stand before one entry", at);
    }
    this.#extensionAt = at;
    this.#longName = type === "x" ? paxPath(body, at) : gnuLongName(body, at);
  }

  #skipFolder(path: string, header: TarHeader, at: number): void {
    if (header.size !== 0) throw badTar("a directory has content", at);
    const fault = pathFault(path.replace(/\/$/, ""));
    if (fault !== undefined) throw badPath(path, fault);
  }

  #keepFile(path: string, bytes: Uint8Array): void {
    this.#paths.addFile(path);
    this.#entries.push({ path, bytes });
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0) return false;
  }
  return true;
}
