/**
 * Expressions of a checked tree as SQLite's SQL. Calls of functions are `sqlite_call.ts`, operators
 * `sqlite_operators.ts`.
 *
 * @module
 */

import type { A_Const, A_Expr, Node, SubLink, TypeCast, TypeName } from "libpg-query";
import { nameParts } from "../migration_sql/syntax_tree.ts";
import { sqlFailed } from "./errors.ts";
import { renderCall } from "./sqlite_call.ts";
import { alike, binary, compare, unary } from "./sqlite_operators.ts";
import { notOnSqlite, type RenderContext } from "./sqlite_render_context.ts";
import type { Scope, SqlValue } from "./sqlite_scope.ts";
import {
  BOOL,
  commonType,
  DATE,
  familyOf,
  INT4,
  INT8,
  type SqlType,
  TEXT,
  TIMESTAMPTZ,
  UUID,
} from "./sqlite_type.ts";
import { castSql, conditionSql, fitSql, literalSql, quoted } from "./sqlite_value.ts";

/** Names of types that the parser writes in `pg_catalog`, and their aliases. */
const TYPE_ALIASES: Readonly<Record<string, string>> = { timestamp: "timestamptz", bpchar: "text" };

/**
 * Renders an expression.
 *
 * @param node of a checked tree.
 * @param scope what it may name.
 * @param context of the statement.
 * @returns the value as SQL, in parentheses where it is compound.
 * @throws {KernelError} guest_sql.invalid — SQLite cannot express it; guest_sql.failed — a name or
 *   literal is wrong.
 */
export function renderExpression(node: Node, scope: Scope, context: RenderContext): SqlValue {
  const render = (part: Node | undefined): SqlValue => {
    if (part === undefined) throw notOnSqlite("An empty expression");
    return renderExpression(part, scope, context);
  };
  if ("A_Const" in node) return constant(node.A_Const);
  if ("ColumnRef" in node) return columnReference(node.ColumnRef.fields, scope);
  if ("ParamRef" in node) return argument(node.ParamRef.number ?? 0, context);
  if ("A_Expr" in node) return operation(node.A_Expr, render);
  if ("TypeCast" in node) return typeCast(node.TypeCast, render);
  if ("FuncCall" in node) return renderCall(node.FuncCall, render, context);
  if ("BoolExpr" in node) {
    const { boolop, args = [] } = node.BoolExpr;
    const parts = args.map((part) => conditionSql(render(part)));
    if (boolop === "NOT_EXPR") return { sql: `(not ${parts[0]})`, type: BOOL };
    return { sql: `(${parts.join(boolop === "OR_EXPR" ? " or " : " and ")})`, type: BOOL };
  }
  if ("NullTest" in node) {
    const not = node.NullTest.nulltesttype === "IS_NOT_NULL" ? "not " : "";
    return { sql: `(${render(node.NullTest.arg).sql} is ${not}null)`, type: BOOL };
  }
  if ("BooleanTest" in node) {
    const { arg, booltesttype = "IS_TRUE" } = node.BooleanTest;
    return { sql: `(${conditionSql(render(arg))} ${booleanTest(booltesttype)})`, type: BOOL };
  }
  if ("CaseExpr" in node) return caseValue(node.CaseExpr, render);
  if ("CoalesceExpr" in node) {
    const values = common((node.CoalesceExpr.args ?? []).map(render));
    return { sql: `coalesce(${list(values)})`, ...typeOf(values) };
  }
  if ("MinMaxExpr" in node) {
    const values = common((node.MinMaxExpr.args ?? []).map(render));
    const name = node.MinMaxExpr.op === "IS_LEAST" ? "min" : "max";
    const rows = values.map((value) => `select ${value.sql} as v`).join(" union all ");
    return { sql: `(select ${name}(v) from (${rows}))`, ...typeOf(values) };
  }
  if ("SubLink" in node) return subLink(node.SubLink, render, scope, context);
  if ("SQLValueFunction" in node) return valueFunction(node.SQLValueFunction.op ?? "");
  if ("RowExpr" in node) return { sql: `(${list((node.RowExpr.args ?? []).map(render))})` };
  if ("A_ArrayExpr" in node) {
    const values = common((node.A_ArrayExpr.elements ?? []).map(render));
    const element = typeOf(values).type?.name ?? "text";
    return { sql: `json_array(${list(values)})`, type: { name: `_${element}` } };
  }
  if ("CollateClause" in node) {
    const name = nameParts(node.CollateClause.collname).at(-1) ?? "";
    if (!["C", "POSIX", "default", "ucs_basic"].includes(name)) {
      throw notOnSqlite(`COLLATE ${name}`);
    }
    return render(node.CollateClause.arg);
  }
  throw notOnSqlite(Object.keys(node)[0] ?? "An expression");
}

function list(values: readonly SqlValue[]): string {
  return values.map((value) => value.sql).join(", ");
}

function typeOf(values: readonly SqlValue[]): { readonly type?: SqlType } {
  const type = commonType(values.map((value) => value.type));
  if (type !== undefined) return { type };
  return values.some((value) => value.literal !== undefined) ? { type: TEXT } : {};
}

