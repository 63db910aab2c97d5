/**
 * Everything that refuses a change of an installation as it stands. Plans list it, and applying
 * throws the first, so that a plan without obstacles is not refused for a reason it did not tell.
 *
 * @module
 */

import type { KernelError } from "../../base/error.ts";
import { compareVersions } from "../../bundle/version_order.ts";
import { isolationChanged, modelTaken, otherContents } from "../errors.ts";
import { requirementCycle, versionRollback } from "./errors.ts";
import type { PlanOperation } from "./installation_plan.ts";
import type { PlanMaterial, StandingInstallation } from "./plan_material.ts";
import { findCycle } from "./requirement_order.ts";
import { dependentObstacles, requirementObstacles } from "./requirements.ts";
import { planTables, type TablePlan } from "./table_plan.ts";

/**
 * Tells what the material leads to.
 *
 * @param material where to, and what stands.
 * @returns the operation.
 */
export function operationOf(
  material: Pick<PlanMaterial, "direction" | "digest"> & {
    readonly after: Pick<PlanMaterial["after"], "version">;
    readonly standing?: Pick<StandingInstallation, "status" | "digest" | "version">;
  },
): PlanOperation {
  const { standing, digest, after } = material;
  if (material.direction === "back") return "rollback";
  if (standing === undefined || standing.status === "removed") return "install";
  if (standing.digest === digest) return "reinstall";
  const order = compareVersions(after.version, standing.version);
  return order < 0 ? "downgrade" : "upgrade";
}

/**
 * Finds what refuses the operation.
 *
 * @param material everything that is known.
 * @param tables its table plan, where it was made already. @default `planTables(material)`
 * @returns the refusals, the one that applying throws first; none when it can be applied.
 */
export function obstaclesOf(
  material: PlanMaterial,
  tables: TablePlan = planTables(material),
): readonly KernelError[] {
  const { after, installations } = material;
  return [
    ...versionObstacles(material),
    ...isolationObstacles(material),
    ...material.obstacles,
    ...requirementObstacles(after, installations),
    ...dependentObstacles(after.key, after.version, installations),
    ...cycleObstacles(material),
    ...modelObstacles(material),
    ...tables.obstacles,
  ];
}

/**
 * Refuses where something refuses.
 *
 * @param material everything that is known.
 * @returns the table plan to carry out.
 * @throws {KernelError} the first of {@link obstaclesOf}.
 */
export function demandNoObstacles(material: PlanMaterial): TablePlan {
  const tables = planTables(material);
  const [first] = obstaclesOf(material, tables);
  if (first !== undefined) throw first;
  return tables;
}

function versionObstacles(material: PlanMaterial): KernelError[] {
  const { standing, after, seen } = material;
  if (material.direction === "back") return [];
  const isLive = standing !== undefined && standing.status !== "removed";
  if (isLive && standing.digest === material.digest) return [];
  if (isLive && compareVersions(after.version, standing.version) === 0) {
    // The host application may change its own addon and leave the version as it was.
    if (material.signature.status === "compiled") return [];
    return [otherContents(after.key, after.version, "is installed")];
  }
  if (material.downgrade === "allow") return [];
  const highestSeen = seen?.finding === "higher version" ? seen.version : undefined;
  const higher = [standing?.version, highestSeen]
    .filter((version) => version !== undefined)
    .toSorted(compareVersions).at(-1);
  if (higher !== undefined && compareVersions(after.version, higher) < 0) {
    return [versionRollback(after.key, higher, after.version)];
  }
  const isOther = seen?.finding === "other contents" && material.signature.status !== "compiled";
  return isOther ? [otherContents(after.key, after.version, "was installed before")] : [];
}

function isolationObstacles({ standing, schema, after }: PlanMaterial): KernelError[] {
  if (standing === undefined || standing.schema === schema) return [];
  return [isolationChanged(after.key, standing.isolation, after.tenant_isolation)];
}

/** Only circles through the addon itself: others have been there before. */
function cycleObstacles({ after, installations }: PlanMaterial): KernelError[] {
  const others = installations.filter((each) => each.status !== "removed")
    .map(({ key, manifest }) => ({ ...manifest, key }));
  const circle = findCycle([after, ...others]);
  return circle?.includes(after.key) ? [requirementCycle(circle)] : [];
}

function modelObstacles({ after, modelsAfter, modelsInUse }: PlanMaterial): KernelError[] {
  return modelsAfter.flatMap((model) => {
    const names = new Set([model.key.toLowerCase(), model.table.table]);
    const taken = modelsInUse.find((other) =>
      other.addonKey !== after.key &&
      (names.has(other.key.toLowerCase()) || names.has(other.table.table))
    );
    return taken === undefined ? [] : [modelTaken(model.key, after.key, taken.addonKey)];
  });
}
