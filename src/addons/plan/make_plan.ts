/**
 * Makes the plan of an installation from material that was gathered before: pure but for hashing.
 *
 * @module
 */

import { compareCapabilities } from "./acceptance.ts";
import type { InstallationPlan } from "./installation_plan.ts";
import { obstaclesOf, operationOf } from "./obstacles.ts";
import { planHashOf } from "./plan_hash.ts";
import type { PlanMaterial } from "./plan_material.ts";
import {
  compareModels,
  extensionsOf,
  navigationOf,
  routesOf,
  settingsNeeded,
} from "./plan_parts.ts";
import { warningsOf } from "./plan_warnings.ts";
import { foreignChanges, plannedChanges } from "./planned_change.ts";
import { dependentsOf, requirementsOf } from "./requirements.ts";
import { planTables } from "./table_plan.ts";

/**
 * Makes a plan. Whoever applies it gathers the material again inside the transaction, calls
 * `demandNoObstacles(material)` (throws what the plan lists as obstacles; gives the changes to carry
 * out, with their sources), then `makePlan` and
 * `checkAcceptance(plan, terms, standing?.acceptedCapabilities ?? [])`, whose answer is what the row
 * keeps as accepted. For rows at risk: ask `risksOf(planTables(material).changes, material.current)`
 * with `countRisks`, and give the answers as `dataAtRisk`; they are not part of the hash.
 *
 * @param material everything that is known.
 * @returns the plan; what would refuse it stands in its obstacles.
 */
export async function makePlan(material: PlanMaterial): Promise<InstallationPlan> {
  const { after, standing, installations, modelsAfter } = material;
  const tables = planTables(material);
  const isLive = standing !== undefined && standing.status !== "removed";
  const plan: Omit<InstallationPlan, "plan_hash"> = {
    operation: operationOf(material),
    addon_key: after.key,
    name: after.name,
    ...(isLive ? { from_version: standing.version } : {}),
    to_version: after.version,
    digest: material.digest,
    signature: material.signature,
    revision: standing?.revision ?? 0,
    schema: material.schema,
    changes: [
      ...plannedChanges(material.current, tables.changes),
      ...foreignChanges(material.foreignTables ?? []),
    ],
    migrations: material.migrations.map((migration) => migration.version),
    data_at_risk: material.dataAtRisk ?? [],
    capabilities: compareCapabilities(
      after,
      isLive ? standing.acceptedCapabilities : [],
      material.before,
    ),
    models: compareModels(material.modelsBefore ?? [], modelsAfter),
    routes: routesOf(after, modelsAfter, material.digest),
    navigation: navigationOf(after),
    settings_needed: settingsNeeded(after, material.settingsGiven ?? new Set()),
    requirements: requirementsOf(after, installations),
    dependents: dependentsOf(after.key, after.version, installations),
    extends: extensionsOf(after),
    ...(material.module === undefined ? {} : { module: material.module }),
    warnings: warningsOf(material, tables.result),
    obstacles: obstaclesOf(material, tables).map(({ code, message }) => ({ code, message })),
  };
  return { ...plan, plan_hash: await planHashOf(plan) };
}
