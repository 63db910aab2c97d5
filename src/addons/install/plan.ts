/**
 * What installing a bundle would do to one schema: pure, so that it can be printed, tested and
 * compared. The declared models and the admitted migrations meet the tables that exist; the plan is
 * the list of changes that lead from one to the other.
 *
 * @module
 */

import type { SchemaChange, SchemaState, TableName } from "../../db/schema/spec.ts";
import { applyChange } from "../../db/schema/apply.ts";
import { completeTable } from "../../db/schema/complete.ts";
import { diffSchema } from "../../db/schema/diff.ts";
import type { Model } from "../../models/model.ts";
import { tableSpecsOf } from "../../models/table_spec.ts";
import { loosenedColumns, obsoleteIndexes } from "../plan/left_behind.ts";

/** What the plan is made from. */
export interface PlanInput {
  readonly schema: string;
  /** What the schema holds now; empty when it does not exist. */
  readonly current: SchemaState;
  /** Changes of the migrations that were not applied yet, completed, in order. */
  readonly migrations: readonly SchemaChange[];
  readonly models: readonly Model[];
  /** Models of the version that is left behind. @default none */
  readonly before?: readonly Model[];
  /** What becomes of indexes that only `before` declares. @default "drop" */
  readonly obsoleteIndexes?: "drop" | "keep";
}

/** Changes in the order in which they are made, and what holds afterwards. */
export interface InstallPlan {
  readonly changes: readonly SchemaChange[];
  readonly result: SchemaState;
}

/**
 * Plans the changes of one schema.
 *
 * @param input the tables that exist, the migrations and the models.
 * @returns the plan; planning its result again gives no changes.
 * @throws {KernelError} schema.* — naming the table and column that cannot be brought up to date.
 */
export function planInstall(input: PlanInput): InstallPlan {
  const changes: SchemaChange[] = [];
  let state = input.current;
  const make = (change: SchemaChange) => {
    changes.push(change);
    state = applyChange(state, change);
  };
  for (const change of input.migrations) make(change);
  // Tables that this plan creates are empty, whatever their migration did to them since.
  const hasRows = ({ table }: TableName) => input.current.has(table);
  for (const change of diffSchema(state, desiredState(state, input.models), { hasRows })) {
    make(change);
  }
  if (input.before !== undefined) {
    const left = { before: input.before, after: input.models };
    for (const change of loosenedColumns({ ...left, state })) make(change);
    if (input.obsoleteIndexes !== "keep") {
      for (const change of obsoleteIndexes({ ...left, state })) make(change);
    }
  }
  if (input.current.size > 0 || state.size === 0) return { changes, result: state };
  // A first install: what the tables end up as is made at once, without the way there.
  const schema: SchemaChange = { kind: "createSchema", schema: input.schema };
  return { changes: [schema, ...diffSchema(new Map(), state)], result: state };
}

/**
 * Every table that stands, made a tenant table, and every declared model's table.
 *
 * @param state what stands.
 * @param models what is declared.
 * @returns what is to be.
 */
export function desiredState(state: SchemaState, models: readonly Model[]): SchemaState {
  const desired = new Map(
    [...state].map(([name, table]) => [name, completeTable(table)] as const),
  );
  for (const spec of tableSpecsOf(models)) {
    const declared = completeTable(spec);
    const standing = desired.get(spec.name.table);
    desired.set(spec.name.table, declared);
    if (standing === undefined) continue;
    // Columns, indexes and keys of the addon's own migrations stay beside the declared ones.
    const names = new Set(declared.columns.map((column) => column.name));
    const indexes = new Set(declared.indexes.map((index) => index.name));
    const keys = new Set(declared.foreignKeys.map((key) => key.name));
    desired.set(spec.name.table, {
      ...standing,
      columns: [...declared.columns, ...standing.columns.filter((c) => !names.has(c.name))],
      primaryKey: declared.primaryKey,
      indexes: [...declared.indexes, ...standing.indexes.filter((i) => !indexes.has(i.name))],
      foreignKeys: [
        ...declared.foreignKeys,
        ...standing.foreignKeys.filter((key) => !keys.has(key.name)),
      ],
      tenantPolicy: true,
    });
  }
  return desired;
}
