/**
 * Places for statements of guests: as many at once as there are places, the others wait in order
 * until their time is over.
 *
 * @module
 */

import { sqlTimeout } from "./errors.ts";

/** Hands out places. */
export class ConnectionQuota {
  #free: number;
  #lost = 0;
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];

  /** Creates places. @param places how many, at least 1. */
  constructor(places: number) {
    this.#free = places;
    this.#places = places;
  }

  /**
   * Waits for a place; {@link release} must follow.
   *
   * @param timeoutMs how long it is waited for.
   * @param signal ends the wait.
   * @throws {KernelError} guest_sql.timeout.
   */
  async take(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw sqlTimeout("aborted");
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (reason: "waiting" | "aborted") => {
      const place = this.#waiting.indexOf(resolve);
      // Its turn has come in the meantime: whoever waits behind it must not be taken out instead.
      if (place < 0) return;
      this.#waiting.splice(place, 1);
      reject(sqlTimeout(reason));
    };
    const onAbort = () => leave("aborted");
    const timer = setTimeout(() => leave("waiting"), Math.max(0, timeoutMs));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiting.push(resolve);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Whether statements that cannot be stopped hold every place. */
  get isLost(): boolean {
    return this.#lost >= this.#places;
  }

  /** Takes a place for a statement that runs on although nobody waits for it. */
  lose(): void {
    this.#lost++;
    this.#free--;
  }

  /** Gives back a place that was lost. */
  regain(): void {
    this.#lost--;
    this.release();
  }

  /** Gives a place to the next that waits. */
  release(): void {
    // More were lost than were free: the debt comes first.
    const next = this.#free < 0 ? undefined : this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
