/**
 * Builds the code of an addon written in AssemblyScript: `assembly/index.ts` becomes the module that
 * its manifest names as the backend's entry, with a source map beside it.
 *
 * @module
 */

import { AssemblyError, compileAssembly } from "./assemblyscript.ts";

const USAGE = `Builds the code of an addon written in AssemblyScript.

Usage: deno task build:addon <folder>

  <folder>     holds manifest.json, whose backend.entry says where the module goes, and
               assembly/index.ts; assembly/metacore.ts has to export onAbort
  -h, --help   this text

Exit codes: 0 built, 1 it does not compile or a file cannot be read or written, 2 wrong arguments.
`;

async function build(folder: string): Promise<void> {
  const output = await entryOf(folder);
  const { wasm, sourceMap } = await compileAssembly({
    root: folder,
    entry: "assembly/index.ts",
    abort: "assembly/metacore/onAbort",
    output,
  });
  const path = `${folder}/${output}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeFile(path, wasm);
  await Deno.writeTextFile(`${path}.map`, sourceMap);
  print(Deno.stdout, `path    ${path}`);
  print(Deno.stdout, `size    ${wasm.length} bytes`);
}

async function entryOf(folder: string): Promise<string> {
  const manifest: unknown = JSON.parse(await Deno.readTextFile(`${folder}/manifest.json`));
  const entry = field(field(manifest, "backend"), "entry");
  if (typeof entry !== "string" || !/^backend\/[\w.-]+\.wasm$/.test(entry)) {
    throw new Error('backend.entry of the manifest has to be like "backend/name.wasm"');
  }
  return entry;
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function print(stream: typeof Deno.stdout | typeof Deno.stderr, line: string): void {
  stream.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function main(given: readonly string[]): Promise<number> {
  if (given.includes("-h") || given.includes("--help")) {
    print(Deno.stdout, USAGE);
    return 0;
  }
  const [folder, ...more] = given;
  if (folder === undefined || more.length > 0 || folder.startsWith("-")) {
    print(Deno.stderr, `exactly one folder is needed\n\n${USAGE}`);
    return 2;
  }
  try {
    await build(folder.replace(/\/+$/, ""));
    return 0;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    print(Deno.stderr, error instanceof AssemblyError ? reason : `refused: ${reason}`);
    return 1;
  }
}

Deno.exitCode = await main(Deno.args);
