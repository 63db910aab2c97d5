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
    const outcome = await runTests(folder, server);
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

async function runTests(folder: string, server: Server): Promise<Outcome> {
  const temporary = `${folder}/tmp`;
  await Deno.mkdir(temporary);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--no-prompt",
      "--cached-only",
      "--allow-read",
      `--allow-write=${temporary}`,
      "--allow-net=127.0.0.1,127.0.0.9,localhost",
      "--allow-env",
      `--allow-run=${Deno.execPath()}`,
      "--allow-sys",
      ...Deno.args,
    ],
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
