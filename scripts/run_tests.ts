/**
 * Runs the tests on every engine it can get: SQLite, and Postgres from a throwaway cluster, or its
 * stand-in where no server is installed. Arguments go to `deno test`.
 *
 * `METACORE_TEST_POSTGRES` names a server to use instead; `METACORE_REQUIRE_POSTGRES=1` refuses the
 * stand-in. The last line of the output counts: `123 passed, 0 failed`.
 *
 * @module
 */

import { findPostgres, type PostgresServer, startCluster } from "./postgres_cluster.ts";
import { startStandIn } from "./pglite_server.ts";

/** What shells report for a program that SIGINT ended. */
const INTERRUPTED = 130;
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/;
// deno-lint-ignore no-control-regex -- colours of the terminal
const COLOURS = /\x1b\[[0-9;]*m/g;

interface Server extends PostgresServer {
  readonly kind: "server" | "pglite";
}

interface Outcome {
  readonly code: number;
  readonly summary: { readonly passed: number; readonly failed: number } | undefined;
}

let interrupted = false;
let running: Deno.ChildProcess | undefined;

async function main(): Promise<number> {
  // From the first moment on, so that nothing started here outlives an interruption.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      interrupted = true;
      running?.kill("SIGTERM");
    });
  }
  const folder = await Deno.makeTempDir({ prefix: "metacore_test_" });
  // The server runs under another account, which must be able to enter.
  await Deno.chmod(folder, 0o755);
  let server: Server | undefined;
  try {
    server = await startServer(folder);
    if (interrupted) return INTERRUPTED;
    const outcome = await runGroups(folder, server);
    report(server, outcome);
    return outcome.code;
  } finally {
    await server?.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function startServer(folder: string): Promise<Server> {
  const given = Deno.env.get("METACORE_TEST_POSTGRES");
  if (given) {
    return { kind: "server", url: given, version: "Postgres as given", stop: async () => {} };
  }
  const bin = await findPostgres();
  if (bin !== undefined) {
    const own = `${folder}/postgres`;
    await Deno.mkdir(own);
    return { kind: "server", ...await startCluster(bin, own) };
  }
  if (Deno.env.get("METACORE_REQUIRE_POSTGRES") === "1") {
    throw new Error("METACORE_REQUIRE_POSTGRES=1, but no Postgres server is installed");
  }
  return { kind: "pglite", ...await startStandIn() };
}

/**
 * Tests of walls look at threads and processor time, for which Deno demands every right, and take
 * rights away from workers, for which their parent must have them.
 */
const WALLS: readonly string[] = ["tests/sandbox", "tests/security"];

async function runGroups(folder: string, server: Server): Promise<Outcome> {
  const temporary = `${folder}/tmp`;
  await Deno.mkdir(temporary);
  const flags = Deno.args.filter((argument) => argument.startsWith("-"));
  const paths = Deno.args.filter((argument) => !argument.startsWith("-"));
  const walls = paths.filter((path) => WALLS.some((folder) => path.startsWith(folder)));
  const others = paths.filter((path) => !walls.includes(path));
  const everything = paths.length === 0;
  const groups: (readonly string[])[] = [];
  if (everything || others.length > 0) {
    const ignored = everything ? [`--ignore=${WALLS.join(",")}`] : [];
    groups.push([...narrowRights(temporary), ...ignored, ...flags, ...others]);
  }
  if (everything || walls.length > 0) {
    groups.push(["--allow-all", ...flags, ...(everything ? WALLS : walls)]);
  }
  const outcomes: Outcome[] = [];
  for (const group of groups) {
    if (interrupted) break;
    outcomes.push(await runTests(group, temporary, server));
  }
  return together(outcomes);
}

function narrowRights(temporary: string): string[] {
  return [
    "--allow-read",
    `--allow-write=${temporary}`,
    "--allow-net=127.0.0.1,127.0.0.9,localhost",
    "--allow-env",
    `--allow-run=${Deno.execPath()}`,
    "--allow-sys",
  ];
}

/** A group without a summary leaves the whole without one. */
function together(outcomes: readonly Outcome[]): Outcome {
  const code = outcomes.find((outcome) => outcome.code !== 0)?.code ?? 0;
  const summaries = outcomes.flatMap(({ summary }) => summary ?? []);
  if (summaries.length < outcomes.length) return { code: code || 1, summary: undefined };
  const passed = summaries.reduce((sum, each) => sum + each.passed, 0);
  const failed = summaries.reduce((sum, each) => sum + each.failed, 0);
  return { code, summary: { passed, failed } };
}

async function runTests(
  group: readonly string[],
  temporary: string,
  server: Server,
): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-prompt", "--cached-only", ...group],
    clearEnv: true,
    env: {
      ...environment(),
      TMPDIR: temporary,
      METACORE_TEST_POSTGRES: server.url,
      METACORE_TEST_POSTGRES_KIND: server.kind,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  running = child;
  const summary = await passOn(child.stdout);
  const { code } = await child.status;
  running = undefined;
  return { code: code === 0 && summary === undefined ? 1 : code, summary };
}

/** What would change what the tests see stays out. */
function environment(): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !/^(PG|DATABASE_|JWT_|METACORE_|MARKETPLACE_|ALLOW_UNSIGNED|HOST$|PORT$|LOG_)/.test(name)
  );
  return Object.fromEntries(kept);
}

async function passOn(stdout: ReadableStream<Uint8Array>): Promise<Outcome["summary"]> {
  let summary: Outcome["summary"];
  let line = "";
  for await (const chunk of stdout) {
    await writeAll(chunk);
    const lines = (line + new TextDecoder().decode(chunk)).split("\n");
    line = lines.pop() ?? "";
    for (const text of lines) {
      const found = SUMMARY.exec(text.replace(COLOURS, ""));
      if (found !== null) summary = { passed: Number(found[1]), failed: Number(found[2]) };
    }
  }
  return summary;
}

function report(server: Server, { code, summary }: Outcome): void {
  const notes = server.kind === "pglite"
    ? "; the stand-in has one session, so tests of several sessions, of roles and of the " +
      "self-audit did not run on it"
    : "";
  const lines = [`engines covered: SQLite, ${server.version}${notes}`];
  if (summary === undefined) lines.push(`deno test ended without a summary, with code ${code}`);
  else lines.push(`${summary.passed} passed, ${summary.failed} failed`);
  Deno.stdout.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await Deno.stdout.write(rest));
}

Deno.exit(await main());
