/**
 * The errors that a statement's conflict with what is stored becomes, the same on both engines.
 *
 * @module
 */

import { type FieldError, KernelError } from "../base/error.ts";
import { answerTooLarge, busy, invalidValue, unavailable } from "./errors.ts";

/** What the engine said about a conflict. */
export interface ConflictSource {
  /** Columns it named, as far as it named any; without the tenant column. */
  readonly columns?: readonly string[];
  /** Physical table. */
  readonly table?: string;
  /** Physical name of the constraint. */
  readonly constraint?: string;
  readonly cause: unknown;
}

/** A value that must be unique is there already. */
export function duplicate(source: ConflictSource): KernelError {
  return make("record.duplicate", "conflict", "A record with the same value exists", source, {
    code: "unique",
    message: "The value is already taken",
  });
}

/** A reference points at nothing, or something still points at the record. */
export function reference(source: ConflictSource): KernelError {
  return make(
    "record.reference",
    "conflict",
    "A record refers to one that does not exist, or is still referred to",
    source,
    { code: "reference", message: "The record referred to does not exist" },
  );
}

/** A required value is missing. */
export function missingValue(source: ConflictSource): KernelError {
  return make("record.missing_value", "invalid", "A required value is missing", source, {
    code: "required",
    message: "The value is required",
  });
}

/** A CHECK of the table refused the record. */
export function checkFailed(source: ConflictSource): KernelError {
  return make("record.check_failed", "invalid", "A rule of the table refuses the record", source, {
    code: "check",
    message: "A rule of the table refuses the value",
  });
}

/** Row-level security refused the record: it belongs to another organization. */
export function tenantRefused(source: ConflictSource): KernelError {
  return make(
    "db.tenant_refused",
    "forbidden",
    "The record belongs to another organization",
    source,
  );
}

/** The table or column is not what the statement was made for. */
export function schemaChanged(cause: unknown): KernelError {
  return new KernelError({
    code: "db.schema_changed",
    kind: "unavailable",
    message: "The table has changed meanwhile; try again",
    cause,
  });
}

/** Another transaction won; trying again is safe. */
export function serialization(cause: unknown): KernelError {
  return new KernelError({
    code: "db.serialization",
    kind: "unavailable",
    message: "Another change came first; try again",
    cause,
  });
}

/** A statement took longer than allowed. */
export function statementTimeout(cause: unknown): KernelError {
  return new KernelError({
    code: "db.statement_timeout",
    kind: "timeout",
    message: "The database took too long and the statement was cancelled",
    cause,
  });
}

/** No room, or no right to write. */
export function notWritable(cause: unknown): KernelError {
  return new KernelError({
    code: "db.not_writable",
    kind: "unavailable",
    message: "The database cannot be written: it is full, damaged or read-only",
    cause,
  });
}

/** The role lacks a right. */
export function notPermitted(cause: unknown): KernelError {
  return new KernelError({
    code: "db.not_permitted",
    kind: "internal",
    message:
      "The database role lacks a right that the kernel needs: set DATABASE_OWNER_URL to the " +
      "role that owns the tables, or see the SQL of `database roles`",
    cause,
  });
}

/** A statement that the engine does not accept: a mistake of the kernel. */
export function statementRefused(cause: unknown): KernelError {
  return new KernelError({
    code: "db.statement_refused",
    kind: "internal",
    message: "The database refused a statement",
    cause,
  });
}

/** The server is there but does not let the role in; kind unavailable, for operators may mend it. */
export function loginRefused(cause: unknown): KernelError {
  return new KernelError({
    code: "db.login_refused",
    kind: "unavailable",
    message: "Postgres refuses the login: check role, password and database of DATABASE_URL " +
      "(and DATABASE_OWNER_URL)",
    cause,
  });
}

export { answerTooLarge, busy, invalidValue, unavailable };

function make(
  code: string,
  kind: "conflict" | "invalid" | "forbidden",
  message: string,
  source: ConflictSource,
  complaint?: FieldError,
): KernelError {
  const { columns = [], table, constraint, cause } = source;
  return new KernelError({
    code,
    kind,
    message,
    ...(complaint && columns.length > 0 && {
      fields: Object.fromEntries(columns.map((column) => [column, [complaint]])),
    }),
    details: {
      columns,
      ...(table !== undefined && { table }),
      ...(constraint !== undefined && { constraint }),
    },
    cause,
  });
}
