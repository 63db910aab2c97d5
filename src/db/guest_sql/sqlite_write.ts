/**
 * Writes of a checked tree, taken apart: what the guest's text computes becomes queries, which run
 * under the wall like any read, and what is stored is stored by statements of the kernel. So no
 * text of a guest ever has the right to write, and values get the form their columns hold.
 *
 * @module
 */

import type { Node, OnConflictClause, ReturningClause, WithClause } from "libpg-query";
import { TENANT_COLUMN } from "../schema/tenant_rules.ts";
import { quoteIdentifier } from "../schema/names.ts";
import type { CheckedSql } from "./checked.ts";
import { invalidSql, sqlFailed } from "./errors.ts";
import { renderExpression } from "./sqlite_expression.ts";
import { renderFrom } from "./sqlite_from.ts";
import { notOnSqlite, type RenderContext, type RenderedQuery } from "./sqlite_render_context.ts";
import { type NamedColumn, Scope } from "./sqlite_scope.ts";
import { renderTargets, renderWith } from "./sqlite_select.ts";
import type { ColumnShape, TableShape } from "./sqlite_tables.ts";
import { conditionSql, fitSql } from "./sqlite_value.ts";

/** Where a value of a write comes from. */
export type ValueSource =
  | { readonly kind: "result"; readonly place: number }
  | { readonly kind: "default" };

/** A column that is written and its value. */
export interface Assignment {
  readonly column: ColumnShape;
  readonly source: ValueSource;
}

/** A query that a write needs; row by row it takes values behind the guest's arguments. */
export interface RowQuery extends RenderedQuery {
  /** Columns whose values follow the arguments, in order. */
  readonly given: readonly string[];
}

/** What becomes of a row that is there already. */
export interface Conflict {
  /** Columns that name the row; empty when any unique index does. */
  readonly columns: readonly string[];
  /** Finds key and new values; undefined to leave the row alone. */
  readonly update?: { readonly query: RowQuery; readonly assignments: readonly Assignment[] };
}

/** A write, taken apart. Queries of existing rows give the primary key first. */
export type WritePlan =
  & {
    readonly target: TableShape;
    readonly source: RenderedQuery;
    readonly returning?: RowQuery;
  }
  & (
    | {
      readonly kind: "insert";
      /** One per row for VALUES with DEFAULT in them, else one for all. */
      readonly rows: readonly (readonly Assignment[])[];
      readonly conflict?: Conflict;
    }
    | { readonly kind: "update"; readonly assignments: readonly Assignment[] }
    /** What RETURNING names follows the key in the source's columns. */
    | { readonly kind: "delete"; readonly returned?: readonly NamedColumn[] }
  );

/** What planning needs to know. */
export interface WriteContext extends RenderContext {
  /** The table that is written. */
  readonly target: TableShape;
  /** Its view, quoted. */
  readonly targetView: string;
}

/**
 * Takes a write apart.
 *
 * @param checked a checked write.
 * @param context of the statement.
 * @returns the plan.
 * @throws {KernelError} guest_sql.invalid, guest_sql.failed
 */
export function planWrite(checked: CheckedSql, context: WriteContext): WritePlan {
  const { statement } = checked;
  if (context.target.primaryKey.length === 0) {
    throw invalidSql(`table ${context.target.table} has no primary key`);
  }
  if ("InsertStmt" in statement) return planInsert(statement.InsertStmt, context);
  if ("UpdateStmt" in statement) return planUpdate(statement.UpdateStmt, context);
  if ("DeleteStmt" in statement) return planDelete(statement.DeleteStmt, context);
  throw notOnSqlite("MERGE", "use INSERT … ON CONFLICT");
}

interface Insert {
  readonly relation?: { readonly alias?: { readonly aliasname?: string } };
  readonly cols?: readonly Node[];
  readonly selectStmt?: Node;
  readonly withClause?: WithClause;
  readonly onConflictClause?: OnConflictClause;
  readonly returningClause?: ReturningClause;
}

function planInsert(node: Insert, context: WriteContext): WritePlan {
  const { target } = context;
  const named = node.cols === undefined
    ? target.columns
    : node.cols.map((part) => columnOf(target, "ResTarget" in part ? part.ResTarget : {}));
  const alias = aliasOf(node, target);
  const scope = new Scope();
  const prefix = renderWith(node.withClause, scope, context);
  const { query, rows } = insertSource(node, named, scope, context);
  return {
    kind: "insert",
    target,
    source: { ...query, sql: prefix + query.sql },
    rows,
    ...node.onConflictClause &&
      { conflict: planConflict(node.onConflictClause, alias, context) },
    ...returningPart(node.returningClause, alias, context),
  };
}

