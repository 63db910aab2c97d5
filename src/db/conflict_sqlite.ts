/**
 * Errors of SQLite by extended result code (sqlite.org/rescode.html).
 *
 * @module
 */

import type { KernelError } from "../base/error.ts";
import {
  answerTooLarge,
  busy,
  checkFailed,
  type ConflictSource,
  duplicate,
  invalidValue,
  missingValue,
  notWritable,
  reference,
  schemaChanged,
  statementRefused,
  unavailable,
} from "./conflict_errors.ts";

/** What an error of `node:sqlite` carries. */
interface SqliteError extends Error {
  readonly code: string;
  readonly errcode: number;
}

const CHECK_FAILED = 275;

const BY_EXTENDED_CODE: Readonly<Record<number, (source: ConflictSource) => KernelError>> = {
  [CHECK_FAILED]: checkFailed,
  787: reference,
  1811: reference,
  1299: missingValue,
  1555: duplicate,
  2067: duplicate,
  2579: duplicate,
  3091: ({ cause }) => invalidValue("A value does not fit its column", cause),
};

const BY_CODE: Readonly<Record<number, (cause: unknown) => KernelError>> = {
  5: (cause) => busy(0, cause),
  6: (cause) => busy(0, cause),
  7: answerTooLarge,
  8: notWritable,
  10: notWritable,
  11: notWritable,
  13: notWritable,
  14: unavailable,
  17: schemaChanged,
  18: (cause) => invalidValue("A value is too large", cause),
  // Of no kind above: rows that a new rule of their table refuses.
  19: (cause) => checkFailed({ cause }),
  20: (cause) => invalidValue("A value does not fit its column", cause),
  26: notWritable,
};

/**
 * Maps an error of `node:sqlite`.
 *
 * @param thrown an error.
 * @returns the kernel's error, or undefined when it is none of SQLite.
 */
export function sqliteConflict(thrown: Error): KernelError | undefined {
  const error = thrown as SqliteError;
  if (error.code !== "ERR_SQLITE_ERROR") return undefined;
  const exact = BY_EXTENDED_CODE[error.errcode];
  if (exact !== undefined) return exact(sourceOf(error));
  const general = BY_CODE[error.errcode & 0xff];
  if (general !== undefined) return general(error);
  if (/^no such (table|column)|has no column named/.test(error.message)) {
    return schemaChanged(error);
  }
  return statementRefused(error);
}

function sourceOf(error: SqliteError): ConflictSource {
  // `UNIQUE constraint failed: addon_x.tickets.organization_id, addon_x.tickets.code`
  const named = /constraint failed: (.*)$/s.exec(error.message)?.[1] ?? "";
  if (error.errcode === CHECK_FAILED) return { constraint: named, cause: error };
  const parts = named.split(", ").map((part) => /^(.*)\.(\w+)$/s.exec(part));
  const table = parts[0]?.[1];
  return {
    columns: parts.flatMap((part) =>
      part === null || part[2] === "organization_id" ? [] : [part[2]!]
    ),
    ...(table !== undefined && { table }),
    cause: error,
  };
}
