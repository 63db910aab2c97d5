/**
 * The closed grammar of names inside a bundle: relative, `/`-separated, nothing that any file system
 * would read as another place. It never touches a file system itself.
 *
 * @module
 */

import { badPath, duplicateEntry } from "./errors.ts";

/** Greatest length of a path in bytes of UTF-8. */
export const MAX_PATH_BYTES = 255;

const encoder = new TextEncoder();

/**
 * Tells which rule of the grammar a path breaks.
 *
 * @param path name of an entry, without the slash that ends a directory's.
 * @returns the rule as the end of a sentence ("has a name that …"), or undefined when it is sound.
 */
export function pathFault(path: string): string | undefined {
  if (path === "") return "is empty";
  if (encoder.encode(path).length > MAX_PATH_BYTES) return `exceeds ${MAX_PATH_BYTES} bytes`;
  if (!path.isWellFormed() || /\p{C}/u.test(path)) return "holds control characters";
  if (path.includes("\\")) return "holds a backslash";
  if (path.includes(":")) return "holds a colon";
  if (path.startsWith("/")) return "is absolute";
  if (path.normalize("NFC") !== path) return "is not in Unicode form NFC";
  for (const segment of path.split("/")) {
    if (segment === "") return "has an empty segment";
    if (segment === "..") return 'climbs with ".."';
    if (segment === ".") return 'has a "." segment: pack files by name, as in "manifest.json"';
    if (/[. ]$/.test(segment)) return "has a segment that ends in a dot or a blank";
    if (segment.startsWith(" ")) return "has a segment that starts with a blank";
  }
  return undefined;
}

/** Remembers the paths of an archive and refuses those that would land on one another. */
export class PathSet {
  readonly #files = new Map<string, string>();
  readonly #folders = new Map<string, string>();

  /**
   * Adds the path of a file.
   *
   * @param path name of the entry.
   * @throws {KernelError} bundle.bad_path — it breaks the grammar; bundle.duplicate_entry — it is
   *   there already in any letter case, or one of the two would be a folder of the other.
   */
  addFile(path: string): void {
    const fault = pathFault(path);
    if (fault !== undefined) throw badPath(path, fault);
    const folded = path.toLowerCase();
    const earlier = this.#files.get(folded) ?? this.#folders.get(folded);
    if (earlier !== undefined) throw duplicateEntry(path, earlier);
    this.#files.set(folded, path);
    let slash = folded.indexOf("/");
    while (slash > 0) {
      const folder = folded.slice(0, slash);
      const file = this.#files.get(folder);
      if (file !== undefined) throw duplicateEntry(path, file);
      this.#folders.set(folder, path);
      slash = folded.indexOf("/", slash + 1);
    }
  }
}
