/**
 * What addon code may use: the operator's bounds, and how a manifest's wishes fit into them.
 *
 * @module
 */

import type { BackendDefinition } from "../../bundle/manifest/manifest.ts";
import { PAGE_BYTES } from "../../sandbox/abi.ts";

/** The operator's bounds on addon code. */
export interface CodeLimits {
  /** Most memory of one instance, in MiB, 1 to 4,096; a manifest may ask for less. */
  readonly memoryLimitMiB: number;
  /** Longest an invocation may take, waiting included, in milliseconds; a manifest may ask for less. */
  readonly timeoutMs: number;
  /** Longest an invocation inside a transaction may take, in milliseconds: others wait for it. */
  readonly transactionTimeoutMs: number;
  /** CPU budget of an invocation in checks (loop turns and calls); absent means time alone bounds it. */
  readonly fuel?: number;
  /** Time that compiling a module may take, in milliseconds. */
  readonly compileTimeoutMs: number;
}

/** Others wait for the rows that a transaction has locked, and for its connection. */
const MAX_TRANSACTION_MS = 5_000;
/** Where there is one writer, every other write of the server waits for a transaction's end. */
const MAX_ONLY_WRITER_MS = 1_000;

/**
 * Tells how long addon code may hold a transaction.
 *
 * @param parallelTransactions how many transactions the database runs at one time.
 * @returns milliseconds.
 */
export function transactionTimeoutMs(parallelTransactions: number): number {
  return parallelTransactions === 1 ? MAX_ONLY_WRITER_MS : MAX_TRANSACTION_MS;
}

/** {@link CodeLimits} where nothing else is said. */
export const DEFAULT_CODE_LIMITS: CodeLimits = {
  memoryLimitMiB: 256,
  timeoutMs: 30_000,
  transactionTimeoutMs: MAX_TRANSACTION_MS,
  compileTimeoutMs: 10_000,
};

/** Memory of a module whose manifest names none (contract/metacore.md §3.8), in MiB. */
const DEFAULT_MEMORY_MIB = 64;
/** Time limit of a manifest that names none (contract/metacore.md §5.2), in milliseconds. */
const DEFAULT_TIMEOUT_MS = 10_000;
const PAGES_PER_MIB = 1_048_576 / PAGE_BYTES;

/**
 * Tells how many pages an instance may reach.
 *
 * @param backend what the manifest says.
 * @param limits the operator's bounds.
 * @returns pages of 64 KiB, 16 or more.
 */
export function memoryLimitPages(backend: BackendDefinition, limits: CodeLimits): number {
  const wanted = backend.memory_limit_mb ?? DEFAULT_MEMORY_MIB;
  return Math.min(wanted, limits.memoryLimitMiB) * PAGES_PER_MIB;
}

/**
 * Tells how long an invocation may take.
 *
 * @param backend what the manifest says.
 * @param limits the operator's bounds.
 * @param place whether it runs inside a transaction.
 * @returns milliseconds.
 */
export function timeoutMsOf(
  backend: BackendDefinition,
  limits: CodeLimits,
  place: "alone" | "in a transaction",
): number {
  const wanted = Math.min(backend.timeout_ms ?? DEFAULT_TIMEOUT_MS, limits.timeoutMs);
  return place === "alone" ? wanted : Math.min(wanted, limits.transactionTimeoutMs);
}
