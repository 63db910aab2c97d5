/**
 * Postgres's functions as SQLite calls: by which name, how many arguments of which types, and the
 * type of the result. What is not listed is refused.
 *
 * @module
 */

import type { SqlValue } from "./sqlite_scope.ts";
import {
  DATE,
  type Family,
  familyOf,
  FLOAT8,
  INT4,
  INT8,
  INTERVAL,
  JSONB,
  NUMERIC,
  type SqlType,
  TEXT,
  TIMESTAMPTZ,
  UUID,
} from "./sqlite_type.ts";

/** How a function is called. */
export interface FunctionCall {
  /** Fewest and most arguments. */
  readonly count: readonly [number, number];
  /** Types that bare literals and arguments take, by place; the last one repeats. */
  readonly takes?: readonly (SqlType | undefined)[];
  /** The call; `texts` are the arguments as texts. */
  readonly sql: (values: readonly string[]) => string;
  readonly type: SqlType | ((types: readonly (SqlType | undefined)[]) => SqlType | undefined);
  /** Arguments are turned into texts first. */
  readonly texts?: true;
}

/** An aggregate or window function. */
export interface AggregateCall extends FunctionCall {
  readonly kind: "aggregate" | "window";
  /** It grows a text with every row: over a frame that would cost the square of the rows. */
  readonly grows?: true;
}

const own = (name: string) => (values: readonly string[]) => `guest_${name}(${values.join(", ")})`;
const native = (name: string) => (values: readonly string[]) => `${name}(${values.join(", ")})`;
const first = (types: readonly (SqlType | undefined)[]) => types[0];

const BOOL_TYPE: SqlType = { name: "bool" };
const BYTES: SqlType = { name: "bytea" };

function text(name: string, least: number, most = least, type: SqlType = TEXT): FunctionCall {
  return { count: [least, most], sql: own(name), type, texts: true };
}

/** Texts whose first argument is one, the others numbers. */
function counted(name: string, least: number, most = least): FunctionCall {
  return { count: [least, most], takes: [TEXT, INT4], sql: own(name), type: TEXT };
}

function number(
  name: string,
  least: number,
  type: FunctionCall["type"],
  most = least,
): FunctionCall {
  return { count: [least, most], takes: [NUMERIC], sql: own(name), type };
}

/** Rounding keeps integers and floats, and says how many digits are left. */
function rounded(types: readonly (SqlType | undefined)[]): SqlType {
  return types[0]?.name === "float8" ? FLOAT8 : { name: "numeric" };
}

const JSON_ARRAY_LENGTH: FunctionCall = {
  count: [1, 1],
  takes: [JSONB],
  sql: native("json_array_length"),
  type: INT4,
};
const JSON_TYPE: FunctionCall = {
  count: [1, 1],
  takes: [JSONB],
  sql: ([value]) =>
    `(case json_type(${value}) when 'true' then 'boolean' when 'false' then 'boolean' ` +
    `when 'integer' then 'number' when 'real' then 'number' when 'text' then 'string' ` +
    `else json_type(${value}) end)`,
  type: TEXT,
};
const NOW: FunctionCall = { count: [0, 0], sql: () => "guest_now()", type: TIMESTAMPTZ };
const RANDOM_UUID: FunctionCall = { count: [0, 0], sql: () => "guest_uuid()", type: UUID };

/** Functions of one value each. */
export const FUNCTION_CALLS: Readonly<Record<string, FunctionCall>> = {
  lower: text("lower", 1),
  upper: text("upper", 1),
  initcap: text("initcap", 1),
  length: text("length", 1, 1, INT4),
  char_length: text("length", 1, 1, INT4),
  character_length: text("length", 1, 1, INT4),
  octet_length: text("octet_length", 1, 1, INT4),
  btrim: text("btrim", 1, 2),
  trim: text("btrim", 1, 2),
  ltrim: text("ltrim", 1, 2),
  rtrim: text("rtrim", 1, 2),
  replace: text("replace", 3),
  translate: text("translate", 3),
  reverse: text("reverse", 1),
  starts_with: text("starts_with", 2, 2, BOOL_TYPE),
  strpos: text("strpos", 2, 2, INT4),
  ascii: text("ascii", 1, 1, INT4),
  substr: counted("substr", 2, 3),
  substring: counted("substr", 2, 3),
  left: counted("left", 2),
  right: counted("right", 2),
  repeat: counted("repeat", 2),
  lpad: { ...counted("lpad", 2, 3), takes: [TEXT, INT4, TEXT] },
  rpad: { ...counted("rpad", 2, 3), takes: [TEXT, INT4, TEXT] },
  split_part: { ...counted("split_part", 3), takes: [TEXT, TEXT, INT4] },
  position: { ...text("strpos", 2, 2, INT4) },
  chr: { count: [1, 1], takes: [INT4], sql: own("chr"), type: TEXT },
  to_hex: { count: [1, 1], takes: [INT8], sql: own("to_hex"), type: TEXT },
  encode: { count: [2, 2], takes: [BYTES, TEXT], sql: own("encode"), type: TEXT },
  decode: { count: [2, 2], takes: [TEXT], sql: own("decode"), type: BYTES },
  abs: { count: [1, 1], takes: [NUMERIC], sql: native("abs"), type: first },
  sign: {
    count: [1, 1],
    takes: [NUMERIC],
    sql: ([value]) => `((${value} > 0) - (${value} < 0))`,
    type: first,
  },
  round: number("round", 1, rounded, 2),
  trunc: number("trunc", 1, rounded, 2),
  ceil: number("ceil", 1, rounded),
  ceiling: number("ceil", 1, rounded),
  floor: number("floor", 1, rounded),
  mod: number("mod", 2, first),
  div: {
    count: [2, 2],
    takes: [NUMERIC],
    sql: ([left, right]) => `guest_trunc(guest_div(${left}, ${right}))`,
    type: NUMERIC,
  },
  power: number("power", 2, FLOAT8),
  pow: number("power", 2, FLOAT8),
  sqrt: number("sqrt", 1, FLOAT8),
  exp: number("exp", 1, FLOAT8),
  ln: number("ln", 1, FLOAT8),
  log: number("log10", 1, FLOAT8),
  now: NOW,
  transaction_timestamp: NOW,
  statement_timestamp: NOW,
  clock_timestamp: NOW,
  date_trunc: {
    count: [2, 2],
    takes: [TEXT, TIMESTAMPTZ],
    sql: own("date_trunc"),
    type: TIMESTAMPTZ,
  },
  extract: { count: [2, 2], takes: [TEXT, TIMESTAMPTZ], sql: own("extract"), type: NUMERIC },
  date_part: { count: [2, 2], takes: [TEXT, TIMESTAMPTZ], sql: own("extract"), type: FLOAT8 },
  to_timestamp: { count: [1, 1], takes: [FLOAT8], sql: own("to_timestamp"), type: TIMESTAMPTZ },
  make_date: { count: [3, 3], takes: [INT4], sql: own("make_date"), type: DATE },
  date: {
    count: [1, 1],
    takes: [TIMESTAMPTZ],
    sql: ([value]) => `guest_to('date', null, null, ${value})`,
    type: DATE,
  },
  to_char: {
    count: [2, 2],
    takes: [TIMESTAMPTZ, TEXT],
    sql: own("to_char_instant"),
    type: TEXT,
  },
  gen_random_uuid: RANDOM_UUID,
  uuidv4: RANDOM_UUID,
  jsonb_array_length: JSON_ARRAY_LENGTH,
  json_array_length: JSON_ARRAY_LENGTH,
  jsonb_typeof: JSON_TYPE,
  json_typeof: JSON_TYPE,
};

