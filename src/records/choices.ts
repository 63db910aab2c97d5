/**
 * Records as choices: `{id, value, label, name, …}`, ordered by label (contract/metacore.md §1.7).
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { Json } from "../base/json.ts";
import { type RecordContext, tableOf, templateOf } from "./context.ts";
import { imageOf, labelsOf } from "./live_model.ts";
import { MAX_PAGE, positiveInteger, searchText } from "./query/params.ts";
import type { Selection } from "./query/plan.ts";
import {
  renderWindow,
  selectionKey,
  selectionValues,
  selectionWhere,
  type Window,
  windowKey,
} from "./query/render.ts";
import { labelText } from "./record_json.ts";
import type { RecordOption } from "./record_service.ts";
import { SEARCHABLE_KINDS, type ShapeColumn } from "./shape.ts";

/** Choices given when the client names no number. */
const DEFAULT_LIMIT = 50;
/** Most choices given. */
const MAX_LIMIT = 200;

/** Columns that make a choice; what is absent is found by its name. */
export interface ChoiceColumns {
  /** @default id */
  readonly value?: ShapeColumn | undefined;
  readonly labels?: readonly ShapeColumn[] | undefined;
  readonly description?: ShapeColumn | undefined;
  readonly image?: ShapeColumn | undefined;
}

/** Which choices are meant. */
export interface ChoiceRequest {
  readonly selection: Selection;
  /** `q` or `search`, `limit`, `offset`. */
  readonly query: URLSearchParams;
  readonly columns: ChoiceColumns;
  /** Where `q` is looked for: in what the choice shows, or in all that the model's lists search. */
  readonly searchIn: "labels" | "search columns";
}

interface ChoiceRow {
  readonly id: Json;
  readonly label: string | null;
  readonly description?: string | null;
  readonly image?: string | null;
  readonly color?: string | null;
  readonly icon?: string | null;
}

/**
 * Lists records as choices.
 *
 * @param context the request on the model whose records are the choices; permission checked.
 * @param request which ones.
 * @returns the choices; a record without a label is called by its id.
 */
export async function listChoices(
  context: RecordContext,
  request: ChoiceRequest,
): Promise<RecordOption[]> {
  const labels = request.columns.labels ?? labelsOf(context.live.shape);
  const selection = searched(context, request, labels);
  const values = selectionValues(context.caller.organizationId, selection);
  const entries = choiceEntries(context, request.columns, labels);
  const window: Window = {
    limit: Math.min(positiveInteger(request.query.get("limit")) ?? DEFAULT_LIMIT, MAX_LIMIT),
    offset: Math.min(positiveInteger(request.query.get("offset")) ?? 0, MAX_PAGE),
  };
  const key = selectionKey(selection);
  const use = `choices ${entryKey(request.columns, labels)} ${windowKey(window)}`;
  const template = templateOf(
    context,
    key === undefined ? undefined : `${use} ${key}`,
    () => choiceQuery(context, { selection, labels, entries, window, offsetSlot: values.length }),
  );
  const [result] = await context.ports.database.batch(context.caller.organizationId, [
    template.bind([...values, window.offset]),
  ]);
  return (JSON.parse(result?.rows[0]?.[0] ?? "[]") as ChoiceRow[]).map(optionOf);
}

function searched(
  context: RecordContext,
  request: ChoiceRequest,
  labels: readonly ShapeColumn[],
): Selection {
  const text = searchText(request.query.get("q")) ?? searchText(request.query.get("search"));
  if (text === undefined) return request.selection;
  const wanted = request.searchIn === "labels" ? labels : context.live.shape.searchColumns;
  const columns = wanted.filter((column) => SEARCHABLE_KINDS.has(column.type.kind));
  return { ...request.selection, search: { text, columns: columns.length > 0 ? columns : labels } };
}

function choiceEntries(
  context: RecordContext,
  columns: ChoiceColumns,
  labels: readonly ShapeColumn[],
): [string, RawBuilder<unknown>][] {
  const { profile } = context.ports.database;
  const { shape } = context.live;
  const value = columns.value ?? shape.columns.get("id")!;
  const entries: [string, RawBuilder<unknown>][] = [
    ["id", profile.jsonValue(sql.ref(`record.${value.name}`), value.type)],
    ["label", labelText(labels, "record")],
  ];
  const texts: readonly (readonly [string, ShapeColumn | undefined])[] = [
    ["description", columns.description],
    ["image", columns.image ?? imageOf(shape)],
    ["color", shape.columns.get("color")],
    ["icon", shape.columns.get("icon")],
  ];
  for (const [name, column] of texts) {
    if (column === undefined) continue;
    entries.push([name, sql`cast(${sql.ref(`record.${column.name}`)} as text)`]);
  }
  return entries;
}

function choiceQuery(
  context: RecordContext,
  parts: {
    readonly selection: Selection;
    readonly labels: readonly ShapeColumn[];
    readonly entries: readonly (readonly [string, RawBuilder<unknown>])[];
    readonly window: Window;
    readonly offsetSlot: number;
  },
): RawBuilder<unknown> {
  const { profile } = context.ports.database;
  const { shape } = context.live;
  const target = { profile, scope: context.ports.scope, shape };
  const columns = [...shape.columns.keys()].map((name) => sql.ref(`record.${name}`));
  const order = [...parts.labels.map((column) => column.name), "id"]
    .map((name) => sql.ref(`record.${name}`));
  const rows = sql`select ${sql.join(columns)} from ${tableOf(context)} as record where ${
    selectionWhere(target, parts.selection, "record")
  } order by ${sql.join(order)} ${renderWindow(profile, parts.window, parts.offsetSlot)}`;
  return sql`select ${
    profile.jsonArray(profile.jsonObject(parts.entries))
  } from (${rows}) as record`;
}

function entryKey(columns: ChoiceColumns, labels: readonly ShapeColumn[]): string {
  const named = [columns.value, columns.description, columns.image, ...labels];
  return named.map((column) => column?.name ?? "").join(",");
}

function optionOf(row: ChoiceRow): RecordOption {
  const label = row.label ?? String(row.id);
  return {
    id: row.id,
    value: row.id,
    label,
    name: label,
    ...(row.description ? { description: row.description } : {}),
    ...(row.image ? { image: row.image } : {}),
    ...(row.color ? { color: row.color } : {}),
    ...(row.icon ? { icon: row.icon } : {}),
  };
}
