/**
 * What installing a bundle would do to one schema: pure, so that it can be printed, tested and
 * compared. The declared models and the admitted migrations meet the tables that exist; the plan is
 * the list of changes that lead from one to the other.
 *
 * @module
 */

import type { ColumnSpec, SchemaChange, SchemaState, TableName } from "../../db/schema/spec.ts";
import { applyChange } from "../../db/schema/apply.ts";
import { completeTable } from "../../db/schema/complete.ts";
import { diffSchema } from "../../db/schema/diff.ts";
import type { Model } from "../../models/model.ts";
import { tableSpecsOf } from "../../models/table_spec.ts";

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
  for (const change of loosened(state, input)) make(change);
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
    // Columns and indexes of the addon's own migrations stay beside the declared ones.
    const names = new Set(declared.columns.map((column) => column.name));
    const indexes = new Set(declared.indexes.map((index) => index.name));
    desired.set(spec.name.table, {
      ...standing,
      columns: [...declared.columns, ...standing.columns.filter((c) => !names.has(c.name))],
      primaryKey: declared.primaryKey,
      indexes: [...declared.indexes, ...standing.indexes.filter((i) => !indexes.has(i.name))],
      tenantPolicy: true,
    });
  }
  return desired;
}

/**
 * A column that the version before required and this one does not declare any more stays with its
 * values; but nobody fills it from now on, so rows must be allowed to lack it.
 */
function loosened(state: SchemaState, input: PlanInput): SchemaChange[] {
  const { before = [], models, migrations } = input;
  // What a migration has just said about a column is the author's word.
  const said = new Set(
    migrations.flatMap((change) =>
      change.kind === "addColumn" || change.kind === "alterColumn"
        ? [`${change.table.table}.${change.column.name}`]
        : []
    ),
  );
  return models.flatMap(({ table: name, columns }) => {
    const table = state.get(name.table);
    const old = before.find((model) => model.table.table === name.table);
    if (table === undefined || old === undefined) return [];
    const declared = new Set(columns.map((column) => column.name));
    const left = new Set(old.columns.map((column) => column.name).filter((n) => !declared.has(n)));
    return table.columns
      .filter((column) => left.has(column.name) && !said.has(`${name.table}.${column.name}`))
      .filter((column) => isUnfilled(column) && !table.primaryKey.includes(column.name))
      .map((column): SchemaChange => ({
        kind: "alterColumn",
        table: table.name,
        column: { ...column, nullable: true },
      }));
  });
}

/**
 * Tells whether a row must be given a value of a column.
 *
 * @param column the column.
 * @returns true when it is required and has no default.
 */
export function isUnfilled(column: ColumnSpec): boolean {
  return !column.nullable && column.default === undefined;
}
