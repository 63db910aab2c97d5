/**
 * A bounded queue for costly work: so many at once, so many waiting, the rest refused at once. It
 * keeps a flood of logins from taking every thread and all memory.
 *
 * @module
 */

import { busy } from "./errors.ts";

/** Runs work, a bounded number of pieces at once. */
export class WorkQueue {
  #active = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #maxActive: number;
  readonly #maxWaiting: number;

  /**
   * Creates an empty queue.
   *
   * @param maxActive pieces of work at once, 1 or more.
   * @param maxWaiting pieces that may wait, 0 or more.
   */
  constructor(maxActive: number, maxWaiting: number) {
    this.#maxActive = maxActive;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Runs a piece of work when its turn comes.
   *
   * @param work what to do.
   * @returns what it gives.
   * @throws {KernelError} auth.busy — when too many wait; the work is not started.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#active >= this.#maxActive) {
      if (this.#waiting.length >= this.#maxWaiting) throw busy();
      // Who is woken inherits the place, so nobody can slip in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#active++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#active--;
      else next();
    }
  }
}
