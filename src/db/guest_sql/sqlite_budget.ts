/**
 * What one guest's statement may use up on SQLite. The engine runs on the thread of everybody and
 * offers no interrupt, so the statement itself must ask: a function in every scan asks here, row by
 * row, and what it throws ends the statement.
 *
 * @module
 */

import { sqlTimeout } from "./errors.ts";

/**
 * Longest a statement may hold the thread, in milliseconds. Shorter than on Postgres, where only its
 * caller waits: here everybody does.
 */
export const MAX_SQLITE_STATEMENT_MS = 500;

/**
 * What sorting one visited row takes, in milliseconds. A sort runs after the scan and asks nobody,
 * so that statements that sort pay for it in advance. Half of what was measured: a row is counted
 * twice at least, in its table's view and in the SELECT around it.
 */
const SORT_MS_PER_ROW = 0.0013;
/** Texts that functions may make while a statement runs, in UTF-16 units per millisecond. */
const TEXT_PER_MS = 200_000;

/** What a statement may still use. */
export class StatementBudget {
  readonly #startedMs: number;
  readonly #limitMs: number;
  readonly #rowMs: number;
  readonly #now: () => number;
  readonly #signal: AbortSignal | undefined;
  #chargedMs = 0;

  /**
   * Starts the clock.
   *
   * @param options `limitMs` at most {@link MAX_SQLITE_STATEMENT_MS} counts; whether the statement
   *   sorts, groups or removes duplicates; a clock in milliseconds.
   */
  constructor(options: {
    readonly limitMs: number;
    readonly sorts: boolean;
    readonly now?: () => number;
    readonly signal?: AbortSignal;
  }) {
    this.#now = options.now ?? (() => performance.now());
    this.#limitMs = Math.min(options.limitMs, MAX_SQLITE_STATEMENT_MS);
    this.#rowMs = options.sorts ? SORT_MS_PER_ROW : 0;
    this.#signal = options.signal;
    this.#startedMs = this.#now();
  }

  /** A row was visited. @throws {KernelError} guest_sql.timeout */
  visit(): void {
    this.#chargedMs += this.#rowMs;
    this.check();
  }

  /** A text was made. @param units its length. @throws {KernelError} guest_sql.timeout */
  spend(units: number): void {
    this.#chargedMs += units / TEXT_PER_MS;
    this.check();
  }

  /** @throws {KernelError} guest_sql.timeout — the time is used up, or the caller has gone. */
  check(): void {
    if (this.#signal?.aborted) throw sqlTimeout("aborted");
    if (this.#now() - this.#startedMs + this.#chargedMs > this.#limitMs) {
      throw sqlTimeout("deadline");
    }
  }
}
