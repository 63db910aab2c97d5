/**
 * FROM of a checked tree as SQLite's SQL. Every table, sub-select and common table expression gets a
 * tick: a condition that the engine asks for each row it visits, so that no scan runs unseen.
 *
 * @module
 */

import type { JoinExpr, Node, RangeFunction, RangeSubselect, RangeVar } from "libpg-query";
import { builtinName, nameParts } from "../migration_sql/syntax_tree.ts";
import { quoteIdentifier } from "../schema/names.ts";
import { renderExpression } from "./sqlite_expression.ts";
import { notOnSqlite, type RenderContext } from "./sqlite_render_context.ts";
import type { NamedColumn, Scope, ScopeItem } from "./sqlite_scope.ts";
import { familyOf, INT8, JSONB, TEXT } from "./sqlite_type.ts";
import { conditionSql, fitSql } from "./sqlite_value.ts";

/** A rendered part of FROM. */
interface Source {
  readonly sql: string;
  /** Conditions that count the rows of everything in it. */
  readonly ticks: readonly string[];
}

/** A rendered FROM. */
export interface RenderedFrom extends Source {
  /** With the word FROM, or empty. */
  readonly sql: string;
}

/** Where a join stands: one inside another's right side is computed before the WHERE around it. */
type Place = "outermost" | "inside";

/**
 * Renders FROM and makes its names known.
 *
 * @param nodes of FROM.
 * @param scope takes what the expressions of the SELECT may name.
 * @param context of the statement.
 * @returns the clause and the conditions that must stand first in WHERE.
 */
export function renderFrom(
  nodes: readonly Node[] | undefined,
  scope: Scope,
  context: RenderContext,
): RenderedFrom {
  if (nodes === undefined || nodes.length === 0) return { sql: "", ticks: [] };
  const sources = nodes.map((node) => renderSource(node, scope, context, "outermost"));
  return {
    sql: ` from ${sources.map((source) => source.sql).join(", ")}`,
    ticks: sources.flatMap((source) => source.ticks),
  };
}

function renderSource(node: Node, scope: Scope, context: RenderContext, place: Place): Source {
  if ("RangeVar" in node) return tableSource(node.RangeVar, scope, context);
  if ("RangeSubselect" in node) return subselectSource(node.RangeSubselect, scope, context);
  if ("RangeFunction" in node) return functionSource(node.RangeFunction, scope, context);
  if ("JoinExpr" in node) return joinSource(node.JoinExpr, scope, context, place);
  throw notOnSqlite("FROM of this kind");
}

/** Adds an item and gives its tick. */
function addItem(scope: Scope, item: ScopeItem): readonly string[] {
  scope.items.push(item);
  return [tickOf(item)];
}

/** The condition that counts the rows of an item. @param item in FROM. @returns SQL. */
function tickOf(item: ScopeItem): string {
  const [first] = item.columns;
  if (first === undefined) throw notOnSqlite("A query without columns");
  return `guest_tick(${
    first.sql ?? `${quoteIdentifier(item.alias)}.${quoteIdentifier(first.name)}`
  })`;
}

function renamed(columns: readonly NamedColumn[], names: readonly string[]): NamedColumn[] {
  return columns.map((column, i) =>
    names[i] === undefined ? column : { ...column, name: names[i] }
  );
}

function tableSource(node: RangeVar, scope: Scope, context: RenderContext): Source {
  const names = nameParts(node.alias?.colnames);
  const alias = node.alias?.aliasname ?? node.relname ?? "";
  const isCte = node.schemaname === undefined;
  const source = isCte
    ? { sql: quoteIdentifier(node.relname ?? ""), columns: scope.cte(node.relname ?? "") }
    : context.table(node);
  const columns = renamed(source.columns, names);
  if (names.length === 0) {
    const ticks = addItem(scope, { alias, columns });
    return { sql: `${source.sql} as ${quoteIdentifier(alias)}`, ticks };
  }
  const selected = source.columns.map((column, i) =>
    `${quoteIdentifier(column.name)} as ${quoteIdentifier(columns[i]!.name)}`
  );
  const ticks = addItem(scope, { alias, columns });
  return {
    sql: `(select ${selected.join(", ")} from ${source.sql}) as ${quoteIdentifier(alias)}`,
    ticks,
  };
}

