/**
 * Failures of the wall that migrations pass. Each names the file, the line and the statement.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** Where in a migration something stands. */
export interface MigrationPlace {
  /** Path inside the bundle, such as `migrations/0001_init.sql`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
}

/**
 * A statement or a part of one that no migration may hold.
 *
 * @param place where it stands.
 * @param statement kind of statement, such as `CREATE FUNCTION`; empty for the whole file.
 * @param sentence what is not allowed and what to write instead.
 * @returns the error, to be thrown.
 */
export function migrationRefused(
  place: MigrationPlace,
  statement: string,
  sentence: string,
): KernelError {
  return new KernelError({
    code: "schema.migration_refused",
    kind: "invalid",
    message: `${place.file}:${place.line}: ${sentence}`,
    details: { ...place, statement },
  });
}

/**
 * Text that is not SQL as Postgres reads it.
 *
 * @param place where reading stopped.
 * @param problem what the parser said.
 * @returns the error, to be thrown.
 */
export function migrationSyntax(place: MigrationPlace, problem: string): KernelError {
  return new KernelError({
    code: "schema.migration_syntax",
    kind: "invalid",
    message: `${place.file}:${place.line}: ${problem}`,
    details: { ...place },
  });
}

/**
 * The SQL parser could not be loaded: without it no migration is admitted.
 *
 * @param cause what the loader said.
 * @returns the error, to be thrown.
 */
export function parserUnavailable(cause: unknown): KernelError {
  return new KernelError({
    code: "schema.parser_unavailable",
    kind: "unavailable",
    message: "The SQL parser could not be loaded: run the locked install of the project again.",
    cause,
  });
}
