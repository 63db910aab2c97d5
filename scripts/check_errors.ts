/**
 * Checks that every error code that the source can raise is documented in README's table of codes,
 * once, and that the table names no code that is gone. Changes nothing.
 *
 * @module
 */

const root = new URL("../", import.meta.url);
// What sql.ref() names looks like a code and is none.
const CODE =
  /(?<!\bref\()"((?:access|addon|auth|bundle|db|egress|guest_sql|http|kernel|model|record|sandbox|schema)\.[a-z0-9_]+)"/g;

async function sources(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, root))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) found.push(...await sources(`${path}/`));
    else if (entry.name.endsWith(".ts")) found.push(path);
  }
  return found;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

/** Look like codes: ids of capabilities (contract/gonext.md §9), and the name of a custom section. */
const NO_CODES: ReadonlySet<string> = new Set([
  "db.read",
  "db.write",
  "http.fetch",
  "http.serve",
  "kernel.abi",
]);

const raised = new Map<string, string>();
for (const path of await sources("src/")) {
  const text = await Deno.readTextFile(new URL(path, root));
  for (const [, code] of text.matchAll(CODE)) {
    if (!NO_CODES.has(code!)) raised.set(code!, path);
  }
}

const readme = await Deno.readTextFile(new URL("README.md", root));
const documented = [...readme.matchAll(/^\| `([a-z_]+\.[a-z0-9_]+)` \|/gm)].map((match) =>
  match[1]!
);
const problems = [
  ...[...raised].filter(([code]) => !documented.includes(code))
    .map(([code, path]) => `${code} (${path}) is not in README's table of error codes`),
  ...documented.filter((code) => !raised.has(code)).map((code) => `${code} is raised nowhere`),
  ...documented.filter((code, at) => documented.indexOf(code) !== at)
    .map((code) => `${code} is documented twice`),
];
for (const problem of problems) print(problem);
if (problems.length > 0) Deno.exit(1);
print(`errors: ${raised.size} codes, all documented`);
