/**
 * Why a change of an installation is refused, as small factories so that plans and installs refuse
 * with the same words.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** A lower version is offered than one that was seen. */
export function versionRollback(addonKey: string, seen: string, offered: string): KernelError {
  return new KernelError({
    code: "addon.version_rollback",
    kind: "conflict",
    message:
      `addon "${addonKey}" was seen here in version ${seen}, and ${offered} is lower: go back ` +
      `with a rollback, or allow the downgrade (allow_downgrade=true; --allow-downgrade)`,
    details: { addon_key: addonKey, seen, offered },
  });
}

/** The tables no longer hold what the version needs. */
export function rollbackImpossible(
  addonKey: string,
  version: string,
  reasons: readonly string[],
): KernelError {
  return new KernelError({
    code: "addon.rollback_impossible",
    kind: "conflict",
    message: `addon "${addonKey}" cannot go back to ${version}: ${reasons.join("; ")}`,
    details: { addon_key: addonKey, version, reasons },
  });
}

/** A required addon is not there, or takes no part. */
export function requirementMissing(
  addonKey: string,
  required: string,
  range: string | undefined,
  found: "missing" | "disabled",
): KernelError {
  const wanted = range === undefined ? `"${required}"` : `"${required}" ${range}`;
  const remedy = found === "missing" ? "which is not installed" : "which is disabled";
  return new KernelError({
    code: "addon.requirement_missing",
    kind: "precondition",
    message: `addon "${addonKey}" requires ${wanted}, ${remedy}: ${
      found === "missing" ? "install" : "enable"
    } it first`,
    details: { addon_key: addonKey, required, ...(range === undefined ? {} : { range }) },
  });
}

/** A required addon is there in a version outside of the range. */
export function requirementVersion(
  addonKey: string,
  required: string,
  range: string,
  version: string,
): KernelError {
  return new KernelError({
    code: "addon.requirement_version",
    kind: "precondition",
    message:
      `addon "${addonKey}" requires "${required}" ${range}, which ${version} does not satisfy`,
    details: { addon_key: addonKey, required, range, version },
  });
}

/** Addons require each other in a circle. */
export function requirementCycle(circle: readonly string[]): KernelError {
  return new KernelError({
    code: "addon.requirement_cycle",
    kind: "conflict",
    message: `addons require each other in a circle: ${circle.join(" → ")}; make one of the ` +
      `requirements optional`,
    details: { circle: [...circle] },
  });
}

/** Enabled addons require the one that is to take no part. */
export function neededByOthers(addonKey: string, dependents: readonly string[]): KernelError {
  return new KernelError({
    code: "addon.needed_by_others",
    kind: "conflict",
    message: `addon "${addonKey}" is required by ${
      dependents.map((key) => `"${key}"`).join(", ")
    }: disable or uninstall ${dependents.length === 1 ? "it" : "them"} first`,
    details: { addon_key: addonKey, dependents: [...dependents] },
  });
}

/** Rights that nobody has accepted. */
export function capabilitiesNotAccepted(
  addonKey: string,
  missing: readonly string[],
): KernelError {
  return new KernelError({
    code: "addon.capabilities_not_accepted",
    kind: "precondition",
    message: `addon "${addonKey}" asks for capabilities that are not accepted: ${
      missing.join(", ")
    }; name them in accepted_capabilities, or give "all"`,
    details: { addon_key: addonKey, missing: [...missing] },
  });
}

/** Something is accepted that the addon does not ask for. */
export function unknownCapability(
  addonKey: string,
  given: string,
  nearest: string | undefined,
): KernelError {
  return new KernelError({
    code: "addon.unknown_capability",
    kind: "invalid",
    message: `addon "${addonKey}" does not ask for the capability "${given.slice(0, 256)}"` +
      (nearest === undefined ? "" : `; did you mean "${nearest}"?`),
    details: { addon_key: addonKey, given: given.slice(0, 256) },
  });
}

/** The plan is another one than the operator read. */
export function planChanged(addonKey: string, given: string, made: string): KernelError {
  return new KernelError({
    code: "addon.plan_changed",
    kind: "precondition",
    message: `what would be done to addon "${addonKey}" is not what the plan said: make the plan ` +
      `again and read it`,
    details: { addon_key: addonKey, given: given.slice(0, 128), plan_hash: made },
  });
}
