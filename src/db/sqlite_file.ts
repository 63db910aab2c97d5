/**
 * The file of a SQLite database: created for its owner's eyes only, and held against a second
 * process by an operating system lock on `<file>.lock`, which goes with the process however it ends.
 *
 * @module
 */

import { fileLocked, fileNotOpened } from "./errors.ts";

/** A held file. */
export interface HeldFile {
  /** Lets others have the file. */
  release(): void;
}

/**
 * Creates the file and its folder when they are absent, and holds it.
 *
 * @param path of the database file.
 * @returns the hold.
 * @throws {KernelError} db.locked — when another process (or this one) holds it.
 * @throws {KernelError} db.file_not_opened — when the process may not read or write it.
 */
export function holdFile(path: string): HeldFile {
  let lock: Deno.FsFile;
  try {
    const folder = /^(.*)[\\/][^\\/]*$/s.exec(path)?.[1];
    if (folder) Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.openSync(path, { create: true, read: true, write: true, mode: 0o600 }).close();
    lock = Deno.openSync(`${path}.lock`, { create: true, read: true, write: true, mode: 0o600 });
  } catch (cause) {
    throw fileNotOpened(path, cause);
  }
  if (!lock.tryLockSync(true)) {
    const holder = readHolder(lock);
    lock.close();
    throw fileLocked(path, holder);
  }
  lock.truncateSync(0);
  lock.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
  return { release: () => lock.close() };
}

function readHolder(lock: Deno.FsFile): string | undefined {
  const bytes = new Uint8Array(32);
  const length = lock.readSync(bytes) ?? 0;
  return /^\d+/.exec(new TextDecoder().decode(bytes.subarray(0, length)))?.[0];
}
