/**
 * Differences between schemas.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { SchemaChange, SchemaState, TableName } from "./spec.ts";

/** What a difference may ask about the data. */
export interface DiffOptions {
  /** Whether a table holds rows of anybody. @default every table is taken to hold some */
  readonly hasRows?: (table: TableName) => boolean;
}

/** Computes the changes. */
export function diffSchema(
  _current: SchemaState,
  _desired: SchemaState,
  _options: DiffOptions = {},
): SchemaChange[] {
  throw new KernelError({ code: "schema.unavailable", kind: "internal", message: "Being built." });
}
