/**
 * What the module of a bundle is held against, as its manifest has it.
 *
 * @module
 */

import type { Manifest } from "../../bundle/manifest/manifest.ts";
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
  return {
    memoryLimitPages,
    exports: manifest.backend?.exports ?? [],
    handles: [],
    holds: (kind) => capabilities.holds(kind),
  };
}
