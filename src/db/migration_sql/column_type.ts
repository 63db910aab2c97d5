/**
 * Types of columns, from Postgres's spellings to the kernel's closed set. A type that the set lacks
 * is refused by name, with what to use instead.
 *
 * @module
 */

import type { Node, TypeName } from "libpg-query";
import type { ColumnType } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { builtinName, nameParts, onlyFields, shown } from "./syntax_tree.ts";

/** Types that take no size. Those kept as text hold what was written, without the type's checks. */
const PLAIN: ReadonlyMap<string, ColumnType> = new Map<string, ColumnType>([
  ["text", { kind: "text" }],
  ["citext", { kind: "text" }],
  ["name", { kind: "text" }],
  ["inet", { kind: "text" }],
  ["cidr", { kind: "text" }],
  ["macaddr", { kind: "text" }],
  ["macaddr8", { kind: "text" }],
  ["uuid", { kind: "uuid" }],
  ["int2", { kind: "smallint" }],
  ["int4", { kind: "integer" }],
  ["int8", { kind: "bigint" }],
  ["float4", { kind: "real" }],
  ["float8", { kind: "double" }],
  ["bool", { kind: "boolean" }],
  ["date", { kind: "date" }],
  ["json", { kind: "json" }],
  ["jsonb", { kind: "json" }],
  ["bytea", { kind: "bytes" }],
]);

/** Types whose number in brackets says how exact a time or a span is; the kernel keeps its own. */
const TIMED: ReadonlyMap<string, ColumnType> = new Map<string, ColumnType>([
  ["timestamp", { kind: "timestamp" }],
  ["timestamptz", { kind: "timestamp" }],
  ["time", { kind: "time" }],
  ["interval", { kind: "text" }],
]);

const ELEMENTS: ReadonlyMap<string, "text" | "uuid" | "integer" | "bigint"> = new Map([
  ["text", "text"],
  ["varchar", "text"],
  ["uuid", "uuid"],
  ["int2", "integer"],
  ["int4", "integer"],
  ["int8", "bigint"],
]);

const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["money", "numeric(19,4)"],
  ["serial", "uuid default gen_random_uuid()"],
  ["serial2", "uuid default gen_random_uuid()"],
  ["serial4", "uuid default gen_random_uuid()"],
  ["serial8", "uuid default gen_random_uuid()"],
  ["smallserial", "uuid default gen_random_uuid()"],
  ["bigserial", "uuid default gen_random_uuid()"],
  ["timetz", "time or timestamptz"],
  ["bit", "boolean or text"],
  ["varbit", "text"],
  ["char", "char(1)"],
  ["xml", "text"],
  ["hstore", "jsonb"],
  ["oid", "bigint"],
  ["tsvector", "text"],
  ["point", "two double precision columns"],
]);

/**
 * Reads the type of a column or of a cast.
 *
 * @param admission the migration at hand.
 * @param name the type as the parser gives it.
 * @returns the type.
 * @throws {KernelError} schema.migration_refused — a type the kernel does not have.
 */
export function columnType(admission: Admission, name: TypeName | undefined): ColumnType {
  const known = ["names", "typmods", "typemod", "arrayBounds", "location"] as const;
  if (name === undefined) throw admission.refuse("a type is missing");
  onlyFields(admission, "a type", name, known, name.location);
  const builtin = builtinName(name.names);
  const sizes = (name.typmods ?? []).map(sizeOf);
  const type = name.arrayBounds === undefined
    ? scalarType(builtin, sizes)
    : arrayType(builtin, sizes, name.arrayBounds);
  if (type !== undefined) return type;
  const written = builtin ?? nameParts(name.names).join(".");
  const brackets = name.arrayBounds === undefined ? "" : "[]";
  const instead = brackets === "" ? INSTEAD.get(written) : "text[], uuid[], integer[] or jsonb";
  throw admission.refuse(
    `type ${shown(`${written}${brackets}`)} is not supported` +
      (sizes.length > 0 ? " with this size" : "") + (instead ? `: use ${instead}` : ""),
    name.location,
  );
}

function scalarType(name: string | undefined, sizes: readonly number[]): ColumnType | undefined {
  if (name === undefined || sizes.some((size) => !Number.isSafeInteger(size))) return undefined;
  const [first, second] = sizes;
  if (name === "varchar" || name === "bpchar") {
    if (second !== undefined) return undefined;
    return first === undefined ? { kind: "text" } : { kind: "text", maxLength: first };
  }
  if (name === "numeric") {
    if (sizes.length > 2) return undefined;
    if (first === undefined) return { kind: "numeric" };
    return { kind: "numeric", precision: first, scale: second ?? 0 };
  }
  return TIMED.get(name) ?? (sizes.length === 0 ? PLAIN.get(name) : undefined);
}

function arrayType(
  name: string | undefined,
  sizes: readonly number[],
  bounds: readonly Node[],
): ColumnType | undefined {
  const element = name === undefined ? undefined : ELEMENTS.get(name);
  if (element === undefined || bounds.length !== 1) return undefined;
  return sizes.length === 0 || name === "varchar" ? { kind: "array", element } : undefined;
}

/** A size in brackets; not a number where something else stands there. */
function sizeOf(node: Node): number {
  if (!("A_Const" in node) || node.A_Const.ival === undefined) return NaN;
  return node.A_Const.ival.ival ?? 0;
}