function subselectSource(node: RangeSubselect, scope: Scope, context: RenderContext): Source {
  if (node.lateral) throw notOnSqlite("LATERAL", "write the sub-query in the select list");
  const select = node.subquery;
  if (select === undefined || !("SelectStmt" in select)) throw notOnSqlite("FROM of this kind");
  // What stands beside it in FROM is not visible inside.
  const query = context.query(select.SelectStmt, outerOf(scope));
  const alias = node.alias?.aliasname ?? `subquery_${scope.items.length}`;
  const columns = renamed(query.columns, nameParts(node.alias?.colnames));
  const heads = columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const ticks = addItem(scope, { alias, columns });
  return {
    sql: `(with "rows"(${heads}) as (${query.sql}) select ${heads} from "rows") ` +
      `as ${quoteIdentifier(alias)}`,
    ticks,
  };
}

/** The scope around a SELECT with its common table expressions, without its FROM. */
function outerOf(scope: Scope): Scope {
  return scope.withoutItems();
}

/** `generate_series` of whole numbers, and JSON arrays and objects as rows. */
function functionSource(node: RangeFunction, scope: Scope, context: RenderContext): Source {
  const [only] = node.functions ?? [];
  const call = only !== undefined && "List" in only ? only.List.items?.[0] : undefined;
  if (call === undefined || !("FuncCall" in call) || (node.functions ?? []).length !== 1) {
    throw notOnSqlite("FROM of this kind");
  }
  if (node.ordinality || node.coldeflist !== undefined) throw notOnSqlite("WITH ORDINALITY");
  const name = builtinName(call.FuncCall.funcname) ?? "";
  const args = (call.FuncCall.args ?? []).map((arg) => renderExpression(arg, scope, context));
  const alias = node.alias?.aliasname ?? name;
  const names = nameParts(node.alias?.colnames);
  const made = functionRows(
    name,
    alias,
    args.map((arg, i) => fitSql(arg, ARGUMENT_TYPES[name]?.[i]).sql),
  );
  if (made === undefined) throw notOnSqlite(`The function ${name} in FROM`);
  if (name === "generate_series" && args.some((arg) => familyOf(arg.type) === "instant")) {
    throw notOnSqlite("generate_series of timestamps");
  }
  // One column is called like the alias.
  const [single] = made.columns;
  const columns = made.columns.length === 1 && single !== undefined
    ? [{ ...single, name: names[0] ?? node.alias?.aliasname ?? single.name }]
    : renamed(made.columns, names);
  const ticks = addItem(scope, { alias, columns });
  return { sql: `${made.sql(columns)} as ${quoteIdentifier(alias)}`, ticks };
}

const ARGUMENT_TYPES: Readonly<Record<string, readonly typeof JSONB[]>> = {
  generate_series: [INT8, INT8, INT8],
  jsonb_array_elements: [JSONB],
  json_array_elements: [JSONB],
  jsonb_array_elements_text: [JSONB],
  json_array_elements_text: [JSONB],
  jsonb_each: [JSONB],
  json_each: [JSONB],
  jsonb_each_text: [JSONB],
  json_each_text: [JSONB],
  jsonb_object_keys: [JSONB],
  json_object_keys: [JSONB],
};

interface FunctionRows {
  readonly columns: readonly NamedColumn[];
  readonly sql: (columns: readonly NamedColumn[]) => string;
}

/** A member of JSON as JSON; `json_each` gives texts and truth values bare. */
function memberJson(each: string): string {
  return `(case ${each}.type when 'object' then ${each}.value when 'array' then ${each}.value ` +
    `when 'true' then 'true' when 'false' then 'false' when 'null' then 'null' ` +
    `else json_quote(${each}.value) end)`;
}

