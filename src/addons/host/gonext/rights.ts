/**
 * Rights of the GoNext interface: its capability ids name no target, and mean what is the plugin's
 * own (contract/two_abis.md §3).
 *
 * @module
 */

import { OWN } from "../../../access/capability_set.ts";
import type { HostInvocation, NeededRight } from "../host_function.ts";

/**
 * Makes what a function needs, whatever its arguments.
 *
 * @param kind such as `kv:read`.
 * @returns for the row of the table.
 */
export function ownRight(kind: string): (invocation: HostInvocation) => NeededRight {
  return () => ({ kind, target: OWN });
}

/**
 * Names a plugin in records.
 *
 * @param invocation who is asking.
 * @returns its slug.
 */
export function slugOf({ context }: HostInvocation): string {
  return context.slug ?? context.subject.addonKey;
}
