/**
 * What a failed statement of a guest is called. Texts of the server are passed on only where they
 * can tell about nothing but the guest's own statement and rows.
 *
 * @module
 */

import { isKernelError, type KernelError } from "../../base/error.ts";
import { toKernelError } from "../conflict.ts";
import {
  constraintBroken,
  type ConstraintKind,
  forbiddenSql,
  invalidSql,
  sqlFailed,
  sqlSerialization,
  sqlTimeout,
  sqlUnavailable,
} from "./errors.ts";

/** What an error of the server carries. */
interface ServerError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly routine?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

/** Why a statement was interrupted, if it was. */
type Ending = "aborted" | "deadline";

const CONSTRAINTS: Readonly<Record<string, ConstraintKind>> = {
  "23502": "not_null",
  "23503": "foreign_key",
  "23001": "foreign_key",
  "23505": "unique",
  "23514": "check",
  "23P01": "exclusion",
};

/**
 * Names a failure.
 *
 * @param thrown what the driver gave.
 * @param end what has ended the statement, if it was interrupted.
 * @returns the guest's error.
 */
export function guestFailure(thrown: unknown, end: Ending): KernelError {
  if (isKernelError(thrown)) return thrown;
  const error = thrown as ServerError;
  const state = error.code ?? "";
  if (typeof error.severity !== "string" || !/^[0-9A-Z]{5}$/.test(state)) {
    const known = toKernelError(thrown);
    return isKernelError(known, "db.answer_too_large")
      ? known
      : end === "aborted"
      ? sqlTimeout("aborted", thrown)
      : sqlUnavailable("The database does not answer", thrown);
  }
  const kind = CONSTRAINTS[state];
  if (kind !== undefined) return constraint(kind, error);
  return byState(state, error, end);
}

function constraint(kind: ConstraintKind, error: ServerError): KernelError {
  return constraintBroken({
    kind,
    ...(error.constraint !== undefined && { name: error.constraint }),
    ...(error.table !== undefined && { table: error.table }),
    ...(error.column !== undefined && { column: error.column }),
  }, error);
}

function byState(state: string, error: ServerError, end: Ending): KernelError {
  switch (state) {
    case "40001":
    case "40P01":
    case "55P03":
      return sqlSerialization(error);
    case "57014":
      return sqlTimeout(end, error);
    case "25006":
      return forbiddenSql("A statement that reads may not write", error);
    case "42501":
      return error.routine === "ExecWithCheckOptions"
        ? forbiddenSql("A row would belong to another organization or another addon", error)
        : forbiddenSql("The statement needs a right that SQL of addons does not have", error);
    case "42601":
      return invalidSql("the database does not take it");
  }
  switch (state.slice(0, 2)) {
    case "08":
    case "53":
    case "57":
    case "58":
      return sqlUnavailable("The database cannot run the statement now", error);
    // A value that does not fit, a name that does not exist: of the guest's own making.
    case "22":
    case "42":
      return sqlFailed(error.message, state, error);
    default:
      return sqlFailed("The statement failed", state, error);
  }
}
