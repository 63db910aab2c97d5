/**
 * Carries out schema changes inside a transaction, one statement after the other. It decides
 * nothing: what it is given has been planned.
 *
 * @module
 */

import type { Transaction } from "../../db/database.ts";
import type { SchemaChange, SchemaState, TableName } from "../../db/schema/spec.ts";
import { applyChange } from "../../db/schema/apply.ts";
import { describeChange } from "../../db/schema/describe.ts";

/**
 * Makes changes to one schema.
 *
 * @param tx the transaction they become part of; it needs the right to change schemas.
 * @param before what the schema holds.
 * @param changes the changes in order.
 * @param tell is told of each change before it is made.
 */
export async function applyChanges(
  tx: Transaction,
  before: SchemaState,
  changes: readonly SchemaChange[],
  tell: (description: string) => void = () => {},
): Promise<void> {
  let state = before;
  for (const change of changes) {
    tell(describeChange(change));
    for (const statement of tx.profile.render(change, state)) await tx.execute(statement);
    state = applyChange(state, change);
  }
}

/**
 * Lists the standing tables that changes alter, or that their foreign keys point at: those that have to
 * be locked before the first change.
 *
 * @param before what the schema holds.
 * @param changes the changes.
 * @returns the tables, by name.
 */
export function touchedTables(before: SchemaState, changes: readonly SchemaChange[]): TableName[] {
  const names = new Set(changes.flatMap(tablesOf));
  return [...names].sort().flatMap((name) => before.get(name)?.name ?? []);
}

function tablesOf(change: SchemaChange): readonly string[] {
  switch (change.kind) {
    case "createSchema":
      return [];
    case "dropSchema":
      return change.tables;
    case "createTable":
      return change.table.foreignKeys.map(({ target }) => target);
    case "addForeignKey":
      return [change.table.table, change.key.target];
    default:
      return [change.table.table];
  }
}
