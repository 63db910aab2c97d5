/**
 * From gathered material to what is done: whatever stands in the way refuses it, and what the
 * operator has said is held against the plan.
 *
 * @module
 */

import type { SchemaChange } from "../../db/schema/spec.ts";
import type { InstallTerms } from "../addon_service.ts";
import { checkAcceptance } from "../plan/acceptance.ts";
import { makePlan } from "../plan/make_plan.ts";
import { demandNoObstacles } from "../plan/obstacles.ts";
import type { PlanMaterial } from "../plan/plan_material.ts";

/** What is done. */
export interface Decision {
  /** Changes of the addon's own schema, in their order. */
  readonly changes: readonly SchemaChange[];
  /** Capabilities that are accepted from now on. */
  readonly accepted: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Decides.
 *
 * @param material what was gathered, under the locks of the change.
 * @param terms what the operator says.
 * @returns what is done.
 * @throws {KernelError} whatever stands in the way; addon.plan_changed,
 *   addon.capabilities_not_accepted, addon.unknown_capability
 */
export async function decide(material: PlanMaterial, terms: InstallTerms): Promise<Decision> {
  const { changes } = demandNoObstacles(material);
  const plan = await makePlan(material);
  const accepted = checkAcceptance(plan, terms, material.standing?.acceptedCapabilities ?? []);
  return { changes: changes.map(({ change }) => change), accepted, warnings: plan.warnings };
}
