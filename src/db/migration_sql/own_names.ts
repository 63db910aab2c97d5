/**
 * Names that a migration may say: tables, columns and indexes of the addon's own schema, in the
 * alphabets of contract/metacore.md §3.2, after Postgres has folded their case.
 *
 * @module
 */

import type { Node, RangeVar } from "libpg-query";
import { COLUMN_NAME, TABLE_NAME } from "../../base/ids.ts";
import type { Admission } from "./admission.ts";
import { nameParts, onlyFields, shown } from "./syntax_tree.ts";

/**
 * Reads the name of a table, index or other object in the place of a table.
 *
 * @param admission the migration at hand.
 * @param name the name as the parser gives it.
 * @returns the bare name.
 * @throws {KernelError} schema.migration_refused — another schema, or an odd name.
 */
export function ownTable(admission: Admission, name: RangeVar | undefined): string {
  const table = ownRelation(admission, name);
  if (name?.relpersistence === "p") return table;
  throw admission.refuse("temporary and unlogged tables are not allowed", name?.location);
}

function ownRelation(admission: Admission, name: RangeVar | undefined): string {
  if (name === undefined) throw admission.refuse("a table name is missing");
  const known = ["relname", "schemaname", "inh", "relpersistence", "location"] as const;
  onlyFields(admission, "a table name", name, known, name.location);
  const parts = name.schemaname === undefined ? [] : [name.schemaname];
  return ownParts(admission, [...parts, name.relname ?? ""], name.location);
}

/**
 * Reads a possibly qualified name given as a list of strings.
 *
 * @param admission the migration at hand.
 * @param nodes the strings.
 * @returns the bare name.
 * @throws {KernelError} schema.migration_refused — another schema, or an odd name.
 */
export function ownListedName(admission: Admission, nodes: readonly Node[] | undefined): string {
  return ownParts(admission, nameParts(nodes));
}

function ownParts(admission: Admission, parts: readonly string[], offset?: number): string {
  const bare = parts.at(-1) ?? "";
  const [schema] = parts;
  if (parts.length > 2 || (parts.length === 2 && schema !== admission.contractSchema)) {
    throw admission.refuse(
      `${shown(parts.join("."))} is outside the addon: only its own tables may be named, ` +
        `as ${shown(bare)} or ${shown(`${admission.contractSchema}.${bare}`)}`,
      offset,
    );
  }
  if (TABLE_NAME.test(bare)) return bare;
  throw admission.refuse(oddName("table or index", bare), offset);
}

/**
 * Checks the name of a column, constraint or index.
 *
 * @param admission the migration at hand.
 * @param what what it names, for the message.
 * @param name the name after folding.
 * @param offset byte where it stands.
 * @returns the name.
 * @throws {KernelError} schema.migration_refused — outside the alphabet.
 */
export function plainName(
  admission: Admission,
  what: string,
  name: string | undefined,
  offset?: number,
): string {
  if (name !== undefined && COLUMN_NAME.test(name)) return name;
  throw admission.refuse(oddName(what, name ?? ""), offset);
}

function oddName(what: string, name: string): string {
  return `${shown(name)} is not a ${what} name: it must start with a to z and hold only ` +
    "a to z, 0 to 9 and _";
}
