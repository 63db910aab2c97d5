/**
 * Queries of a checked tree as SQLite's SQL: SELECT, VALUES, set operations and common table
 * expressions. The ticks of FROM stand first in WHERE.
 *
 * @module
 */

import type { CommonTableExpr, Node, ResTarget, SelectStmt, WithClause } from "libpg-query";
import { nameParts } from "../migration_sql/syntax_tree.ts";
import { quoteIdentifier } from "../schema/names.ts";
import { sqlFailed } from "./errors.ts";
import { sortDirection, windowBody } from "./sqlite_call.ts";
import { renderExpression } from "./sqlite_expression.ts";
import { renderFrom } from "./sqlite_from.ts";
import { notOnSqlite, type RenderContext, type RenderedQuery } from "./sqlite_render_context.ts";
import { type NamedColumn, Scope, type SqlValue } from "./sqlite_scope.ts";
import { commonType, INT8 } from "./sqlite_type.ts";
import { conditionSql, fitSql, settled } from "./sqlite_value.ts";

/** A value of a select list with the name Postgres gives it. */
export interface Selected {
  readonly column: NamedColumn;
  readonly value: SqlValue;
}

const SET_WORDS: Readonly<Record<string, string>> = {
  SETOP_UNION: "union",
  SETOP_INTERSECT: "intersect",
  SETOP_EXCEPT: "except",
};

/**
 * Renders a query.
 *
 * @param statement of a checked tree.
 * @param outer what the statement around it knows.
 * @param context of the statement.
 * @returns the text and the columns of its result.
 * @throws {KernelError} guest_sql.invalid, guest_sql.failed
 */
export function renderQuery(
  statement: SelectStmt,
  outer: Scope,
  context: RenderContext,
): RenderedQuery {
  const scope = new Scope(outer);
  const prefix = renderWith(statement.withClause, scope, context);
  const body = renderBody(statement, scope, context);
  return { sql: prefix + body.sql, columns: body.columns };
}

function renderBody(statement: SelectStmt, scope: Scope, context: RenderContext): RenderedQuery {
  if (statement.valuesLists !== undefined) return values(statement, scope, context);
  if ((statement.op ?? "SETOP_NONE") !== "SETOP_NONE") {
    return setOperation(statement, scope, context);
  }
  return select(statement, scope, context);
}

/**
 * Renders WITH and makes its names known.
 *
 * @param clause of a checked tree.
 * @param scope takes the names.
 * @param context of the statement.
 * @returns the clause with a space behind it, or nothing.
 */
export function renderWith(
  clause: WithClause | undefined,
  scope: Scope,
  context: RenderContext,
): string {
  if (clause === undefined) return "";
  const ctes = (clause.ctes ?? []).flatMap((node) =>
    "CommonTableExpr" in node ? [renderCte(node.CommonTableExpr, clause, scope, context)] : []
  );
  return `with ${clause.recursive ? "recursive " : ""}${ctes.join(", ")} `;
}

function renderCte(
  cte: CommonTableExpr,
  clause: WithClause,
  scope: Scope,
  context: RenderContext,
): string {
  const query = cte.ctequery;
  if (query === undefined || !("SelectStmt" in query)) throw notOnSqlite("WITH of this kind");
  const name = cte.ctename ?? "";
  const names = nameParts(cte.aliascolnames);
  const named = (columns: readonly NamedColumn[]) =>
    columns.map((column, i) => ({ ...column, name: names[i] ?? column.name, required: false }));
  const first = query.SelectStmt.larg;
  if (clause.recursive && first !== undefined) {
    // The part that does not recur says what the columns are.
    scope.addCte(name, named(renderQuery(first, scope, context).columns));
  }
  const rendered = renderQuery(query.SelectStmt, scope, context);
  const columns = named(rendered.columns);
  scope.addCte(name, columns);
  const words: Readonly<Record<string, string>> = {
    CTEMaterializeAlways: "materialized ",
    CTEMaterializeNever: "not materialized ",
  };
  const heads = columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const word = words[cte.ctematerialized ?? ""] ?? "";
  return `${quoteIdentifier(name)}(${heads}) as ${word}(${rendered.sql})`;
}

function values(statement: SelectStmt, scope: Scope, context: RenderContext): RenderedQuery {
  const rows = (statement.valuesLists ?? []).map((list) =>
    ("List" in list ? list.List.items ?? [] : []).map((item) =>
      renderExpression(item, scope, context)
    )
  );
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, i): NamedColumn => {
    const type = commonType(rows.map((row) => row[i]?.type));
    return { name: `column${i + 1}`, ...type && { type } };
  });
  const texts = rows.map((row) =>
    `(${row.map((value, i) => fitSql(value, columns[i]?.type).sql).join(", ")})`
  );
  const plain = `values ${texts.join(", ")}`;
  const tail = tailOf(statement, columns, scope, context);
  return { sql: tail === "" ? plain : `select * from (${plain})${tail}`, columns };
}

