/**
 * Builds the test guests under `tests/fixtures/guests` whose toolchain is installed and says which
 * were left out. What it writes is committed, so that tests need no toolchain.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { compileAssembly } from "./assemblyscript.ts";

const GUESTS = "tests/fixtures/guests";

interface Fixture {
  readonly name: string;
  /** Program that has to be there; none for AssemblyScript, which is a package. */
  readonly tool?: string;
  /** Returns paths of what it wrote. */
  build(folder: string): Promise<readonly string[]>;
}

const FIXTURES: readonly Fixture[] = [
  { name: "probe", build: (folder) => buildAssembly(folder, "bundles/expenses/assembly/metacore") },
  { name: "probe_gonext", build: (folder) => buildAssembly(folder, `${folder}/assembly/panic`) },
  { name: "clang", tool: "clang", build: buildC },
  { name: "rust", tool: "rustc", build: buildRust },
  { name: "go", tool: "go", build: buildGo },
];

/** Needs wasm-ld beside clang. */
async function buildC(folder: string): Promise<readonly string[]> {
  await run("clang", folder, [
    ...["--target=wasm32", "-nostdlib", "-ffreestanding", "-Wl,--no-entry"],
    ...["-O2", "-msimd128", "-mbulk-memory", "-o", "clang.wasm", "guest.c"],
  ]);
  return [`${folder}/clang.wasm`];
}

/** Needs the target wasm32-unknown-unknown. */
async function buildRust(folder: string): Promise<readonly string[]> {
  await run("rustc", folder, [
    ...["--edition", "2024", "--crate-name", "guest", "--crate-type", "cdylib"],
    ...["--target", "wasm32-unknown-unknown", "-C", "opt-level=2", "-C", "panic=abort"],
    ...["-C", "strip=debuginfo", "-o", "rust.wasm", "guest.rs"],
  ]);
  return [`${folder}/rust.wasm`];
}

/** Kept compressed: a Go module brings its runtime along. */
async function buildGo(folder: string): Promise<readonly string[]> {
  const output = await Deno.makeTempFile({ suffix: ".wasm" });
  await run("go", folder, [
    ...["build", "-trimpath", "-buildvcs=false", "-ldflags=-w", "-buildmode=c-shared"],
    ...["-o", output, "."],
  ], { GOOS: "wasip1", GOARCH: "wasm" });
  const compressed = gzipSync(await Deno.readFile(output), { level: 9 });
  await Deno.remove(output);
  await Deno.writeFile(`${folder}/go.wasm.gz`, compressed);
  return [`${folder}/go.wasm.gz`];
}

async function run(
  tool: string,
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const command = new Deno.Command(tool, { args: [...args], cwd: folder, env });
  const { code, stderr } = await command.output();
  if (code === 0) return;
  const said = new TextDecoder().decode(stderr);
  throw new Error(`${tool} ${args.join(" ")}: exit code ${code}\n${said}`);
}

async function buildAssembly(folder: string, runtime: string): Promise<readonly string[]> {
  const name = folder.slice(folder.lastIndexOf("/") + 1);
  const output = `${name}.wasm`;
  const { wasm, sourceMap } = await compileAssembly({
    root: ".",
    entry: `${folder}/assembly/index.ts`,
    abort: `${runtime}/onAbort`,
    output,
  });
  await Deno.writeFile(`${folder}/${output}`, wasm);
  await Deno.writeTextFile(`${folder}/${output}.map`, sourceMap);
  return [`${folder}/${output}`];
}

async function isInstalled(tool: string): Promise<boolean> {
  try {
    await new Deno.Command(tool, { args: ["version"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

for (const fixture of FIXTURES) {
  if (Deno.args.length > 0 && !Deno.args.includes(fixture.name)) continue;
  if (fixture.tool !== undefined && !await isInstalled(fixture.tool)) {
    print(`left out  ${fixture.name}: ${fixture.tool} is not installed`);
    continue;
  }
  for (const path of await fixture.build(`${GUESTS}/${fixture.name}`)) {
    print(`built     ${path} ${(await Deno.stat(path)).size} bytes`);
  }
}