function insertSource(
  node: Insert,
  named: readonly ColumnShape[],
  scope: Scope,
  context: WriteContext,
): { readonly query: RenderedQuery; readonly rows: readonly (readonly Assignment[])[] } {
  const select = node.selectStmt;
  if (select === undefined || !("SelectStmt" in select)) {
    return { query: { sql: "select 1", columns: [] }, rows: [[]] };
  }
  const { valuesLists } = select.SelectStmt;
  if (valuesLists === undefined) {
    const query = context.query(select.SelectStmt, scope);
    requireWidth(query.columns.length, named);
    return { query, rows: [named.slice(0, query.columns.length).map(resultAt)] };
  }
  const lists = valuesLists.map((list) => "List" in list ? list.List.items ?? [] : []);
  const rows = lists.map((items) => {
    requireWidth(items.length, named);
    return items.map((item, i): Assignment =>
      "SetToDefault" in item
        ? { column: named[i]!, source: { kind: "default" } }
        : resultAt(named[i]!, i)
    );
  });
  const texts = lists.map((items) =>
    items.map((item, i) =>
      "SetToDefault" in item
        ? "null"
        : fitSql(renderExpression(item, scope, context), named[i]!.type).sql
    )
  );
  const width = texts[0]?.length ?? 0;
  if (texts.some((values) => values.length !== width)) {
    throw sqlFailed("VALUES lists must all be the same length", "42601");
  }
  return {
    query: {
      sql: `values ${texts.map((values) => `(${values.join(", ")})`).join(", ")}`,
      columns: named.slice(0, width).map(({ name, type }) => ({ name, type })),
    },
    rows,
  };
}

function resultAt(column: ColumnShape, place: number): Assignment {
  return { column, source: { kind: "result", place } };
}

function requireWidth(width: number, named: readonly ColumnShape[]): void {
  if (width > named.length) {
    throw sqlFailed("INSERT has more expressions than target columns", "42601");
  }
}

function planConflict(
  node: OnConflictClause,
  alias: string,
  context: WriteContext,
): Conflict {
  if (node.infer?.whereClause !== undefined) throw notOnSqlite("ON CONFLICT … WHERE of an index");
  const columns = (node.infer?.indexElems ?? []).map((part) => {
    const name = "IndexElem" in part ? part.IndexElem.name : undefined;
    if (name === undefined) throw notOnSqlite("ON CONFLICT of an expression");
    return columnOf(context.target, { name }).name;
  });
  const key = columns.length === 0 || columns.includes(TENANT_COLUMN)
    ? columns
    : [TENANT_COLUMN, ...columns];
  if (node.action !== "ONCONFLICT_UPDATE") return { columns: key };
  if (key.length === 0) throw sqlFailed("ON CONFLICT DO UPDATE needs the columns", "42601");
  const given = context.target.columns.map((column) => column.name);
  const scope = targetScope(alias, context);
  scope.items.push({ alias: "excluded", columns: shapeColumns(context.target) });
  const first = context.arguments.length + 1;
  const values = given.map((name, i) => `?${first + i} as ${quoteIdentifier(name)}`);
  const own = quoteIdentifier(alias);
  const same = key.map((name) =>
    `${own}.${quoteIdentifier(name)} = "excluded".${quoteIdentifier(name)}`
  );
  const { assignments, selected } = assignmentsOf(node.targetList, scope, context);
  const conditions = [...same, ...conditionsOf(node.whereClause, scope, context)];
  const sql = `select ${[...keyOf(own, context.target), ...selected].join(", ")} ` +
    `from ${context.targetView} as ${own}, (select ${values.join(", ")}) as "excluded" ` +
    `where ${conditions.join(" and ")}`;
  return { columns: key, update: { query: { sql, columns: [], given }, assignments } };
}

interface Update {
  readonly relation?: { readonly alias?: { readonly aliasname?: string } };
  readonly targetList?: readonly Node[];
  readonly fromClause?: readonly Node[];
  readonly usingClause?: readonly Node[];
  readonly whereClause?: Node;
  readonly withClause?: WithClause;
  readonly returningClause?: ReturningClause;
}

function planUpdate(node: Update, context: WriteContext): WritePlan {
  const alias = aliasOf(node, context.target);
  const { from, prefix, scope, ticks } = existingRows(node, node.fromClause, alias, context);
  const { assignments, selected } = assignmentsOf(node.targetList, scope, context);
  const conditions = [...ticks, ...conditionsOf(node.whereClause, scope, context)];
  const list = [...keyOf(quoteIdentifier(alias), context.target), ...selected];
  const sql = `${prefix}select ${list.join(", ")}${from} where ${conditions.join(" and ")}`;
  return {
    kind: "update",
    target: context.target,
    source: { sql, columns: [] },
    assignments,
    ...returningPart(node.returningClause, alias, context),
  };
}

