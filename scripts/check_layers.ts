/**
 * Enforces the floors: which room may import which, no cycles (type-only imports included), which
 * third-party package belongs to which room, and how long a file may be. Reads the module graph that
 * `deno info --json` gives; changes nothing.
 *
 * @module
 */

/** Rooms each room may import, itself apart. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  base: [],
  telemetry: ["base"],
  db: ["base", "telemetry"],
  bundle: ["base"],
  sandbox: ["base", "telemetry"],
  egress: ["base", "telemetry"],
  auth: ["base", "telemetry", "db"],
  access: ["base", "telemetry", "db"],
  events: ["base", "telemetry", "db"],
  idempotency: ["base", "telemetry", "db"],
  models: ["base", "bundle", "db", "access"],
  records: ["base", "telemetry", "db", "access", "events", "models", "idempotency"],
  addons: [
    "base",
    "telemetry",
    "db",
    "bundle",
    "sandbox",
    "egress",
    "auth",
    "access",
    "events",
    "models",
    "records",
    "idempotency",
  ],
  http: [
    "base",
    "telemetry",
    "db",
    "bundle",
    "sandbox",
    "egress",
    "auth",
    "access",
    "events",
    "models",
    "records",
    "idempotency",
    "addons",
  ],
  migrations: ["db"],
  kernel: ["*"],
  cli: ["*"],
  "mod.ts": ["*"],
};

/** Rooms that may import a third-party package; a package that is not listed is refused. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@hono/hono": ["http"],
  "@panva/jose": ["auth"],
  "bcryptjs": ["auth"],
  "commander": ["cli"],
  "kysely": ["db", "events", "auth", "access", "records", "addons", "idempotency"],
  "node:dns": ["egress"],
  "libpg-query": ["db"],
  "modern-tar": ["bundle"],
  "pg": ["db"],
  "pgsql-deparser": ["db"],
  "re2js": ["bundle", "models", "addons"],
  "semver": ["bundle"],
  "zod": ["bundle"],
  "node:sqlite": ["db"],
  "node:crypto": ["base", "auth", "bundle", "db"],
  "node:zlib": ["bundle"],
  "node:buffer": ["db", "bundle"],
  "node:path": ["db"],
  "node:timers": ["db"],
  "node:worker_threads": ["sandbox"],
};

/** Code inside workers: small enough to be audited in one sitting. */
const GUEST_FOLDER = "src/sandbox/guest/";

const MAX_LINES = 400;
const WARN_LINES = 300;
const MAX_MEDIAN_LINES = 110;

interface Dependency {
  specifier: string;
  code?: { specifier?: string };
  type?: { specifier?: string };
}

interface Module {
  specifier: string;
  dependencies?: Dependency[];
}

const root = new URL("../", import.meta.url).href;
const problems: string[] = [];

function pathOf(specifier: string): string | undefined {
  return specifier.startsWith(root) ? specifier.slice(root.length) : undefined;
}

function roomOf(path: string): string {
  if (path === "mod.ts") return "mod.ts";
  const [first, second] = path.split("/");
  return first === "src" ? second! : first!;
}

async function sourceFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, root))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) found.push(...await sourceFiles(`${path}/`));
    else if (entry.name.endsWith(".ts")) found.push(path);
  }
  return found;
}

async function moduleGraph(entries: readonly string[]): Promise<Map<string, Set<string>>> {
  const graph = new Map<string, Set<string>>();
  for (const entry of entries) {
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", new URL(entry, root).href],
    }).output();
    if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
    const info = JSON.parse(new TextDecoder().decode(output.stdout)) as { modules: Module[] };
    for (const module of info.modules) addModule(graph, module);
  }
  return graph;
}

function addModule(graph: Map<string, Set<string>>, module: Module): void {
  const from = pathOf(module.specifier);
  if (from === undefined) return;
  const targets = graph.get(from) ?? new Set<string>();
  graph.set(from, targets);
  for (const dependency of module.dependencies ?? []) {
    const resolved = dependency.code?.specifier ?? dependency.type?.specifier ?? "";
    const to = pathOf(resolved);
    if (to !== undefined) targets.add(to);
    else checkPackage(from, dependency.specifier);
  }
}

function checkPackage(from: string, specifier: string): void {
  const room = roomOf(from);
  const name = specifier.startsWith("@")
    ? specifier.split("/").slice(0, 2).join("/")
    : specifier.split("/")[0]!;
  if (PACKAGES[name]?.includes(room)) return;
  problems.push(`${from} imports ${specifier}, which room ${room} may not`);
}

function checkEdges(graph: Map<string, Set<string>>): void {
  for (const [from, targets] of graph) {
    const room = roomOf(from);
    const allowed = ALLOWED[room];
    if (allowed === undefined) {
      problems.push(`${from} lies in no known room`);
      continue;
    }
    for (const to of targets) {
      if (from.startsWith(GUEST_FOLDER) && !to.startsWith(GUEST_FOLDER)) {
        problems.push(`${from} imports ${to}: code inside workers imports only itself`);
      }
      const target = roomOf(to);
      if (target === room || allowed.includes("*") || allowed.includes(target)) continue;
      problems.push(`${from} imports ${to}: ${room} may not import ${target}`);
    }
  }
}

function checkCycles(graph: Map<string, Set<string>>): void {
  const done = new Set<string>();
  const stack: string[] = [];
  const visit = (path: string): void => {
    const at = stack.indexOf(path);
    if (at >= 0) {
      problems.push(`cycle: ${[...stack.slice(at), path].join(" -> ")}`);
      return;
    }
    if (done.has(path)) return;
    stack.push(path);
    for (const next of graph.get(path) ?? []) visit(next);
    stack.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
}

async function checkSizes(paths: readonly string[]): Promise<void> {
  const sizes: number[] = [];
  for (const path of paths) {
    const text = await Deno.readTextFile(new URL(path, root));
    const lines = text.split("\n").length - 1;
    sizes.push(lines);
    if (lines > MAX_LINES) problems.push(`${path} has ${lines} lines, more than ${MAX_LINES}`);
    else if (lines > WARN_LINES) print(`note: ${path} has ${lines} lines`);
    if (/(^|\/)(utils?|helpers?|common|manager)(_|\.|\/)/.test(path)) {
      problems.push(`${path}: name says nothing about what it does`);
    }
    if (!text.includes("@module")) problems.push(`${path} has no @module header`);
  }
  sizes.sort((a, b) => a - b);
  const median = sizes[Math.floor(sizes.length / 2)] ?? 0;
  print(`${paths.length} files, median ${median} lines, longest ${sizes.at(-1) ?? 0}`);
  if (median > MAX_MEDIAN_LINES) {
    problems.push(`median of ${median} lines exceeds ${MAX_MEDIAN_LINES}`);
  }
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

const files = [...await sourceFiles("src/"), ...await sourceFiles("migrations/")];
const graph = await moduleGraph([
  "mod.ts",
  "src/cli/main.ts",
  "src/bundle/mod.ts",
  // What runs inside workers reaches them as text: `scripts/build_guest.ts`.
  `${GUEST_FOLDER}worker.ts`,
  `${GUEST_FOLDER}watchdog.ts`,
]);
checkEdges(graph);
checkCycles(graph);
await checkSizes(["mod.ts", ...files]);
for (const file of files) {
  if (!graph.has(file)) problems.push(`${file} is imported by nothing`);
}
for (const problem of problems) print(problem);
if (problems.length > 0) Deno.exit(1);
print("layers: ok");
