/**
 * Query string → ListRequest (contract/metacore.md §2.1, contract/client.md §4). Names are taken as
 * sent: whether the model has them is decided in `plan.ts`. Nothing here refuses; values that say
 * nothing are dropped, as published clients expect.
 *
 * @module
 */

import { type FilterRequest, listItems, parseFilter } from "./filter.ts";

/** Records on a page when the client names no number. */
export const DEFAULT_PER_PAGE = 15;
/** Most records on a page. */
export const MAX_PER_PAGE = 200;
/** Farthest page; a greater number means this one. */
export const MAX_PAGE = 10_000_000;
/** Greatest length of a search text, in characters (code points). */
export const MAX_SEARCH_CHARACTERS = 100;

/** How to sort, as sent. */
export interface SortRequest {
  readonly name: string;
  readonly direction: "asc" | "desc";
}

/** A list as a client asks for it. */
export interface ListRequest {
  /** 1 and up. */
  readonly page: number;
  /** 1 to {@link MAX_PER_PAGE}. */
  readonly perPage: number;
  readonly sort?: SortRequest;
  readonly search?: string;
  /** Columns the client wants searched, as sent. */
  readonly searchColumns?: readonly string[];
  readonly filters: readonly FilterRequest[];
  /** Parameters with neither a meaning of their own nor the prefix of filters. */
  readonly others: readonly string[];
}

const KNOWN: ReadonlySet<string> = new Set([
  "page",
  "per_page",
  "sortBy",
  "orderBy",
  "order",
  "orderDir",
  "search",
  "search_columns",
]);

/**
 * Parameters that published clients or proxies send and that mean nothing to a list: language and
 * branch, export settings, cache busters, the token of a socket, and the tenant, which only the
 * token decides.
 */
export const IGNORED_PARAMETERS: ReadonlySet<string> = new Set([
  "lang",
  "locale",
  "branch",
  "branch_id",
  "format",
  "columns",
  "column_labels",
  "token",
  "access_token",
  "organization_id",
  "_t",
  "_",
  "t",
  "v",
  "field",
  "q",
  "limit",
  "offset",
  "filter_value",
]);

/**
 * Reads the parameters of a list. Of a repeated parameter the first value that is not empty counts.
 *
 * @param query the query string of the request.
 * @returns what the client asks for.
 */
export function parseListRequest(query: URLSearchParams): ListRequest {
  const first = firstValues(query);
  const filters: FilterRequest[] = [];
  const others: string[] = [];
  for (const [key, value] of first) {
    if (!key.startsWith("f_")) {
      if (!KNOWN.has(key) && !IGNORED_PARAMETERS.has(key)) others.push(key);
      continue;
    }
    const filter = parseFilter(key.slice(2), value);
    if (filter !== undefined) filters.push(filter);
  }
  const sort = sortRequest(first);
  const search = searchText(first.get("search"));
  // Each once: every name is another comparison per record.
  const searchColumns = [...new Set(listItems(first.get("search_columns") ?? ""))];
  return {
    page: Math.min(positiveInteger(first.get("page")) ?? 1, MAX_PAGE),
    perPage: Math.min(positiveInteger(first.get("per_page")) ?? DEFAULT_PER_PAGE, MAX_PER_PAGE),
    ...(sort === undefined ? {} : { sort }),
    ...(search === undefined ? {} : { search }),
    ...(searchColumns.length === 0 ? {} : { searchColumns }),
    filters,
    others,
  };
}

/**
 * Reads a search text: trimmed, cut to {@link MAX_SEARCH_CHARACTERS}, without NUL.
 *
 * @param text as sent.
 * @returns the text, or undefined when nothing is left.
 */
export function searchText(text: string | null | undefined): string | undefined {
  if (text === null || text === undefined) return undefined;
  const clean = text.replaceAll("\u0000", "").trim();
  if (clean === "") return undefined;
  if (clean.length <= MAX_SEARCH_CHARACTERS) return clean;
  return Array.from(clean).slice(0, MAX_SEARCH_CHARACTERS).join("");
}

/**
 * Reads a positive integer.
 *
 * @param text as sent.
 * @returns the number, or undefined when the text is none.
 */
export function positiveInteger(text: string | null | undefined): number | undefined {
  if (text === null || text === undefined || !/^[0-9]{1,15}$/.test(text.trim())) return undefined;
  const value = Number(text);
  return value > 0 ? value : undefined;
}

function firstValues(query: URLSearchParams): Map<string, string> {
  const first = new Map<string, string>();
  for (const [key, value] of query) {
    if ((first.get(key) ?? "") === "") first.set(key, value);
  }
  return first;
}

function sortRequest(first: ReadonlyMap<string, string>): SortRequest | undefined {
  const name = (first.get("sortBy") || first.get("orderBy") || "").trim();
  if (name === "") return undefined;
  const order = (first.get("order") || first.get("orderDir") || "").trim().toLowerCase();
  return { name, direction: order === "asc" ? "asc" : "desc" };
}
