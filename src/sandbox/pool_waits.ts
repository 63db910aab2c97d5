/**
 * Waiting for a bounded time: for starts and loads, which may hang. All waits can be given up at
 * once, so that closing neither waits for what hangs nor leaves a timer behind.
 *
 * @module
 */

import { sandboxError } from "./errors.ts";
import type { Timing } from "./pool_timing.ts";

/** Waits with a bound. */
export class BoundedWaits {
  readonly #timing: Timing;
  readonly #giveUps = new Set<() => void>();

  /**
   * Creates it.
   *
   * @param timing clock and timers.
   */
  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /**
   * Waits for something.
   *
   * @param limitMs how long.
   * @param work what is waited for.
   * @param tidy gets what comes too late.
   * @returns what the work gives.
   * @throws {KernelError} sandbox.worker_failed — the time is over; sandbox.closed — the wait was
   *   given up.
   */
  within<T>(limitMs: number, work: Promise<T>, tidy: (late: T) => void = () => {}): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const settle = () => {
        isOver = true;
        cancel();
        this.#giveUps.delete(giveUp);
      };
      const giveUp = () => {
        settle();
        reject(sandboxError("sandbox.closed", "The sandbox is closed."));
      };
      const cancel = this.#timing.after(() => {
        settle();
        reject(sandboxError("sandbox.worker_failed", `A worker was not ready in ${limitMs} ms.`));
      }, limitMs);
      this.#giveUps.add(giveUp);
      work.then((value) => {
        if (isOver) return tidy(value);
        settle();
        resolve(value);
      }, (thrown) => {
        if (isOver) return;
        settle();
        reject(thrown);
      });
    });
  }

  /** Ends every wait with its failure. */
  giveUp(): void {
    for (const giveUp of [...this.#giveUps]) giveUp();
  }
}
