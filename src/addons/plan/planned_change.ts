/**
 * Changes of tables as plans show them: in words, as statements of both engines, with what they hold
 * up.
 *
 * @module
 */

import { applyChange } from "../../db/schema/apply.ts";
import { notesOf } from "../../db/schema/change_notes.ts";
import { describeChange } from "../../db/schema/describe.ts";
import type { SchemaState } from "../../db/schema/spec.ts";
import type { PlannedChange } from "./installation_plan.ts";
import type { ForeignTables } from "./plan_material.ts";
import { type SourcedChange, tableOf } from "./table_plan.ts";

/**
 * Shows changes of one schema.
 *
 * @param current what the schema holds before the first.
 * @param changes in the order in which they are made.
 * @returns the changes with their notes.
 * @throws {KernelError} schema.* — a change that cannot be made, which no table plan holds.
 */
export function plannedChanges(
  current: SchemaState,
  changes: readonly SourcedChange[],
): PlannedChange[] {
  let state = current;
  return changes.map(({ change, source }) => {
    const { sql, locks, rewrites, destructive } = notesOf(change, state);
    state = applyChange(state, change);
    const table = tableOf(change);
    return {
      ...(table === undefined ? {} : { table }),
      description: describeChange(change),
      sql,
      locks,
      rewrites,
      destructive,
      source,
    };
  });
}

/**
 * Shows changes of other addons' tables.
 *
 * @param foreign the schemas and their changes.
 * @returns the changes with their notes.
 */
export function foreignChanges(foreign: readonly ForeignTables[]): PlannedChange[] {
  return foreign.flatMap(({ current, changes, source }) =>
    plannedChanges(current, changes.map((change) => ({ change, source })))
  );
}
