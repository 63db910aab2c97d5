/**
 * Constraints as authors write them, beside a column or on the table. This reads them; what they
 * become is decided in `constraint_spec.ts`, once all columns are known.
 *
 * @module
 */

import type { Constraint, Node } from "libpg-query";
import type { ForeignKeyAction } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { MAX_KEY_COLUMNS } from "./limits.ts";
import { ownTable, plainName } from "./own_names.ts";
import { onlyFields, textOf } from "./syntax_tree.ts";

/** What every constraint carries. */
interface Named {
  /** As the author gave it. */
  readonly name?: string;
  /** Byte where it stands. */
  readonly offset: number;
}

/** A constraint on a table, columns named. */
export type WrittenConstraint =
  & Named
  & (
    | { readonly kind: "primary" | "unique"; readonly columns: readonly string[] }
    | { readonly kind: "check"; readonly expression: Node; readonly column?: string }
    | {
      readonly kind: "foreign";
      readonly columns: readonly string[];
      readonly target: string;
      /** The target's primary key when the author names none. */
      readonly targetColumns?: readonly string[];
      readonly onDelete: ForeignKeyAction;
    }
  );

const ACTIONS: ReadonlyMap<string, ForeignKeyAction> = new Map([
  ["a", "no action"],
  ["r", "restrict"],
  ["c", "cascade"],
  ["n", "set null"],
]);

const REFUSED: ReadonlyMap<string, string> = new Map([
  ["CONSTR_IDENTITY", "an identity column is not allowed: use uuid default gen_random_uuid()"],
  ["CONSTR_GENERATED", "a generated column is not allowed: compute the value when it is read"],
  ["CONSTR_EXCLUSION", "an EXCLUDE constraint is not allowed: only unique keys are"],
  ["CONSTR_NOTNULL", "a NOT NULL constraint of the table is not allowed: write it at the column"],
  ["CONSTR_ATTR_DEFERRABLE", "a DEFERRABLE constraint is not allowed"],
  ["CONSTR_ATTR_DEFERRED", "an INITIALLY DEFERRED constraint is not allowed"],
  ["CONSTR_ATTR_NOT_ENFORCED", "a NOT ENFORCED constraint is not allowed"],
]);

/**
 * Reads a constraint.
 *
 * @param admission the migration at hand.
 * @param node the constraint as the parser gives it.
 * @param column the column it stands beside; none for constraints of the table.
 * @returns the constraint.
 * @throws {KernelError} schema.migration_refused — a kind or option that is not allowed.
 */
export function readConstraint(
  admission: Admission,
  node: Constraint,
  column?: string,
): WrittenConstraint {
  const offset = node.location ?? 0;
  const named: Named = {
    ...(node.conname === undefined
      ? {}
      : { name: plainName(admission, "constraint", node.conname, offset) }),
    offset,
  };
  switch (node.contype) {
    case "CONSTR_PRIMARY":
      return { ...named, kind: "primary", columns: keyColumns(admission, node, column) };
    case "CONSTR_UNIQUE":
      return { ...named, kind: "unique", columns: keyColumns(admission, node, column) };
    case "CONSTR_CHECK":
      return readCheck(admission, node, named, column);
    case "CONSTR_FOREIGN":
      return readForeignKey(admission, node, named, column);
  }
  throw admission.refuse(
    REFUSED.get(node.contype ?? "") ?? "this kind of constraint is not allowed",
    offset,
  );
}

function keyColumns(
  admission: Admission,
  node: Constraint,
  column: string | undefined,
): readonly string[] {
  const known = ["contype", "conname", "keys", "location"] as const;
  onlyFields(admission, "a key", node, known, node.location);
  return column === undefined ? columnList(admission, node.keys, node.location) : [column];
}

function readCheck(
  admission: Admission,
  node: Constraint,
  named: Named,
  column: string | undefined,
): WrittenConstraint {
  const known = [
    "contype",
    "conname",
    "raw_expr",
    "is_enforced",
    "initially_valid",
    "location",
  ] as const;
  onlyFields(admission, "a CHECK", node, known, named.offset);
  if (node.raw_expr === undefined || node.is_enforced !== true) {
    throw admission.refuse("a NOT ENFORCED constraint is not allowed", named.offset);
  }
  return {
    ...named,
    kind: "check",
    expression: node.raw_expr,
    ...(column === undefined ? {} : { column }),
  };
}

function readForeignKey(
  admission: Admission,
  node: Constraint,
  named: Named,
  column: string | undefined,
): WrittenConstraint {
  const { offset } = named;
  const known = [
    "contype",
    "conname",
    "is_enforced",
    "initially_valid",
    "pktable",
    "fk_attrs",
    "pk_attrs",
    "fk_matchtype",
    "fk_upd_action",
    "fk_del_action",
    "location",
  ] as const;
  onlyFields(admission, "a foreign key", node, known, offset);
  if (node.is_enforced !== true || node.fk_matchtype !== "s") {
    throw admission.refuse("MATCH FULL and NOT ENFORCED are not allowed", offset);
  }
  const onDelete = ACTIONS.get(node.fk_del_action ?? "");
  if (onDelete === undefined) {
    throw admission.refuse("ON DELETE SET DEFAULT is not allowed", offset);
  }
  if (!"ar".includes(node.fk_upd_action ?? "")) {
    throw admission.refuse("ON UPDATE is not allowed: keys of records never change", offset);
  }
  return {
    ...named,
    kind: "foreign",
    columns: column === undefined ? columnList(admission, node.fk_attrs, offset) : [column],
    target: ownTable(admission, node.pktable),
    ...(node.pk_attrs === undefined
      ? {}
      : { targetColumns: columnList(admission, node.pk_attrs, offset) }),
    onDelete,
  };
}

function columnList(
  admission: Admission,
  nodes: readonly Node[] | undefined,
  offset: number | undefined,
): readonly string[] {
  const columns = (nodes ?? []).map((node) => plainName(admission, "column", textOf(node), offset));
  if (new Set(columns).size !== columns.length) {
    throw admission.refuse("a key names the same column twice", offset);
  }
  if (columns.length > 0 && columns.length <= MAX_KEY_COLUMNS) return columns;
  throw admission.refuse(`a key has 1 to ${MAX_KEY_COLUMNS} columns`, offset);
}
