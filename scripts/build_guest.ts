/**
 * `deno task guest`: makes `src/sandbox/guest_source.ts`, the text of the code that runs inside
 * workers, from `src/sandbox/guest/`. With `--check` it builds nothing and fails when the text was
 * made from other files than those that lie there.
 *
 * @module
 */

const root = new URL("../", import.meta.url);
const folder = new URL("src/sandbox/guest/", root);
const target = new URL("src/sandbox/guest_source.ts", root);
const ENTRIES = [["GUEST_SOURCE", "worker.ts"], ["WATCHDOG_SOURCE", "watchdog.ts"]] as const;

/**
 * Hashes the files that the text is made from.
 *
 * @returns SHA-256 over names and contents, as hex.
 */
export async function hashGuestFiles(): Promise<string> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isFile && entry.name.endsWith(".ts")) names.push(entry.name);
  }
  const texts: string[] = [];
  for (const name of names.sort()) {
    texts.push(`${name}\n${await Deno.readTextFile(new URL(name, folder))}`);
  }
  const bytes = new TextEncoder().encode(texts.join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function bundle(entry: string): Promise<string> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "deno", new URL(entry, folder).pathname],
    cwd: root,
  }).output();
  if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
  return new TextDecoder().decode(output.stdout);
}

function constant(name: string, text: string): string {
  return `export const ${name} = ${JSON.stringify(text)};\n`;
}

async function build(): Promise<string> {
  const parts = [
    "// deno-fmt-ignore-file\n// deno-lint-ignore-file\n",
    "/**\n * Code of guest workers and of the watchdog as text, made by `deno task guest` from `guest/`.\n",
    " * Never edited by hand.\n *\n * @module\n */\n\n",
    `/** SHA-256 of the files it was made from. */\nexport const GUEST_HASH = "${await hashGuestFiles()}";\n`,
  ];
  for (const [name, entry] of ENTRIES) {
    parts.push(`\n/** \`guest/${entry}\` with everything it imports. */\n`);
    parts.push(constant(name, await bundle(entry)));
  }
  return parts.join("");
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

if (import.meta.main) {
  if (Deno.args.includes("--check")) {
    const { GUEST_HASH } = await import(target.href) as { GUEST_HASH: string };
    if (GUEST_HASH !== await hashGuestFiles()) {
      print("src/sandbox/guest_source.ts is stale: run `deno task guest`.");
      Deno.exit(1);
    }
    print("guest: ok");
  } else {
    await Deno.writeTextFile(target, await build());
  }
}
