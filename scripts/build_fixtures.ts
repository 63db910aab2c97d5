/**
 * Builds the test guests under `tests/fixtures/guests` whose toolchain is installed and says which
 * were left out. What it writes is committed, so that tests need no toolchain.
 *
 * @module
 */

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
];

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
    await new Deno.Command(tool, { args: ["--version"], stdout: "null", stderr: "null" }).output();
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
