/**
 * ALTER TABLE … ALTER COLUMN: default, NOT NULL and type of a column that is there.
 *
 * @module
 */

import type { AlterTableCmd, Node } from "libpg-query";
import type { ColumnSpec, TableSpec } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { columnDefault } from "./column_default.ts";
import { columnType } from "./column_type.ts";
import { plainName } from "./own_names.ts";
import { checkReservedType, TENANT_COLUMN } from "./reserved_columns.ts";
import { kindOf, nameParts, onlyFields } from "./syntax_tree.ts";

/** Kinds of commands that change a column in place. */
export const COLUMN_COMMANDS: ReadonlySet<string> = new Set([
  "AT_ColumnDefault",
  "AT_SetNotNull",
  "AT_DropNotNull",
  "AT_AlterColumnType",
]);

const FIELDS = ["subtype", "name", "def", "behavior"] as const;
const TYPE_FIELDS = ["typeName", "raw_default", "location"] as const;

/**
 * Admits one command that changes a column in place. What the type may become is decided by
 * `schema/column_type.ts`: nothing that loses values.
 *
 * @param admission the migration at hand.
 * @param table the table as it is now.
 * @param command the command; one of {@link COLUMN_COMMANDS}.
 * @throws {KernelError} schema.migration_refused
 */
export function alterColumn(admission: Admission, table: TableSpec, command: AlterTableCmd): void {
  const name = plainName(admission, "column", command.name);
  const place = `${table.name.table}.${name}`;
  onlyFields(admission, `ALTER COLUMN ${place}`, command, FIELDS);
  const column = table.columns.find((each) => each.name === name);
  if (column === undefined) throw admission.refuse(`there is no column ${place} at this point`);
  if (name === TENANT_COLUMN) {
    if (command.subtype === "AT_SetNotNull") return;
    throw admission.refuse(`${place} cannot be changed: it says whose row it is`);
  }
  const changed = changedColumn(admission, table, column, command);
  admission.admit({ kind: "alterColumn", table: table.name, column: changed });
}

function changedColumn(
  admission: Admission,
  table: TableSpec,
  column: ColumnSpec,
  command: AlterTableCmd,
): ColumnSpec {
  switch (command.subtype) {
    case "AT_SetNotNull":
      return { ...column, nullable: false };
    case "AT_DropNotNull":
      return { ...column, nullable: true };
    case "AT_ColumnDefault":
      return withDefault(admission, table, column, command.def);
    default:
      return withType(admission, table, column, command.def);
  }
}

function withDefault(
  admission: Admission,
  table: TableSpec,
  column: ColumnSpec,
  node: Node | undefined,
): ColumnSpec {
  const { default: _before, ...bare } = column;
  if (node === undefined) return bare;
  const place = `${table.name.table}.${column.name}`;
  const value = columnDefault(admission, node, { place, type: column.type });
  return value === undefined ? bare : { ...bare, default: value };
}

function withType(
  admission: Admission,
  table: TableSpec,
  column: ColumnSpec,
  node: Node | undefined,
): ColumnSpec {
  if (node === undefined || !("ColumnDef" in node)) throw admission.refuse("a type is missing");
  const { table: name } = table.name;
  const definition = node.ColumnDef;
  onlyFields(admission, `TYPE of ${name}.${column.name}`, definition, TYPE_FIELDS);
  const type = columnType(admission, definition.typeName);
  checkReservedType(admission, name, column.name, type);
  if (definition.raw_default !== undefined && !isPlainCast(definition.raw_default, column.name)) {
    throw admission.refuse(
      `USING for ${name}.${column.name} may only cast the column itself; ` +
        "what cannot be converted without loss needs a new column",
    );
  }
  return { ...column, type };
}

/** `using amount::numeric` and `using amount` say nothing that TYPE does not say. */
function isPlainCast(node: Node, column: string): boolean {
  if ("TypeCast" in node) {
    return node.TypeCast.arg !== undefined && isPlainCast(node.TypeCast.arg, column);
  }
  return kindOf(node) === "ColumnRef" && "ColumnRef" in node &&
    nameParts(node.ColumnRef.fields).join(".") === column;
}
