/**
 * Which hooks of a manifest a step calls, in which order. Pure.
 *
 * @module
 */

import { normalizeVersion, satisfiesRange } from "../../bundle/manifest/kernel_range.ts";
import type { LifecycleHookDefinition, Manifest } from "../../bundle/manifest/manifest.ts";
import type { LifecycleStep } from "./lifecycle.ts";

/** A hook of a step. */
export interface SelectedHook {
  readonly step: LifecycleStep;
  readonly handler: LifecycleHookDefinition["handler"];
}

/**
 * Selects the hooks of steps: step by step, within each by priority, then as declared.
 *
 * @param manifest declares them.
 * @param steps the steps in their order.
 * @param fromVersion version that is left behind; hooks of upgrades may name a range of these.
 * @returns the hooks in the order in which they are called.
 */
export function selectHooks(
  manifest: Pick<Manifest, "lifecycle_hooks">,
  steps: readonly LifecycleStep[],
  fromVersion: string | undefined,
): SelectedHook[] {
  return steps.flatMap((step) =>
    manifest.lifecycle_hooks
      .filter((hook) => hook.event === step && leaves(hook, fromVersion))
      .toSorted((a, b) => a.priority - b.priority)
      .map(({ handler }) => ({ step, handler }))
  );
}

function leaves({ from }: LifecycleHookDefinition, fromVersion: string | undefined): boolean {
  if (from === undefined) return true;
  if (fromVersion === undefined) return false;
  return satisfiesRange(normalizeVersion(fromVersion) ?? fromVersion, from);
}