function setOperation(statement: SelectStmt, scope: Scope, context: RenderContext): RenderedQuery {
  const { larg, rarg, op = "" } = statement;
  if (larg === undefined || rarg === undefined) throw notOnSqlite("This set operation");
  if (statement.all && op !== "SETOP_UNION") throw notOnSqlite("INTERSECT ALL and EXCEPT ALL");
  if (!statement.all) context.noteSort();
  const left = operand(larg, "left", scope, context);
  const right = operand(rarg, "right", scope, context);
  if (left.columns.length !== right.columns.length) {
    throw sqlFailed("each query of a set operation must have the same number of columns", "42601");
  }
  const columns = left.columns.map((column, i): NamedColumn => {
    const type = commonType([column.type, right.columns[i]?.type]);
    return { name: column.name, ...type && { type } };
  });
  const word = `${SET_WORDS[op]}${statement.all ? " all" : ""}`;
  const tail = tailOf(statement, columns, scope, context);
  return { sql: `${left.sql} ${word} ${right.sql}${tail}`, columns };
}

/** SQLite takes no parentheses there: what needs them becomes a sub-select. */
function operand(
  statement: SelectStmt,
  side: "left" | "right",
  scope: Scope,
  context: RenderContext,
): RenderedQuery {
  const rendered = renderQuery(statement, scope, context);
  const isSet = (statement.op ?? "SETOP_NONE") !== "SETOP_NONE";
  const isPlain = statement.sortClause === undefined && statement.limitCount === undefined &&
    statement.limitOffset === undefined && statement.withClause === undefined &&
    !(isSet && side === "right");
  return isPlain ? rendered : { ...rendered, sql: `select * from (${rendered.sql})` };
}

function select(statement: SelectStmt, scope: Scope, context: RenderContext): RenderedQuery {
  const from = renderFrom(statement.fromClause, scope, context);
  const selected = renderTargets(statement.targetList, scope, context);
  const columns = selected.map(({ column }) => column);
  const isDistinct = statement.distinctClause !== undefined;
  if (statement.distinctClause?.some((node) => Object.keys(node).length > 0)) {
    throw notOnSqlite("DISTINCT ON", "use row_number() in a sub-query");
  }
  if (isDistinct) context.noteSort();
  const expression = (node: Node) => renderExpression(node, scope, context);
  const groups = (statement.groupClause ?? []).map((node) =>
    groupKey(node, selected, scope, context)
  );
  if (groups.length > 0) context.noteSort();
  const windows = (statement.windowClause ?? []).flatMap((node) =>
    "WindowDef" in node
      ? [
        `${quoteIdentifier(node.WindowDef.name ?? "")} as (${
          windowBody(node.WindowDef, (part) => expression(part!))
        })`,
      ]
      : []
  );
  const conditions = [
    ...from.ticks,
    ...statement.whereClause === undefined ? [] : [conditionSql(expression(statement.whereClause))],
  ];
  const sql = [
    `select ${isDistinct ? "distinct " : ""}${selected.map(selectedSql).join(", ")}${from.sql}`,
    ...conditions.length === 0 ? [] : [`where ${conditions.join(" and ")}`],
    ...groups.length === 0 ? [] : [`group by ${groups.join(", ")}`],
    ...statement.havingClause === undefined
      ? []
      : [`having ${conditionSql(expression(statement.havingClause))}`],
    ...windows.length === 0 ? [] : [`window ${windows.join(", ")}`],
  ].join(" ");
  return { sql: sql + tailOf(statement, columns, scope, context, expression), columns };
}

function selectedSql({ column, value }: Selected): string {
  return `${value.sql} as ${quoteIdentifier(column.name)}`;
}

/**
 * Renders a select list, stars written out.
 *
 * @param nodes of the list.
 * @param scope what it may name.
 * @param context of the statement.
 * @returns values with the names and types of their columns.
 */
export function renderTargets(
  nodes: readonly Node[] | undefined,
  scope: Scope,
  context: RenderContext,
): Selected[] {
  const selected = (nodes ?? []).flatMap((node): Selected[] => {
    if (!("ResTarget" in node)) return [];
    return star(node.ResTarget, scope) ?? [single(node.ResTarget, scope, context)];
  });
  // EXISTS may ask for no column at all.
  return selected.length === 0
    ? [{ column: { name: "?column?" }, value: { sql: "null" } }]
    : selected;
}

function star(target: ResTarget, scope: Scope): Selected[] | undefined {
  const { val } = target;
  if (val === undefined || !("ColumnRef" in val)) return undefined;
  const fields = val.ColumnRef.fields ?? [];
  const last = fields.at(-1);
  if (last === undefined || !("A_Star" in last)) return undefined;
  return scope.star(nameParts(fields.slice(0, -1))[0]);
}

function single(target: ResTarget, scope: Scope, context: RenderContext): Selected {
  if (target.val === undefined) throw notOnSqlite("An empty select list");
  const value = settled(renderExpression(target.val, scope, context));
  const name = target.name ?? outputName(target.val) ?? "?column?";
  return {
    value,
    column: {
      name,
      ...value.type && { type: value.type },
      ...value.required && { required: true },
    },
  };
}

