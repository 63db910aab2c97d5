/**
 * What the module of a bundle is held against, as its manifest has it.
 *
 * @module
 */

import type { GonextDefinition, Manifest } from "../../bundle/manifest/manifest.ts";
import type { AdmissionPolicy } from "../../sandbox/module/admission_policy.ts";
import { capabilitiesOf } from "./invocation_context.ts";

/**
 * Makes the policy.
 *
 * @param manifest the manifest.
 * @param memoryLimitPages most pages of an instance.
 * @returns the policy.
 */
export function modulePolicy(manifest: Manifest, memoryLimitPages: number): AdmissionPolicy {
  const capabilities = capabilitiesOf(manifest);
  const { gonext } = manifest;
  return {
    memoryLimitPages,
    // A plugin's names are hooks and jobs, handled behind one export each.
    exports: gonext === undefined ? manifest.backend?.exports ?? [] : [],
    handles: gonext === undefined ? [] : handledBy(gonext),
    // A manifest of the other generations may bring a GoNext module all the same.
    ...(gonext === undefined
      ? { defaultAbi: "metacore/1" as const }
      : { manifestAbi: "gonext/1" as const }),
    holds: (kind) => capabilities.holds(kind),
  };
}

function handledBy({ hooks, jobs }: GonextDefinition): ("hook" | "job")[] {
  const handled: ("hook" | "job")[] = [];
  if (hooks.actions.length + hooks.filters.length > 0) handled.push("hook");
  if (jobs.length > 0) handled.push("job");
  return handled;
}
