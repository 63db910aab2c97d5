/**
 * One measured server as a process of its own: the kernel, or the hand-written yardstick. Prints its
 * port as the first line.
 *
 * Usage: server.ts kernel|hand-written <databaseUrl> <table>
 *
 * @module
 */

import { createKernel } from "../../mod.ts";
import { BENCH_MODEL, JWT_SECRET, MASTER_KEY } from "./subject.ts";
import { handWrittenApp } from "./hand_written.ts";

const [kind, databaseUrl, table] = Deno.args as [string, string, string];

async function kernelHandler(): Promise<(request: Request) => Promise<Response>> {
  const kernel = createKernel({
    databaseUrl,
    jwtSecret: JWT_SECRET,
    masterKey: MASTER_KEY,
    models: [BENCH_MODEL],
  });
  await kernel.start();
  return (request) => kernel.fetch(request, { remoteAddress: "127.0.0.1" });
}

const handler = kind === "kernel"
  ? await kernelHandler()
  : await handWrittenApp({ databaseUrl, table, jwtSecret: JWT_SECRET });
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => Deno.stdout.writeSync(new TextEncoder().encode(`${port}\n`)),
}, handler);
