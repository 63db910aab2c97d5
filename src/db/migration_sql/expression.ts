/**
 * Expressions of CHECK, of index keys and of partial indexes, from the parser's tree to the kernel's
 * closed set: columns of the one table, literals, comparisons, arithmetic, and/or/not, IN, BETWEEN,
 * IS [NOT] NULL/TRUE/FALSE and a few functions. Everything else is refused by name.
 *
 * @module
 */

import type { A_Expr, BooleanTest, BoolExpr, FuncCall, Node, NullTest } from "libpg-query";
import { typeFamily } from "../schema/column_type.ts";
import type { ColumnSpec, Expression } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { columnType } from "./column_type.ts";
import { MAX_EXPRESSION_PARTS } from "./limits.ts";
import { literalOf } from "./literal.ts";
import { builtinName, kindOf, nameParts, onlyFields, shown } from "./syntax_tree.ts";
import { comparable, familyOf, type TypedExpression, typedLiteral } from "./typed_expression.ts";

type Compare = Extract<Expression, { kind: "compare" }>["operator"];

const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "<", "<=", ">", ">="]);
const ARITHMETIC: ReadonlySet<string> = new Set(["+", "-", "*", "/"]);
const TEXT_FUNCTIONS: ReadonlyMap<string, "lower" | "upper" | "trim" | "length"> = new Map([
  ["lower", "lower"],
  ["upper", "upper"],
  ["btrim", "trim"],
  ["length", "length"],
  ["char_length", "length"],
  ["character_length", "length"],
]);

/** Reads the expressions of one table. */
export class ExpressionReader {
  readonly #admission: Admission;
  readonly #table: string;
  readonly #columns: ReadonlyMap<string, ColumnSpec>;
  #parts = 0;

  /**
   * Reads over the columns of one table.
   *
   * @param admission the migration at hand.
   * @param table logical name of the table, for messages.
   * @param columns its columns.
   */
  constructor(admission: Admission, table: string, columns: readonly ColumnSpec[]) {
    this.#admission = admission;
    this.#table = table;
    this.#columns = new Map(columns.map((column) => [column.name, column]));
  }

  /**
   * Reads a rule: an expression that is true or false.
   *
   * @param node the expression as the parser gives it.
   * @returns the expression.
   * @throws {KernelError} schema.migration_refused — naming what is not allowed in it.
   */
  rule(node: Node): Expression {
    return this.#boolean(node).expression;
  }