function planDelete(node: Update, context: WriteContext): WritePlan {
  const alias = aliasOf(node, context.target);
  const { from, prefix, scope, ticks } = existingRows(node, node.usingClause, alias, context);
  const conditions = [...ticks, ...conditionsOf(node.whereClause, scope, context)];
  const exprs = node.returningClause?.exprs;
  const returned = exprs && renderTargets(exprs, scope, context);
  const list = [
    ...keyOf(quoteIdentifier(alias), context.target),
    ...(returned ?? []).map(({ value }) => value.sql),
  ];
  const sql = `${prefix}select ${list.join(", ")}${from} where ${conditions.join(" and ")}`;
  return {
    kind: "delete",
    target: context.target,
    source: { sql, columns: [] },
    ...returned && { returned: returned.map(({ column }) => column) },
  };
}

/** The table that is written, as the guest sees it, and what stands beside it. */
function existingRows(
  node: Update,
  others: readonly Node[] | undefined,
  alias: string,
  context: WriteContext,
): {
  readonly from: string;
  readonly prefix: string;
  readonly scope: Scope;
  readonly ticks: readonly string[];
} {
  const scope = targetScope(alias, context);
  const prefix = renderWith(node.withClause, scope, context);
  const beside = renderFrom(others, scope, context);
  const own = quoteIdentifier(alias);
  const rest = beside.sql.replace(/^ from /, ", ");
  return {
    from: ` from ${context.targetView} as ${own}${rest}`,
    prefix,
    scope,
    ticks: [`guest_tick(${own}.${quoteIdentifier(TENANT_COLUMN)})`, ...beside.ticks],
  };
}

function targetScope(alias: string, context: WriteContext): Scope {
  const scope = new Scope();
  scope.items.push({ alias, columns: shapeColumns(context.target) });
  return scope;
}

/** The columns of a table as statements see them. */
export function shapeColumns(shape: TableShape): NamedColumn[] {
  return shape.columns.map(({ name, type, spec }) => ({ name, type, required: !spec.nullable }));
}

function keyOf(alias: string, target: TableShape): string[] {
  return target.primaryKey.map((name) => `${alias}.${quoteIdentifier(name)}`);
}

function aliasOf(
  node: { readonly relation?: { readonly alias?: { readonly aliasname?: string } } },
  target: TableShape,
): string {
  return node.relation?.alias?.aliasname ?? target.table;
}

function conditionsOf(node: Node | undefined, scope: Scope, context: RenderContext): string[] {
  return node === undefined ? [] : [conditionSql(renderExpression(node, scope, context))];
}

function columnOf(
  target: TableShape,
  part: { readonly name?: string; readonly indirection?: readonly Node[] },
): ColumnShape {
  if ((part.indirection ?? []).length > 0) {
    throw notOnSqlite("Assignment to an element of an array");
  }
  const column = target.columns.find(({ name }) => name === part.name);
  if (column !== undefined) return column;
  throw sqlFailed(
    `column ${JSON.stringify(part.name)} of relation ${
      JSON.stringify(target.table)
    } does not exist`,
    "42703",
  );
}

function assignmentsOf(
  nodes: readonly Node[] | undefined,
  scope: Scope,
  context: WriteContext,
): { readonly assignments: Assignment[]; readonly selected: string[] } {
  const first = context.target.primaryKey.length;
  const assignments: Assignment[] = [];
  const selected: string[] = [];
  for (const node of nodes ?? []) {
    if (!("ResTarget" in node)) continue;
    const column = columnOf(context.target, node.ResTarget);
    const { val } = node.ResTarget;
    if (val === undefined || "SetToDefault" in val) {
      assignments.push({ column, source: { kind: "default" } });
      continue;
    }
    const part = "MultiAssignRef" in val ? rowPart(val.MultiAssignRef) : val;
    assignments.push({ column, source: { kind: "result", place: first + selected.length } });
    selected.push(fitSql(renderExpression(part, scope, context), column.type).sql);
  }
  return { assignments, selected };
}

/** `(a, b) = (1, 2)`; from a sub-query it cannot be had. */
function rowPart(node: { readonly source?: Node; readonly colno?: number }): Node {
  const { source, colno = 1 } = node;
  const part = source !== undefined && "RowExpr" in source
    ? source.RowExpr.args?.[colno - 1]
    : undefined;
  if (part === undefined) throw notOnSqlite("(columns) = (sub-query)", "set each column by itself");
  return part;
}

/** RETURNING as a query of the row that was written, by its key. */
function returningPart(
  clause: ReturningClause | undefined,
  alias: string,
  context: WriteContext,
): { readonly returning?: RowQuery } {
  if (clause === undefined) return {};
  const scope = targetScope(alias, context);
  const selected = renderTargets(clause.exprs, scope, context);
  const own = quoteIdentifier(alias);
  const given = context.target.primaryKey;
  const first = context.arguments.length + 1;
  const key = given.map((name, i) => `${own}.${quoteIdentifier(name)} = ?${first + i}`);
  const sql = `select ${selected.map(({ value }) => value.sql).join(", ")} ` +
    `from ${context.targetView} as ${own} where ${key.join(" and ")}`;
  return { returning: { sql, columns: selected.map(({ column }) => column), given } };
}
