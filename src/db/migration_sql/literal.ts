/**
 * Values that stand in a migration: texts, numbers, truth values, and casts of them. Whether a value
 * fits a column is decided where it is used.
 *
 * @module
 */

import type { A_Const, Node } from "libpg-query";
import { isKernelError } from "../../base/error.ts";
import { canonicalDefault } from "../schema/column_default.ts";
import { describeType } from "../schema/column_type.ts";
import type { ColumnType } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { columnType } from "./column_type.ts";
import { MAX_LITERAL_CHARACTERS } from "./limits.ts";
import { builtinName, onlyFields, shown } from "./syntax_tree.ts";

/** A value as the author wrote it. */
export type LiteralValue = LiteralOnly | null;
type LiteralOnly = string | number | boolean;

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
    const type = columnType(admission, typeName);
    const value = literalOf(admission, arg);
    return value === undefined || value === null ? value : castOf(admission, value, type);
  }
  if ("A_Expr" in node) return signedOf(admission, node);
  return "A_ArrayExpr" in node && node.A_ArrayExpr.elements === undefined ? "{}" : undefined;
}

/** Whether a node can be a literal; looked at before its cast, so that casts of columns pass by. */
function isLiteralShape(node: Node): boolean {
  return "A_Const" in node || "TypeCast" in node || "A_Expr" in node || "A_ArrayExpr" in node;
}

/** The value as the type of a cast holds it; what Postgres would round or cut is refused. */
function castOf(admission: Admission, value: LiteralOnly, type: ColumnType): LiteralOnly {
  const column = { name: "literal", type, nullable: true } as const;
  try {
    const cast = canonicalDefault({ ...column, default: { kind: "literal", value } }, "cast");
    if (cast?.kind === "literal") return cast.value;
  } catch (cause) {
    if (!isKernelError(cause)) throw cause;
  }
  throw admission.refuse(`${shown(String(value))} cannot be cast to ${describeType(type)}`);
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
