/**
 * Type names of columns as authors write them, and what they mean (contract/metacore.md §3.4). How an
 * engine stores them is not known here.
 *
 * @module
 */

/** What a type name means, aliases resolved. */
export type ColumnTypeName =
  | "string"
  | "text"
  | "uuid"
  | "integer"
  | "bigint"
  | "decimal"
  | "boolean"
  | "timestamp"
  | "date"
  | "json";

/** Every type name of the contract, in lower case, with its meaning. */
export const COLUMN_TYPES: ReadonlyMap<string, ColumnTypeName> = new Map<string, ColumnTypeName>([
  ["string", "string"],
  ["text", "text"],
  ["uuid", "uuid"],
  ["int", "integer"],
  ["integer", "integer"],
  ["bigint", "bigint"],
  ["decimal", "decimal"],
  ["numeric", "decimal"],
  ["float", "decimal"],
  ["double", "decimal"],
  ["bool", "boolean"],
  ["boolean", "boolean"],
  ["timestamp", "timestamp"],
  ["datetime", "timestamp"],
  ["date", "date"],
  ["jsonb", "json"],
  ["json", "json"],
]);

/** Columns that every model's table has, and the type a declaration of one must have. */
export const IMPLICIT_COLUMNS: ReadonlyMap<string, ColumnTypeName> = new Map<
  string,
  ColumnTypeName
>([
  ["id", "uuid"],
  ["organization_id", "uuid"],
  ["created_by_id", "uuid"],
  ["created_at", "timestamp"],
  ["updated_at", "timestamp"],
  ["deleted_at", "timestamp"],
]);

/**
 * Resolves a type name in any letter case.
 *
 * @param name the name that an author wrote.
 * @returns what it means, or undefined when the contract does not know it.
 */
export function columnTypeOf(name: string): ColumnTypeName | undefined {
  return COLUMN_TYPES.get(name.toLowerCase());
}
