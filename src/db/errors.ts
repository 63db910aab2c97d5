/**
 * The errors of the database room. Texts of drivers never become messages: they stay in `cause`.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";

/** The URL names no engine that exists. @param scheme what stands before the first colon. */
export function urlNotAccepted(scheme: string): KernelError {
  return new KernelError({
    code: "db.url_not_accepted",
    kind: "invalid",
    message: `DATABASE_URL starts with "${scheme}"; accepted are sqlite:<path>, sqlite::memory: ` +
      `and postgres://user:password@host:port/database`,
  });
}

/** The database does not answer. @param cause the driver's error. */
export function unavailable(cause?: unknown): KernelError {
  return new KernelError({
    code: "db.unavailable",
    kind: "unavailable",
    message: "The database does not answer",
    cause,
  });
}

/**
 * What was asked for needs more memory than one request may take, e.g. a page of very long texts.
 *
 * @param cause what the driver said.
 */
export function answerTooLarge(cause?: unknown): KernelError {
  return new KernelError({
    code: "db.answer_too_large",
    kind: "too_large",
    message: "The answer is too large: ask for fewer records at once",
    cause,
  });
}

/** No connection, or no turn to write, within the time allowed. @param waitedMs how long. */
export function busy(waitedMs: number, cause?: unknown): KernelError {
  return new KernelError({
    code: "db.busy",
    kind: "unavailable",
    message: `The database was busy for ${waitedMs} ms; try again`,
    details: { waitedMs },
    cause,
  });
}

/** Another process holds the file. @param path of the database. @param holder its process id. */
export function fileLocked(path: string, holder: string | undefined): KernelError {
  const by = holder === undefined ? "another process" : `process ${holder}`;
  return new KernelError({
    code: "db.locked",
    kind: "precondition",
    message: `The database file ${path} is in use by ${by}; stop it first, ` +
      `or give this one its own METACORE_DATA_DIR or DATABASE_URL`,
    details: holder === undefined ? { path } : { path, process: holder },
  });
}

/** The file cannot be opened. */
export function fileNotOpened(path: string, cause: unknown): KernelError {
  return new KernelError({
    code: "db.file_not_opened",
    kind: "precondition",
    message: `The database file ${path} cannot be opened; the process must be permitted to read ` +
      `and write it and its folder`,
    details: { path },
    cause,
  });
}

/** A parameter or a statement that no engine takes. @param message what is wrong with it. */
export function invalidStatement(message: string): KernelError {
  return new KernelError({ code: "db.invalid_statement", kind: "internal", message });
}

/** A value that its column cannot hold. */
export function invalidValue(message: string, cause?: unknown): KernelError {
  return new KernelError({ code: "db.invalid_value", kind: "invalid", message, cause });
}

/** The database object was closed. */
export function closed(): KernelError {
  return new KernelError({
    code: "db.closed",
    kind: "unavailable",
    message: "The database has been closed",
  });
}

/** A transaction was used after its end. */
export function transactionEnded(): KernelError {
  return invalidStatement("The transaction has ended; no statement can run in it");
}

/** A statement failed and work went on: the transaction cannot be committed any more. */
export function transactionFailed(): KernelError {
  return invalidStatement("A statement of the transaction failed; it can only be rolled back");
}

/** A schema change would leave rows that point at nothing. */
export function brokenReference(table: string, target: string): KernelError {
  return new KernelError({
    code: "db.broken_reference",
    kind: "conflict",
    message: `Rows of ${table} would point at rows of ${target} that do not exist`,
    details: { table, target },
  });
}

/** A migration that was applied has another text now. @param name of the migration. */
export function migrationChanged(name: string): KernelError {
  return new KernelError({
    code: "db.migration_changed",
    kind: "precondition",
    message: `Migration ${name} was applied with another text than this program has; ` +
      `start the program version that belongs to this database`,
    details: { migration: name },
  });
}

/** The database holds a migration that this program does not know. @param name of it. */
export function migrationUnknown(name: string): KernelError {
  return new KernelError({
    code: "db.migration_unknown",
    kind: "precondition",
    message: `Migration ${name} is in the database but not in this program; ` +
      `start a program version at least as new as the database`,
    details: { migration: name },
  });
}

/** The start-up audit found ways around the tenant wall. @param findings one line each. */
export function auditRefused(findings: readonly string[]): KernelError {
  return new KernelError({
    code: "db.audit_refused",
    kind: "precondition",
    message: findings.join("\n"),
    details: { findings },
  });
}
