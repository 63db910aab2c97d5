/**
 * Addons that need addons: what is missing, who would be left without, and the order in which several
 * can come. A requirement binds unless it is optional, or is one of the flat manifests (v2) that
 * takes any version: bundles in use name addons that nobody has, so those are only told.
 *
 * @module
 */

import type { KernelError } from "../../base/error.ts";
import { normalizeVersion, satisfiesRange } from "../../bundle/manifest/kernel_range.ts";
import type { Manifest, RequirementDefinition } from "../../bundle/manifest/manifest.ts";
import { neededByOthers, requirementMissing, requirementVersion } from "./errors.ts";
import type { PlannedRequirement } from "./installation_plan.ts";
import type { OtherInstallation } from "./plan_material.ts";

/** What a manifest says about others. */
export type Requiring = Pick<Manifest, "key" | "generation" | "requires">;

/**
 * Tells whether a requirement refuses what breaks it.
 *
 * @param generation reader of the manifest that it stands in.
 * @param requirement the requirement.
 * @returns false where it is only told.
 */
export function isBinding(
  generation: Manifest["generation"],
  requirement: RequirementDefinition,
): boolean {
  if (requirement.optional) return false;
  return generation !== "v2" || requirement.version !== undefined;
}

/**
 * Tells of each addon that a manifest needs how it stands here.
 *
 * @param manifest the manifest.
 * @param installations the other addons of the organization.
 * @returns the requirements in declared order.
 */
export function requirementsOf(
  manifest: Requiring,
  installations: readonly OtherInstallation[],
): readonly PlannedRequirement[] {
  return manifest.requires.map((requirement) => {
    const other = installations.find((each) =>
      each.key === requirement.key && each.status !== "removed"
    );
    return planned(requirement.key, requirement, other?.version, stateOf());

    function stateOf(): PlannedRequirement["state"] {
      if (other === undefined) {
        const isOpen = manifest.generation === "v2" && requirement.version === undefined;
        return isOpen ? "unknown" : "missing";
      }
      if (!isInRange(other.version, requirement.version)) return "version_mismatch";
      return other.status === "enabled" ? "satisfied" : "disabled";
    }
  });
}

/**
 * Finds what refuses an addon because of others that it needs.
 *
 * @param manifest the manifest.
 * @param installations the other addons of the organization.
 * @returns addon.requirement_missing and addon.requirement_version, one for each broken requirement.
 */
export function requirementObstacles(
  manifest: Requiring,
  installations: readonly OtherInstallation[],
): KernelError[] {
  const { key: addonKey, generation, requires } = manifest;
  const planned = requirementsOf(manifest, installations);
  return requires.flatMap((requirement, position) => {
    const { state, installed } = planned[position]!;
    if (!isBinding(generation, requirement)) return [];
    const { key, version } = requirement;
    if (state === "missing" || state === "disabled") {
      return [requirementMissing(addonKey, key, version, state)];
    }
    if (state !== "version_mismatch") return [];
    return [requirementVersion(addonKey, key, version ?? "", installed ?? "")];
  });
}

/**
 * Lists the enabled addons that need another one, as it would be in a version.
 *
 * @param addonKey the one that is needed.
 * @param version its version to be.
 * @param installations the other addons of the organization.
 * @returns of each dependent its key, its own version, and whether its range holds the version.
 */
export function dependentsOf(
  addonKey: string,
  version: string,
  installations: readonly OtherInstallation[],
): readonly PlannedRequirement[] {
  return eachDependent(addonKey, installations).map(({ other, requirement }) => {
    const state = isInRange(version, requirement.version) ? "satisfied" : "version_mismatch";
    return planned(other.key, requirement, other.version, state);
  });
}

/**
 * Finds what refuses a version because enabled addons need another one.
 *
 * @param addonKey the addon that changes.
 * @param version its version to be.
 * @param installations the other addons of the organization.
 * @returns addon.requirement_version, one for each addon that would be left with a version it does
 *   not take.
 */
export function dependentObstacles(
  addonKey: string,
  version: string,
  installations: readonly OtherInstallation[],
): KernelError[] {
  return eachDependent(addonKey, installations)
    .filter(({ other, requirement }) =>
      isBinding(other.manifest.generation, requirement) &&
      !isInRange(version, requirement.version)
    )
    .map(({ other, requirement }) =>
      requirementVersion(other.key, addonKey, requirement.version ?? "", version)
    );
}

/**
 * Demands that no enabled addon needs one that is to be disabled or taken out.
 *
 * @param addonKey the addon that is to take no part any more.
 * @param installations the other addons of the organization.
 * @throws {KernelError} addon.needed_by_others — naming those that do.
 */
export function checkNotNeeded(
  addonKey: string,
  installations: readonly OtherInstallation[],
): void {
  const dependents = eachDependent(addonKey, installations)
    .filter(({ other, requirement }) => isBinding(other.manifest.generation, requirement))
    .map(({ other }) => other.key);
  if (dependents.length > 0) throw neededByOthers(addonKey, dependents);
}

interface Dependent {
  readonly other: OtherInstallation;
  readonly requirement: RequirementDefinition;
}

function eachDependent(
  addonKey: string,
  installations: readonly OtherInstallation[],
): Dependent[] {
  return installations
    .filter((other) => other.status === "enabled" && other.key !== addonKey)
    .flatMap((other) =>
      other.manifest.requires.filter(({ key }) => key === addonKey)
        .map((requirement) => ({ other, requirement }))
    );
}

/** A version that is none lies in no range; without a range every version will do. */
function isInRange(version: string, range: string | undefined): boolean {
  if (range === undefined) return true;
  const normalized = normalizeVersion(version);
  return normalized !== undefined && satisfiesRange(normalized, range);
}

function planned(
  key: string,
  { version: range, optional, reason }: RequirementDefinition,
  installed: string | undefined,
  state: PlannedRequirement["state"],
): PlannedRequirement {
  return {
    key,
    ...(range === undefined ? {} : { range }),
    optional,
    ...(installed === undefined ? {} : { installed }),
    state,
    ...(reason === undefined ? {} : { reason }),
  };
}
