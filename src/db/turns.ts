/**
 * Turns: one holder at a time, in the order of asking, with a bounded wait.
 *
 * @module
 */

import { busy } from "./errors.ts";

interface Waiter {
  readonly grant: () => void;
}

/** Hands out turns. */
export class Turns {
  #held = false;
  readonly #waiting: Waiter[] = [];
  readonly #timeoutMs: number;

  /**
   * Creates turns that nobody holds.
   *
   * @param timeoutMs how long a turn is waited for.
   */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Takes the turn when it is free at once.
   *
   * @returns true when it was taken; then {@link release} must follow.
   */
  tryTake(): boolean {
    if (this.#held) return false;
    this.#held = true;
    return true;
  }

  /**
   * Waits for the turn; {@link release} must follow.
   *
   * @throws {KernelError} db.busy — when it did not come in time.
   */
  take(): Promise<void> {
    if (this.tryTake()) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      reject(busy(this.#timeoutMs));
    }, this.#timeoutMs);
    const waiter: Waiter = {
      grant: () => {
        clearTimeout(timer);
        resolve();
      },
    };
    this.#waiting.push(waiter);
    return promise;
  }

  /** Gives the turn to the next that waits. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next.grant();
  }
}
