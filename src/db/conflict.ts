/**
 * What drivers throw, as errors of the kernel. Texts of drivers stay in `cause`; what is not an
 * error of a driver passes unchanged.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import { postgresConflict } from "./conflict_postgres.ts";
import { sqliteConflict } from "./conflict_sqlite.ts";

/**
 * Turns what a driver threw into an error with a stable code.
 *
 * @param thrown anything caught around a driver.
 * @returns a {@link KernelError} for errors of drivers, else what was thrown.
 */
export function toKernelError(thrown: unknown): unknown {
  if (thrown instanceof KernelError || !(thrown instanceof Error)) return thrown;
  return sqliteConflict(thrown) ?? postgresConflict(thrown) ?? thrown;
}
