/**
 * What one invocation has used of what it may use: calls, bytes and time by kind. Made anew for each
 * invocation and gone with it; what holds across invocations is in `rate.ts`.
 *
 * @module
 */

import type { BudgetKind, HostLimits } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** Kinds whose answers count against the bytes too; of the others only what the guest hands over. */
const ANSWERS_COUNT: ReadonlySet<BudgetKind> = new Set(["http", "db_read", "lookup"]);

interface Used {
  calls: number;
  bytes: number;
  timeMs: number;
}

/** Counts for one invocation. */
export class InvocationBudget {
  readonly #limits: HostLimits;
  readonly #used = new Map<BudgetKind, Used>();

  /**
   * Makes an unused budget.
   *
   * @param limits the bounds.
   */
  constructor(limits: HostLimits) {
    this.#limits = limits;
  }

  /**
   * Counts a call before it runs.
   *
   * @param kind of what kind.
   * @param bytes what the guest hands over.
   * @param code word of the metacore interface for a used-up budget. @default "rate_limited"
   * @throws {Refusal} quota — the call would pass a bound.
   */
  begin(kind: BudgetKind, bytes: number, code?: string): void {
    const limit = this.#limits[kind];
    const used = this.#of(kind);
    if (used.calls >= limit.calls) {
      throw new Refusal("quota", `more than ${limit.calls} ${kind} calls in one invocation`, code);
    }
    if (used.bytes + bytes > limit.bytes) throw bytesUsedUp(kind, limit.bytes, code);
    if (used.timeMs >= limit.timeMs) {
      const message = `more than ${limit.timeMs} ms inside ${kind} calls in one invocation`;
      throw new Refusal("quota", message, code);
    }
    used.calls++;
    used.bytes += bytes;
  }

  /**
   * Tells how long a call may still take.
   *
   * @param kind of what kind.
   * @returns milliseconds, at least 0.
   */
  remainingMs(kind: BudgetKind): number {
    return Math.max(0, this.#limits[kind].timeMs - this.#of(kind).timeMs);
  }

  /**
   * Counts what a call took. An answer that passes the bound is still given: it has been made, and
   * the next call is refused.
   *
   * @param kind of what kind.
   * @param bytes what the guest took away.
   * @param timeMs how long it took.
   */
  end(kind: BudgetKind, bytes: number, timeMs: number): void {
    const used = this.#of(kind);
    if (ANSWERS_COUNT.has(kind)) used.bytes += bytes;
    used.timeMs += timeMs;
  }

  #of(kind: BudgetKind): Used {
    let used = this.#used.get(kind);
    if (used === undefined) this.#used.set(kind, used = { calls: 0, bytes: 0, timeMs: 0 });
    return used;
  }
}

function bytesUsedUp(kind: BudgetKind, bytes: number, code: string | undefined): Refusal {
  return new Refusal("quota", `more than ${bytes} bytes in ${kind} calls of one invocation`, code);
}