function memberText(each: string): string {
  return `(case ${each}.type when 'true' then 'true' when 'false' then 'false' ` +
    `when 'null' then null else guest_concat(${each}.value) end)`;
}

function functionRows(
  name: string,
  alias: string,
  args: readonly string[],
): FunctionRows | undefined {
  const each = quoteIdentifier(alias);
  const sql = () => `json_each(${args[0] ?? "null"})`;
  const key = { name: "key", type: TEXT, sql: `${each}.key` };
  const json = { name: "value", type: JSONB, sql: memberJson(each) };
  const text = { name: "value", type: TEXT, sql: memberText(each) };
  switch (name.replace(/^jsonb_/, "json_")) {
    case "generate_series":
      return series(args);
    case "json_array_elements":
      return { columns: [json], sql };
    case "json_array_elements_text":
      return { columns: [text], sql };
    case "json_each":
      return { columns: [key, json], sql };
    case "json_each_text":
      return { columns: [key, text], sql };
    case "json_object_keys":
      return { columns: [{ ...key, name }], sql };
    default:
      return undefined;
  }
}

function series(args: readonly string[]): FunctionRows {
  const [start = "null", stop = "null", step = "1"] = args;
  return {
    columns: [{ name: "generate_series", type: INT8 }],
    sql: ([column]) =>
      `(with recursive series(n, stop, step) as (select ${start}, ${stop}, ${step} ` +
      `union all select n + step, stop, step from series where guest_tick(n) and ` +
      `((step > 0 and n + step <= stop) or (step < 0 and n + step >= stop))) ` +
      `select n as ${quoteIdentifier(column!.name)} from series where guest_tick(n) and ` +
      `((step > 0 and n <= stop) or (step < 0 and n >= stop)))`,
  };
}

const JOINS: Readonly<Record<string, string>> = {
  JOIN_INNER: "join",
  JOIN_LEFT: "left join",
  JOIN_RIGHT: "right join",
  JOIN_FULL: "full join",
};

function joinSource(
  node: JoinExpr,
  scope: Scope,
  context: RenderContext,
  place: Place,
): Source {
  const { jointype = "JOIN_INNER", larg, rarg } = node;
  const word = JOINS[jointype];
  if (node.isNatural) throw notOnSqlite("NATURAL JOIN", "write ON");
  if (node.alias !== undefined || node.join_using_alias !== undefined) {
    throw notOnSqlite("A join with an alias");
  }
  if (word === undefined || larg === undefined || rarg === undefined) {
    throw notOnSqlite("This join");
  }
  const left = renderSource(larg, scope, context, place);
  const isNested = "JoinExpr" in rarg;
  const right = renderSource(rarg, scope, context, isNested ? "inside" : place);
  const rightSql = isNested ? `(${right.sql})` : right.sql;
  const ticks = [...left.ticks, ...right.ticks];
  const columns = nameParts(node.usingClause);
  if (columns.length > 0) {
    if (jointype !== "JOIN_INNER" || place === "inside") {
      throw notOnSqlite("USING in an outer or nested join", "write ON");
    }
    for (const column of columns) scope.merged.add(column);
    const using = columns.map(quoteIdentifier).join(", ");
    return { sql: `${left.sql} join ${rightSql} using (${using})`, ticks };
  }
  if (node.quals === undefined) return { sql: `${left.sql} cross join ${rightSql}`, ticks };
  const condition = conditionSql(renderExpression(node.quals, scope, context));
  // WHERE counts the rows of plain joins; those of others are thrown away before it.
  const needsTicks = jointype !== "JOIN_INNER" || place === "inside";
  const on = [...needsTicks ? right.ticks : [], condition].join(" and ");
  return { sql: `${left.sql} ${word} ${rightSql} on ${on}`, ticks };
}
