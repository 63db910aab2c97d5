/**
 * ListRequest + ModelShape → ReadPlan: every name is a column of the model and every value has its
 * column's type, or the request is refused with the name at fault. No SQL here.
 *
 * @module
 */

import { type ModelShape, SEARCHABLE_KINDS, type ShapeColumn } from "../shape.ts";
import type { ListRequest } from "./params.ts";
import { type FilterRequest, listItems, rangeBounds } from "./filter.ts";
import {
  expectedOf,
  type FilterValue,
  nextDay,
  parseBoolean,
  parseDate,
  parseFilterValue,
} from "./filter_value.ts";
import { invalidFilter, tooManyFilters, unknownColumn, unprefixedFilter } from "../errors.ts";

/** Most values of one `IN` filter. */
export const MAX_LIST_ITEMS = 500;
/** Most filters of one list: more than a person sets, fewer than an engine nests. */
export const MAX_FILTERS = 100;

/** Comparison of a column with one value. */
export type Comparison = "=" | "<" | "<=" | ">" | ">=";

/** A condition on one column, checked. */
export type Condition =
  | {
    readonly kind: "compare";
    readonly column: ShapeColumn;
    readonly comparison: Comparison;
    readonly value: FilterValue;
  }
  | { readonly kind: "in" | "notIn"; readonly column: ShapeColumn; readonly values: FilterValue[] }
  | { readonly kind: "contains"; readonly column: ShapeColumn; readonly text: string }
  | { readonly kind: "isNull" | "isNotNull"; readonly column: ShapeColumn };

/** Which records are meant: all conditions hold, and one of the search columns contains the text. */
export interface Selection {
  readonly conditions: readonly Condition[];
  readonly search?: { readonly text: string; readonly columns: readonly ShapeColumn[] };
}

/** A checked list. */
export interface ReadPlan {
  readonly selection: Selection;
  /** Absent: newest first. */
  readonly sort?: { readonly column: ShapeColumn; readonly direction: "asc" | "desc" };
  readonly page: number;
  readonly perPage: number;
}

/**
 * Checks a list against a model.
 *
 * @param request what the client asks for.
 * @param shape the model.
 * @returns the plan.
 * @throws {KernelError} record.unknown_column — when a filter, the sort or a search column names none;
 *   record.invalid_filter — when a value does not fit; record.unknown_parameter — when a parameter
 *   has a column's name without `f_`.
 */
export function planList(request: ListRequest, shape: ModelShape): ReadPlan {
  const selection = planSelection(request, shape);
  const sort = request.sort === undefined ? undefined : shape.resolve(request.sort.name);
  if (request.sort !== undefined && sort === undefined && !shape.viewKeys.has(request.sort.name)) {
    throw unknownColumn("sort", request.sort.name, shape.names());
  }
  const column = sort === undefined || !isSortable(sort) ? undefined : sort;
  return {
    selection,
    page: request.page,
    perPage: request.perPage,
    ...(column === undefined ? {} : { sort: { column, direction: request.sort!.direction } }),
  };
}

/**
 * Checks filters and search against a model.
 *
 * @param request what the client asks for.
 * @param shape the model.
 * @returns which records are meant.
 * @throws {KernelError} as {@link planList}.
 */
export function planSelection(request: ListRequest, shape: ModelShape): Selection {
  for (const name of request.others) {
    if (shape.columns.has(name)) throw unprefixedFilter(name);
  }
  if (request.filters.length > MAX_FILTERS) throw tooManyFilters(MAX_FILTERS);
  const conditions: Condition[] = [];
  for (const filter of request.filters) {
    const column = shape.resolve(filter.name);
    if (column !== undefined) conditions.push(...planFilter(filter, column));
    else if (!shape.viewKeys.has(filter.name)) {
      throw unknownColumn("filter", filter.name, shape.names());
    }
  }
  const search = planSearch(request, shape);
  return { conditions, ...(search === undefined ? {} : { search }) };
}

