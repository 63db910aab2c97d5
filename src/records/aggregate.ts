/**
 * Totals of numeric columns over the filtered records (contract/client.md §4).
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { JsonObject } from "../base/json.ts";
import { type RecordContext, tableOf, templateOf } from "./context.ts";
import { parseListRequest } from "./query/params.ts";
import { planSelection, type Selection } from "./query/plan.ts";
import { selectionKey, selectionValues, selectionWhere } from "./query/render.ts";
import type { ShapeColumn } from "./shape.ts";

const NUMERIC = new Set(["smallint", "integer", "bigint", "numeric", "real", "double"]);
/** Functions a view may ask for; any other word means a sum. */
const FUNCTIONS = new Set(["sum", "avg", "min", "max", "count"]);
/** Digits behind the point of a total: those of a decimal column. */
const SCALE = 4;

interface Total {
  readonly column: ShapeColumn;
  readonly function: string;
}

/**
 * Totals the columns whose view asks for it, or all numeric ones where no view asks for any.
 *
 * @param context the request; its permission has been checked.
 * @param query the filters and the search of a list.
 * @returns column → total; 0 where there are no records.
 * @throws {KernelError} record.unknown_column, record.invalid_filter
 */
export async function aggregateRecords(
  context: RecordContext,
  query: URLSearchParams,
): Promise<JsonObject> {
  const selection = planSelection(parseListRequest(query), context.live.shape);
  const totals = totalsOf(context);
  if (totals.length === 0) return {};
  const key = selectionKey(selection);
  const template = templateOf(
    context,
    key === undefined ? undefined : `aggregate ${key}`,
    () => aggregateQuery(context, totals, selection),
  );
  const { organizationId } = context.caller;
  const [result] = await context.ports.database.batch(organizationId, [
    template.bind(selectionValues(organizationId, selection)),
  ]);
  return JSON.parse(result?.rows[0]?.[0] ?? "{}") as JsonObject;
}

function totalsOf(context: RecordContext): Total[] {
  const { shape } = context.live;
  const asked: Total[] = [];
  for (const [key, word] of shape.view.aggregates) {
    const column = shape.resolve(key);
    if (column === undefined || !NUMERIC.has(column.type.kind)) continue;
    asked.push({ column, function: FUNCTIONS.has(word) ? word : "sum" });
  }
  if (asked.length > 0) return asked;
  return [...shape.columns.values()]
    .filter((column) => NUMERIC.has(column.type.kind))
    .map((column) => ({ column, function: "sum" }));
}

function aggregateQuery(
  context: RecordContext,
  totals: readonly Total[],
  selection: Selection,
): RawBuilder<unknown> {
  const { profile } = context.ports.database;
  const target = { profile, scope: context.ports.scope, shape: context.live.shape };
  const entries = totals.map((total): [string, RawBuilder<unknown>] => [
    total.column.name,
    totalOf(total),
  ]);
  return sql`select ${profile.jsonObject(entries)} from (select ${
    sql.join(totals.map(({ column }) => sql.ref(`record.${column.name}`)))
  } from ${tableOf(context)} as record where ${
    selectionWhere(target, selection, "record")
  }) as record`;
}

/** Sums of 64-bit integers would overflow as integers on one engine, so they are taken as decimals. */
function totalOf({ column, function: name }: Total): RawBuilder<unknown> {
  const reference = sql.ref(`record.${column.name}`);
  const value = column.type.kind === "bigint" ? sql`${reference} * 1.0` : reference;
  const total = sql`coalesce(${sql.raw(name)}(${value}), 0)`;
  if (name === "count" || column.type.kind.endsWith("integer")) return total;
  return sql`round(cast(${total} as numeric), ${sql.lit(SCALE)})`;
}
