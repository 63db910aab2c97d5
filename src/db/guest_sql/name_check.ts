/**
 * Checks the names in single nodes of a guest's statement: functions, types, operators, collations.
 *
 * @module
 */

import type { Node } from "libpg-query";
import { invalidSql } from "./errors.ts";
import {
  COLLATIONS,
  FUNCTIONS,
  LENGTH_FUNCTIONS,
  MAX_MADE_LENGTH,
  OPERATORS,
  TYPES,
} from "./vocabulary.ts";

/** The fields of a node. */
export type Fields = Readonly<Record<string, unknown>>;

/** Kinds of `A_Expr` whose name is a word of the grammar. */
const BETWEEN = /^AEXPR_(?:NOT_)?BETWEEN(?:_SYM)?$/;

/**
 * Texts of `String` nodes.
 *
 * @param nodes any nodes.
 * @returns their texts; other nodes are left out.
 */
export function stringsOf(nodes: unknown): string[] {
  return (Array.isArray(nodes) ? nodes as readonly Node[] : []).flatMap((each) =>
    "String" in each ? [each.String.sval ?? ""] : []
  );
}

/**
 * Refuses a node that names what is not on the lists.
 *
 * @param kind of the node.
 * @param fields of the node, their shape checked.
 * @throws {KernelError} guest_sql.invalid.
 */
export function refuseBadName(kind: string, fields: Fields): void {
  switch (kind) {
    case "FuncCall":
      return checkCall(fields);
    case "TypeName":
      return checkType(fields);
    case "CollateClause":
      return checkListed("collation", fields.collname, COLLATIONS);
    case "A_Expr":
      if (BETWEEN.test(String(fields.kind))) return;
      return checkListed("operator", fields.name, OPERATORS);
    case "SubLink":
      if (fields.operName === undefined) return;
      return checkListed("operator", fields.operName, OPERATORS);
  }
}

/** A name without schema means `pg_catalog`: nothing else is on the sessions' search path. */
function checkListed(what: string, nodes: unknown, listed: ReadonlySet<string>): void {
  const names = stringsOf(nodes);
  const name = names.at(-1);
  const isBuiltin = names.length === 1 || (names.length === 2 && names[0] === "pg_catalog");
  if (name !== undefined && isBuiltin && listed.has(name)) return;
  throw invalidSql(`the ${what} ${names.join(".")}`);
}

function checkCall(fields: Fields): void {
  checkListed("function", fields.funcname, FUNCTIONS);
  const name = stringsOf(fields.funcname).at(-1)!;
  if (!LENGTH_FUNCTIONS.has(name)) return;
  const [, length] = fields.args as readonly Node[] | undefined ?? [];
  const isLiteral = length !== undefined && "A_Const" in length && fields.func_variadic !== true &&
    length.A_Const.ival !== undefined;
  // A zero is left out of the parser's output.
  if (isLiteral && (length.A_Const.ival?.ival ?? 0) <= MAX_MADE_LENGTH) return;
  throw invalidSql(`${name} with a length that is not a literal of at most ${MAX_MADE_LENGTH}`);
}

function checkType(fields: Fields): void {
  checkListed("type", fields.names, TYPES);
  const bounds = fields.arrayBounds;
  if (bounds === undefined) return;
  const isList = Array.isArray(bounds) &&
    bounds.every((each) => Object.keys(each).join() === "Integer");
  if (!isList) throw invalidSql("this form of an array type");
}