/** The name that Postgres gives a column without AS. */
function outputName(node: Node): string | undefined {
  if ("ColumnRef" in node) return nameParts(node.ColumnRef.fields).at(-1);
  if ("FuncCall" in node) return nameParts(node.FuncCall.funcname).at(-1);
  if ("TypeCast" in node) {
    const inner = node.TypeCast.arg === undefined ? undefined : outputName(node.TypeCast.arg);
    return inner ?? nameParts(node.TypeCast.typeName?.names).at(-1);
  }
  if ("CoalesceExpr" in node) return "coalesce";
  if ("CaseExpr" in node) {
    const otherwise = node.CaseExpr.defresult;
    return (otherwise && outputName(otherwise)) ?? "case";
  }
  if ("MinMaxExpr" in node) return node.MinMaxExpr.op === "IS_LEAST" ? "least" : "greatest";
  if ("A_ArrayExpr" in node) return "array";
  if ("RowExpr" in node) return "row";
  if ("A_Expr" in node && node.A_Expr.kind === "AEXPR_NULLIF") return "nullif";
  if ("CollateClause" in node) return node.CollateClause.arg && outputName(node.CollateClause.arg);
  if ("SQLValueFunction" in node) {
    return node.SQLValueFunction.op?.replace(/^SVFOP_|_N$/g, "").toLowerCase();
  }
  if ("SubLink" in node) return subLinkName(node.SubLink);
  return undefined;
}

function subLinkName(node: { subLinkType?: string; subselect?: Node }): string | undefined {
  if (node.subLinkType === "EXISTS_SUBLINK") return "exists";
  if (node.subLinkType === "ARRAY_SUBLINK") return "array";
  if (node.subLinkType !== "EXPR_SUBLINK") return undefined;
  const select = node.subselect;
  const target = select !== undefined && "SelectStmt" in select
    ? select.SelectStmt.targetList?.[0]
    : undefined;
  if (target === undefined || !("ResTarget" in target)) return undefined;
  return target.ResTarget.name ?? (target.ResTarget.val && outputName(target.ResTarget.val));
}

/** A bare name that FROM does not know, and a bare number, mean a column of the result. */
function groupKey(
  node: Node,
  selected: readonly Selected[],
  scope: Scope,
  context: RenderContext,
): string {
  if ("GroupingSet" in node) throw notOnSqlite("ROLLUP, CUBE and GROUPING SETS");
  const name = bareName(node);
  if (name !== undefined && scope.find(name) === undefined) {
    const place = selected.findIndex(({ column }) => column.name === name);
    if (place >= 0) return String(place + 1);
  }
  return renderExpression(node, scope, context).sql;
}

function bareName(node: Node): string | undefined {
  if (!("ColumnRef" in node)) return undefined;
  const names = nameParts(node.ColumnRef.fields);
  return names.length === 1 ? names[0] : undefined;
}

/** ORDER BY, LIMIT and OFFSET. */
function tailOf(
  statement: SelectStmt,
  columns: readonly NamedColumn[],
  scope: Scope,
  context: RenderContext,
  expression?: (node: Node) => SqlValue,
): string {
  const keys = (statement.sortClause ?? []).flatMap((node) => {
    if (!("SortBy" in node) || node.SortBy.node === undefined) return [];
    const key = orderKey(node.SortBy.node, columns, expression);
    return [key.sql + sortDirection(node.SortBy, key)];
  });
  if (keys.length > 0) context.noteSort();
  const order = keys.length === 0 ? "" : ` order by ${keys.join(", ")}`;
  const amount = (node: Node | undefined, otherwise: string): string | undefined => {
    if (node === undefined || ("A_Const" in node && node.A_Const.isnull)) return undefined;
    const value = fitSql(renderExpression(node, new Scope(scope), context), INT8);
    return `coalesce(${value.sql}, ${otherwise})`;
  };
  const count = amount(statement.limitCount, "-1");
  const offset = amount(statement.limitOffset, "0");
  if (count === undefined && offset === undefined) return order;
  return `${order} limit ${count ?? "-1"}${offset === undefined ? "" : ` offset ${offset}`}`;
}

function orderKey(
  node: Node,
  columns: readonly NamedColumn[],
  expression: ((node: Node) => SqlValue) | undefined,
): SqlValue {
  const name = bareName(node);
  const place = name === undefined ? -1 : columns.findIndex((column) => column.name === name);
  const column = columns[place];
  if (column !== undefined) {
    return { sql: String(place + 1), ...column.required && { required: true } };
  }
  if (expression !== undefined) return expression(node);
  if ("A_Const" in node && node.A_Const.ival !== undefined) {
    return { sql: String(node.A_Const.ival.ival ?? 0) };
  }
  throw sqlFailed("ORDER BY of a set operation names columns of the result only", "0A000");
}
