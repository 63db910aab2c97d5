/**
 * What an operator should know of a plan although it refuses nothing.
 *
 * @module
 */

import { describeType, sameType } from "../../db/schema/column_type.ts";
import type { SchemaState } from "../../db/schema/spec.ts";
import type { Model } from "../../models/model.ts";
import { SYSTEM_COLUMNS } from "../../models/model.ts";
import type { PlannedRequirement } from "./installation_plan.ts";
import { declaredTables, isUnfilled, obsoleteIndexes } from "./left_behind.ts";
import type { PlanMaterial } from "./plan_material.ts";
import { dependentsOf, isBinding, requirementsOf } from "./requirements.ts";

/**
 * Lists the warnings of a plan, the caller's first.
 *
 * @param material everything that is known.
 * @param result the addon's tables afterwards.
 * @returns one sentence each, none twice.
 */
export function warningsOf(material: PlanMaterial, result: SchemaState): readonly string[] {
  const { after, installations, modelsAfter } = material;
  const { key, version } = after;
  const soft = new Set(
    after.requires.filter((each) => !isBinding(after.generation, each)).map((each) => each.key),
  );
  return [
    ...new Set([
      ...material.warnings,
      ...after.unheeded,
      ...leftBehind(material, result),
      ...keptIndexes(material, result),
      ...unfilled(modelsAfter, result),
      ...unlikeDeclared(modelsAfter, result),
      ...requirementsOf(after, installations).filter((each) => soft.has(each.key))
        .flatMap(requirementWarning),
      ...dependentsOf(key, version, installations)
        .filter((each) => each.optional && each.state === "version_mismatch")
        .map((each) => `addon "${each.key}" would like "${key}" ${each.range ?? ""}`),
    ]),
  ];
}

/** What the version that is left declared, and the next one does not. */
function leftBehind(
  { direction, modelsBefore = [], modelsAfter }: PlanMaterial,
  result: SchemaState,
): string[] {
  const told = (place: string) =>
    direction === "back"
      ? `${place} is not declared by this version; its data stays`
      : `${place} is no longer declared; its data stays; drop it by migration`;
  return modelsBefore.flatMap(({ table: { table }, columns }) => {
    const standing = result.get(table);
    if (standing === undefined) return [];
    const model = modelsAfter.find((each) => each.table.table === table);
    if (model === undefined) return [told(`table ${table}`)];
    const declared = new Set(model.columns.map((column) => column.name));
    const names = new Set(standing.columns.map((column) => column.name));
    return columns.filter(({ name }) => !declared.has(name) && names.has(name))
      .map(({ name }) => told(`column ${name} of ${table}`));
  });
}

/** Indexes that would go, were it not for others who use the tables with another bundle. */
function keptIndexes(
  { direction, digest, neighbours, modelsBefore = [], modelsAfter }: PlanMaterial,
  result: SchemaState,
): string[] {
  const other = neighbours.find((each) => each.digest !== digest);
  if (other === undefined || direction === "back") return [];
  const left = { state: result, before: modelsBefore, after: modelsAfter };
  return obsoleteIndexes(left).flatMap((change) =>
    change.kind === "dropIndex"
      ? [
        `index ${change.index} of ${change.table.table} stays as long as another organization ` +
        `uses the tables with version ${other.version}`,
      ]
      : []
  );
}

/** Columns that stand otherwise than they are declared, because rows are never narrowed. */
function unlikeDeclared(models: readonly Model[], result: SchemaState): string[] {
  return declaredTables(models).flatMap(({ name: { table }, columns }) =>
    columns.flatMap(({ name, type, nullable }) => {
      const standing = result.get(table)?.columns.find((each) => each.name === name);
      if (standing === undefined) return [];
      const place = `column ${name} of ${table}`;
      const [is, wanted] = [standing.type, type].map(describeType);
      return [
        ...(sameType(standing.type, type)
          ? []
          : [`${place} stays ${is}, although ${wanted} is declared`]),
        ...(nullable || !standing.nullable
          ? []
          : [`${place} may stay empty in the table: rows are there and it has no default`]),
      ];
    })
  );
}

/** Columns that must be filled and that the kernel does not know to fill. */
function unfilled(models: readonly Model[], result: SchemaState): string[] {
  return models.flatMap(({ table: { table }, columns }) => {
    const known = new Set<string>([...SYSTEM_COLUMNS, ...columns.map((column) => column.name)]);
    return (result.get(table)?.columns ?? [])
      .filter((column) => isUnfilled(column) && !known.has(column.name))
      .map(({ name }) =>
        `column ${name} of ${table} is required, has no default and is not declared: no record ` +
        `can be made`
      );
  });
}

function requirementWarning({ key, range, state, installed }: PlannedRequirement): string[] {
  const name = `addon "${key}"`;
  switch (state) {
    case "satisfied":
      return [];
    case "unknown":
    case "missing":
      return [`${name} would be used, but is not installed`];
    case "disabled":
      return [`${name} would be used, but is disabled`];
    case "version_mismatch":
      return [`${name} would be used in ${range ?? "any version"}, but ${installed} is installed`];
  }
}