  /**
   * Reads any expression.
   *
   * @param node the expression as the parser gives it.
   * @returns the expression and what it gives.
   * @throws {KernelError} schema.migration_refused — naming what is not allowed in it.
   */
  read(node: Node): TypedExpression {
    if (++this.#parts > MAX_EXPRESSION_PARTS) {
      throw this.#admission.refuse(`an expression may have ${MAX_EXPRESSION_PARTS} parts at most`);
    }
    const value = literalOf(this.#admission, node);
    if (value !== undefined) return typedLiteral(value);
    if ("ColumnRef" in node) return this.#column(node.ColumnRef.fields, node.ColumnRef.location);
    if ("A_Expr" in node) return this.#operator(node.A_Expr);
    if ("BoolExpr" in node) return this.#logic(node.BoolExpr);
    if ("NullTest" in node) return this.#nullTest(node.NullTest);
    if ("BooleanTest" in node) return this.#truthTest(node.BooleanTest);
    if ("FuncCall" in node) return this.#call(node.FuncCall);
    if ("CoalesceExpr" in node) return this.#coalesce(node.CoalesceExpr.args ?? []);
    if ("TypeCast" in node) return this.#cast(node);
    throw this.#refuse(`${phraseOf(node)} in an expression`);
  }

  #refuse(what: string, offset?: number): Error {
    return this.#admission.refuse(
      `${what} is not allowed: rules and indexes may use columns, literals, comparisons, ` +
        "and/or/not, in, between, is null, lower, upper, trim, length, coalesce and abs",
      offset,
    );
  }

  #mismatch(what: string, offset?: number): Error {
    return this.#admission.refuse(
      `${what} on table ${this.#table} compares or combines values of different or unordered types`,
      offset,
    );
  }

  #column(fields: readonly Node[] | undefined, offset: number | undefined): TypedExpression {
    const parts = nameParts(fields);
    const name = parts.at(-1) ?? "*";
    const column = this.#columns.get(name);
    const isOwn = parts.length === 1 || (parts.length === 2 && parts[0] === this.#table);
    if (column !== undefined && isOwn) {
      return { expression: { kind: "column", name }, type: column.type };
    }
    throw this.#admission.refuse(
      `${shown(parts.join(".") || "*")} is not a column of table ${this.#table}`,
      offset,
    );
  }

  #boolean(node: Node): TypedExpression {
    const typed = this.read(node);
    if (familyOf(typed) === "boolean") return typed;
    throw this.#admission.refuse(`a condition on table ${this.#table} must be true or false`);
  }

  #operator(node: A_Expr): TypedExpression {
    const name = builtinName(node.name) ?? nameParts(node.name).join(".");
    switch (node.kind) {
      case "AEXPR_OP":
        return this.#binary(name === "~~" ? "like" : name, node);
      case "AEXPR_LIKE":
        return this.#binary(name === "~~" ? "like" : "ilike", node);
      case "AEXPR_IN":
        return this.#membership(node, this.#list(node.rexpr));
      case "AEXPR_OP_ANY":
        if (name === "=") return this.#membership(node, this.#array(node.rexpr));
        break;
      case "AEXPR_OP_ALL":
        if (name === "<>") return this.#membership(node, this.#array(node.rexpr));
        break;
      case "AEXPR_BETWEEN":
      case "AEXPR_NOT_BETWEEN":
        return this.#between(node);
    }
    throw this.#refuse(`operator ${shown(name)}`, node.location);
  }

  #binary(operator: string, node: A_Expr): TypedExpression {
    if (node.rexpr === undefined) throw this.#refuse(`operator ${shown(operator)}`, node.location);
    if (node.lexpr === undefined) return this.#unary(operator, node, node.rexpr);
    const left = this.read(node.lexpr);
    const right = this.read(node.rexpr);
    if (COMPARISONS.has(operator)) return this.#compare(operator, left, right, node.location);
    const families = [familyOf(left), familyOf(right)];
    const combine = (family: "text" | "number", type: "text" | "numeric" | "boolean") => {
      if (families.some((each) => each !== family)) {
        throw this.#mismatch(`operator ${shown(operator)}`, node.location);
      }
      return { expression: compareOf(operator, left, right), type: { kind: type } } as const;
    };
    if (operator === "like") return combine("text", "boolean");
    if (operator === "||") return combine("text", "text");
    if (ARITHMETIC.has(operator)) return combine("number", "numeric");
    throw this.#refuse(`operator ${shown(operator)}`, node.location);
  }

  #unary(operator: string, node: A_Expr, operand: Node): TypedExpression {
    const right = this.read(operand);
    if (operator !== "-" || familyOf(right) !== "number") {
      throw this.#refuse(`operator ${shown(operator)}`, node.location);
    }
    return { expression: compareOf("-", typedLiteral(0), right), type: { kind: "numeric" } };
  }

  #compare(
    operator: string,
    left: TypedExpression,
    right: TypedExpression,
    offset: number | undefined,
  ): TypedExpression {
    const sides = comparable(left, right);
    if (sides === undefined) throw this.#mismatch(`operator ${shown(operator)}`, offset);
    return { expression: compareOf(operator, ...sides), type: { kind: "boolean" } };
  }

  #membership(node: A_Expr, values: readonly Node[]): TypedExpression {
    if (node.lexpr === undefined || values.length === 0) {
      throw this.#refuse("this form of IN", node.location);
    }
    const operand = this.read(node.lexpr);
    const fitted = values.map((each) => {
      const sides = comparable(operand, this.read(each));
      if (sides?.[1].expression.kind === "literal") return sides[1].expression;
      throw this.#refuse("IN over anything but literals of the column's type", node.location);
    });
    const found = { kind: "in", operand: operand.expression, values: fitted } as const;
    return {
      expression: builtinName(node.name) === "<>" ? { kind: "not", operand: found } : found,
      type: { kind: "boolean" },
    };
  }

  #list(node: Node | undefined): readonly Node[] {
    return node !== undefined && "List" in node ? node.List.items ?? [] : [];
  }

  /** The elements of `array[...]`, with or without a cast, as database dumps write IN. */
  #array(node: Node | undefined): readonly Node[] {
    if (node === undefined) return [];
    if ("A_ArrayExpr" in node) return node.A_ArrayExpr.elements ?? [];
    return "TypeCast" in node ? this.#array(node.TypeCast.arg) : [];
  }

  #between(node: A_Expr): TypedExpression {
    const [low, high, ...rest] = this.#list(node.rexpr);
    if (node.lexpr === undefined || low === undefined || high === undefined || rest.length > 0) {
      throw this.#refuse("this form of BETWEEN", node.location);
    }
    const value = this.read(node.lexpr);
    const operands = [
      this.#compare(">=", value, this.read(low), node.location).expression,
      this.#compare("<=", value, this.read(high), node.location).expression,
    ];
    const inside: Expression = { kind: "and", operands };
    return {
      expression: node.kind === "AEXPR_BETWEEN" ? inside : { kind: "not", operand: inside },
      type: { kind: "boolean" },
    };
  }

  #logic(node: BoolExpr): TypedExpression {
    const operands = (node.args ?? []).map((arg) => this.#boolean(arg).expression);
    const [first] = operands;
    if (node.boolop === "NOT_EXPR" && first !== undefined) {
      return { expression: { kind: "not", operand: first }, type: { kind: "boolean" } };
    }
    const kind = node.boolop === "AND_EXPR" ? "and" : "or";
    return { expression: { kind, operands }, type: { kind: "boolean" } };
  }

  #nullTest(node: NullTest): TypedExpression {
    if (node.arg === undefined || node.argisrow) throw this.#refuse("IS NULL over a row");
    const kind = node.nulltesttype === "IS_NULL" ? "isNull" : "isNotNull";
    const operand = this.read(node.arg).expression;
    return { expression: { kind, operand }, type: { kind: "boolean" } };
  }

  /** `x is true` and its kin never give null, unlike `x` itself. */
  #truthTest(node: BooleanTest): TypedExpression {
    if (node.arg === undefined) throw this.#refuse("this form of IS");
    const operand = this.#boolean(node.arg).expression;
    const test = node.booltesttype ?? "";
    const type = { kind: "boolean" } as const;
    const isNegated = test.startsWith("IS_NOT_");
    const negated = (expression: Expression): TypedExpression => ({
      expression: isNegated ? { kind: "not", operand: expression } : expression,
      type,
    });
    if (test.endsWith("UNKNOWN")) {
      return { expression: { kind: isNegated ? "isNotNull" : "isNull", operand }, type };
    }
    const wanted: Expression = test.endsWith("TRUE") ? operand : { kind: "not", operand };
    return negated({ kind: "and", operands: [{ kind: "isNotNull", operand }, wanted] });
  }

  #call(node: FuncCall): TypedExpression {
    const known = ["funcname", "args", "funcformat", "location"] as const;
    const name = builtinName(node.funcname) ?? nameParts(node.funcname).join(".");
    onlyFields(this.#admission, `function ${shown(name)}`, node, known, node.location);
    const [argument, ...rest] = node.args ?? [];
    const text = TEXT_FUNCTIONS.get(name);
    if (argument === undefined || rest.length > 0 || (text === undefined && name !== "abs")) {
      throw this.#refuse(`function ${shown(name)}`, node.location);
    }
    const operand = this.read(argument);
    if (familyOf(operand) !== (text === undefined ? "number" : "text")) {
      throw this.#mismatch(`function ${shown(name)}`, node.location);
    }
    const type = text === undefined ? "numeric" : text === "length" ? "integer" : "text";
    return {
      expression: { kind: "call", function: text ?? "abs", arguments: [operand.expression] },
      type: { kind: type },
    };
  }

  #coalesce(nodes: readonly Node[]): TypedExpression {
    const [first, ...others] = nodes.map((node) => this.read(node));
    if (first === undefined || others.length === 0) throw this.#refuse("coalesce of one value");
    const fitted = others.map((other) => {
      const sides = comparable(first, other);
      if (sides !== undefined) return sides[1].expression;
      throw this.#mismatch("coalesce");
    });
    return {
      expression: {
        kind: "call",
        function: "coalesce",
        arguments: [first.expression, ...fitted],
      },
      ...(first.type === undefined ? {} : { type: first.type }),
    };
  }

  /** Database dumps cast texts to text; no other cast of a column means the same on both engines. */
  #cast(node: Extract<Node, { TypeCast: unknown }>): TypedExpression {
    const { arg, typeName, location } = node.TypeCast;
    if (arg === undefined) throw this.#refuse("a cast", location);
    const type = columnType(this.#admission, typeName);
    const operand = this.read(arg);
    if (typeFamily(type) === "text" && familyOf(operand) === "text") return operand;
    throw this.#refuse("a cast of anything but a literal", location);
  }
}

/** The caller has checked that the operator is one of the closed set. */
function compareOf(operator: string, left: TypedExpression, right: TypedExpression): Expression {
  return {
    kind: "compare",
    operator: operator as Compare,
    left: left.expression,
    right: right.expression,
  };
}

function phraseOf(node: Node): string {
  const kind = kindOf(node);
  if (kind === "SubLink") return "a subquery";
  if (kind === "SQLValueFunction") return "a value that depends on the session or the time";
  return kind === "CaseExpr" ? "CASE" : kind;
}
