/**
 * What a pool does by itself as time passes: ends workers that have long been idle, replaces spare
 * ones, and tries again after a failed start. One timer for all of it.
 *
 * @module
 */

import type { PoolLimits } from "./limits.ts";
import type { Fleet } from "./pool_fleet.ts";
import type { WaitingQueue } from "./pool_queue.ts";
import type { Staff } from "./pool_staff.ts";
import type { WorkerStarter } from "./pool_starter.ts";
import type { Timing } from "./pool_timing.ts";

/** A cold invocation has this long to itself before its spare worker is replaced. */
const SPARE_DELAY_MS = 20;

/** What is looked after. */
export interface HousekeepingOptions {
  readonly fleet: Fleet;
  readonly queue: WaitingQueue;
  readonly staff: Staff;
  readonly starter: WorkerStarter;
  readonly limits: PoolLimits;
  readonly timing: Timing;
  /** Serves those who wait. */
  readonly serve: () => void;
}

/** Looks after a pool. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #cancel: (() => void) | undefined;
  #dueMs = Infinity;
  #phase: "unused" | "open" | "closed" = "unused";

  /**
   * Creates it; nothing happens before {@link begin}.
   *
   * @param options what is looked after.
   */
  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** The pool is used: spare workers are kept from now on. */
  begin(): void {
    if (this.#phase !== "unused") return;
    this.#phase = "open";
    this.#lookAt(this.#options.timing.nowMs() + SPARE_DELAY_MS);
  }

  /** Something changed: plans the next look. */
  plan(): void {
    const { fleet, queue, staff, starter, limits, timing } = this.#options;
    if (this.#phase !== "open") return;
    const idle = fleet.longestIdle(() => true);
    const spareMs = staff.nextSpareMs;
    this.#lookAt(Math.min(
      idle === undefined ? Infinity : idle.idleSinceMs + limits.idleTimeoutMs,
      spareMs === undefined ? Infinity : Math.max(spareMs, timing.nowMs() + SPARE_DELAY_MS),
      queue.size === 0 ? Infinity : starter.nextAttemptMs ?? Infinity,
    ));
  }

  /** A worker became idle: cheap where a look is planned already. */
  planIfIdle(): void {
    if (this.#cancel === undefined) this.plan();
  }

  /** Stops; no timer is left. */
  close(): void {
    this.#phase = "closed";
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #lookAt(dueMs: number): void {
    if (this.#phase !== "open" || dueMs >= (this.#cancel === undefined ? Infinity : this.#dueMs)) {
      return;
    }
    this.#cancel?.();
    this.#dueMs = dueMs;
    const delayMs = Math.max(0, Math.ceil(dueMs - this.#options.timing.nowMs()));
    this.#cancel = this.#options.timing.after(() => this.#look(), delayMs);
  }

  #look(): void {
    const { fleet, staff, limits, timing, serve } = this.#options;
    this.#cancel = undefined;
    const before = timing.nowMs() - limits.idleTimeoutMs;
    for (
      let slot = fleet.longestIdle((idle) => idle.idleSinceMs <= before);
      slot !== undefined;
      slot = fleet.longestIdle((idle) => idle.idleSinceMs <= before)
    ) staff.end(slot);
    staff.keepSpares();
    serve();
    this.plan();
  }
}
