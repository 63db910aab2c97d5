/**
 * Compiles AssemblyScript as this project wants its guests: optimised, with names and a source map,
 * so that traps can be read, and without the import `abort`, which the kernel does not give.
 *
 * @module
 */

import asc from "assemblyscript/asc";

/** What is compiled. */
export interface AssemblySource {
  /** Folder that paths are counted from and that stack traces show. */
  readonly root: string;
  /** The file with the exports, from `root`. */
  readonly entry: string;
  /** File and function that take the place of `abort`, as in `assembly/metacore/onAbort`. */
  readonly abort: string;
  /** File name of the module, which its source map is named after. */
  readonly output: string;
}

/** What comes out. */
export interface AssemblyModule {
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** Version 3, without the texts of the sources. */
  readonly sourceMap: string;
}

/** The source does not compile; the message is the compiler's. */
export class AssemblyError extends Error {}

/**
 * Compiles a module. Equal sources give equal bytes.
 *
 * @param source what is compiled.
 * @returns the module and its source map.
 * @throws {AssemblyError} when the source does not compile.
 */
export async function compileAssembly(source: AssemblySource): Promise<AssemblyModule> {
  const written = new Map<string, string | Uint8Array>();
  const { error, stderr } = await asc.main([
    source.entry,
    ...["--outFile", source.output],
    ...["--runtime", "stub"],
    ...["--use", `abort=${source.abort}`],
    ...["-O3", "--sourceMap", "--debug"],
  ], {
    readFile: (name) => readSource(`${source.root}/${name}`),
    writeFile: (name, contents) => void written.set(name, contents),
    listFiles: () => [],
  });
  const wasm = written.get(source.output);
  const map = written.get(`${source.output}.map`);
  if (error !== null || !(wasm instanceof Uint8Array) || typeof map !== "string") {
    throw new AssemblyError(stderr.toString() || String(error));
  }
  return { wasm: wasm.slice(), sourceMap: withoutSources(map) };
}

/** The compiler looks for a file under several names; null means "not here". */
function readSource(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}

function withoutSources(map: string): string {
  const { sourcesContent: _texts, ...rest } = JSON.parse(map) as Record<string, unknown>;
  return JSON.stringify(rest) + "\n";
}
