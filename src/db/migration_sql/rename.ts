/**
 * ALTER … RENAME of the addon's own tables, columns and indexes.
 *
 * @module
 */

import type { RenameStmt } from "libpg-query";
import { TABLE_NAME } from "../../base/ids.ts";
import type { Admission } from "./admission.ts";
import { takenIndexNames } from "./object_name.ts";
import { ownTable, plainName } from "./own_names.ts";
import { checkReservedType } from "./reserved_columns.ts";
import { onlyFields, shown } from "./syntax_tree.ts";

const FIELDS = [
  "renameType",
  "relationType",
  "relation",
  "subname",
  "newname",
  "behavior",
  "missing_ok",
] as const;

/**
 * Admits a rename.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused
 */
export function rename(admission: Admission, statement: RenameStmt): void {
  onlyFields(admission, "RENAME", statement, FIELDS);
  switch (statement.renameType) {
    case "OBJECT_TABLE":
      return renameTable(admission, statement);
    case "OBJECT_INDEX":
      return renameIndex(admission, statement);
    case "OBJECT_COLUMN":
      if (statement.relationType === "OBJECT_TABLE") return renameColumn(admission, statement);
  }
  throw admission.refuse(
    "RENAME of anything but the addon's own tables, columns and indexes is not allowed",
  );
}

function renameTable(admission: Admission, statement: RenameStmt): void {
  const name = ownTable(admission, statement.relation);
  const to = statement.newname ?? "";
  if (!TABLE_NAME.test(to)) throw admission.refuse(`${shown(to)} is not a table name`);
  if (!admission.state.has(name) && statement.missing_ok) return;
  admission.admit({ kind: "renameTable", table: admission.table(name).name, to });
}

function renameColumn(admission: Admission, statement: RenameStmt): void {
  const name = ownTable(admission, statement.relation);
  if (!admission.state.has(name) && statement.missing_ok) return;
  const table = admission.table(name);
  const column = plainName(admission, "column", statement.subname);
  const to = plainName(admission, "column", statement.newname);
  const before = table.columns.find((each) => each.name === column);
  if (before === undefined) throw admission.refuse(`there is no column ${name}.${column}`);
  checkReservedType(admission, name, to, before.type);
  admission.admit({ kind: "renameColumn", table: table.name, column, to });
}

/** An index under another name is another index: neither engine's change set renames them. */
function renameIndex(admission: Admission, statement: RenameStmt): void {
  const name = ownTable(admission, statement.relation);
  const to = plainName(admission, "index", statement.newname);
  const table = [...admission.state.values()].find((each) =>
    each.indexes.some((index) => index.name === name)
  );
  const index = table?.indexes.find((each) => each.name === name);
  if (table === undefined || index === undefined) {
    if (statement.missing_ok) return;
    throw admission.refuse(`index ${name} does not exist in this addon at this point`);
  }
  if (takenIndexNames(admission.state).has(to)) {
    throw admission.refuse(`${to} exists already in this addon`);
  }
  admission.admit({ kind: "dropIndex", table: table.name, index: name });
  admission.admit({ kind: "createIndex", table: table.name, index: { ...index, name: to } });
}
