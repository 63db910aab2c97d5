/**
 * Values on their way into and out of Postgres, all in text form.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { invalidStatement } from "./errors.ts";

/** What a parameter of the protocol is: text, bytes, or null. */
export type WireValue = string | Buffer | null;

/**
 * Turns a parameter into its text form.
 *
 * @param value a parameter.
 * @returns what the protocol carries.
 * @throws {KernelError} db.invalid_statement — for objects, functions and symbols.
 */
export function toPostgres(value: unknown): WireValue {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    case "undefined":
      return null;
  }
  if (value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  throw invalidStatement(`A parameter of type ${typeof value} cannot be bound`);
}

/** Reads one value of a row. */
export type FieldReader = (text: string) => unknown;

const asText: FieldReader = (text) => text;
const asNumber: FieldReader = (text) => Number(text);
const asBytes: FieldReader = (text) => Uint8Array.fromHex(text.slice(2));
// Sessions run in UTC: `2026-11-21 08:50:59.123+00`.
const asInstant: FieldReader = (text) => text.replace(" ", "T").replace(/\+00$/, "Z");

/** Object identifiers of built-in types (pg_type.dat). */
const BOOL = 16, BYTEA = 17, INT8 = 20, INT2 = 21, INT4 = 23, FLOAT4 = 700, FLOAT8 = 701;
const TIMESTAMPTZ = 1184;

const READERS: Readonly<Record<number, FieldReader>> = {
  [BOOL]: (text) => text === "t",
  [BYTEA]: asBytes,
  [INT2]: asNumber,
  [INT4]: asNumber,
  [FLOAT4]: asNumber,
  [FLOAT8]: asNumber,
  [TIMESTAMPTZ]: asInstant,
};

/**
 * Finds how values of a type are read into rows; `bigint`, `numeric` and JSON stay text.
 *
 * @param typeId object identifier of the type.
 * @returns the reader.
 */
export function fieldReader(typeId: number): FieldReader {
  return READERS[typeId] ?? asText;
}

/**
 * Like {@link fieldReader} for typed queries over kernel tables, whose `bigint`s are counters that
 * stay exact as numbers.
 *
 * @param typeId object identifier of the type.
 * @returns the reader.
 */
export function kernelFieldReader(typeId: number): FieldReader {
  return typeId === INT8 ? asNumber : fieldReader(typeId);
}
