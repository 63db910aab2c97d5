/**
 * Columns that the kernel keeps on addon tables (contract/metacore.md §7.4). A migration may declare
 * them with the kernel's own types; it may not give them another type, nor take the tenant away.
 *
 * @module
 */

import type { ColumnType } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";

/** The column that says whose row it is. */
export const TENANT_COLUMN = "organization_id";

const RESERVED: ReadonlyMap<string, ColumnType["kind"]> = new Map<string, ColumnType["kind"]>([
  [TENANT_COLUMN, "uuid"],
  ["id", "uuid"],
  ["created_by_id", "uuid"],
  ["created_at", "timestamp"],
  ["updated_at", "timestamp"],
  ["deleted_at", "timestamp"],
]);

/**
 * Tells whether the kernel keeps a column of this name.
 *
 * @param column name of a column.
 * @returns true for reserved names.
 */
export function isReservedColumn(column: string): boolean {
  return RESERVED.has(column);
}

/**
 * Refuses a reserved column of another type than the kernel's.
 *
 * @param admission the migration at hand.
 * @param table logical name of the table.
 * @param column name of the column.
 * @param type its type.
 * @param offset byte where it stands.
 * @throws {KernelError} schema.migration_refused — naming table and column.
 */
export function checkReservedType(
  admission: Admission,
  table: string,
  column: string,
  type: ColumnType,
  offset?: number,
): void {
  const wanted = RESERVED.get(column);
  if (wanted === undefined || wanted === type.kind) return;
  const name = wanted === "timestamp" ? "timestamptz" : wanted;
  throw admission.refuse(
    `${table}.${column} must be ${name}: the kernel keeps a column of this name`,
    offset,
  );
}
