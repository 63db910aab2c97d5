/**
 * Reading the parser's tree. A part of a statement that nobody has decided about is refused: every
 * reader names the fields it understands, and any other field that is set ends the admission.
 *
 * @module
 */

import type { Node } from "libpg-query";
import type { Admission } from "./admission.ts";
import { MAX_TREE_DEPTH } from "./limits.ts";

/** What fields of the tree are called in SQL. */
const PHRASES: ReadonlyMap<string, string> = new Map([
  ["inhRelations", "INHERITS"],
  ["partbound", "PARTITION OF"],
  ["partspec", "PARTITION BY"],
  ["ofTypename", "OF a type"],
  ["options", "options"],
  ["tablespacename", "TABLESPACE"],
  ["tableSpace", "TABLESPACE"],
  ["indexspace", "TABLESPACE"],
  ["accessMethod", "USING a storage method"],
  ["access_method", "USING a storage method"],
  ["collClause", "COLLATE"],
  ["collation", "COLLATE"],
  ["compression", "COMPRESSION"],
  ["storage_name", "STORAGE"],
  ["fdwoptions", "OPTIONS"],
  ["indexIncludingParams", "INCLUDE"],
  ["including", "INCLUDE"],
  ["nulls_not_distinct", "NULLS NOT DISTINCT"],
  ["without_overlaps", "WITHOUT OVERLAPS"],
  ["fk_with_period", "PERIOD"],
  ["pk_with_period", "PERIOD"],
  ["deferrable", "DEFERRABLE"],
  ["initdeferred", "INITIALLY DEFERRED"],
  ["skip_validation", "NOT VALID"],
  ["is_no_inherit", "NO INHERIT"],
  ["indexname", "USING INDEX"],
  ["opclass", "an operator class"],
  ["opclassopts", "operator class options"],
  ["authrole", "AUTHORIZATION"],
  ["schemaElts", "objects of its own"],
  ["where_clause", "WHERE"],
  ["agg_filter", "FILTER"],
  ["agg_order", "ORDER BY"],
  ["agg_distinct", "DISTINCT"],
  ["agg_star", "*"],
  ["over", "OVER"],
  ["func_variadic", "VARIADIC"],
  ["setof", "SETOF"],
  ["pct_type", "%TYPE"],
  ["catalogname", "a database name"],
  ["alias", "an alias"],
]);

/**
 * Refuses a part of a statement when something is set that the caller does not read.
 *
 * @param admission the migration at hand.
 * @param subject what the part is, for the message.
 * @param part the part as the parser gives it.
 * @param known fields that the caller reads or that carry no meaning.
 * @param offset byte where the part stands.
 * @throws {KernelError} schema.migration_refused — naming the first such field.
 */
export function onlyFields<T extends object>(
  admission: Admission,
  subject: string,
  part: T,
  known: readonly (keyof T & string)[],
  offset?: number,
): void {
  const unknown = Object.keys(part).find((field) => !(known as readonly string[]).includes(field));
  if (unknown === undefined) return;
  const phrase = PHRASES.get(unknown) ?? unknown.replaceAll("_", " ");
  throw admission.refuse(`${subject} with ${phrase} is not allowed`, offset);
}

/**
 * The kind of a node and its fields.
 *
 * @param node a node of the tree.
 * @returns kind, such as `CreateStmt`.
 */
export function kindOf(node: Node | undefined): string {
  return node === undefined ? "" : Object.keys(node)[0] ?? "";
}

/**
 * The text of a node that is a plain string.
 *
 * @param node a node of the tree.
 * @returns the text, or undefined when it is another kind of node.
 */
export function textOf(node: Node | undefined): string | undefined {
  return node !== undefined && "String" in node ? node.String.sval ?? "" : undefined;
}

/**
 * The parts of a qualified name.
 *
 * @param nodes strings as the parser gives them.
 * @returns the texts; empty when one of them is not a plain string.
 */
export function nameParts(nodes: readonly Node[] | undefined): readonly string[] {
  const parts = (nodes ?? []).map(textOf);
  return parts.every((part) => part !== undefined) ? parts : [];
}

/**
 * The name of a built-in function, type or operator, with or without `pg_catalog`.
 *
 * @param nodes the qualified name.
 * @returns the bare name, or undefined when another schema is named.
 */
export function builtinName(nodes: readonly Node[] | undefined): string | undefined {
  const parts = nameParts(nodes);
  if (parts.length === 1) return parts[0];
  return parts.length === 2 && parts[0] === "pg_catalog" ? parts[1] : undefined;
}

/**
 * Shows a piece of the author's text in a message.
 *
 * @param text any text.
 * @returns at most 80 characters, quoted, control characters escaped.
 */
export function shown(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(cut.toWellFormed());
}

/**
 * Tells whether a part of the tree is nested deeper than the readers may follow. It recurses
 * nowhere itself.
 *
 * @param tree a statement.
 * @returns true when it is deeper than {@link MAX_TREE_DEPTH}.
 */
export function isTooDeep(tree: Node): boolean {
  let level: object[] = [tree];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_TREE_DEPTH) return true;
    level = level.flatMap((part) =>
      Object.values(part).filter((value): value is object => typeof value === "object")
    );
  }
  return false;
}
