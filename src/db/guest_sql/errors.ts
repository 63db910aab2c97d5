/**
 * The errors of guests' SQL. A guest reads them, so none carries a driver's text about anything
 * but the guest's own statement and rows.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** The text, its kind, a function, a type or a part of it is not allowed. @param problem what. */
export function invalidSql(problem: string): KernelError {
  return new KernelError({
    code: "guest_sql.invalid",
    kind: "invalid",
    message: `The SQL is not allowed: ${problem}`,
  });
}

/** The statement touches what this addon may not. @param problem what. @param cause driver's. */
export function forbiddenSql(problem: string, cause?: unknown): KernelError {
  return new KernelError({
    code: "guest_sql.forbidden",
    kind: "forbidden",
    message: problem,
    cause,
  });
}

/** Arguments and placeholders do not match. @param expected placeholders. @param given arguments. */
export function argumentCount(expected: number, given: number): KernelError {
  return new KernelError({
    code: "guest_sql.argument_count",
    kind: "invalid",
    message: `The SQL has ${expected} placeholders and ${given} arguments`,
    details: { expected, given },
  });
}

/** More rows, or more bytes, than one answer may have. @param problem which and how many. */
export function rowLimit(problem: string): KernelError {
  return new KernelError({ code: "guest_sql.row_limit", kind: "too_large", message: problem });
}

/** The statement was interrupted. @param reason what interrupted it. */
export function sqlTimeout(
  reason: "deadline" | "aborted" | "waiting",
  cause?: unknown,
): KernelError {
  const texts = {
    deadline: "The statement took too long and was interrupted",
    aborted: "The statement was interrupted, because its caller has gone",
    waiting: "The statement did not get a connection in its time: other statements of addons run",
  };
  return new KernelError({
    code: "guest_sql.timeout",
    kind: "timeout",
    message: texts[reason],
    details: { reason },
    cause,
  });
}

/** The statement failed. @param problem what a guest may read. @param sqlstate five characters. */
export function sqlFailed(problem: string, sqlstate: string, cause?: unknown): KernelError {
  return new KernelError({
    code: "guest_sql.failed",
    kind: "invalid",
    message: problem,
    details: { sqlstate },
    cause,
  });
}

/** Which constraint a row broke. */
export type ConstraintKind = "unique" | "not_null" | "check" | "foreign_key" | "exclusion";

/**
 * A row breaks a constraint of its table.
 *
 * @param constraint which kind, and what is known of it.
 * @param cause the driver's error.
 */
export function constraintBroken(
  constraint: { kind: ConstraintKind; name?: string; table?: string; column?: string },
  cause?: unknown,
): KernelError {
  const { kind, name, column } = constraint;
  const subject = name ?? column;
  return new KernelError({
    code: "guest_sql.constraint",
    kind: "conflict",
    message: `A row breaks a constraint (${kind.replace("_", " ")})` +
      (subject === undefined ? "" : `: ${subject}`),
    details: { ...constraint },
    cause,
  });
}

/** Another transaction was in the way; the whole transaction may be tried again. */
export function sqlSerialization(cause?: unknown): KernelError {
  return new KernelError({
    code: "guest_sql.serialization",
    kind: "conflict",
    message: "The statement met a change by another transaction: try again",
    cause,
  });
}

/** Guests' SQL cannot run here. @param problem what an operator has to do. */
export function sqlUnavailable(problem: string, cause?: unknown): KernelError {
  return new KernelError({
    code: "guest_sql.unavailable",
    kind: "unavailable",
    message: problem,
    cause,
  });
}
