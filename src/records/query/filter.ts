/**
 * The grammar of one filter value, `<operator>:<value>` (contract/metacore.md §2.2 and the spellings
 * that contract/client.md §4 saw). It knows no model: types are checked in `plan.ts`.
 *
 * @module
 */

/** Operators of filters. `eq` is also what a value without an operator means. */
export type FilterOperator =
  | "eq"
  | "in"
  | "not_in"
  | "ilike"
  | "like"
  | "gt"
  | "gte"
  | "lt"
  | "lte"
  | "range"
  | "null"
  | "not_null";

/** One filter as sent. */
export interface FilterRequest {
  /** Column or view key, as sent, without `f_`. */
  readonly name: string;
  readonly operator: FilterOperator;
  /** Text behind the operator, trimmed. */
  readonly value: string;
}

const OPERATORS: ReadonlySet<string> = new Set<FilterOperator>([
  "eq",
  "in",
  "not_in",
  "ilike",
  "like",
  "gt",
  "gte",
  "lt",
  "lte",
  "range",
  "null",
  "not_null",
]);

/**
 * Reads one filter value. An unknown word before the first colon belongs to the value, so that
 * `12:30` is a literal.
 *
 * @param name column as sent, without `f_`.
 * @param text value as sent.
 * @returns the filter, or undefined when it says nothing (an empty value).
 */
export function parseFilter(name: string, text: string): FilterRequest | undefined {
  const colon = text.indexOf(":");
  const word = colon < 0 ? "" : text.slice(0, colon).trim().toLowerCase();
  if (!isOperator(word)) return filterUnlessEmpty(name, "eq", text.trim());
  const value = text.slice(colon + 1).trim();
  if (word === "null" || word === "not_null") return { name, operator: word, value };
  return filterUnlessEmpty(name, word, value);
}

/**
 * Splits a list value: trimmed, blanks dropped.
 *
 * @param value such as `a, b,,c`.
 * @returns its items.
 */
export function listItems(value: string): string[] {
  return value.split(",").map((item) => item.trim()).filter((item) => item !== "");
}

/**
 * Splits the bounds of a range; `|` as the snapshot reads it, `,` as clients send it, and `_` where
 * the caller says so (date ranges).
 *
 * @param value such as `1|5`, `1,5`, `,5`.
 * @param separators tried in order.
 * @returns both bounds, trimmed, empty where open; undefined when no separator occurs.
 */
export function rangeBounds(
  value: string,
  separators: readonly string[],
): readonly [string, string] | undefined {
  for (const separator of separators) {
    const at = value.indexOf(separator);
    if (at < 0) continue;
    return [value.slice(0, at).trim(), value.slice(at + separator.length).trim()];
  }
  return undefined;
}

function isOperator(word: string): word is FilterOperator {
  return OPERATORS.has(word);
}

function filterUnlessEmpty(
  name: string,
  operator: FilterOperator,
  value: string,
): FilterRequest | undefined {
  const empty = operator === "in" || operator === "not_in"
    ? listItems(value).length === 0
    : operator === "range"
    ? value.replaceAll(/[|,_\s]/g, "") === ""
    : value === "";
  return empty ? undefined : { name, operator, value };
}
