/**
 * Columns as authors write them in CREATE TABLE and ADD COLUMN.
 *
 * @module
 */

import type { ColumnDef, Constraint, Node } from "libpg-query";
import type { ColumnDefault, ColumnSpec, ColumnType } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { columnDefault } from "./column_default.ts";
import { columnType } from "./column_type.ts";
import { readConstraint, type WrittenConstraint } from "./constraint.ts";
import { plainName } from "./own_names.ts";
import { checkReservedType, TENANT_COLUMN } from "./reserved_columns.ts";
import { onlyFields } from "./syntax_tree.ts";

/** A column and the constraints that stand beside it. */
export interface WrittenColumn {
  readonly column: ColumnSpec;
  readonly constraints: readonly WrittenConstraint[];
  /** Byte where the column stands. */
  readonly offset: number;
}

const DEF_FIELDS = ["colname", "typeName", "is_local", "constraints", "location"] as const;
const NULL_FIELDS = [
  "contype",
  "conname",
  "is_enforced",
  "initially_valid",
  "location",
] as const;

/**
 * Reads a column.
 *
 * @param admission the migration at hand.
 * @param table logical name of the table.
 * @param node the column as the parser gives it.
 * @returns the column and its constraints.
 * @throws {KernelError} schema.migration_refused — naming table and column.
 */
export function readColumn(admission: Admission, table: string, node: ColumnDef): WrittenColumn {
  const offset = node.location ?? 0;
  const name = plainName(admission, "column", node.colname, offset);
  onlyFields(admission, `column ${table}.${name}`, node, DEF_FIELDS, offset);
  const type = columnType(admission, node.typeName);
  checkReservedType(admission, table, name, type, offset);
  const written = (node.constraints ?? []).map((each) => constraintOf(admission, each));
  const isPrimary = written.some((each) => each.contype === "CONSTR_PRIMARY");
  const nullable = nullability(admission, `${table}.${name}`, written) ?? true;
  const value = defaultOf(admission, table, { name, type }, written);
  return {
    column: {
      name,
      type,
      nullable: nullable && !isPrimary,
      ...(value === undefined ? {} : { default: value }),
    },
    constraints: written.filter((each) => !ATTRIBUTES.has(each.contype ?? ""))
      .map((each) => readConstraint(admission, each, name)),
    offset,
  };
}

const ATTRIBUTES: ReadonlySet<string> = new Set([
  "CONSTR_NULL",
  "CONSTR_NOTNULL",
  "CONSTR_DEFAULT",
]);

function constraintOf(admission: Admission, node: Node): Constraint {
  if ("Constraint" in node) return node.Constraint;
  throw admission.refuse("this part of a column is not allowed");
}

function nullability(
  admission: Admission,
  column: string,
  written: readonly Constraint[],
): boolean | undefined {
  let nullable: boolean | undefined;
  for (const each of written) {
    if (each.contype !== "CONSTR_NULL" && each.contype !== "CONSTR_NOTNULL") continue;
    onlyFields(admission, `NOT NULL of ${column}`, each, NULL_FIELDS, each.location);
    const says = each.contype === "CONSTR_NULL";
    if (nullable !== undefined && nullable !== says) {
      throw admission.refuse(`${column} is both NULL and NOT NULL`, each.location);
    }
    nullable = says;
  }
  return nullable;
}

function defaultOf(
  admission: Admission,
  table: string,
  column: { readonly name: string; readonly type: ColumnType },
  written: readonly Constraint[],
): ColumnDefault | undefined {
  const [first, second] = written.filter((each) => each.contype === "CONSTR_DEFAULT");
  if (first?.raw_expr === undefined) return undefined;
  const place = `${table}.${column.name}`;
  const known = ["contype", "raw_expr", "location"] as const;
  onlyFields(admission, `the default of ${place}`, first, known, first.location);
  if (second !== undefined) {
    throw admission.refuse(`${place} has two defaults`, second.location);
  }
  const value = columnDefault(
    admission,
    first.raw_expr,
    { place, type: column.type },
    first.location,
  );
  if (column.name !== TENANT_COLUMN || value === undefined) return value;
  throw admission.refuse(
    `${place} cannot have a default: the kernel puts the organization that asks`,
    first.location,
  );
}
