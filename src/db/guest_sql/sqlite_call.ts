/**
 * Calls of functions, aggregates and window functions of a checked tree as SQLite's SQL.
 *
 * @module
 */

import type { FuncCall, Node, SortBy, WindowDef } from "libpg-query";
import { quoteIdentifier } from "../schema/names.ts";
import { builtinName } from "../migration_sql/syntax_tree.ts";
import { invalidSql } from "./errors.ts";
import {
  AGGREGATE_CALLS,
  type AggregateCall,
  callType,
  FUNCTION_CALLS,
  type FunctionCall,
} from "./sqlite_function_calls.ts";
import { notOnSqlite, type RenderContext } from "./sqlite_render_context.ts";
import type { SqlValue } from "./sqlite_scope.ts";
import { familyOf, INT8, INTERVAL, JSONB, TEXT } from "./sqlite_type.ts";
import { conditionSql, fitSql, settled, textSql } from "./sqlite_value.ts";

type Render = (part: Node | undefined) => SqlValue;

/** Bits of a window's frame (nodes/parsenodes.h). */
const FRAME = {
  nonDefault: 0x1,
  range: 0x2,
  rows: 0x4,
  between: 0x10,
  startUnbounded: 0x20,
  endUnbounded: 0x100,
  startCurrent: 0x200,
  endCurrent: 0x400,
  startPreceding: 0x800,
  endPreceding: 0x1000,
  startFollowing: 0x2000,
  endFollowing: 0x4000,
  exclude: 0x38000,
} as const;

/**
 * Renders a call.
 *
 * @param node of a checked tree.
 * @param render renders its arguments.
 * @param context of the statement.
 * @returns the value.
 * @throws {KernelError} guest_sql.invalid — SQLite has nothing like the function.
 */
