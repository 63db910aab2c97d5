/**
 * DROP TABLE, DROP INDEX and DROP POLICY.
 *
 * @module
 */

import type { DropStmt, Node } from "libpg-query";
import type { Admission } from "./admission.ts";
import { dropForeignKeysTo } from "./drop_part.ts";
import { ownListedName } from "./own_names.ts";
import { onlyFields } from "./syntax_tree.ts";

const FIELDS = ["objects", "removeType", "behavior", "missing_ok", "concurrent"] as const;

/**
 * Admits DROP of the addon's own tables and indexes. Dropping a policy changes nothing: the only
 * policy on an addon's table is the kernel's.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused
 */
export function dropObject(admission: Admission, statement: DropStmt): void {
  onlyFields(admission, admission.statementName, statement, FIELDS);
  const objects = (statement.objects ?? []).map(partsOf);
  switch (statement.removeType) {
    case "OBJECT_TABLE":
      return dropTables(admission, statement, objects);
    case "OBJECT_INDEX":
      return objects.forEach((parts) => dropIndex(admission, statement, parts));
    case "OBJECT_POLICY":
      for (const parts of objects) ownListedName(admission, parts.slice(0, -1));
      return admission.note("DROP POLICY changes nothing: the kernel's own tenant policy stays");
  }
  throw admission.refuse(
    `${admission.statementName} is not allowed: a migration may only change the addon's own tables`,
  );
}

function partsOf(node: Node): readonly Node[] {
  return "List" in node ? node.List.items ?? [] : [node];
}

function dropTables(
  admission: Admission,
  statement: DropStmt,
  objects: readonly (readonly Node[])[],
): void {
  const names = objects.map((parts) => ownListedName(admission, parts));
  const going = names.filter((name) => admission.state.has(name) || !statement.missing_ok);
  // Tables of one statement may point at each other in any order.
  for (const name of going) {
    admission.table(name);
    if (statement.behavior === "DROP_CASCADE" || going.length > 1) {
      releaseTable(admission, name, statement.behavior === "DROP_CASCADE" ? undefined : going);
    }
  }
  for (const name of new Set(going)) {
    admission.admit({ kind: "dropTable", table: admission.table(name).name });
  }
}

/** Drops foreign keys to a table: those of tables that go too, or all of them. */
function releaseTable(
  admission: Admission,
  target: string,
  going: readonly string[] | undefined,
): void {
  const referrers = [...admission.state.values()].filter((table) =>
    table.name.table !== target && table.foreignKeys.some((key) => key.target === target)
  );
  const staying = referrers.find((table) =>
    going !== undefined && !going.includes(table.name.table)
  );
  if (staying !== undefined) return;
  dropForeignKeysTo(admission, target, () => true);
}

function dropIndex(admission: Admission, statement: DropStmt, parts: readonly Node[]): void {
  const name = ownListedName(admission, parts);
  const table = [...admission.state.values()].find((each) =>
    each.indexes.some((index) => index.name === name)
  );
  if (table !== undefined) {
    return admission.admit({ kind: "dropIndex", table: table.name, index: name });
  }
  if (!statement.missing_ok) {
    throw admission.refuse(`index ${name} does not exist in this addon at this point`);
  }
}
