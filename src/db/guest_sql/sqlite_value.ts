/**
 * Making one type of another in rendered SQL: literals are converted while rendering, everything
 * else by a function at run time.
 *
 * @module
 */

import { sqlFailed } from "./errors.ts";
import { castValue, type Stored } from "./sqlite_cast.ts";
import { readInterval } from "./sqlite_interval.ts";
import type { SqlValue } from "./sqlite_scope.ts";
import { BOOL, familyOf, type SqlType, TEXT } from "./sqlite_type.ts";

/**
 * A text as a literal of SQLite.
 *
 * @param text any text.
 * @returns the quoted literal.
 * @throws {KernelError} guest_sql.failed — it holds NUL or is not well-formed Unicode.
 */
export function quoted(text: string): string {
  if (text.includes("\0") || !text.isWellFormed()) {
    throw sqlFailed("A text must be well-formed Unicode without NUL", "22021");
  }
  return `'${text.replaceAll("'", "''")}'`;
}

/** A stored value as a literal of SQLite. */
export function literalSql(value: Stored): string {
  if (value === null) return "null";
  if (typeof value === "string") return quoted(value);
  if (value instanceof Uint8Array) return `x'${value.toHex()}'`;
  const text = String(value);
  return text.startsWith("-") ? `(${text})` : text;
}

/**
 * A value as one of another type, as an explicit cast makes it.
 *
 * @param value any value.
 * @param type the type wanted.
 * @returns the value of that type.
 */
export function castSql(value: SqlValue, type: SqlType): SqlValue {
  if (value.literal !== undefined) return { sql: literalSql(castValue(type, value.literal)), type };
  if (value.type === undefined && value.argument === undefined) return { sql: value.sql, type };
  const [from, to] = [familyOf(value.type), familyOf(type)];
  if (to === "text" && type.size === undefined) return { sql: textSql(value), type };
  const isSame = value.type?.name === type.name && type.size === undefined;
  if (isSame || (from === "instant" && to === "instant")) return { sql: value.sql, type };
  if (
    from === "integer" && (type.name === "int8" || (to === "decimal" && type.size === undefined))
  ) {
    return { sql: type.name === "float8" ? `(1.0 * ${value.sql})` : value.sql, type };
  }
  const source = to === "text" ? textSql(value) : value.sql;
  return { sql: conversion(type, source), type };
}

function conversion(type: SqlType, sql: string): string {
  const size = type.size === undefined ? "null" : String(type.size);
  const scale = type.scale === undefined ? "null" : String(type.scale);
  return `guest_to(${quoted(type.name)}, ${size}, ${scale}, ${sql})`;
}

/**
 * A value where one of a type is expected: a bare text or an argument becomes that type, anything
 * else stays what it is.
 *
 * @param value any value.
 * @param type what is expected; undefined when that is not known.
 * @returns the value.
 */
export function fitSql(value: SqlValue, type: SqlType | undefined): SqlValue {
  if (type === undefined || value.type !== undefined) return widened(value, type);
  const unsized: SqlType = { name: type.name };
  const family = familyOf(type);
  if (value.literal !== undefined) {
    return family === "text" ? { sql: value.sql, type: TEXT } : castSql(value, unsized);
  }
  const fits = value.argument === undefined ||
    (value.argument === "text" && family === "text") ||
    (value.argument === "number" && (family === "integer" || family === "decimal"));
  return fits
    ? { sql: value.sql, type: unsized }
    : { sql: conversion(unsized, value.sql), type: unsized };
}

/** A day beside an instant is the instant it begins with. */
function widened(value: SqlValue, type: SqlType | undefined): SqlValue {
  if (type === undefined || familyOf(type) !== "instant" || familyOf(value.type) !== "date") {
    return value;
  }
  return { sql: conversion(type, value.sql), type };
}

/** A bare literal or argument as a text, everything else as it is. */
export function settled(value: SqlValue): SqlValue {
  return value.literal === undefined ? value : { sql: value.sql, type: TEXT };
}

/** A condition. @throws {KernelError} guest_sql.failed — a literal that is no truth value. */
export function conditionSql(value: SqlValue): string {
  return fitSql(value, BOOL).sql;
}

/** The text that a cast to text gives. */
export function textSql(value: SqlValue): string {
  switch (familyOf(value.type)) {
    case "bool":
      return `guest_bool_text(${value.sql})`;
    case "instant":
    case "date":
      return `guest_instant_text(${value.sql})`;
    case "interval":
      return `guest_interval_text(${value.sql})`;
    case "array":
      return `guest_array_text(${value.sql})`;
    case "decimal":
      return value.type?.name === "numeric" && value.type.scale !== undefined
        ? `guest_numeric_text(${value.sql}, ${value.type.scale})`
        : `guest_concat(${value.sql})`;
    case "integer":
    case "bytes":
      return `guest_concat(${value.sql})`;
    default:
      return value.argument === undefined ? value.sql : `guest_concat(${value.sql})`;
  }
}

/** Whether a bare text reads as an interval rather than as a point in time. */
export function isIntervalText(text: string): boolean {
  try {
    readInterval(text);
    return true;
  } catch {
    return false;
  }
}
