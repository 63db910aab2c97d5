/**
 * Type names of columns as authors of the generation `asteby.com/v3` write them, which are those of
 * PostgreSQL, in the names of the flat generation.
 *
 * @module
 */

import { nearest } from "../../../base/nearest.ts";
import { type ColumnTypeName, columnTypeOf } from "../column_type.ts";
import { MAX_STRING_SIZE } from "../limits.ts";
import { type ManifestNode, shown } from "../node.ts";

/** A type with the length that it names. */
export interface ReadType {
  readonly type: ColumnTypeName;
  readonly size?: number;
}

/** Names beyond those of the flat generation. */
const ALIASES: ReadonlyMap<string, ColumnTypeName> = new Map<string, ColumnTypeName>([
  ["varchar", "string"],
  ["character varying", "string"],
  ["int2", "integer"],
  ["int4", "integer"],
  ["smallint", "integer"],
  ["int8", "bigint"],
  ["real", "decimal"],
  ["float4", "decimal"],
  ["float8", "decimal"],
  ["double precision", "decimal"],
  ["timestamptz", "timestamp"],
  ["timestamp with time zone", "timestamp"],
  ["timestamp without time zone", "timestamp"],
]);
const KNOWN = [
  "text",
  "varchar(n)",
  "uuid",
  "integer",
  "bigint",
  "numeric",
  "boolean",
  "timestamptz",
  "date",
  "jsonb",
];
const WITH_LENGTH = /^([a-z ]+?) ?\( ?(\d{1,9}) ?(?:, ?(\d{1,9}) ?)?\)$/;
/** What a decimal column holds: digits in all, and after the point. */
const DECIMAL_DIGITS = { precision: 18, scale: 4 };

/**
 * Reads the type of a column.
 *
 * @param node the text.
 * @returns the type, or undefined where it is unknown and was complained about.
 */
export function readColumnType(node: ManifestNode): ReadType | undefined {
  const written = node.requiredText();
  if (written === undefined) return undefined;
  const name = written.trim().toLowerCase().replace(/\s+/g, " ");
  const plain = resolve(name);
  if (plain !== undefined) return { type: plain };
  const parts = WITH_LENGTH.exec(name);
  const base = parts === null ? undefined : resolve(parts[1]!);
  if (base === "string" && parts![3] === undefined) return sized(node, Number(parts![2]));
  if (base === "decimal" && fits(Number(parts![2]), Number(parts![3] ?? 0))) return { type: base };
  if (base === "decimal") {
    return node.complain(
      `${shown(written)} does not fit: numbers hold 14 digits, and 4 after the point`,
    );
  }
  const near = nearest(name, [...KNOWN, ...ALIASES.keys()]);
  const hint = near === undefined ? `use ${KNOWN.join(", ")}` : `did you mean "${near}"?`;
  return node.complain(`${shown(written)} is not a column type of this kernel; ${hint}`);
}

function resolve(name: string): ColumnTypeName | undefined {
  return ALIASES.get(name) ?? columnTypeOf(name);
}

function sized(node: ManifestNode, size: number): ReadType | undefined {
  if (size >= 1 && size <= MAX_STRING_SIZE) return { type: "string", size };
  return node.complain(`a length is between 1 and ${MAX_STRING_SIZE}`);
}

function fits(precision: number, scale: number): boolean {
  const { precision: digits, scale: places } = DECIMAL_DIGITS;
  return scale <= places && scale <= precision && precision - scale <= digits - places;
}