function planSearch(request: ListRequest, shape: ModelShape): Selection["search"] {
  const asked: ShapeColumn[] = [];
  for (const name of request.searchColumns ?? []) {
    const column = shape.resolve(name);
    if (column === undefined && !shape.viewKeys.has(name)) {
      throw unknownColumn("search", name, shape.names());
    }
    if (column !== undefined && SEARCHABLE_KINDS.has(column.type.kind)) asked.push(column);
  }
  if (request.search === undefined) return undefined;
  const columns = asked.length > 0 ? asked : shape.searchColumns;
  return columns.length === 0 ? undefined : { text: request.search, columns };
}

function isSortable(column: ShapeColumn): boolean {
  return !["json", "bytes", "array"].includes(column.type.kind);
}

function planFilter(filter: FilterRequest, column: ShapeColumn): Condition[] {
  switch (filter.operator) {
    case "eq":
      return planEquals(filter.value, column);
    case "in":
    case "not_in":
      return [planMembership(filter, column)];
    case "ilike":
    case "like":
      if (!SEARCHABLE_KINDS.has(column.type.kind)) {
        throw invalidFilter(
          column.name,
          filter.value,
          "usable with ILIKE: only texts, whole numbers and ids contain a text",
        );
      }
      return [{ kind: "contains", column, text: filter.value.replaceAll("\u0000", "") }];
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return [planBound(filter.value, column, filter.operator)];
    case "range":
      return planRange(filter.value, column);
    case "null":
    case "not_null":
      return [planNull(filter, column)];
  }
}

function planEquals(value: string, column: ShapeColumn): Condition[] {
  if (!isTimelike(column)) return [compare(column, "=", value)];
  const range = rangeBounds(value, ["_"]);
  if (range !== undefined) return planBounds(range, value, column);
  return column.type.kind === "timestamp" && parseDate(value) !== undefined
    ? planBounds([value, value], value, column)
    : [compare(column, "=", value)];
}

function planRange(value: string, column: ShapeColumn): Condition[] {
  const separators = isTimelike(column) ? ["|", ",", "_"] : ["|", ","];
  return planBounds(rangeBounds(value, separators) ?? [value, ""], value, column);
}

function planBounds(
  [from, to]: readonly [string, string],
  given: string,
  column: ShapeColumn,
): Condition[] {
  if (from === "" && to === "") throw invalidFilter(column.name, given, expectedOf(column.type));
  const conditions: Condition[] = [];
  if (from !== "") conditions.push(planBound(from, column, "gte"));
  if (to !== "") conditions.push(planBound(to, column, "lte"));
  return conditions;
}

/** A bound; a bare date bounds a timestamp by its whole day. */
function planBound(
  value: string,
  column: ShapeColumn,
  operator: "gt" | "gte" | "lt" | "lte",
): Condition {
  const day = column.type.kind === "timestamp" ? parseDate(value) : undefined;
  if (day !== undefined && operator === "lte") return compare(column, "<", nextDay(day));
  if (day !== undefined && operator === "gt") return compare(column, ">=", nextDay(day));
  const comparison = ({ gt: ">", gte: ">=", lt: "<", lte: "<=" } as const)[operator];
  return compare(column, comparison, value);
}

function planMembership(filter: FilterRequest, column: ShapeColumn): Condition {
  const items = listItems(filter.value);
  if (items.length > MAX_LIST_ITEMS) {
    throw invalidFilter(column.name, filter.value, `a list of at most ${MAX_LIST_ITEMS} values`);
  }
  const values = items.map((item) => typed(column, item));
  return { kind: filter.operator === "in" ? "in" : "notIn", column, values };
}

function planNull(filter: FilterRequest, column: ShapeColumn): Condition {
  const wanted = filter.value === "" ? true : parseBoolean(filter.value);
  if (wanted === undefined) throw invalidFilter(column.name, filter.value, "true or false");
  return { kind: (filter.operator === "null") === wanted ? "isNull" : "isNotNull", column };
}

function compare(column: ShapeColumn, comparison: Comparison, value: string): Condition {
  return { kind: "compare", column, comparison, value: typed(column, value) };
}

function typed(column: ShapeColumn, text: string): FilterValue {
  const value = parseFilterValue(text, column.type);
  if (value === undefined) throw invalidFilter(column.name, text, expectedOf(column.type));
  return value;
}

function isTimelike(column: ShapeColumn): boolean {
  return column.type.kind === "timestamp" || column.type.kind === "date";
}
