/**
 * Finds the addresses of a name. It judges none of them; `gate.ts` does.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { noServerPermission, rateLimited, transport } from "./errors.ts";

/** Finds every address of a name, in the order in which they are to be tried. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** Names that are being looked up at one time: the system's look-up cannot be stopped. */
const MAX_LOOKUPS = 256;

/**
 * Makes a resolver over the system's own, `/etc/hosts` included. Those who ask for one name at one
 * time share one look-up.
 *
 * @returns the resolver.
 */
export function systemResolver(): Resolve {
  const running = new Map<string, Promise<readonly string[]>>();
  return (hostname) => {
    const known = running.get(hostname);
    if (known !== undefined) return known;
    if (running.size >= MAX_LOOKUPS) {
      return Promise.reject(rateLimited("Too many names are being looked up; try again", 1));
    }
    const found = addressesOf(hostname).finally(() => running.delete(hostname));
    running.set(hostname, found);
    return found;
  };
}

async function addressesOf(hostname: string): Promise<readonly string[]> {
  try {
    return (await lookup(hostname, { all: true })).map(({ address }) => address);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "EUNKNOWN";
    if (code === "EPERM" || error instanceof Deno.errors.NotCapable) throw noServerPermission();
    throw transport(code, "The host's name could not be resolved", error);
  }
}
