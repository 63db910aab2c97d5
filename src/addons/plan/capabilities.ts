/**
 * The rights that a manifest asks for, said or implied, as plans and acceptances name them.
 *
 * @module
 */

import type { Manifest } from "../../bundle/manifest/manifest.ts";
import { calledAddresses } from "../backend/called_addresses.ts";
import type { PlannedCapability } from "./installation_plan.ts";

/** The kind of rights to call hosts that a manifest names without asking for them. */
const BACKEND_CALL = "backend:call";

/** Authority of an http(s) address as browsers and fetch find it: any slashes, either way round. */
const AUTHORITY = /^\s*https?:[\\/]*([^\\/?#]*)/i;
const PLACEHOLDER = /\{\{[^{}]*\}\}/g;
const LEADING_PLACEHOLDER = /^\s*(\{\{[^{}]*\}\})/;

/**
 * A capability as one text, the form in which it is accepted and kept.
 *
 * @param capability kind and target.
 * @returns `<kind> <target>`.
 */
export function capabilityName(capability: PlannedCapability): string {
  return `${capability.kind} ${capability.target}`;
}

/**
 * Lists every right of an addon: what it asks for, and the hosts that webhooks, tools and its
 * backend are called at.
 *
 * @param manifest the manifest.
 * @returns each right once, in declared order, implied ones last.
 */
export function declaredCapabilities(manifest: Manifest): readonly PlannedCapability[] {
  const found = new Map<string, PlannedCapability>();
  const add = (capability: PlannedCapability) => {
    const name = capabilityName(capability);
    if (!found.has(name)) found.set(name, capability);
  };
  for (const { kind, target, reason } of manifest.capabilities) {
    add({ kind, target, ...(reason === undefined ? {} : { reason }) });
  }
  for (const { address, use } of calledAddresses(manifest)) {
    const target = calledHost(address, manifest.backend?.url);
    if (target !== undefined) add({ kind: BACKEND_CALL, target, reason: `called by ${use}` });
  }
  return [...found.values()];
}

/**
 * The host that an address leads to. Where a setting decides it, the placeholder stands for it.
 *
 * @param address absolute, starting with a placeholder, or relative to the backend.
 * @param base address of the backend, for relative ones.
 * @returns the host, with its port where that is not the scheme's own (behind another port another
 *   service answers), or the text that decides it; undefined for a relative address
 *   without a base, which leads nowhere.
 */
export function calledHost(address: string, base: string | undefined): string | undefined {
  const authority = AUTHORITY.exec(address)?.[1];
  if (authority === undefined) {
    const placeholder = LEADING_PLACEHOLDER.exec(address)?.[1];
    if (placeholder !== undefined) return placeholder;
    return base === undefined || base === "" ? undefined : calledHost(base, undefined);
  }
  if (authority.includes("{{")) {
    return authority.slice(authority.lastIndexOf("@") + 1).toLowerCase();
  }
  try {
    return new URL(address.replaceAll(PLACEHOLDER, "x")).host;
  } catch {
    // Nothing can be called there, but whatever is written is shown.
    return authority;
  }
}
