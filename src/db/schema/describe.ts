/**
 * Changes in words.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { SchemaChange } from "./spec.ts";

/** Describes. */
export function describeChange(_change: SchemaChange): string {
  throw new KernelError({ code: "schema.unavailable", kind: "internal", message: "Being built." });
}