export function renderCall(node: FuncCall, render: Render, context: RenderContext): SqlValue {
  const name = builtinName(node.funcname) ?? "";
  if (node.agg_within_group || node.func_variadic) throw notOnSqlite(`${name} in this form`);
  const special = specialCall(name, node, render);
  if (special !== undefined) return special;
  const aggregate = own(AGGREGATE_CALLS, name);
  if (aggregate !== undefined) return aggregateCall(name, aggregate, node, render, context);
  const known = own(FUNCTION_CALLS, name);
  if (known === undefined) throw notOnSqlite(`The function ${name}`);
  const values = argumentsOf(name, known, node, render);
  const type = callType(known, values);
  return { sql: known.sql(values.map((value) => value.sql)), ...type && { type } };
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function argumentsOf(name: string, call: FunctionCall, node: FuncCall, render: Render): SqlValue[] {
  const args = node.args ?? [];
  const [least, most] = call.count;
  if (args.length < least || args.length > most) {
    throw invalidSql(`${name} takes ${least === most ? least : `${least} to ${most}`} arguments`);
  }
  return args.map((arg, place) => {
    const value = render(arg);
    if (call.texts) return { sql: textSql(value), ...value.type && { type: value.type } };
    const takes = call.takes;
    return settled(
      takes === undefined ? value : fitSql(value, takes[Math.min(place, takes.length - 1)]),
    );
  });
}

/** Calls whose form depends on their arguments' types. */
function specialCall(name: string, node: FuncCall, render: Render): SqlValue | undefined {
  const args = node.args ?? [];
  switch (name) {
    case "concat":
      // Unlike ||, concat passes over nulls.
      return {
        sql: `guest_concat(${args.map((arg) => concatPart(render(arg))).join(", ")})`,
        type: TEXT,
      };
    case "make_interval":
      return makeInterval(args, render);
    case "extract":
    case "date_part": {
      const value = render(args[1]);
      if (familyOf(value.type) !== "interval") return undefined;
      return {
        sql: `guest_extract(${render(args[0]).sql}, ${value.sql})`,
        type: { name: "numeric" },
      };
    }
    case "to_char":
      if (familyOf(render(args[0]).type) === "instant") return undefined;
      if (familyOf(render(args[0]).type) === "date") return undefined;
      throw notOnSqlite("to_char of anything but a timestamp");
    case "timezone":
      if (zoneOf(args[0]) !== "utc") throw notOnSqlite("AT TIME ZONE", "all timestamps are in UTC");
      return render(args[1]);
    case "to_json":
    case "to_jsonb":
      return toJson(render(args[0]));
    case "json_build_object":
    case "jsonb_build_object":
      return { sql: `json_object(${jsonParts(args, render)})`, type: JSONB };
    case "json_build_array":
    case "jsonb_build_array":
      return { sql: `json_array(${jsonParts(args, render)})`, type: JSONB };
    default:
      return undefined;
  }
}

/** `concat` writes truth values short, unlike a cast. */
function concatPart(value: SqlValue): string {
  const text = familyOf(value.type) === "bool"
    ? `iif(${value.sql}, 't', iif(${value.sql} is null, null, 'f'))`
    : textSql(value);
  return `coalesce(${text}, '')`;
}

function zoneOf(node: Node | undefined): string | undefined {
  const text = node !== undefined && "A_Const" in node ? node.A_Const.sval?.sval : undefined;
  return text?.toLowerCase();
}

function makeInterval(args: readonly Node[], render: Render): SqlValue {
  const names = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
  const given = names.map(() => "0");
  args.forEach((arg, place) => {
    const named = "NamedArgExpr" in arg ? arg.NamedArgExpr : undefined;
    const at = named === undefined ? place : names.indexOf(named.name ?? "");
    if (at < 0 || at >= names.length) {
      throw invalidSql(`make_interval has no argument ${named?.name}`);
    }
    given[at] = render(named === undefined ? arg : named.arg).sql;
  });
  return { sql: `guest_make_interval(${given.join(", ")})`, type: INTERVAL };
}

/** Members keep their kind: truth values and JSON would become numbers and texts. */
function jsonParts(args: readonly Node[], render: Render): string {
  return args.map((arg) => jsonPart(render(arg))).join(", ");
}

function jsonPart(value: SqlValue): string {
  switch (familyOf(value.type)) {
    case "bool":
      return `json(guest_bool_text(${value.sql}))`;
    case "json":
    case "array":
      return `json(${value.sql})`;
    default:
      return value.sql;
  }
}

function toJson(value: SqlValue): SqlValue {
  const family = familyOf(value.type);
  if (family === "json") return value;
  return { sql: family === "bool" ? jsonPart(value) : `json_quote(${value.sql})`, type: JSONB };
}

function aggregateCall(
  name: string,
  call: AggregateCall,
  node: FuncCall,
  render: Render,
  context: RenderContext,
): SqlValue {
  if (call.kind === "window" && node.over === undefined) {
    throw invalidSql(`${name} needs OVER`);
  }
  if (node.over !== undefined && call.grows) {
    throw notOnSqlite(`${name} as a window function`, "aggregate it in a sub-query");
  }
  const values = node.agg_star ? [] : argumentsOf(name, call, node, render);
  const isJson = name.startsWith("json") || name === "array_agg";
  const parts = values.map((value, place) =>
    isJson && place === values.length - 1 ? jsonPart(value) : value.sql
  );
  const distinct = node.agg_distinct ? "distinct " : "";
  const order = (node.agg_order ?? []).map((part) => sortKey(part, render));
  if (distinct !== "" || order.length > 0) context.noteSort();
  const inner = node.agg_star ? "*" : distinct + parts.join(", ");
  const ordered = order.length === 0 ? inner : `${inner} order by ${order.join(", ")}`;
  const filter = node.agg_filter === undefined
    ? ""
    : ` filter (where ${conditionSql(render(node.agg_filter))})`;
  const over = node.over === undefined ? "" : ` over ${windowOf(node.over, render, context)}`;
  const type = node.agg_star ? INT8 : callType(call, values);
  return { sql: `${call.sql([ordered])}${filter}${over}`, ...type && { type } };
}

/** A key of ORDER BY inside a call or a window; nulls where Postgres puts them. */
export function sortKey(node: Node, render: Render): string {
  if (!("SortBy" in node)) throw notOnSqlite("ORDER BY of this kind");
  const value = render(node.SortBy.node);
  return value.sql + sortDirection(node.SortBy, value);
}

/** Direction of a key and where its nulls go: at the large end, unless the author says otherwise. */
export function sortDirection(node: SortBy, value: SqlValue): string {
  const isDescending = node.sortby_dir === "SORTBY_DESC";
  const direction = isDescending ? " desc" : "";
  if (value.required) return direction;
  const isFirst = node.sortby_nulls === "SORTBY_NULLS_FIRST" ||
    (isDescending && node.sortby_nulls !== "SORTBY_NULLS_LAST");
  return `${direction} nulls ${isFirst ? "first" : "last"}`;
}

/** A window: its name, or its definition in parentheses. */
function windowOf(node: WindowDef, render: Render, context: RenderContext): string {
  context.noteSort();
  const isBare = node.partitionClause === undefined && node.orderClause === undefined &&
    node.refname === undefined && ((node.frameOptions ?? 0) & FRAME.nonDefault) === 0;
  if (node.name !== undefined && isBare) return quoteIdentifier(node.name);
  return `(${windowBody(node, render)})`;
}

/** What stands between the parentheses of a window. */
export function windowBody(node: WindowDef, render: Render): string {
  const partition = (node.partitionClause ?? []).map((part) => render(part).sql);
  const order = (node.orderClause ?? []).map((part) => sortKey(part, render));
  return [
    ...node.refname === undefined ? [] : [quoteIdentifier(node.refname)],
    ...partition.length === 0 ? [] : [`partition by ${partition.join(", ")}`],
    ...order.length === 0 ? [] : [`order by ${order.join(", ")}`],
    frameOf(node, render),
  ].filter((part) => part !== "").join(" ");
}

function frameOf(node: WindowDef, render: Render): string {
  const options = node.frameOptions ?? 0;
  const has = (bit: number) => (options & bit) !== 0;
  if (!has(FRAME.nonDefault)) return "";
  // EXCLUDE makes SQLite read the whole frame again for each row.
  if (has(FRAME.exclude)) throw notOnSqlite("EXCLUDE in a window's frame");
  if (!has(FRAME.rows) && !has(FRAME.range)) throw notOnSqlite("GROUPS in a window's frame");
  const offset = (part: Node | undefined) => render(part).sql;
  const start = has(FRAME.startUnbounded)
    ? "unbounded preceding"
    : has(FRAME.startCurrent)
    ? "current row"
    : `${offset(node.startOffset)} ${has(FRAME.startPreceding) ? "preceding" : "following"}`;
  const end = has(FRAME.endUnbounded)
    ? "unbounded following"
    : has(FRAME.endCurrent)
    ? "current row"
    : `${offset(node.endOffset)} ${has(FRAME.endPreceding) ? "preceding" : "following"}`;
  return `${has(FRAME.rows) ? "rows" : "range"} between ${start} and ${end}`;
}