const INTEGER_SUM: ReadonlySet<Family | undefined> = new Set(["integer"]);

function sumType(types: readonly (SqlType | undefined)[]): SqlType {
  const [type] = types;
  if (INTEGER_SUM.has(familyOf(type))) return type?.name === "int8" ? { name: "numeric" } : INT8;
  return type ?? NUMERIC;
}

function averageType(types: readonly (SqlType | undefined)[]): SqlType {
  return types[0]?.name.startsWith("float")
    ? FLOAT8
    : types[0]?.name === "interval"
    ? INTERVAL
    : NUMERIC;
}

function aggregate(
  name: string,
  most: number,
  type: FunctionCall["type"],
  takes?: SqlType,
): AggregateCall {
  return {
    kind: "aggregate",
    count: [1, most],
    sql: native(name),
    type,
    ...takes && { takes: [takes] },
  };
}

function ranking(name: string, type: SqlType = INT8): AggregateCall {
  return { kind: "window", count: [0, 0], sql: native(name), type };
}

function neighbour(name: string, least: number, most: number): AggregateCall {
  return {
    kind: "window",
    count: [least, most],
    takes: [undefined, INT4],
    sql: native(name),
    type: first,
  };
}

const ARRAY_AGG: AggregateCall = {
  ...aggregate("json_group_array", 1, JSONB),
  grows: true,
};

/** Functions of many rows. */
export const AGGREGATE_CALLS: Readonly<Record<string, AggregateCall>> = {
  count: aggregate("count", 1, INT8),
  sum: aggregate("sum", 1, sumType, NUMERIC),
  avg: aggregate("avg", 1, averageType, NUMERIC),
  min: aggregate("min", 1, first),
  max: aggregate("max", 1, first),
  bool_and: aggregate("min", 1, BOOL_TYPE, BOOL_TYPE),
  every: aggregate("min", 1, BOOL_TYPE, BOOL_TYPE),
  bool_or: aggregate("max", 1, BOOL_TYPE, BOOL_TYPE),
  string_agg: {
    kind: "aggregate",
    count: [2, 2],
    sql: native("group_concat"),
    type: TEXT,
    texts: true,
    grows: true,
  },
  json_agg: ARRAY_AGG,
  jsonb_agg: ARRAY_AGG,
  array_agg: {
    ...ARRAY_AGG,
    type: (types) => ({ name: `_${types[0]?.name ?? "text"}` }),
  },
  jsonb_object_agg: {
    ...aggregate("json_group_object", 2, JSONB),
    count: [2, 2],
    takes: [TEXT, undefined],
    grows: true,
  },
  row_number: ranking("row_number"),
  rank: ranking("rank"),
  dense_rank: ranking("dense_rank"),
  percent_rank: ranking("percent_rank", FLOAT8),
  cume_dist: ranking("cume_dist", FLOAT8),
  ntile: { kind: "window", count: [1, 1], takes: [INT4], sql: native("ntile"), type: INT4 },
  lag: neighbour("lag", 1, 3),
  lead: neighbour("lead", 1, 3),
  first_value: neighbour("first_value", 1, 1),
  last_value: neighbour("last_value", 1, 1),
  nth_value: neighbour("nth_value", 2, 2),
};

/** The type that a call gives. */
export function callType(call: FunctionCall, values: readonly SqlValue[]): SqlType | undefined {
  return typeof call.type === "function" ? call.type(values.map((value) => value.type)) : call.type;
}
