/**
 * Failures of schema work. Each names the table, and the column or object where there is one, so
 * that an author finds the line to change.
 *
 * @module
 */

import { type ErrorKind, KernelError } from "../../base/error.ts";

/** What a schema failure is about. */
export interface SchemaPlace {
  readonly table?: string;
  readonly column?: string;
  /** Index, foreign key or check. */
  readonly object?: string;
}

/**
 * Makes a failure of the schema room.
 *
 * @param code `schema.` and snake_case.
 * @param message one sentence that names the place and what to do.
 * @param place table, column or object it is about; becomes `details`.
 * @param kind sort of failure. @default "invalid"
 * @returns the error, to be thrown.
 */
export function schemaError(
  code: `schema.${string}`,
  message: string,
  place: SchemaPlace,
  kind: ErrorKind = "invalid",
): KernelError {
  return new KernelError({ code, kind, message, details: { ...place } });
}
