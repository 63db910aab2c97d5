/**
 * Going back to the version before: whether the tables still hold what its models need, and the few
 * changes that are made. It looks at the shape of tables only, never at rows.
 *
 * @module
 */

import { applyChange } from "../../db/schema/apply.ts";
import { canonicalTable, sameValue } from "../../db/schema/canonical.ts";
import { describeType, isWidening, sameType, typeFamily } from "../../db/schema/column_type.ts";
import { diffSchema } from "../../db/schema/diff.ts";
import type {
  ColumnSpec,
  ColumnType,
  SchemaChange,
  SchemaState,
  TableSpec,
} from "../../db/schema/spec.ts";
import type { Model } from "../../models/model.ts";
import { desiredState, type InstallPlan } from "../install/plan.ts";
import { isUnfilled } from "./left_behind.ts";

/**
 * Finds what keeps a version from coming back.
 *
 * @param current the tables as they are.
 * @param models the models of the version.
 * @param migrated the tables that its migrations make. @default none are known
 * @returns a sentence for each table or column that is gone or does not fit; none when it can.
 */
export function rollbackReasons(
  current: SchemaState,
  models: readonly Model[],
  migrated: SchemaState = new Map(),
): string[] {
  // What a first install of the version would make is what its code was written for.
  return [...desiredState(migrated, models).values()].flatMap((each) => {
    const wanted = canonicalTable(each);
    const standing = current.get(wanted.name.table);
    return standing === undefined
      ? [`table ${wanted.name.table} is gone`]
      : tableReasons(standing, wanted);
  });
}

function tableReasons(standing: TableSpec, wanted: TableSpec): string[] {
  const reasons: string[] = [];
  const columns = new Map(standing.columns.map((column) => [column.name, column]));
  for (const column of wanted.columns) {
    const name = `column ${column.name} of ${wanted.name.table}`;
    const type = columns.get(column.name)?.type;
    if (type === undefined) reasons.push(`${name} is gone`);
    else if (!holds(type, column.type)) {
      const [is, was] = [type, column.type].map(describeType);
      reasons.push(`${name} is ${is}, which cannot hold ${was}`);
    }
  }
  const known = new Set(wanted.columns.map((column) => column.name));
  for (const column of standing.columns) {
    if (known.has(column.name) || !isUnfilled(column)) continue;
    reasons.push(
      `column ${column.name} of ${wanted.name.table} is required, has no default, and is not ` +
        `known to it`,
    );
  }
  return reasons;
}

/** The same sort of values, and room for each of them. */
function holds(standing: ColumnType, wanted: ColumnType): boolean {
  if (typeFamily(standing) !== typeFamily(wanted)) return false;
  if (standing.kind === "array") return sameType(standing, wanted);
  return !isWidening(standing, wanted);
}

/**
 * Plans the way back: indexes and defaults of the version come back, and what it does not require may
 * be left empty again. No column, table or constraint is made, no value is written, no index goes.
 *
 * @param current the tables as they are.
 * @param models the models of the version; {@link rollbackReasons} has found nothing against them.
 * @returns the changes and what holds afterwards; planning that again gives no changes.
 * @throws {KernelError} schema.* — where the tables do not fit the models.
 */
export function planRollback(current: SchemaState, models: readonly Model[]): InstallPlan {
  const all = diffSchema(current, desiredState(current, models));
  const replaced = new Set(all.flatMap((each) => each.kind === "dropIndex" ? [each.index] : []));
  const changes: SchemaChange[] = [];
  let state = current;
  for (const change of all) {
    const kept = onlyForward(change, state, replaced);
    if (kept === undefined) continue;
    changes.push(kept);
    state = applyChange(state, kept);
  }
  return { changes, result: state };
}

/** What rows of the later version might refuse, or would lose. */
const NOT_BACK: ReadonlySet<SchemaChange["kind"]> = new Set([
  "dropIndex",
  "dropConstraint",
  "addForeignKey",
  "addCheck",
]);

/** The part of a change that takes nothing from what the later version has left. */
function onlyForward(
  change: SchemaChange,
  state: SchemaState,
  replaced: ReadonlySet<string>,
): SchemaChange | undefined {
  if (NOT_BACK.has(change.kind)) return undefined;
  if (change.kind === "createIndex") return replaced.has(change.index.name) ? undefined : change;
  if (change.kind !== "alterColumn") return change;
  const standing = state.get(change.table.table)?.columns
    .find((column) => column.name === change.column.name);
  if (standing === undefined) return undefined;
  const column: ColumnSpec = {
    ...change.column,
    nullable: standing.nullable || change.column.nullable,
  };
  return sameValue(standing, column) ? undefined : { ...change, column };
}
