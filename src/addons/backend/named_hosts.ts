/**
 * The hosts that a manifest itself names: in its webhooks, its tools' endpoints and `backend.url`. An
 * operator who accepted the manifest has accepted that its backend is called there.
 *
 * @module
 */

import { hostOf } from "../../base/host_pattern.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import { fillAddress } from "./address.ts";
import { calledAddresses } from "./called_addresses.ts";

const known = new WeakMap<Manifest, ReadonlySet<string>>();

/**
 * Lists the hosts.
 *
 * @param manifest the manifest.
 * @returns `host` or `host:port` as URLs write them; a host that a placeholder stands for is not among
 *   them, nor is what only a relative address would name.
 */
export function namedHosts(manifest: Manifest): ReadonlySet<string> {
  let hosts = known.get(manifest);
  if (hosts === undefined) {
    hosts = new Set(calledAddresses(manifest).flatMap(({ address }) => hostIn(address)));
    known.set(manifest, hosts);
  }
  return hosts;
}

/** Placeholders are filled with anything: they stand in path and query alone, or there is no host. */
function hostIn(address: string): string[] {
  const filled = fillAddress(address, undefined, { has: () => true, get: () => "x" });
  return "url" in filled && filled.from === "template" ? [hostOf(filled.url)] : [];
}
