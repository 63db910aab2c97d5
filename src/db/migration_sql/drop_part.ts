/**
 * ALTER TABLE … DROP COLUMN and DROP CONSTRAINT.
 *
 * @module
 */

import type { AlterTableCmd } from "libpg-query";
import type { TableSpec } from "../schema/spec.ts";
import { tablesPointingAt } from "../schema/apply.ts";
import type { Admission } from "./admission.ts";
import { plainName } from "./own_names.ts";
import { onlyFields } from "./syntax_tree.ts";

const FIELDS = ["subtype", "name", "behavior", "missing_ok"] as const;

/**
 * Admits DROP COLUMN; with CASCADE, foreign keys of other tables to the column go first.
 *
 * @param admission the migration at hand.
 * @param table the table as it is now.
 * @param command the command.
 * @throws {KernelError} schema.migration_refused
 */
export function dropColumn(admission: Admission, table: TableSpec, command: AlterTableCmd): void {
  onlyFields(admission, "DROP COLUMN", command, FIELDS);
  const column = plainName(admission, "column", command.name);
  if (!table.columns.some((each) => each.name === column)) {
    if (command.missing_ok) return;
    throw admission.refuse(`there is no column ${table.name.table}.${column} at this point`);
  }
  if (command.behavior === "DROP_CASCADE") {
    dropForeignKeysTo(admission, table.name.table, (key) => key.includes(column));
  }
  admission.admit({ kind: "dropColumn", table: table.name, column });
}

/**
 * Drops foreign keys of other tables that point at a table.
 *
 * @param admission the migration at hand.
 * @param target logical name of the table.
 * @param isMeant tells by the columns they point at which ones go.
 */
export function dropForeignKeysTo(
  admission: Admission,
  target: string,
  isMeant: (targetColumns: readonly string[]) => boolean,
): void {
  for (const other of tablesPointingAt(admission.state, target)) {
    for (const key of other.foreignKeys) {
      if (key.target !== target || !isMeant(key.targetColumns)) continue;
      admission.admit({ kind: "dropConstraint", table: other.name, constraint: key.name });
    }
  }
}

/**
 * Admits DROP CONSTRAINT: a foreign key, a check, or the index that a UNIQUE constraint became. The
 * primary key may only make way for another one in the same statement.
 *
 * @param admission the migration at hand.
 * @param table the table as it is now.
 * @param command the command.
 * @param all every command of the statement.
 * @throws {KernelError} schema.migration_refused
 */
export function dropConstraint(
  admission: Admission,
  table: TableSpec,
  command: AlterTableCmd,
  all: readonly AlterTableCmd[],
): void {
  onlyFields(admission, "DROP CONSTRAINT", command, FIELDS);
  const name = plainName(admission, "constraint", command.name);
  if ([...table.foreignKeys, ...table.checks].some((each) => each.name === name)) {
    return admission.admit({ kind: "dropConstraint", table: table.name, constraint: name });
  }
  if (table.indexes.some((each) => each.name === name && each.unique)) {
    return admission.admit({ kind: "dropIndex", table: table.name, index: name });
  }
  if (name === `${table.name.table}_pkey`) {
    if (all.some(addsPrimaryKey)) return;
    throw admission.refuse(
      `the primary key of ${table.name.table} cannot be dropped: add another in one ALTER TABLE`,
    );
  }
  if (command.missing_ok) return;
  throw admission.refuse(`table ${table.name.table} has no constraint ${name} at this point`);
}

function addsPrimaryKey(command: AlterTableCmd): boolean {
  const { def } = command;
  return command.subtype === "AT_AddConstraint" && def !== undefined && "Constraint" in def &&
    def.Constraint.contype === "CONSTR_PRIMARY";
}
