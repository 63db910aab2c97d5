/**
 * Wrong usage that only shows when a command runs.
 *
 * @module
 */

/** Ends the command with exit code 2 and one line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
