/**
 * ALTER TABLE: columns and constraints that come and go. Columns changed in place are in
 * `alter_column.ts`.
 *
 * @module
 */

import type { AlterTableCmd, AlterTableStmt } from "libpg-query";
import type { TableSpec } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { alterColumn, COLUMN_COMMANDS } from "./alter_column.ts";
import { readColumn } from "./column.ts";
import { readConstraint, type WrittenConstraint } from "./constraint.ts";
import { checkSpec, foreignKeySpec, primaryKeyColumns, uniqueIndex } from "./constraint_spec.ts";
import { dropColumn, dropConstraint } from "./drop_part.ts";
import { ownTable } from "./own_names.ts";
import { isReservedColumn, TENANT_COLUMN } from "./reserved_columns.ts";
import { onlyFields } from "./syntax_tree.ts";

const FIELDS = ["relation", "cmds", "objtype", "missing_ok"] as const;
const ADD_FIELDS = ["subtype", "def", "behavior", "missing_ok"] as const;
const PLAIN_FIELDS = ["subtype", "behavior"] as const;

/** Commands that are refused, in SQL's words. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["AT_DisableRowSecurity", "DISABLE ROW LEVEL SECURITY"],
  ["AT_NoForceRowSecurity", "NO FORCE ROW LEVEL SECURITY"],
  ["AT_ChangeOwner", "OWNER TO"],
  ["AT_AttachPartition", "ATTACH PARTITION"],
  ["AT_DetachPartition", "DETACH PARTITION"],
  ["AT_AddInherit", "INHERIT"],
  ["AT_DropInherit", "NO INHERIT"],
  ["AT_DisableTrig", "DISABLE TRIGGER"],
  ["AT_DisableTrigAll", "DISABLE TRIGGER"],
  ["AT_EnableTrig", "ENABLE TRIGGER"],
  ["AT_SetTableSpace", "SET TABLESPACE"],
  ["AT_SetRelOptions", "SET (…)"],
  ["AT_ResetRelOptions", "RESET (…)"],
  ["AT_SetUnLogged", "SET UNLOGGED"],
  ["AT_SetLogged", "SET LOGGED"],
  ["AT_ValidateConstraint", "VALIDATE CONSTRAINT"],
  ["AT_AddIdentity", "ADD GENERATED AS IDENTITY"],
  ["AT_SetExpression", "SET EXPRESSION"],
  ["AT_SetStatistics", "SET STATISTICS"],
  ["AT_SetStorage", "SET STORAGE"],
  ["AT_SetCompression", "SET COMPRESSION"],
  ["AT_ReplicaIdentity", "REPLICA IDENTITY"],
  ["AT_ClusterOn", "CLUSTER ON"],
  ["AT_AddOf", "OF"],
]);

/**
 * Admits ALTER TABLE, command by command.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused
 */
export function alterTable(admission: Admission, statement: AlterTableStmt): void {
  onlyFields(admission, "ALTER TABLE", statement, FIELDS);
  if (statement.objtype !== "OBJECT_TABLE") {
    throw admission.refuse("ALTER of anything but the addon's own tables is not allowed");
  }
  const name = ownTable(admission, statement.relation);
  const isThere = admission.state.has(name);
  const commands = (statement.cmds ?? []).flatMap((node) =>
    "AlterTableCmd" in node ? [node.AlterTableCmd] : []
  );
  for (const command of commands) refuseUnknown(admission, command);
  if (!isThere && statement.missing_ok) return;
  for (const command of commands) {
    const table = admission.table(name, statement.relation?.location);
    alter(admission, table, command, commands);
  }
}

const KNOWN: ReadonlySet<string> = new Set([
  ...COLUMN_COMMANDS,
  "AT_AddColumn",
  "AT_DropColumn",
  "AT_AddConstraint",
  "AT_DropConstraint",
  "AT_EnableRowSecurity",
  "AT_ForceRowSecurity",
]);

function refuseUnknown(admission: Admission, command: AlterTableCmd): void {
  const kind = command.subtype ?? "";
  if (KNOWN.has(kind)) return;
  throw admission.refuse(
    `ALTER TABLE with ${REFUSED.get(kind) ?? kind.replace("AT_", "")} is not allowed`,
  );
}

function alter(
  admission: Admission,
  table: TableSpec,
  command: AlterTableCmd,
  all: readonly AlterTableCmd[],
): void {
  switch (command.subtype) {
    case "AT_AddColumn":
      return addColumn(admission, table, command);
    case "AT_DropColumn":
      return dropColumn(admission, table, command);
    case "AT_AddConstraint":
      return addConstraint(admission, table, command);
    case "AT_DropConstraint":
      return dropConstraint(admission, table, command, all);
    case "AT_EnableRowSecurity":
    case "AT_ForceRowSecurity":
      // The kernel has done so already, on every table.
      return onlyFields(admission, "ROW LEVEL SECURITY", command, PLAIN_FIELDS);
    default:
      return alterColumn(admission, table, command);
  }
}

function addColumn(admission: Admission, table: TableSpec, command: AlterTableCmd): void {
  onlyFields(admission, "ADD COLUMN", command, ADD_FIELDS);
  if (command.def === undefined || !("ColumnDef" in command.def)) {
    throw admission.refuse("a column is missing");
  }
  const { column, constraints, offset } = readColumn(
    admission,
    table.name.table,
    command.def.ColumnDef,
  );
  const isThere = table.columns.some((each) => each.name === column.name);
  if (isThere && command.missing_ok) return;
  // The kernel may have added a column of its own before the author did.
  if (!isThere || !isReservedColumn(column.name)) {
    admission.admit({ kind: "addColumn", table: table.name, column }, offset);
  }
  for (const written of constraints) {
    constrain(admission, admission.table(table.name.table), written);
  }
}

function addConstraint(admission: Admission, table: TableSpec, command: AlterTableCmd): void {
  onlyFields(admission, "ADD CONSTRAINT", command, ADD_FIELDS);
  if (command.def === undefined || !("Constraint" in command.def)) {
    throw admission.refuse("a constraint is missing");
  }
  constrain(admission, table, readConstraint(admission, command.def.Constraint));
}

function constrain(admission: Admission, table: TableSpec, written: WrittenConstraint): void {
  const { name } = table;
  const { offset } = written;
  switch (written.kind) {
    case "primary":
      return setPrimaryKey(admission, table, primaryKeyColumns(admission, table, written), offset);
    case "unique": {
      const index = uniqueIndex(admission, table, written);
      return admission.admit({ kind: "createIndex", table: name, index }, offset);
    }
    case "check": {
      const check = checkSpec(admission, table, written);
      return admission.admit({ kind: "addCheck", table: name, check }, offset);
    }
    case "foreign": {
      const key = foreignKeySpec(admission, table, written);
      if (key === undefined) return;
      return admission.admit({ kind: "addForeignKey", table: name, key }, offset);
    }
  }
}

/** The kernel gives every table a key; an author's key that says the same changes nothing. */
function setPrimaryKey(
  admission: Admission,
  table: TableSpec,
  columns: readonly string[],
  offset: number,
): void {
  const bare = (key: readonly string[]) => key.filter((name) => name !== TENANT_COLUMN).join(",");
  if (bare(columns) === bare(table.primaryKey)) return;
  admission.admit({ kind: "setPrimaryKey", table: table.name, columns }, offset);
}
