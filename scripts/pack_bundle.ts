/**
 * Packs the folder of an addon into a bundle and prints where it lies, its size and its digest. It
 * opens what it packed before writing it, so that every complaint about the manifest shows here.
 *
 * @module
 */

import {
  type Bundle,
  KernelError,
  type ManifestProblem,
  openBundle,
  packBundle,
} from "../src/bundle/mod.ts";

const USAGE = `Packs the folder of an addon into a bundle.

Usage: deno run --allow-read=bundles --allow-write=dist scripts/pack_bundle.ts <folder> [-o <file>]

  <folder>     holds manifest.json, migrations/*.sql, frontend/ (frontend/dist/ where there is one),
               backend/, i18n/, README.md
  -o <file>    where to write; dist/<key>-<version>.tgz when it is left out
  -h, --help   this text

Exit codes: 0 packed, 1 the addon is refused or a file cannot be read or written, 2 wrong arguments.
`;

interface Arguments {
  readonly folder: string;
  readonly output?: string;
}

class UsageError extends Error {}

function parseArguments(given: readonly string[]): Arguments | "help" {
  if (given.includes("-h") || given.includes("--help")) return "help";
  const folders: string[] = [];
  let output: string | undefined;
  for (let at = 0; at < given.length; at++) {
    const argument = given[at]!;
    if (argument === "-o" || argument === "--output") {
      output = given[++at];
      if (output === undefined) throw new UsageError(`${argument} needs a file`);
    } else if (argument.startsWith("-")) throw new UsageError(`unknown option ${argument}`);
    else folders.push(argument.replace(/\/+$/, ""));
  }
  if (folders.length !== 1) throw new UsageError("exactly one folder is needed");
  return { folder: folders[0]!, ...(output === undefined ? {} : { output }) };
}

/** The files of a folder below one of the places a bundle has, by their path in the bundle. */
async function collectFiles(folder: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const topLevel = await Array.fromAsync(Deno.readDir(folder));
  const has = (name: string) => topLevel.some((entry) => entry.name === name);
  for (const name of ["manifest.json", "README.md"]) {
    if (has(name)) files.set(name, await Deno.readFile(`${folder}/${name}`));
  }
  for (const name of ["migrations", "frontend", "backend", "i18n"]) {
    if (!has(name)) continue;
    const built = name === "frontend" && await isFolder(`${folder}/frontend/dist`);
    await collectFolder(files, `${folder}/${name}${built ? "/dist" : ""}`, name);
  }
  return files;
}

async function collectFolder(
  files: Map<string, Uint8Array>,
  folder: string,
  place: string,
): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.startsWith(".")) continue;
    const from = `${folder}/${entry.name}`;
    if (entry.isSymlink) throw new Error(`${from} is a symbolic link; a bundle holds files only`);
    if (entry.isDirectory) await collectFolder(files, from, `${place}/${entry.name}`);
    else files.set(`${place}/${entry.name}`, await Deno.readFile(from));
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function pack({ folder, output }: Arguments): Promise<void> {
  const archive = await packBundle(await collectFiles(folder));
  const bundle = await openBundle(archive);
  const path = output ?? defaultPath(bundle);
  const parent = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
  if (parent !== "") await Deno.mkdir(parent, { recursive: true });
  await Deno.writeFile(path, archive);
  print(Deno.stdout, `path    ${path}`);
  print(Deno.stdout, `size    ${bundle.size} bytes, ${bundle.entries.size} files`);
  print(Deno.stdout, `digest  ${bundle.digest}`);
}

function defaultPath({ manifest }: Bundle): string {
  return `dist/${manifest.key}-${manifest.version}.tgz`;
}

function print(stream: typeof Deno.stdout | typeof Deno.stderr, line: string): void {
  stream.writeSync(new TextEncoder().encode(`${line}\n`));
}

function complain(error: unknown): number {
  if (error instanceof UsageError) {
    print(Deno.stderr, `${error.message}\n\n${USAGE}`);
    return 2;
  }
  print(Deno.stderr, `refused: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof KernelError && error.code === "bundle.invalid_manifest") {
    for (const { path, message } of error.details?.problems as readonly ManifestProblem[]) {
      print(Deno.stderr, `  ${path}: ${message}`);
    }
  }
  return 1;
}

try {
  const parsed = parseArguments(Deno.args);
  if (parsed === "help") print(Deno.stdout, USAGE);
  else await pack(parsed);
} catch (error) {
  Deno.exitCode = complain(error);
}
