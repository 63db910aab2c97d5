/**
 * How long people wait: from the start of the process to its first answer, and from the upload of a
 * bundle to the first answer of its new model.
 *
 * @module
 */

import { createKernel } from "../../mod.ts";
import { exampleBundle } from "../_support/bundles.ts";
import { newOwner } from "../_support/client.ts";
import { JWT_SECRET, MASTER_KEY } from "./subject.ts";

const root = new URL("../../", import.meta.url).pathname;
const MAIN = `${root}src/cli/main.ts`;
const BARE = `${root}tests/bench/bare_server.ts`;

/** Median times from the start of a process to its first answer, in milliseconds. */
export async function measureStart(
  dataDir: string,
  rounds: number,
): Promise<{ bareMs: number; kernelMs: number }> {
  const bare: number[] = [];
  const kernel: number[] = [];
  // The first start makes the file and its tables; what is measured are starts on an existing one.
  await startOnce(MAIN, ["serve"], dataDir, "/readyz");
  for (let round = 0; round < rounds; round++) {
    bare.push(await startOnce(BARE, ["<port>"], dataDir, "/"));
    kernel.push(await startOnce(MAIN, ["serve"], dataDir, "/readyz"));
  }
  return { bareMs: median(bare), kernelMs: median(kernel) };
}

/** Median time from the upload to the first answer of a model the bundle brings, in milliseconds. */
export async function measureInstall(databaseUrl: string, rounds: number): Promise<number> {
  const kernel = createKernel({
    databaseUrl,
    jwtSecret: JWT_SECRET,
    masterKey: MASTER_KEY,
    unsignedBundles: "allow",
  });
  await kernel.start();
  const owner = await newOwner(kernel);
  const archive = await exampleBundle();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    await owner.install(archive);
    await owner.get("/api/dynamic/tickets");
    times.push(performance.now() - started);
    await owner.send("DELETE", "/api/metacore/installations/tickets?drop=true");
  }
  await kernel.stop();
  return median(times);
}

async function startOnce(script: string, args: string[], dataDir: string, path: string) {
  const port = freePort();
  const started = performance.now();
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--cached-only",
      "--no-prompt",
      `--allow-net=127.0.0.1:${port}`,
      "--allow-env",
      `--allow-read=${dataDir}`,
      `--allow-write=${dataDir}`,
      script,
      ...args.map((argument) => argument.replace("<port>", String(port))),
    ],
    env: { METACORE_DATA_DIR: dataDir, PORT: String(port) },
    stdout: "null",
    stderr: "null",
  }).spawn();
  while (!await answers(`http://127.0.0.1:${port}${path}`)) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const elapsedMs = performance.now() - started;
  process.kill("SIGTERM");
  await process.status;
  return elapsedMs;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}
