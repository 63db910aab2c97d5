/**
 * What a column holds when an insert names no value: a literal, the current instant or a new UUID.
 * Any other expression is refused. Whether a literal fits the column is checked by `schema/`.
 *
 * @module
 */

import type { FuncCall, Node } from "libpg-query";
import type { ColumnDefault, ColumnType } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { literalOf } from "./literal.ts";
import { columnType } from "./column_type.ts";
import { builtinName, onlyFields } from "./syntax_tree.ts";

const NOW_FUNCTIONS: ReadonlySet<string> = new Set([
  "now",
  "transaction_timestamp",
  "statement_timestamp",
  "clock_timestamp",
]);
const UUID_FUNCTIONS: ReadonlySet<string> = new Set([
  "gen_random_uuid",
  "uuid_generate_v4",
  "uuidv4",
]);
const NOW_VALUES: ReadonlySet<string> = new Set([
  "SVFOP_CURRENT_TIMESTAMP",
  "SVFOP_CURRENT_TIMESTAMP_N",
  "SVFOP_LOCALTIMESTAMP",
  "SVFOP_LOCALTIMESTAMP_N",
  "SVFOP_CURRENT_TIME",
  "SVFOP_CURRENT_TIME_N",
  "SVFOP_LOCALTIME",
  "SVFOP_LOCALTIME_N",
]);
const UTC: ReadonlySet<unknown> = new Set(["utc", "UTC", "Etc/UTC", "gmt", "GMT"]);

/**
 * Reads a default.
 *
 * @param admission the migration at hand.
 * @param node the expression after DEFAULT.
 * @param column the column, and `table.column` for the message.
 * @param offset byte where the default stands.
 * @returns the default, or undefined for NULL.
 * @throws {KernelError} schema.migration_refused — anything else.
 */
export function columnDefault(
  admission: Admission,
  node: Node,
  column: { readonly place: string; readonly type: ColumnType },
  offset?: number,
): ColumnDefault | undefined {
  const value = literalOf(admission, node);
  if (value === null) return undefined;
  if (value !== undefined) return { kind: "literal", value };
  const kind = functionOf(admission, node);
  // Midnight is not the current instant.
  if (kind === "today" && column.type.kind === "date") return { kind: "now" };
  if (kind === "now" || kind === "uuid") return { kind };
  throw admission.refuse(
    `the default of ${column.place} is not allowed: use a literal, now(), current_date or ` +
      "gen_random_uuid()",
    offset,
  );
}

function functionOf(admission: Admission, node: Node): "now" | "today" | "uuid" | undefined {
  if ("SQLValueFunction" in node) {
    const value = node.SQLValueFunction.op ?? "";
    if (value === "SVFOP_CURRENT_DATE") return "today";
    return NOW_VALUES.has(value) ? "now" : undefined;
  }
  if ("TypeCast" in node) {
    const { arg, typeName } = node.TypeCast;
    const kind = arg === undefined ? undefined : functionOf(admission, arg);
    if (kind === undefined) return undefined;
    const type = columnType(admission, typeName);
    return kind === "now" && type.kind === "date" ? "today" : kind;
  }
  return "FuncCall" in node ? callOf(admission, node.FuncCall) : undefined;
}

function callOf(admission: Admission, call: FuncCall): "now" | "uuid" | undefined {
  const known = ["funcname", "args", "funcformat", "location"] as const;
  const name = builtinName(call.funcname) ?? "";
  onlyFields(admission, "a function call", call, known, call.location);
  const [first, second, ...rest] = call.args ?? [];
  if (first === undefined) {
    if (UUID_FUNCTIONS.has(name)) return "uuid";
    return NOW_FUNCTIONS.has(name) ? "now" : undefined;
  }
  // `now() at time zone 'utc'`: sessions are in UTC, and every timestamp is an instant.
  if (name !== "timezone" || second === undefined || rest.length > 0) return undefined;
  const isNow = functionOf(admission, second) === "now";
  return isNow && UTC.has(literalOf(admission, first)) ? "now" : undefined;
}
