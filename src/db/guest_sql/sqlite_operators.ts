/**
 * Operators of Postgres as SQLite's SQL: arithmetic with instants and intervals, comparisons whose
 * sides take each other's type, patterns, and access to JSON.
 *
 * @module
 */

import { notOnSqlite } from "./sqlite_render_context.ts";
import type { SqlValue } from "./sqlite_scope.ts";
import {
  BOOL,
  commonType,
  familyOf,
  INT4,
  INTERVAL,
  JSONB,
  type SqlType,
  TEXT,
  TIMESTAMPTZ,
} from "./sqlite_type.ts";
import { castSql, fitSql, isIntervalText, textSql } from "./sqlite_value.ts";

const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "<", "<=", ">", ">="]);
const BITS: ReadonlySet<string> = new Set(["&", "|", "<<", ">>"]);
const PATTERNS: Readonly<Record<string, { readonly name: string; readonly not: string }>> = {
  "~~": { name: "guest_like", not: "" },
  "!~~": { name: "guest_like", not: "not " },
  "~~*": { name: "guest_ilike", not: "" },
  "!~~*": { name: "guest_ilike", not: "not " },
};

/** Parts of one concatenation; SQLite bounds the arguments of a call. */
const MAX_PARTS = 60;

/**
 * Renders an operator between two values.
 *
 * @param name the operator.
 * @param left one side.
 * @param right the other.
 * @returns the value.
 * @throws {KernelError} guest_sql.invalid — SQLite has nothing like it.
 */
export function binary(name: string, left: SqlValue, right: SqlValue): SqlValue {
  if (COMPARISONS.has(name)) return compare(name, left, right);
  if (PATTERNS[name] !== undefined) return pattern(name, left, right);
  if (name === "||") return concatenate(left, right);
  if (name === "->" || name === "->>") return member(name, left, right);
  if (BITS.has(name)) {
    return { sql: `(${left.sql} ${name} ${right.sql})`, ...typed(left.type ?? right.type) };
  }
  if (name === "+" || name === "-" || name === "*") return arithmetic(name, left, right);
  if (name === "/") return divide(left, right);
  if (name === "%" || name === "^") {
    const type = name === "^" ? { name: "float8" } : commonType([left.type, right.type]);
    const [one, other] = [fitSql(left, type), fitSql(right, type)];
    const call = name === "^" ? "guest_power" : "guest_mod";
    return { sql: `${call}(${one.sql}, ${other.sql})`, ...typed(type) };
  }
  throw notOnSqlite(`The operator ${name}`, adviceFor(name));
}

function adviceFor(name: string): string | undefined {
  if (name.includes("~")) return "use LIKE or ILIKE";
  if (name === "@>" || name === "?") return "compare members with ->>";
  return undefined;
}

function typed(type: SqlType | undefined): { readonly type?: SqlType } {
  return type === undefined ? {} : { type };
}

/** Both sides as one type: a literal or an argument takes the other side's. */
export function alike(left: SqlValue, right: SqlValue): readonly [SqlValue, SqlValue] {
  return [fitSql(left, right.type), fitSql(right, left.type)];
}

/** A comparison. */
export function compare(name: string, left: SqlValue, right: SqlValue): SqlValue {
  const [one, other] = alike(left, right);
  return { sql: `(${one.sql} ${name} ${other.sql})`, type: BOOL };
}

/** LIKE and ILIKE; an escape character of its own stands in the pattern's call. */
function pattern(name: string, left: SqlValue, right: SqlValue): SqlValue {
  const call = PATTERNS[name]!;
  return { sql: `(${call.not}${call.name}(${textSql(left)}, ${right.sql}))`, type: BOOL };
}

function concatenate(left: SqlValue, right: SqlValue): SqlValue {
  for (const { type } of [left, right]) {
    const family = familyOf(type);
    if (family === "json" || family === "array") {
      throw notOnSqlite(`|| between values of type ${type!.name}`);
    }
  }
  // Nested calls become one, so that a long chain copies each part once.
  const all = [left, right].flatMap(parts);
  if (all.length > MAX_PARTS) return { sql: `guest_concat(${all.join(", ")})`, type: TEXT };
  const value: SqlValue = { sql: `guest_concat(${all.join(", ")})`, type: TEXT };
  concatenated.set(value, all);
  return value;
}

const concatenated = new WeakMap<SqlValue, readonly string[]>();

function parts(value: SqlValue): readonly string[] {
  return concatenated.get(value) ?? [textSql(value)];
}

