/**
 * Arbitrary walks from schema to schema: changes made from random numbers, refused ones passed
 * over.
 *
 * @module
 */

import fc from "fast-check";
import { isKernelError } from "../../src/base/error.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import type { ColumnSpec, SchemaChange, SchemaState } from "../../src/db/schema/spec.ts";
import { ACTIONS, column, namePart, read } from "./schema_specs.ts";

/** A change of some table of a state, made from random numbers; it may be refused. */
function changeFrom(
  state: SchemaState,
  kind: number,
  pick: number,
  extra: ColumnSpec,
): SchemaChange {
  const all = [...state.values()];
  const spec = all[pick % all.length]!;
  const { name, columns } = spec;
  const some = columns[(pick >> 2) % columns.length]!;
  const changes: readonly SchemaChange[] = [
    { kind: "addColumn", table: name, column: { ...extra, name: `${extra.name}+${pick}` } },
    { kind: "dropColumn", table: name, column: some.name },
    { kind: "renameColumn", table: name, column: some.name, to: `re"named${pick}` },
    {
      kind: "renameTable",
      table: name,
      to: `ta'ble${pick}${pick % 2 === 0 ? "é".repeat(40) : ""}`,
    },
    { kind: "alterColumn", table: name, column: { ...some, nullable: !some.nullable } },
    { kind: "alterColumn", table: name, column: { ...some, ...extra, name: some.name } },
    {
      kind: "alterColumn",
      table: name,
      column: { name: some.name, type: some.type, nullable: true },
    },
    { kind: "alterColumn", table: name, column: { ...some, type: { kind: "text" } } },
    { kind: "setPrimaryKey", table: name, columns: [...spec.primaryKey, some.name] },
    {
      kind: "createIndex",
      table: name,
      index: { name: `more${pick}`, keys: [{ expression: read(some.name) }], unique: false },
    },
    { kind: "dropIndex", table: name, index: spec.indexes[0]?.name ?? "" },
    {
      kind: "addCheck",
      table: name,
      check: { name: `check"${pick}`, expression: { kind: "isNotNull", operand: read(some.name) } },
    },
    {
      kind: "dropConstraint",
      table: name,
      constraint: [...spec.checks, ...spec.foreignKeys][0]?.name ?? "",
    },
    {
      kind: "addForeignKey",
      table: name,
      key: {
        name: `more key${pick}`,
        columns: spec.tenantPolicy ? ["organization_id", "target"] : ["target"],
        target: all[0]!.name.table,
        targetColumns: spec.tenantPolicy ? ["organization_id", "id"] : ["id"],
        onDelete: ACTIONS[pick % ACTIONS.length]!,
      },
    },
    { kind: "dropTable", table: name },
  ];
  return changes[kind % changes.length]!;
}

/** A step towards a change: random numbers and a column. */
export type ChangeSeed = readonly [number, number, ColumnSpec];

/** Steps from which {@link walk} makes changes. */
export const changeSeeds: fc.Arbitrary<readonly ChangeSeed[]> = fc.array(
  fc.tuple(
    fc.nat(100),
    fc.nat(10_000),
    fc.tuple(namePart, column).map(([name, rest]) => ({ ...rest, name })),
  ),
  { minLength: 1, maxLength: 6 },
);

/**
 * Makes changes one after the other, passing over those that are refused.
 *
 * @param state where to begin.
 * @param seeds steps.
 * @returns the accepted changes.
 */
export function walk(state: SchemaState, seeds: readonly ChangeSeed[]): readonly SchemaChange[] {
  const changes: SchemaChange[] = [];
  let now = state;
  for (const [kind, pick, extra] of seeds) {
    if (now.size === 0) break;
    const change = changeFrom(now, kind, pick, extra);
    try {
      now = applyChange(now, change);
      changes.push(change);
    } catch (thrown) {
      if (!isKernelError(thrown)) throw thrown;
    }
  }
  return changes;
}
