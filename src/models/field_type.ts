/**
 * What the columns of models store. How authors write types is the bundle room's business.
 *
 * @module
 */

import type { ColumnType } from "../db/schema/spec.ts";
import type { ModelColumn } from "./model.ts";

/** Greatest length of a `string` column that names none, in characters. */
export const DEFAULT_STRING_LENGTH = 255;

/** Digits of a decimal column: in all, and after the point. */
export const DECIMAL_DIGITS = { precision: 18, scale: 4 } as const;

/**
 * Tells what a declared column stores.
 *
 * @param column a column of a model.
 * @returns its type as the database room knows it.
 */
export function columnTypeOf(column: ModelColumn): ColumnType {
  switch (column.type) {
    case "string":
      return { kind: "text", maxLength: column.size ?? DEFAULT_STRING_LENGTH };
    case "decimal":
      return { kind: "numeric", ...DECIMAL_DIGITS };
    default:
      return { kind: column.type };
  }
}
