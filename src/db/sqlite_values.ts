/**
 * Values on their way into and out of SQLite.
 *
 * @module
 */

import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { invalidStatement } from "./errors.ts";

/**
 * Turns a parameter into what SQLite stores: booleans become 0/1, dates ISO text.
 *
 * @param value a parameter.
 * @returns a value that can be bound.
 * @throws {KernelError} db.invalid_statement — for objects, functions and symbols.
 */
export function toSqlite(value: unknown): SQLInputValue {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
      return value;
    case "boolean":
      return value ? 1 : 0;
    case "undefined":
      return null;
  }
  if (value === null || value instanceof Uint8Array) return value;
  if (value instanceof Date) return value.toISOString();
  throw invalidStatement(`A parameter of type ${typeof value} cannot be bound`);
}

/**
 * Turns a stored value into its text form: blobs as `\x` and hex, as Postgres writes them.
 *
 * @param value what a row holds.
 * @returns its text, or null.
 */
export function toText(value: SQLOutputValue): string | null {
  if (typeof value === "string" || value === null) return value;
  if (value instanceof Uint8Array) return `\\x${value.toHex()}`;
  return String(value);
}

/**
 * Turns a stored value into what rows carry: integers as numbers while they are exact, as text
 * beyond.
 *
 * @param value what a row holds.
 * @returns the value.
 */
export function toRowValue(value: SQLOutputValue): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
