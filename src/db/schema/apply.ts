/**
 * Applies changes to schema values.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { SchemaChange, SchemaState } from "./spec.ts";

/** Applies. */
export function applyChange(_state: SchemaState, _change: SchemaChange): SchemaState {
  throw new KernelError({ code: "schema.unavailable", kind: "internal", message: "Being built." });
}
