/**
 * Renders changes for Postgres.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { Statement } from "../database.ts";
import type { SchemaChange, SchemaState } from "./spec.ts";

/** Renders. */
export function renderPostgres(_change: SchemaChange, _state: SchemaState): Statement[] {
  throw new KernelError({ code: "schema.unavailable", kind: "internal", message: "Being built." });
}
