/**
 * Distinct values of a column with the number of records that hold each (contract/client.md §4).
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { Json } from "../base/json.ts";
import { staticOptions } from "../models/options.ts";
import { type RecordContext, recordView, tableOf, templateOf } from "./context.ts";
import { fieldRequired, unknownColumn } from "./errors.ts";
import { parseListRequest, positiveInteger, searchText } from "./query/params.ts";
import { type Condition, planSelection, type Selection } from "./query/plan.ts";
import { selectionKey, selectionValues, selectionWhere } from "./query/render.ts";
import { labelText, notRemoved, type RecordJsonOptions } from "./record_json.ts";
import type { Facet } from "./record_service.ts";
import { SEARCHABLE_KINDS, type ShapeColumn } from "./shape.ts";
import { slotValue } from "./template.ts";

/** Values given when the client names no number. */
const DEFAULT_LIMIT = 50;
/** Most values given. */
const MAX_LIMIT = 200;

const UNCOUNTABLE = new Set(["json", "bytes", "array"]);

interface FacetRow {
  readonly value: Json;
  readonly count: number;
  readonly label?: string | null;
}

/**
 * Counts the values of a column over the filtered records, the most frequent first.
 *
 * @param context the request; its permission has been checked.
 * @param query `field`, `q`, `limit`, and the filters of a list.
 * @returns the values; none for a key that a view draws and no column stores.
 * @throws {KernelError} record.field_required, record.unknown_column, record.invalid_filter
 */
export async function listFacets(
  context: RecordContext,
  query: URLSearchParams,
): Promise<readonly Facet[]> {
  const { shape } = context.live;
  const field = query.get("field")?.trim() ?? "";
  if (field === "") throw fieldRequired();
  const column = shape.resolve(field);
  if (column === undefined) {
    if (shape.viewKeys.has(field)) return [];
    throw unknownColumn("facet", field, shape.names());
  }
  if (UNCOUNTABLE.has(column.type.kind)) return [];
  const selection = facetSelection(context, query, column);
  const values = selectionValues(context.caller.organizationId, selection);
  const view = await recordView(context);
  const shapeKey = selectionKey(selection);
  const template = templateOf(
    context,
    shapeKey === undefined ? undefined : `facets ${view.key} ${column.name} ${shapeKey}`,
    () => facetQuery(context, view.json, column, selection, values.length),
  );
  const limit = Math.min(positiveInteger(query.get("limit")) ?? DEFAULT_LIMIT, MAX_LIMIT);
  const [result] = await context.ports.database.batch(context.caller.organizationId, [
    template.bind([...values, limit]),
  ]);
  const rows = JSON.parse(result?.rows[0]?.[0] ?? "[]") as FacetRow[];
  return labelled(context, column, rows);
}

function facetSelection(
  context: RecordContext,
  query: URLSearchParams,
  column: ShapeColumn,
): Selection {
  const given = planSelection(parseListRequest(query), context.live.shape);
  const conditions: Condition[] = [...given.conditions, { kind: "isNotNull", column }];
  const text = searchText(query.get("q"));
  if (text !== undefined && SEARCHABLE_KINDS.has(column.type.kind)) {
    conditions.push({ kind: "contains", column, text });
  }
  return { ...given, conditions };
}

function facetQuery(
  context: RecordContext,
  json: RecordJsonOptions,
  column: ShapeColumn,
  selection: Selection,
  limitSlot: number,
): RawBuilder<unknown> {
  const { profile } = context.ports.database;
  const target = { profile, scope: context.ports.scope, shape: context.live.shape };
  const value = sql.ref(`record.${column.name}`);
  const groups = sql`select ${value} as value, count(*) as records from ${
    tableOf(context)
  } as record where ${
    selectionWhere(target, selection, "record")
  } group by ${value} order by count(*) desc, ${value} limit ${
    slotValue(profile, limitSlot, { kind: "bigint" })
  }`;
  const entries: [string, RawBuilder<unknown>][] = [
    ["value", profile.jsonValue(sql.ref("facet.value"), column.type)],
    ["count", sql.ref("facet.records")],
  ];
  const label = referenceLabel(json, column);
  if (label !== undefined) entries.push(["label", label]);
  return sql`select ${profile.jsonArray(profile.jsonObject(entries))} from (${groups}) as facet`;
}

function referenceLabel(
  json: RecordJsonOptions,
  column: ShapeColumn,
): RawBuilder<unknown> | undefined {
  const sibling = json.siblings.find((candidate) => candidate.column === column.name);
  if (sibling === undefined) return undefined;
  const conditions = [
    json.scope("sibling", json.organization),
    sql`${sql.ref("sibling.id")} = ${sql.ref("facet.value")}`,
  ];
  const present = notRemoved(sibling.target, "sibling");
  if (present !== undefined) conditions.push(present);
  return sql`(select ${labelText(sibling.labels, "sibling")} from ${
    json.profile.table(sibling.target.model.table)
  } as sibling where ${sql.join(conditions, sql` and `)})`;
}

function labelled(
  context: RecordContext,
  column: ShapeColumn,
  rows: readonly FacetRow[],
): Facet[] {
  const labels = new Map(
    staticOptions(context.live.shape.model, column.name)
      .map((option) => [String(option.value), option.label]),
  );
  return rows
    .filter((row) => row.value !== "")
    .map((row) => ({
      value: row.value,
      label: row.label ?? labels.get(String(row.value)) ?? String(row.value),
      count: row.count,
    }));
}
