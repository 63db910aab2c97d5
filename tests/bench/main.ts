/**
 * `deno task bench`: the kernel against hand-written code over HTTP, on the same engine, table and
 * machine, in the same run; then the sandbox, each part in a process of its own. Prints ratios beside
 * their aims; asserts nothing. `METACORE_BENCH_CALLS=1000000` counts memory over a million calls.
 *
 * @module
 */

import { availableEngines, type BenchDatabase, prepareDatabase } from "./database.ts";
import { measureInstall, measureStart } from "./first_answer.ts";
import { requestBytes, runLoad } from "./load.ts";

const DURATION_MS = Number(Deno.env.get("METACORE_BENCH_MS") ?? 2_500);
const CONNECTIONS = 16;

interface Case {
  readonly name: string;
  readonly path: (base: "kernel" | "hand-written", n: number, ids: readonly string[]) => string;
  readonly method: "GET" | "POST";
  readonly status: number;
}

const list = "page=1&per_page=25&f_status=open&sortBy=created_at&order=desc";
const CASES: readonly Case[] = [
  {
    name: "list with total / hand-written without",
    method: "GET",
    status: 200,
    path: (base) => base === "kernel" ? `/api/dynamic/tickets?${list}` : "/tickets?status=open",
  },
  {
    name: "list with total / hand-written count(*)",
    method: "GET",
    status: 200,
    path: (base) =>
      base === "kernel" ? `/api/dynamic/tickets?${list}` : "/tickets?status=open&total=1",
  },
  {
    name: "get",
    method: "GET",
    status: 200,
    path: (base, n, ids) =>
      `${base === "kernel" ? "/api/dynamic" : ""}/tickets/${ids[n % ids.length]}`,
  },
  {
    name: "create with event / hand-written without",
    method: "POST",
    status: 201,
    path: (base) => base === "kernel" ? "/api/dynamic/tickets" : "/tickets",
  },
  {
    name: "create with event / hand-written with",
    method: "POST",
    status: 201,
    path: (base) => base === "kernel" ? "/api/dynamic/tickets" : "/tickets?logged=1",
  },
];

const BODY = JSON.stringify({
  title: "Printer on fire",
  status: "new",
  priority: 3,
  amount: 12.5,
  notes: "Third floor, left of the coffee machine.",
});

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

async function startServer(kind: string, database: BenchDatabase) {
  const url = kind === "kernel" ? database.kernelUrl : database.plainUrl;
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--cached-only",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "--allow-env",
      "--allow-read",
      "--allow-write",
      new URL("./server.ts", import.meta.url).pathname,
      kind,
      url,
      database.table,
    ],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(new TextDecoder().decode(value));
  const stop = async () => {
    process.kill("SIGKILL");
    await reader.cancel();
    await process.status;
  };
  return { port, stop };
}

async function measure(kind: "kernel" | "hand-written", database: BenchDatabase) {
  const server = await startServer(kind, database);
  const results: { perSecond: number; p50Ms: number; p99Ms: number }[] = [];
  for (const { method, path, status } of CASES) {
    const body = method === "POST" ? BODY : "";
    const requests = Array.from(
      { length: 512 },
      (_, n) => requestBytes(method, path(kind, n, database.ids), database.token, body),
    );
    const load = (durationMs: number) =>
      runLoad({
        port: server.port,
        connections: CONNECTIONS,
        durationMs,
        status,
        request: (n) => requests[n % requests.length]!,
      });
    await load(DURATION_MS / 4);
    results.push(await load(DURATION_MS));
  }
  await server.stop();
  return results;
}

print(`${CONNECTIONS} connections, ${DURATION_MS} ms a case, list = 25 of 100,000 rows`);
for (const engine of await availableEngines()) {
  const database = await prepareDatabase(engine);
  // Hand-written before and after, so that a machine that grows slower does not flatter either.
  const before = await measure("hand-written", database);
  const kernel = await measure("kernel", database);
  const after = await measure("hand-written", database);
  print(`\n${engine.padEnd(44)}  hand-written      kernel    p99 ms    cost`);
  for (const [at, { name }] of CASES.entries()) {
    const plain = (before[at]!.perSecond + after[at]!.perSecond) / 2;
    const ours = kernel[at]!;
    print(
      `  ${name.padEnd(42)}${plain.toFixed(0).padStart(12)}/s${
        ours.perSecond.toFixed(0).padStart(10)
      }/s${ours.p99Ms.toFixed(2).padStart(10)}${(plain / ours.perSecond).toFixed(2).padStart(7)}x`,
    );
  }
  print(
    `  upload to first answer of the new model ${
      (await measureInstall(database.kernelUrl, 9)).toFixed(0)
    } ms`,
  );
  await database.remove();
}
const { bareMs, kernelMs } = await measureStart(await Deno.makeTempDir(), 7);
print(
  `\nstart to first answer: bare Deno.serve ${
    bareMs.toFixed(0)
  } ms, kernel on an existing SQLite ` +
    `file ${kernelMs.toFixed(0)} ms, ${(kernelMs / bareMs).toFixed(2)}x`,
);

const PARTS: readonly (readonly [title: string, file: string])[] = [
  ["sandbox: invocations, cold starts, idle addons, memory", "sandbox_pool.ts"],
  ["sandbox: transport, traps", "sandbox_transport.ts"],
  ["beside Extism (aim: with a host call 10 times faster than its worker)", "extism.ts"],
  ["being interruptible (aims: epoch 1.20 and 1.10, counter 1.60 and 1.20)", "instrument.ts"],
];
for (const [title, file] of PARTS) {
  print(`\n${title}`);
  // A process each: what one leaves in the engine's caches and memory is not the next one's.
  await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--cached-only", "--no-prompt", "--allow-all"],
      new URL(file, import.meta.url).pathname,
    ],
    stdout: "inherit",
  }).output();
}
