/**
 * The circuit breaker of one installation as a state machine: pure functions over a state that can
 * be kept in a row. Keeping it and letting invocations through are `breaker.ts`'s.
 *
 * @module
 */

/** State of a breaker. Times are Unix milliseconds. */
export interface BreakerState {
  /** Half-open is not kept: it is an open breaker whose probe is under way. */
  readonly state: "closed" | "open";
  /** Times of recent failures, oldest first. */
  readonly failures: readonly number[];
  readonly openedAtMs: number | undefined;
  /** When a probe may be tried. */
  readonly retryAtMs: number | undefined;
  /** Times it has opened in a row without a success between. */
  readonly openings: number;
}

/** When a breaker opens, and for how long. */
export interface BreakerLimits {
  /** Failures within the window that open it. 1 to 1,000 @default 5 */
  readonly failures: number;
  /** Length of the window. @default 60,000 */
  readonly windowMs: number;
  /** Pause after the first opening; doubles with each further one. @default 10,000 */
  readonly firstPauseMs: number;
  /** Longest pause. @default 300,000 */
  readonly longestPauseMs: number;
}

/** Limits where none are given. */
export const DEFAULT_BREAKER: BreakerLimits = {
  failures: 5,
  windowMs: 60_000,
  firstPauseMs: 10_000,
  longestPauseMs: 300_000,
};

/** A breaker that has seen nothing. */
export const CLOSED: BreakerState = {
  state: "closed",
  failures: [],
  openedAtMs: undefined,
  retryAtMs: undefined,
  openings: 0,
};

/**
 * Counts a failure.
 *
 * @param before the state it happened in.
 * @param nowMs when.
 * @param limits when to open.
 * @returns the state after it: of a closed breaker perhaps open, of an open one open for longer.
 */
export function afterFailure(
  before: BreakerState,
  nowMs: number,
  limits: BreakerLimits,
): BreakerState {
  const recent = before.failures.filter((atMs) => atMs > nowMs - limits.windowMs);
  const failures = [...recent, nowMs].slice(-limits.failures);
  if (before.state === "closed" && failures.length < limits.failures) {
    return { ...before, failures };
  }
  return {
    state: "open",
    failures,
    openedAtMs: nowMs,
    retryAtMs: nowMs + pauseMs(before.openings + 1, limits),
    openings: before.openings + 1,
  };
}

/**
 * Tells how long an open breaker lets nothing through.
 *
 * @param openings times it has opened in a row, 1 and up.
 * @param limits first and longest pause.
 * @returns milliseconds.
 */
export function pauseMs(openings: number, limits: BreakerLimits): number {
  return Math.min(limits.firstPauseMs * 2 ** (openings - 1), limits.longestPauseMs);
}

/**
 * Joins what this process knows with what another has written, where both are closed.
 *
 * @param here state in memory.
 * @param kept state in the store.
 * @param limits how many failures are of interest.
 * @returns the kept state, with the failures of both.
 */
export function joined(
  here: BreakerState,
  kept: BreakerState,
  limits: BreakerLimits,
): BreakerState {
  if (here.state !== "closed" || kept.state !== "closed") return kept;
  // Several may fall on one millisecond: a failure is only left out where the other has it too.
  const unmatched = [...kept.failures];
  const own = here.failures.filter((atMs) => {
    const at = unmatched.indexOf(atMs);
    if (at >= 0) unmatched.splice(at, 1);
    return at < 0;
  });
  const failures = [...kept.failures, ...own].sort((a, b) => a - b);
  return { ...kept, failures: failures.slice(-limits.failures) };
}