/** Values of one type: bare ones take the type of the others. */
function common(values: readonly SqlValue[]): SqlValue[] {
  const { type } = typeOf(values);
  return values.map((value) => fitSql(value, type));
}

function constant(value: A_Const): SqlValue {
  if (value.isnull) return { sql: "null" };
  if (value.ival !== undefined) return { sql: literalSql(value.ival.ival ?? 0), type: INT4 };
  if (value.boolval !== undefined) return { sql: value.boolval.boolval ? "1" : "0", type: BOOL };
  if (value.fval !== undefined) {
    const text = value.fval.fval ?? "0";
    if (/^-?\d{1,18}$/.test(text)) return { sql: `(${text})`, type: INT8 };
    if (!/^-?\d*\.?\d*(?:e[+-]?\d+)?$/i.test(text)) throw notOnSqlite(`The number ${text}`);
    const number = Number(text);
    if (!Number.isFinite(number)) throw sqlFailed("A number is out of range", "22003");
    const scale = /e/i.test(text) ? undefined : /\.(\d*)$/.exec(text)?.[1]?.length ?? 0;
    const sql = /[.e]/i.test(text) ? text.replace(/^(-?)\./, "$10.") : `${text}.0`;
    return { sql: `(${sql})`, type: { name: "numeric", ...scale !== undefined && { scale } } };
  }
  if (value.sval !== undefined) {
    const literal = value.sval.sval ?? "";
    return { sql: quoted(literal), literal };
  }
  throw notOnSqlite("A bit string");
}

function columnReference(fields: readonly Node[] | undefined, scope: Scope): SqlValue {
  const names = nameParts(fields);
  if (names.length === 0) throw notOnSqlite("* in an expression");
  const [first, second] = names;
  return second === undefined ? scope.column(first!) : scope.column(second, first);
}

function argument(number: number, context: RenderContext): SqlValue {
  const value = context.arguments[number - 1];
  const sql = `?${number}`;
  switch (typeof value) {
    case "string":
      return { sql, argument: "text" };
    case "number":
    case "bigint":
      return { sql, argument: "number" };
    case "boolean":
      return { sql, type: BOOL };
  }
  if (value === undefined || value === null) return { sql };
  const types = { uuid: UUID, timestamp: TIMESTAMPTZ, bytes: { name: "bytea" } } as const;
  return { sql, type: types[value.kind] };
}

type Render = (part: Node | undefined) => SqlValue;

function operation(node: A_Expr, render: Render): SqlValue {
  const name = nameParts(node.name).at(-1) ?? "";
  switch (node.kind) {
    case "AEXPR_OP":
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE":
      if (node.lexpr === undefined) return unary(name, render(node.rexpr));
      return node.kind === "AEXPR_OP" ? binary(name, render(node.lexpr), render(node.rexpr)) : like(
        name,
        node,
        render,
      );
    case "AEXPR_DISTINCT":
    case "AEXPR_NOT_DISTINCT": {
      const [left, right] = alike(render(node.lexpr), render(node.rexpr));
      const word = node.kind === "AEXPR_DISTINCT" ? "is not" : "is";
      return { sql: `(${left.sql} ${word} ${right.sql})`, type: BOOL };
    }
    case "AEXPR_NULLIF": {
      const [left, right] = alike(render(node.lexpr), render(node.rexpr));
      return { sql: `nullif(${left.sql}, ${right.sql})`, ...typeOf([left]) };
    }
    case "AEXPR_IN":
      return inList(name, node, render);
    case "AEXPR_OP_ANY":
    case "AEXPR_OP_ALL":
      return inArray(name, node, render);
    case "AEXPR_BETWEEN":
    case "AEXPR_NOT_BETWEEN":
      return between(node, render);
    default:
      throw notOnSqlite(node.kind === "AEXPR_SIMILAR" ? "SIMILAR TO" : "BETWEEN SYMMETRIC");
  }
}

/** The escape character, if the pattern has one, is a call of `like_escape` around it. */
function like(name: string, node: A_Expr, render: Render): SqlValue {
  const { rexpr } = node;
  if (rexpr === undefined || !("FuncCall" in rexpr)) {
    return binary(name, render(node.lexpr), render(rexpr));
  }
  if (nameParts(rexpr.FuncCall.funcname).at(-1) !== "like_escape") {
    return binary(name, render(node.lexpr), render(rexpr));
  }
  const [pattern, escape] = (rexpr.FuncCall.args ?? []).map(render);
  return binary(name, render(node.lexpr), { sql: `${pattern!.sql}, ${escape!.sql}`, type: TEXT });
}

function inList(name: string, node: A_Expr, render: Render): SqlValue {
  const items = node.rexpr !== undefined && "List" in node.rexpr ? node.rexpr.List.items ?? [] : [];
  const left = render(node.lexpr);
  const values = items.map((item) => fitSql(render(item), left.type));
  const type = commonType(values.map((value) => value.type));
  const word = name === "<>" ? "not in" : "in";
  return { sql: `(${fitSql(left, type).sql} ${word} (${list(values)}))`, type: BOOL };
}

