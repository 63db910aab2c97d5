/**
 * The changes of an addon's own tables, each with where it comes from; or why there can be none. One
 * function for plans and for applying them, so that what was read is what is done.
 *
 * @module
 */

import { isKernelError, type KernelError } from "../../base/error.ts";
import { describeChange } from "../../db/schema/describe.ts";
import type { SchemaChange, SchemaState } from "../../db/schema/spec.ts";
import { sharedTablesInUse } from "../errors.ts";
import { type InstallPlan, planInstall } from "../install/plan.ts";
import { firstBreaking } from "../install/shared_tables.ts";
import { rollbackImpossible } from "./errors.ts";
import type { PlanMaterial, SchemaNeighbour } from "./plan_material.ts";
import { planRollback, rollbackReasons } from "./rollback.ts";

/** Where changes come from that no migration asks for. */
export const DECLARED_MODELS = "declared models";

/** A change and its origin. */
export interface SourcedChange {
  readonly change: SchemaChange;
  /** Path of a migration, or {@link DECLARED_MODELS}. */
  readonly source: string;
}

/** What is done to the addon's tables. */
export interface TablePlan {
  /** In the order in which they are made; empty where obstacles keep them from being known. */
  readonly changes: readonly SourcedChange[];
  /** What holds afterwards. */
  readonly result: SchemaState;
  /** Why it is refused. */
  readonly obstacles: readonly KernelError[];
}

/** The part of the material that tables depend on. */
export type TableMaterial = Pick<
  PlanMaterial,
  | "direction"
  | "after"
  | "digest"
  | "schema"
  | "current"
  | "migrations"
  | "modelsBefore"
  | "modelsAfter"
  | "migratedShape"
  | "neighbours"
>;

/**
 * Plans the changes of the addon's tables.
 *
 * @param material the tables, migrations and models.
 * @returns the changes, or the obstacles: schema.*, addon.shared_tables_in_use,
 *   addon.rollback_impossible.
 */
export function planTables(material: TableMaterial): TablePlan {
  const { after, current } = material;
  const refused = (obstacle: KernelError): TablePlan => ({
    changes: [],
    result: current,
    obstacles: [obstacle],
  });
  if (material.direction === "back") {
    const reasons = rollbackReasons(current, material.modelsAfter, material.migratedShape);
    if (reasons.length > 0) return refused(rollbackImpossible(after.key, after.version, reasons));
  }
  let plan: InstallPlan;
  try {
    plan = planOf(material);
  } catch (thrown) {
    if (isKernelError(thrown)) return refused(thrown);
    throw thrown;
  }
  const shared = sharedObstacle(material, plan.changes);
  return {
    changes: withSources(material, plan.changes),
    result: plan.result,
    obstacles: shared === undefined ? [] : [shared],
  };
}

function planOf(material: TableMaterial): InstallPlan {
  const { current, schema, modelsAfter, modelsBefore } = material;
  if (material.direction === "back") return planRollback(current, modelsAfter);
  return planInstall({
    schema,
    current,
    migrations: material.migrations.flatMap((migration) => migration.changes),
    models: modelsAfter,
    ...(modelsBefore === undefined ? {} : { before: modelsBefore }),
    // Others go on with what their version declares, until they have come along.
    obsoleteIndexes: otherBundle(material) === undefined ? "drop" : "keep",
  });
}

/** Others go on with the tables as their own bundle knows them. */
function sharedObstacle(
  material: TableMaterial,
  changes: readonly SchemaChange[],
): KernelError | undefined {
  const breaking = firstBreaking(changes, material.current);
  if (breaking === undefined) return undefined;
  const other = otherBundle(material);
  if (other === undefined) return undefined;
  return sharedTablesInUse(material.after.key, describeChange(breaking), other.version);
}

/** The bundle, not its version: two bundles may claim the same one. */
function otherBundle({ neighbours, digest }: TableMaterial): SchemaNeighbour | undefined {
  return neighbours.find((each) => each.digest !== digest);
}

function withSources(
  material: TableMaterial,
  changes: readonly SchemaChange[],
): SourcedChange[] {
  const migrated = material.migrations
    .flatMap(({ path, changes }) => changes.map((change) => ({ path, change })));
  // A first install makes at once what the migrations lead to: their tables are told by name.
  if (material.current.size === 0) {
    const paths = new Map<string, string>();
    for (const { path, change } of migrated) {
      if (change.kind === "createTable") paths.set(change.table.name.table, path);
      if (change.kind === "renameTable") paths.set(change.to, path);
    }
    return changes.map((change) => ({
      change,
      source: paths.get(tableOf(change) ?? "") ?? DECLARED_MODELS,
    }));
  }
  return changes.map((change, position) => ({
    change,
    source: migrated[position]?.path ?? DECLARED_MODELS,
  }));
}

/**
 * The table that a change is about.
 *
 * @param change any change.
 * @returns its logical name; undefined for changes of the whole schema.
 */
export function tableOf(change: SchemaChange): string | undefined {
  if (change.kind === "createTable") return change.table.name.table;
  return "table" in change ? change.table.table : undefined;
}
