/**
 * Ends of a command that are no failure of the kernel: told in one line.
 *
 * @module
 */

/** Wrong usage that only shows when a command runs: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Somebody was asked and said no: exit code 1. */
export class DeclinedError extends Error {
  override readonly name = "DeclinedError";
}
