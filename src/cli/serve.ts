/**
 * `metacore serve`: a kernel behind an HTTP server, until a signal stops it.
 *
 * @module
 */

import { ensureFirstOrganization } from "../auth/bootstrap.ts";
import { KernelError } from "../base/error.ts";
import { createKernel } from "../kernel/kernel.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Settings } from "../kernel/settings.ts";
import { clientAddress } from "./client_address.ts";
import { readEnvironment } from "./environment.ts";
import { print, printError } from "./output.ts";

/** How long requests in flight may take once a stop was asked for. */
const DRAIN_LIMIT_MS = 10_000;
/** After this, addon code is stopped: whoever waits for it still gets an answer within the limit. */
const CODE_LIMIT_MS = 6_000;

/**
 * Starts the server and returns when a signal has stopped it.
 *
 * @throws {KernelError} kernel.address_unavailable — when HOST and PORT cannot be listened on.
 */
export async function serve(): Promise<void> {
  const { settings, options } = await readEnvironment();
  if (settings.enforcement === "shadow") {
    printError("METACORE_ENFORCE=shadow: capability violations of addons are logged, not refused");
  }
  const kernel = createKernel(options);
  await kernel.start();
  await announceFirstOrganization(kernel, settings);
  const server = listen(kernel, settings);
  await stopSignal();
  printError("Stopping: requests in flight finish first");
  const deadline = setTimeout(() => {
    printError(`Requests were still running after ${DRAIN_LIMIT_MS} ms: stopping anyway`);
    // A stop that was asked for is no failure, whoever holds a request open.
    Deno.exit(0);
  }, DRAIN_LIMIT_MS);
  const cut = setTimeout(() => {
    // What it fails with is told by the stop that is waited for below.
    kernel.stop({ codeGraceMs: 0 }).catch(() => {});
  }, CODE_LIMIT_MS);
  await server.shutdown();
  clearTimeout(cut);
  await kernel.stop();
  clearTimeout(deadline);
}

function listen(kernel: Kernel, settings: Settings): Deno.HttpServer {
  const { host: hostname, port, trustedProxies } = settings;
  try {
    return Deno.serve({
      hostname,
      port,
      onListen: (address) => print(`Listening on http://${address.hostname}:${address.port}/`),
    }, (request, info) => {
      const peer = "hostname" in info.remoteAddr ? info.remoteAddr.hostname : "local";
      const forwarded = request.headers.get("x-forwarded-for");
      return kernel.fetch(request, {
        remoteAddress: clientAddress(peer, forwarded, trustedProxies),
      });
    });
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown;
    throw new KernelError({
      code: "kernel.address_unavailable",
      kind: "precondition",
      message: `Cannot listen on ${hostname}:${port} (${thrown.message}): ` +
        "set HOST and PORT to an address of this machine that is free",
      cause: thrown,
    });
  }
}

async function announceFirstOrganization(kernel: Kernel, settings: Settings): Promise<void> {
  const first = await ensureFirstOrganization(kernel.services.auth, settings);
  if (!first.created) return;
  print(`Created the organization "${settings.organizationName}" with its owner ${first.email}`);
  if (first.password !== undefined) {
    print(`Password of ${first.email}, shown this once: ${first.password}`);
  }
}

function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // A second signal while draining ends the process at once, as operators expect.
  const stop = () => {
    Deno.removeSignalListener("SIGTERM", stop);
    Deno.removeSignalListener("SIGINT", stop);
    resolve();
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  return promise;
}