/** `->` and `->>`. */
function member(name: "->" | "->>", left: SqlValue, right: SqlValue): SqlValue {
  const source = fitSql(left, JSONB).sql;
  const isPlace = familyOf(right.type) === "integer" || right.argument === "number";
  const isPlainName = right.literal !== undefined && !right.literal.startsWith("$");
  const key = isPlace || isPlainName ? right.sql : `guest_json_key(${right.sql})`;
  if (name === "->") return { sql: `(${source} -> ${key})`, type: JSONB };
  return {
    sql: `(case json_type(${source} -> ${key}) when 'true' then 'true' when 'false' then 'false' ` +
      `else guest_concat(${source} ->> ${key}) end)`,
    type: TEXT,
  };
}

function arithmetic(name: "+" | "-" | "*", left: SqlValue, right: SqlValue): SqlValue {
  const temporal = withTime(name, left, right);
  if (temporal !== undefined) return temporal;
  const [one, other] = alike(left, right);
  const type = commonType([one.type, other.type]);
  return {
    sql: `(${one.sql} ${name} ${other.sql})`,
    ...typed(productType(name, one, other, type)),
  };
}

/** A product has the digits of both sides. */
function productType(
  name: string,
  left: SqlValue,
  right: SqlValue,
  type: SqlType | undefined,
): SqlType | undefined {
  if (type?.name !== "numeric") return type;
  const scales = [left, right].map(({ type }) =>
    type?.name === "numeric" ? type.scale : familyOf(type) === "integer" ? 0 : undefined
  );
  const [one, other] = scales;
  if (one === undefined || other === undefined) return { name: "numeric" };
  return { name: "numeric", scale: name === "*" ? one + other : Math.max(one, other) };
}

function withTime(name: "+" | "-" | "*", left: SqlValue, right: SqlValue): SqlValue | undefined {
  const one = asInterval(left, right);
  const other = asInterval(right, left);
  const families = [familyOf(one.type), familyOf(other.type)] as const;
  const [from, to] = families;
  if (name === "*") {
    if (from === "interval") return call("interval_times", [one, other], INTERVAL);
    return to === "interval" ? call("interval_times", [other, one], INTERVAL) : undefined;
  }
  if (from === "interval" && to === "interval") {
    const second = name === "+" ? other : call("interval_times", [other, { sql: "-1" }], INTERVAL);
    return call("interval_add", [one, second], INTERVAL);
  }
  const isPoint = from === "instant" || from === "date";
  if (isPoint && to === "interval") {
    return call(name === "+" ? "instant_add" : "instant_less", [one, other], TIMESTAMPTZ);
  }
  if (name === "+" && from === "interval" && (to === "instant" || to === "date")) {
    return call("instant_add", [other, one], TIMESTAMPTZ);
  }
  if (from === "date" && to === "date" && name === "-") return call("day_gap", [one, other], INT4);
  if (isPoint && (to === "instant" || to === "date") && name === "-") {
    return call("instant_gap", [one, other], INTERVAL);
  }
  if (from === "date" && (to === "integer" || right.argument === "number")) {
    const days = name === "+" ? other : { sql: `(- ${other.sql})` };
    return call("day_add", [one, days], { name: "date" });
  }
  return undefined;
}

/** A bare text beside an instant: an interval when it reads as one. */
function asInterval(value: SqlValue, beside: SqlValue): SqlValue {
  const family = familyOf(beside.type);
  if (value.literal === undefined) return value;
  if (family === "interval") {
    return castSql(value, isIntervalText(value.literal) ? INTERVAL : TIMESTAMPTZ);
  }
  if (family !== "instant" && family !== "date") return value;
  return castSql(value, isIntervalText(value.literal) ? INTERVAL : beside.type!);
}

function call(name: string, values: readonly SqlValue[], type: SqlType): SqlValue {
  return { sql: `guest_${name}(${values.map((value) => value.sql).join(", ")})`, type };
}

function divide(left: SqlValue, right: SqlValue): SqlValue {
  if (familyOf(left.type) === "interval") {
    return call("interval_times", [left, { sql: `(1.0 / ${right.sql})` }], INTERVAL);
  }
  const [one, other] = alike(left, right);
  const type = commonType([one.type, other.type]);
  const isDecimal = familyOf(type) === "decimal";
  const dividend = isDecimal ? `(1.0 * ${one.sql})` : one.sql;
  const result = isDecimal && type?.name === "numeric" ? { name: "numeric" } : type;
  return { sql: `guest_div(${dividend}, ${other.sql})`, ...typed(result) };
}

/**
 * Renders an operator before one value.
 *
 * @param name the operator.
 * @param value what it stands before.
 * @returns the value.
 */
export function unary(name: string, value: SqlValue): SqlValue {
  if (name === "-" && familyOf(value.type) === "interval") {
    return call("interval_times", [value, { sql: "-1" }], INTERVAL);
  }
  if (name === "-" || name === "+" || name === "~") {
    return { sql: `(${name} ${value.sql})`, ...typed(value.type) };
  }
  throw notOnSqlite(`The operator ${name}`);
}
