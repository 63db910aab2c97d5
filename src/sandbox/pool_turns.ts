/**
 * Who is served next: addons take turns, the longest waiting of each first. A worker goes on with its
 * own addon's queue for a turn and then gives way to an addon that has none: places change hands, but
 * not with every invocation. Starts no workers itself.
 *
 * @module
 */

import type { PoolLimits } from "./limits.ts";
import { type Fleet, isPending, type Slot } from "./pool_fleet.ts";
import type { Waiter, WaitingQueue } from "./pool_queue.ts";
import type { Staff } from "./pool_staff.ts";
import type { Timing } from "./pool_timing.ts";

/** What turns are decided by. */
export interface TurnsOptions {
  readonly fleet: Fleet;
  readonly queue: WaitingQueue;
  readonly staff: Staff;
  readonly limits: PoolLimits;
  readonly timing: Timing;
}

/** Gives workers to those who wait. */
export class Turns {
  readonly #options: TurnsOptions;

  /**
   * Creates it.
   *
   * @param options workers, waiters and bounds.
   */
  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Serves whoever can be served, and begins to make workers for the others within the bounds. */
  serve(): void {
    const { queue } = this.#options;
    while (queue.size > 0 && this.#serveOne());
  }

  #serveOne(): boolean {
    const { queue } = this.#options;
    for (const addonKey of queue.addons()) {
      if (!this.#serveAddon(addonKey)) continue;
      queue.endTurn(addonKey);
      return true;
    }
    return false;
  }

  #serveAddon(addonKey: string): boolean {
    const { fleet, queue, staff } = this.#options;
    const pending = this.#pendingOf(addonKey);
    for (const waiter of queue.of(addonKey)) {
      const slot = fleet.idleFor(waiter.code.id, waiter.invocation.organizationId);
      if (slot !== undefined) {
        this.#give(waiter, slot);
        return true;
      }
      const coming = pending.get(waiter.code.id) ?? 0;
      // Without a worker of its own, the first who has none coming decides: nobody overtakes.
      if (coming === 0) return staff.begin(waiter.code, (other) => this.#mayGiveWay(other));
      pending.set(waiter.code.id, coming - 1);
    }
    return false;
  }

  #give(waiter: Waiter, slot: Slot): void {
    this.#options.queue.remove(waiter);
    waiter.run(slot);
  }

  #mayGiveWay(slot: Slot): boolean {
    if (slot.code === undefined) return true;
    return this.#options.queue.firstFor(slot.code) === undefined || this.#isTurnOver(slot);
  }

  #isTurnOver(slot: Slot): boolean {
    const { timing, limits } = this.#options;
    // One that was brought for somebody serves somebody, or two addons could take it in turns for ever.
    if (slot.worker?.uses === 0) return false;
    return timing.nowMs() - slot.turnStartedMs >= limits.turnMs;
  }

  #pendingOf(addonKey: string): Map<string, number> {
    const pending = new Map<string, number>();
    for (const slot of this.#options.fleet.all()) {
      if (slot.code?.addonKey !== addonKey || !isPending(slot)) continue;
      pending.set(slot.code.id, (pending.get(slot.code.id) ?? 0) + 1);
    }
    return pending;
  }
}
