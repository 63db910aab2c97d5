/**
 * Values that guests' SQL gives, as contract/metacore.md §5.3 encodes them, from the text form of
 * Postgres. Two things differ from the table there: `bytea` is `\x` and hexadecimal digits, because
 * the original's raw text lost bytes, and what JSON cannot say as a number (NaN, Infinity) is text.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { WireField } from "../postgres_exchange.ts";
import type { WireValue } from "../postgres_values.ts";
import { toPostgres } from "../postgres_values.ts";
import type { GuestArgument, GuestColumn } from "./guest_sql.ts";

/** Names of types by their object identifier (pg_type.dat). */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  16: "bool",
  17: "bytea",
  19: "name",
  20: "int8",
  21: "int2",
  23: "int4",
  25: "text",
  26: "oid",
  114: "json",
  142: "xml",
  199: "_json",
  650: "cidr",
  700: "float4",
  701: "float8",
  829: "macaddr",
  869: "inet",
  1000: "_bool",
  1001: "_bytea",
  1005: "_int2",
  1007: "_int4",
  1009: "_text",
  1014: "_bpchar",
  1015: "_varchar",
  1016: "_int8",
  1021: "_float4",
  1022: "_float8",
  1042: "bpchar",
  1043: "varchar",
  1082: "date",
  1083: "time",
  1114: "timestamp",
  1115: "_timestamp",
  1182: "_date",
  1183: "_time",
  1184: "timestamptz",
  1185: "_timestamptz",
  1186: "interval",
  1187: "_interval",
  1231: "_numeric",
  1266: "timetz",
  1560: "bit",
  1562: "varbit",
  1700: "numeric",
  2249: "record",
  2950: "uuid",
  2951: "_uuid",
  3614: "tsvector",
  3615: "tsquery",
  3802: "jsonb",
  3807: "_jsonb",
  3904: "int4range",
  3906: "numrange",
  3908: "tsrange",
  3910: "tstzrange",
  3912: "daterange",
  3926: "int8range",
  4072: "jsonpath",
};

const READERS: Readonly<Record<string, (text: string) => Json>> = {
  bool: (text) => text === "t",
  int2: Number,
  int4: Number,
  int8: exactInteger,
  float4: floatValue,
  float8: floatValue,
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text,
  timestamp: (text) => /^\d{4}-\d\d-\d\d \d/.test(text) ? instant(`${text}+00`) : text,
  timestamptz: (text) => /^\d{4}-\d\d-\d\d \d/.test(text) ? instant(text) : text,
};

/**
 * An integer that JSON says with all its digits, beyond what a number of JavaScript holds too.
 *
 * @param text decimal digits, with or without a sign.
 * @returns a number, or a value that `JSON.stringify` writes as these digits.
 */
export function exactInteger(text: string): Json {
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  // Named border: TypeScript does not know JSON.rawJSON yet; it is frozen and carries its text.
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): Json };
  return rawJSON.call(JSON, BigInt(text).toString());
}

/** Sessions run in UTC: `2026-11-21 08:50:59.123+00`. What has no such form stays text. */
function instant(text: string): string {
  return text.replace(" ", "T").replace(/\+00$/, "Z");
}

function floatValue(text: string): Json {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

/**
 * Names and types of columns.
 *
 * @param fields as the server describes them.
 * @returns the same for guests.
 */
export function guestColumns(fields: readonly WireField[]): GuestColumn[] {
  return fields.map(({ name, dataTypeID }) => {
    const type = TYPE_NAMES[dataTypeID];
    return type === undefined ? { name } : { name, type };
  });
}

/**
 * Rows of values.
 *
 * @param rows in text form.
 * @param columns whose values they are.
 * @returns the rows for guests.
 */
export function guestRows(
  rows: readonly (readonly (string | null)[])[],
  columns: readonly GuestColumn[],
): Json[][] {
  const readers = columns.map(({ type }) => READERS[type ?? ""]);
  return rows.map((row) =>
    row.map((text, index) => text === null ? null : readers[index]?.(text) ?? text)
  );
}

/**
 * The value of a placeholder.
 *
 * @param value an argument.
 * @returns what the protocol carries.
 */
export function guestArgument(value: GuestArgument): WireValue {
  if (value === null || typeof value !== "object") return toPostgres(value);
  return value.kind === "bytes" ? toPostgres(value.bytes) : value.text;
}
