/**
 * What the database refused, as complaints about fields. Names of tables and constraints and values
 * of other records stay inside.
 *
 * @module
 */

import { type FieldError, isKernelError, KernelError } from "../base/error.ts";

const COMPLAINTS: Readonly<Record<string, FieldError>> = {
  "record.duplicate": { code: "duplicate", message: "is already taken" },
  "record.reference": { code: "not_found", message: "refers to a record that does not exist" },
  "record.missing_value": { code: "required", message: "is required" },
};

/**
 * Turns a conflict of a write into what clients show under their inputs.
 *
 * @param thrown anything caught around a write.
 * @returns an error with `fields` for conflicts, else what was thrown.
 */
export function refusedWrite(thrown: unknown): unknown {
  if (!isKernelError(thrown)) return thrown;
  const complaint = COMPLAINTS[thrown.code];
  if (complaint === undefined) return thrown;
  const fields: Record<string, FieldError[]> = {};
  for (const column of columnsOf(thrown)) fields[column] = [complaint];
  const named = Object.keys(fields).map((column) => `${column} ${complaint.message}`).join("; ");
  return new KernelError({
    code: thrown.code,
    kind: thrown.kind,
    message: named === "" ? thrown.message : named,
    fields,
    cause: thrown,
  });
}

/**
 * Turns the conflict of a removal into an error without the names of tables.
 *
 * @param thrown anything caught around a removal.
 * @returns an error for records that others refer to, else what was thrown.
 */
export function refusedRemoval(thrown: unknown): unknown {
  if (!isKernelError(thrown, "record.reference")) return thrown;
  return new KernelError({
    code: thrown.code,
    kind: "conflict",
    message: "other records refer to this one; remove or change them first",
    cause: thrown,
  });
}

function columnsOf(error: KernelError): readonly string[] {
  const columns = error.details?.["columns"];
  return Array.isArray(columns) ? columns.filter((column) => typeof column === "string") : [];
}
