/**
 * What written constraints become: primary keys, unique indexes, checks and foreign keys of a table
 * whose columns are known.
 *
 * @module
 */

import { columnsOf } from "../schema/expression.ts";
import type {
  CheckSpec,
  ColumnSpec,
  Expression,
  ForeignKeySpec,
  IndexKey,
  IndexSpec,
  TableSpec,
} from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import type { WrittenConstraint } from "./constraint.ts";
import { ExpressionReader } from "./expression.ts";
import { constraintName, indexName, takenConstraintNames, takenIndexNames } from "./object_name.ts";
import { TENANT_COLUMN } from "./reserved_columns.ts";

type Written<Kind extends WrittenConstraint["kind"]> = Extract<WrittenConstraint, { kind: Kind }>;

/** Tables beside the addon's own in the original kernel; rows here belong to their organization anyway. */
const HOST_TABLES: ReadonlySet<string> = new Set(["organizations", "users"]);

/** Types that no key can hold: both engines would compare them differently, or not at all. */
const UNKEYED: ReadonlySet<ColumnSpec["type"]["kind"]> = new Set(["json", "bytes", "array"]);

/**
 * The unique index that a UNIQUE constraint is.
 *
 * @param admission the migration at hand.
 * @param table the table, columns complete.
 * @param written the constraint.
 * @returns the index.
 * @throws {KernelError} schema.migration_refused — a column that is missing or cannot be a key.
 */
export function uniqueIndex(
  admission: Admission,
  table: TableSpec,
  written: Written<"primary" | "unique">,
): IndexSpec {
  const keys = written.columns.map((name) => columnKey(admission, table, name, written.offset));
  const taken = takenIndexNames(admission.state, table);
  const name = written.name ??
    indexName(table.name.table, keys.map((key) => key.expression), "key", taken);
  refuseTaken(admission, name, taken, written.offset);
  return { name, keys, unique: true };
}

/**
 * The columns of a primary key.
 *
 * @param admission the migration at hand.
 * @param table the table, columns complete.
 * @param written the constraint.
 * @returns the columns in order.
 * @throws {KernelError} schema.migration_refused — a column that is missing or cannot be a key.
 */
export function primaryKeyColumns(
  admission: Admission,
  table: TableSpec,
  written: Written<"primary" | "unique">,
): readonly string[] {
  for (const name of written.columns) columnKey(admission, table, name, written.offset);
  return written.columns;
}

/**
 * One column as a key of an index.
 *
 * @param admission the migration at hand.
 * @param table the table.
 * @param name the column.
 * @param offset byte where it is named.
 * @returns the key.
 * @throws {KernelError} schema.migration_refused — a column that is missing or cannot be a key.
 */
export function columnKey(
  admission: Admission,
  table: TableSpec,
  name: string,
  offset?: number,
): IndexKey {
  const column = table.columns.find((each) => each.name === name);
  const place = `${table.name.table}.${name}`;
  if (column === undefined) {
    throw admission.refuse(`there is no column ${place} at this point`, offset);
  }
  if (!UNKEYED.has(column.type.kind)) return { expression: { kind: "column", name } };
  throw admission.refuse(`${place}: a column of this type cannot be indexed`, offset);
}

/**
 * The specification of a CHECK.
 *
 * @param admission the migration at hand.
 * @param table the table, columns complete.
 * @param written the constraint.
 * @returns the check.
 * @throws {KernelError} schema.migration_refused — an expression outside the closed set.
 */
export function checkSpec(
  admission: Admission,
  table: TableSpec,
  written: Written<"check">,
): CheckSpec {
  const expression = new ExpressionReader(admission, table.name.table, table.columns)
    .rule(written.expression);
  const taken = takenConstraintNames(table);
  const name = written.name ??
    constraintName(table.name.table, checkWords(expression), "check", taken);
  refuseTaken(admission, name, taken, written.offset);
  return { name, expression };
}

/** Postgres names a check after its column when it reads exactly one. */
function checkWords(expression: Expression): readonly string[] {
  const columns = [...columnsOf(expression)];
  return columns.length === 1 ? columns : [];
}

/**
 * The specification of a foreign key. Whether it can hold is checked by `schema/apply.ts`.
 *
 * @param admission the migration at hand.
 * @param table the table, columns complete.
 * @param written the constraint.
 * @returns the foreign key, tenant column left out where the author left it out; undefined, with a
 *   note, where it points at a table of the host that addons used to share a database with.
 * @throws {KernelError} schema.migration_refused — the target is not a table of this addon.
 */
export function foreignKeySpec(
  admission: Admission,
  table: TableSpec,
  written: Written<"foreign">,
): ForeignKeySpec | undefined {
  if (HOST_TABLES.has(written.target) && !admission.state.has(written.target)) {
    admission.note(
      `the foreign key to ${written.target} was left out: that table is the host's own`,
    );
    return undefined;
  }
  const isSelf = written.target === table.name.table;
  const target = isSelf ? table : admission.table(written.target, written.offset);
  const targetColumns = written.targetColumns ?? authorKey(target);
  if (targetColumns.length !== written.columns.length) {
    throw admission.refuse(
      `a foreign key to ${written.target} needs as many columns as it points at`,
      written.offset,
    );
  }
  const taken = takenConstraintNames(table);
  const name = written.name ??
    constraintName(table.name.table, written.columns, "fkey", taken);
  refuseTaken(admission, name, taken, written.offset);
  return {
    name,
    columns: written.columns,
    target: written.target,
    targetColumns,
    onDelete: written.onDelete,
  };
}

/** The primary key as its author sees it: without the tenant column that the kernel put first. */
function authorKey(table: TableSpec): readonly string[] {
  const key = table.primaryKey.filter((name) => name !== TENANT_COLUMN);
  return key.length > 0 ? key : ["id"];
}

function refuseTaken(
  admission: Admission,
  name: string,
  taken: ReadonlySet<string>,
  offset: number,
): void {
  if (taken.has(name)) throw admission.refuse(`${name} exists already in this addon`, offset);
}
