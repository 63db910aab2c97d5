/**
 * Keeps the files of a bundle that are read one by one: what browsers load, and translations. They
 * are kept by the bundle's digest, so nothing is ever written over.
 *
 * @module
 */

import type { Bundle } from "../../bundle/bundle.ts";
import type { Tables } from "../installation_store.ts";

/** Bounds of one statement: rows, and bytes of their contents. */
const MAX_ROWS = 200;
const MAX_BYTES = 4 * 1024 * 1024;

interface FileRow {
  readonly digest: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/**
 * Keeps `frontend/` and the files that the manifest names as translations; keeping them twice is no
 * change. A removed bundle takes its files along.
 *
 * @param tables the transaction that keeps the bundle; its row must be there.
 * @param bundle the opened bundle.
 */
export async function keepBundleFiles(tables: Tables, bundle: Bundle): Promise<void> {
  for (const rows of statements(rowsOf(bundle))) {
    await tables.insertInto("bundle_files").values(rows)
      .onConflict((conflict) => conflict.columns(["digest", "path"]).doNothing()).execute();
  }
}

function rowsOf(bundle: Bundle): FileRow[] {
  const translations = bundle.manifest.translations.files.map((file) => file.path);
  const paths = new Set([...bundle.frontend, ...translations]);
  return [...paths].flatMap((path) => {
    const entry = bundle.entries.get(path);
    if (entry === undefined) return [];
    return [{ digest: bundle.digest, path, sha256: entry.sha256, bytes: entry.bytes }];
  });
}

function statements(rows: readonly FileRow[]): FileRow[][] {
  const groups: FileRow[][] = [];
  let bytes = Infinity;
  for (const row of rows) {
    if (bytes + row.bytes.length > MAX_BYTES || groups.at(-1)!.length === MAX_ROWS) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(row);
    bytes += row.bytes.length;
  }
  return groups;
}
