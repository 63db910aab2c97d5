/**
 * The hosts that a manifest itself names: in its webhooks, its tools' endpoints and `backend.url`. An
 * operator who accepted the manifest has accepted that its backend is called there.
 *
 * @module
 */

import { hostOf } from "../../base/host_pattern.ts";
import type { HandlerDefinition, Manifest } from "../../bundle/manifest/manifest.ts";
import { fillAddress } from "./address.ts";

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
    hosts = new Set(addressesOf(manifest).flatMap(hostIn));
    known.set(manifest, hosts);
  }
  return hosts;
}

function addressesOf(manifest: Manifest): string[] {
  const actions = [
    ...Object.values(manifest.actions).flat(),
    ...manifest.extensions.flatMap((extension) => extension.actions ?? []),
  ];
  const handlers = [
    ...manifest.tools.map(({ handler }) => handler),
    ...manifest.lifecycle_hooks.map(({ handler }) => handler),
    ...manifest.subscriptions.map(({ handler }) => handler),
  ];
  return [
    manifest.backend?.url,
    ...Object.values(manifest.hooks),
    ...actions.map(({ trigger }) => trigger?.type === "webhook" ? trigger.url : undefined),
    ...manifest.tools.map(({ endpoint }) => endpoint),
    ...handlers.map(webhookOf),
  ].filter((address) => address !== undefined);
}

function webhookOf(handler: HandlerDefinition | undefined): string | undefined {
  return handler?.type === "webhook" ? handler.url : undefined;
}

/** Placeholders are filled with anything: they stand in path and query alone, or there is no host. */
function hostIn(address: string): string[] {
  const filled = fillAddress(address, undefined, { has: () => true, get: () => "x" });
  return "url" in filled && filled.from === "template" ? [hostOf(filled.url)] : [];
}
