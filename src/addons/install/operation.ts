/**
 * What offering a bundle to an organization amounts to: an install, an upgrade, a step back, or the
 * very same again. Pure.
 *
 * @module
 */

import { compareVersions } from "../../bundle/version_order.ts";
import { otherContents } from "../errors.ts";
import type { InstallationRow } from "../installation_store.ts";
import type { PlanOperation } from "../plan/installation_plan.ts";
import type { Candidate } from "./order.ts";
import { demandTransition, stateOf } from "./transitions.ts";

/**
 * Decides what it is.
 *
 * @param candidate the bundle that is offered.
 * @param before the row of its addon, if there is one.
 * @returns the operation; whether a downgrade is welcome is decided elsewhere.
 * @throws {KernelError} addon.version_changed — other contents under the same version.
 */
export function operationOf(
  { bundle, source }: Candidate,
  before: InstallationRow | undefined,
): PlanOperation {
  const { key, version } = bundle.manifest;
  const state = stateOf(before);
  if (before === undefined || state === "removed") return "install";
  const operation = comparedWith(before);
  demandTransition(key, state, operation);
  return operation;

  function comparedWith(standing: InstallationRow): PlanOperation {
    if (standing.bundle_digest === bundle.digest) return "reinstall";
    const order = compareVersions(version, standing.version);
    if (order !== 0) return order > 0 ? "upgrade" : "downgrade";
    // The host application has changed its own addon and left the version as it was.
    if (source === "compiled") return "upgrade";
    throw otherContents(key, version);
  }
}
