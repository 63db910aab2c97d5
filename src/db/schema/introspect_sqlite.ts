/**
 * Reads what a schema holds.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { Transaction } from "../database.ts";
import type { SchemaState } from "./spec.ts";

/** Reads. */
export function introspectSqlite(_tx: Transaction, _schema: string): Promise<SchemaState> {
  throw new KernelError({ code: "schema.unavailable", kind: "internal", message: "Being built." });
}
