/**
 * Whether an operator has said yes to a plan: to this very one where its hash was given, and to every
 * right that was not accepted before. It knows nothing of who the operator is.
 *
 * @module
 */

import { nearest } from "../../base/nearest.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import type { InstallTerms } from "../addon_service.ts";
import { capabilityName, declaredCapabilities } from "./capabilities.ts";
import { capabilitiesNotAccepted, planChanged, unknownCapability } from "./errors.ts";
import type { InstallationPlan, PlannedCapability } from "./installation_plan.ts";

/** Operations whose rights have been accepted by asking for them, unless the terms name some. */
const ACCEPTING: ReadonlySet<string> = new Set(["install", "rollback"]);

/**
 * Compares the rights of a manifest with what was accepted.
 *
 * @param after manifest of what is offered.
 * @param accepted what was accepted before, each as `<kind> <target>`.
 * @param before manifest of what stands, for the reasons of what goes.
 * @returns rights that are new, that go, and that stay.
 */
export function compareCapabilities(
  after: Manifest,
  accepted: readonly string[],
  before?: Manifest,
): InstallationPlan["capabilities"] {
  const wanted = declaredCapabilities(after);
  const names = new Set(wanted.map(capabilityName));
  const known = new Set(accepted);
  const old = new Map(
    (before === undefined ? [] : declaredCapabilities(before)).map((
      each,
    ) => [capabilityName(each), each]),
  );
  return {
    added: wanted.filter((each) => !known.has(capabilityName(each))),
    removed: [...known].filter((name) => !names.has(name))
      .map((name) => old.get(name) ?? capabilityNamed(name)),
    kept: wanted.filter((each) => known.has(capabilityName(each))),
  };
}

/**
 * Checks that a plan may be carried out under the terms.
 *
 * @param plan the plan, made from what stands now.
 * @param terms what the operator says.
 * @param accepted what was accepted before, each as `<kind> <target>`.
 * @returns what is accepted from now on: every right of the plan, and nothing beyond.
 * @throws {KernelError} addon.plan_changed — it is another plan than the operator has read.
 * @throws {KernelError} addon.unknown_capability — the terms accept what is not asked for.
 * @throws {KernelError} addon.capabilities_not_accepted — naming each one that is missing.
 */
export function checkAcceptance(
  plan: Pick<InstallationPlan, "addon_key" | "operation" | "capabilities" | "plan_hash">,
  terms: Pick<InstallTerms, "planHash" | "acceptedCapabilities">,
  accepted: readonly string[],
): readonly string[] {
  if (terms.planHash !== undefined && terms.planHash !== plan.plan_hash) {
    throw planChanged(plan.addon_key, terms.planHash, plan.plan_hash);
  }
  const { added, kept } = plan.capabilities;
  const asked = [...kept, ...added].map(capabilityName);
  const given = terms.acceptedCapabilities ?? (ACCEPTING.has(plan.operation) ? "all" : []);
  if (given === "all") return asked;
  const known = new Set(asked);
  const strange = given.find((name) => !known.has(name));
  if (strange !== undefined) {
    throw unknownCapability(plan.addon_key, strange, nearest(strange, asked));
  }
  // A first install has nothing that was accepted before: what it is given must cover everything.
  const before = plan.operation === "install" ? [] : accepted;
  const yes = new Set([...before, ...given]);
  const missing = asked.filter((name) => !yes.has(name));
  if (missing.length > 0) throw capabilitiesNotAccepted(plan.addon_key, missing);
  return asked;
}

function capabilityNamed(name: string): PlannedCapability {
  const space = name.indexOf(" ");
  return space < 0
    ? { kind: name, target: "" }
    : { kind: name.slice(0, space), target: name.slice(space + 1) };
}
