/**
 * Writes a bundle: equal files give equal bytes (contract/metacore.md §4.3, contract/author.md §5).
 * It checks names and that the manifest is JSON; whether the manifest is a good one is for
 * `openBundle` to say.
 *
 * @module
 */

import { packTar } from "modern-tar";
import { readArchive } from "./archive.ts";
import { PathSet } from "./entry_path.ts";
import { incomplete } from "./errors.ts";
import { gzipOne } from "./gzip.ts";
import { readJson } from "./manifest/json_reader.ts";

/** Files of a bundle by path: bytes, or text that is written as UTF-8. */
export type BundleFiles = ReadonlyMap<string, Uint8Array | string>;

const encoder = new TextEncoder();
const EPOCH = new Date(0);

/**
 * Packs files into a bundle: manifest, migrations, frontend, backend, README.md, then what else there
 * is, each sorted by path. The manifest is printed again with an indent of two blanks.
 *
 * @param files files by their path in the bundle, `manifest.json` among them.
 * @returns the bytes of the `.tar.gz`.
 * @throws {KernelError} bundle.bad_path, bundle.duplicate_entry — a name is refused;
 *   bundle.incomplete, bundle.bad_json — the manifest is missing or not JSON; and whatever
 *   `readArchive` refuses, such as files that are too large to be read again.
 */
export async function packBundle(files: BundleFiles): Promise<Uint8Array> {
  const manifest = files.get("manifest.json");
  if (manifest === undefined) throw incomplete("A bundle needs a manifest.json.");
  const paths = new PathSet();
  const entries = [...files.keys()].sort(byPlace).map((path) => {
    paths.addFile(path);
    const content = path === "manifest.json" ? printed(manifest) : files.get(path)!;
    return { path, bytes: typeof content === "string" ? encoder.encode(content) : content };
  });
  const tar = await packTar(entries.map(({ path, bytes }) => ({
    header: { name: path, size: bytes.length, mtime: EPOCH, mode: 0o644, uid: 0, gid: 0 },
    body: bytes,
  })));
  const archive = gzipOne(tar);
  // What was written must be what our own reader takes, name for name.
  const written = await readArchive(archive);
  const same = written.length === entries.length &&
    written.every((entry, index) => entry.path === entries[index]!.path);
  if (!same) throw incomplete("The archive does not hold the names that were to be packed.");
  return archive;
}

function printed(manifest: Uint8Array | string): string {
  return `${JSON.stringify(readJson(manifest), null, 2)}\n`;
}

function byPlace(a: string, b: string): number {
  return place(a) - place(b) || (a < b ? -1 : 1);
}

function place(path: string): number {
  if (path === "manifest.json") return 0;
  if (path.startsWith("migrations/")) return 1;
  if (path.startsWith("frontend/")) return 2;
  if (path.startsWith("backend/")) return 3;
  return path === "README.md" ? 4 : 5;
}
