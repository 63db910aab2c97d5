/**
 * Values that stand in a migration: texts, numbers, truth values, and casts of them. Whether a value
 * fits a column is decided where it is used.
 *
 * @module
 */

import type { A_Const, Node } from "libpg-query";
import type { Admission } from "./admission.ts";
import { columnType } from "./column_type.ts";
import { MAX_LITERAL_CHARACTERS } from "./limits.ts";
import { builtinName, onlyFields, shown } from "./syntax_tree.ts";

/** A value as the author wrote it. */
export type LiteralValue = string | number | boolean | null;

/**
 * Reads a literal, casts and signs included.
 *
 * @param admission the migration at hand.
 * @param node any expression.
 * @returns the value, or undefined when the expression is none.
 * @throws {KernelError} schema.migration_refused — a literal that no column can hold.
 */
export function literalOf(admission: Admission, node: Node): LiteralValue | undefined {
  if ("A_Const" in node) return constantOf(admission, node.A_Const);
  if ("TypeCast" in node) {
    const { arg, typeName } = node.TypeCast;
    if (arg === undefined || !isLiteralShape(arg)) return undefined;
    columnType(admission, typeName);
    return literalOf(admission, arg);
  }
  if ("A_Expr" in node) return signedOf(admission, node);
  return "A_ArrayExpr" in node && node.A_ArrayExpr.elements === undefined ? "{}" : undefined;
}

/** Whether a node can be a literal; looked at before its cast, so that casts of columns pass by. */
function isLiteralShape(node: Node): boolean {
  return "A_Const" in node || "TypeCast" in node || "A_Expr" in node || "A_ArrayExpr" in node;
}

function signedOf(admission: Admission, node: Node): LiteralValue | undefined {
  if (!("A_Expr" in node)) return undefined;
  const { name, lexpr, rexpr } = node.A_Expr;
  if (lexpr !== undefined || rexpr === undefined || !("A_Const" in rexpr)) return undefined;
  const sign = builtinName(name);
  const value = constantOf(admission, rexpr.A_Const);
  if (sign === "+" && typeof value === "number") return value;
  if (sign === "-" && typeof value === "number") return -value;
  return undefined;
}

function constantOf(admission: Admission, constant: A_Const): LiteralValue {
  const known = ["ival", "fval", "boolval", "sval", "isnull", "location"] as const;
  onlyFields(admission, "a bit string", constant, known, constant.location);
  if (constant.isnull) return null;
  if (constant.boolval !== undefined) return constant.boolval.boolval ?? false;
  if (constant.ival !== undefined) return constant.ival.ival ?? 0;
  if (constant.fval !== undefined) return numberOf(admission, constant.fval.fval ?? "", constant);
  const text = constant.sval?.sval ?? "";
  if (text.length <= MAX_LITERAL_CHARACTERS) return text;
  throw admission.refuse(
    `a literal may have at most ${MAX_LITERAL_CHARACTERS} characters`,
    constant.location,
  );
}

/** Digits that a JavaScript number would change stay text; both engines read them as numbers. */
function numberOf(admission: Admission, digits: string, constant: A_Const): string | number {
  const plain = digits.replaceAll("_", "");
  const number = Number(plain);
  if (plain.length > MAX_LITERAL_CHARACTERS || !Number.isFinite(number)) {
    throw admission.refuse(`the number ${shown(digits)} is too large`, constant.location);
  }
  return /^-?\d+$/.test(plain) && !Number.isSafeInteger(number) ? plain : number;
}
