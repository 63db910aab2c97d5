/**
 * Bundles for tests: the project's own example, and the real ones where they lie beside the project.
 *
 * @module
 */

import { packBundle } from "../../src/bundle/mod.ts";

const root = new URL("../../", import.meta.url);
const REAL = new URL("../shared/fixtures/bundles/", root);

/** The example addon of `bundles/tickets`, packed. */
export async function exampleBundle(): Promise<Uint8Array> {
  return await folderBundle("bundles/tickets/");
}

/** A folder of the project, packed. @param admit which of its files; all by default */
export async function folderBundle(
  folder: string,
  admit: (path: string) => boolean = () => true,
): Promise<Uint8Array> {
  const files = await readFolder(new URL(folder, root));
  return await packBundle(new Map([...files].filter(([path]) => admit(path))));
}

async function readFolder(folder: URL, prefix = ""): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const entry of Deno.readDir(folder)) {
    const url = new URL(entry.name, folder);
    if (entry.isFile) files.set(prefix + entry.name, await Deno.readFile(url));
    else {
      const inner = await readFolder(new URL(`${entry.name}/`, folder), `${prefix}${entry.name}/`);
      for (const [path, bytes] of inner) files.set(path, bytes);
    }
  }
  return files;
}

/** The real bundles of `../shared/fixtures`; none, said aloud, when the folder is absent. */
export async function realBundles(): Promise<{ name: string; archive: Uint8Array }[]> {
  const found: { name: string; archive: Uint8Array }[] = [];
  try {
    for await (const entry of Deno.readDir(REAL)) {
      found.push({ name: entry.name, archive: await Deno.readFile(new URL(entry.name, REAL)) });
    }
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    const note = "NOT COVERED: ../shared/fixtures/bundles is absent, real bundles are not tested\n";
    Deno.stderr.writeSync(new TextEncoder().encode(note));
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}