/** `= any(array)` and `<> all(array)`; arrays are JSON texts on SQLite. */
function inArray(name: string, node: A_Expr, render: Render): SqlValue {
  const isAny = node.kind === "AEXPR_OP_ANY" && name === "=";
  if (!isAny && !(node.kind === "AEXPR_OP_ALL" && name === "<>")) {
    throw notOnSqlite(`${name} with ANY or ALL of an array`, "use IN");
  }
  const left = render(node.lexpr);
  const element = left.type?.name ?? "text";
  const array = render(node.rexpr);
  const source = array.type === undefined ? castSql(array, { name: `_${element}` }) : array;
  const word = isAny ? "in" : "not in";
  return { sql: `(${left.sql} ${word} (select value from json_each(${source.sql})))`, type: BOOL };
}

function between(node: A_Expr, render: Render): SqlValue {
  const bounds = node.rexpr !== undefined && "List" in node.rexpr
    ? node.rexpr.List.items ?? []
    : [];
  const value = render(node.lexpr);
  const low = compare(">=", value, render(bounds[0]));
  const high = compare("<=", value, render(bounds[1]));
  const not = node.kind === "AEXPR_NOT_BETWEEN" ? "not " : "";
  return { sql: `(${not}(${low.sql} and ${high.sql}))`, type: BOOL };
}

function typeCast(node: TypeCast, render: Render): SqlValue {
  const value = render(node.arg);
  return castSql(value, namedType(node.typeName));
}

/** The type that a cast names. */
function namedType(node: TypeName | undefined): SqlType {
  const written = nameParts(node?.names).at(-1) ?? "";
  const name = TYPE_ALIASES[written] ?? written;
  if ((node?.arrayBounds?.length ?? 0) > 0) return { name: `_${name}` };
  const sizes = (node?.typmods ?? []).flatMap((part) =>
    "A_Const" in part && part.A_Const.ival !== undefined ? [part.A_Const.ival.ival ?? 0] : []
  );
  if (name === "numeric" && sizes[0] !== undefined) {
    return { name, size: sizes[0], scale: sizes[1] ?? 0 };
  }
  if (name === "varchar" && sizes[0] !== undefined) return { name, size: sizes[0] };
  if (familyOf({ name }) === "other") throw notOnSqlite(`The type ${written}`);
  return { name };
}

function booleanTest(test: string): string {
  switch (test) {
    case "IS_TRUE":
      return "is true";
    case "IS_NOT_TRUE":
      return "is not true";
    case "IS_FALSE":
      return "is false";
    case "IS_NOT_FALSE":
      return "is not false";
    default:
      return test === "IS_UNKNOWN" ? "is null" : "is not null";
  }
}

function caseValue(
  node: { arg?: Node; args?: Node[]; defresult?: Node },
  render: Render,
): SqlValue {
  const whens = (node.args ?? []).flatMap((part) => "CaseWhen" in part ? [part.CaseWhen] : []);
  const subject = node.arg === undefined ? undefined : render(node.arg);
  const conditions = whens.map(({ expr }) => {
    const value = render(expr);
    return subject === undefined ? conditionSql(value) : compare("=", subject, value).sql;
  });
  const otherwise = node.defresult === undefined ? { sql: "null" } : render(node.defresult);
  const results = common([...whens.map(({ result }) => render(result)), otherwise]);
  const branches = conditions.map((condition, i) => `when ${condition} then ${results[i]!.sql}`);
  const sql = `(case ${branches.join(" ")} else ${results.at(-1)!.sql} end)`;
  return { sql, ...typeOf(results) };
}

function subLink(
  node: SubLink,
  render: Render,
  scope: Scope,
  context: RenderContext,
): SqlValue {
  const select = node.subselect;
  if (select === undefined || !("SelectStmt" in select)) {
    throw notOnSqlite("A sub-query of this kind");
  }
  const query = context.query(select.SelectStmt, scope);
  const type = query.columns[0]?.type;
  switch (node.subLinkType) {
    case "EXISTS_SUBLINK":
      return { sql: `(exists (${query.sql}))`, type: BOOL };
    case "EXPR_SUBLINK":
      return { sql: `(${query.sql})`, ...type && { type } };
    case "ARRAY_SUBLINK":
      return {
        sql: `(select json_group_array(v) from (with q(v) as (${query.sql}) select v from q))`,
        type: { name: `_${type?.name ?? "text"}` },
      };
  }
  const name = nameParts(node.operName).at(-1) ?? "=";
  const isAny = node.subLinkType === "ANY_SUBLINK";
  if (name !== (isAny ? "=" : "<>")) throw notOnSqlite(`${name} with ANY or ALL`, "use EXISTS");
  const left = fitSql(render(node.testexpr), type);
  return { sql: `(${left.sql} ${isAny ? "in" : "not in"} (${query.sql}))`, type: BOOL };
}

function valueFunction(op: string): SqlValue {
  if (op === "SVFOP_CURRENT_DATE") return { sql: "guest_today()", type: DATE };
  if (op.includes("TIMESTAMP")) return { sql: "guest_now()", type: TIMESTAMPTZ };
  throw notOnSqlite("The time of day", "use now()");
}
