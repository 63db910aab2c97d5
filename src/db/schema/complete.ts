/**
 * Makes any table a tenant table.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { SchemaChange, TableSpec } from "./spec.ts";

/** Completes a table. */
export function completeTable(_table: TableSpec): TableSpec {
  throw new KernelError({ code: "schema.unavailable", kind: "internal", message: "Being built." });
}

/** Completes a change of a migration. */
export function completeChange(_change: SchemaChange): SchemaChange {
  throw new KernelError({ code: "schema.unavailable", kind: "internal", message: "Being built." });
}
