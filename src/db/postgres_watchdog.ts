/**
 * Cuts connections whose server has gone silent. One timer looks after all of a pool's exchanges,
 * because a timer for each would cost more than the rest of sending one.
 *
 * @module
 */

/** An exchange that must end in time. */
export interface Watched {
  /** On the clock of `performance.now()`. */
  readonly dueMs: number;
  /** Called once when it did not. */
  expire(): void;
}

/** Late by at most this. */
const TICK_MS = 250;

/** Watches exchanges. */
export class Watchdog {
  readonly #watched = new Set<Watched>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Watches an exchange until {@link release}. */
  watch(watched: Watched): void {
    this.#watched.add(watched);
    if (this.#timer === undefined) this.#timer = setInterval(() => this.#look(), TICK_MS);
  }

  /** Ends the watch over an exchange. */
  release(watched: Watched): void {
    this.#watched.delete(watched);
  }

  /** Stops; nothing is watched any more. */
  stop(): void {
    this.#watched.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    if (this.#watched.size === 0) return this.stop();
    const now = performance.now();
    for (const watched of this.#watched) {
      if (watched.dueMs > now) continue;
      this.#watched.delete(watched);
      watched.expire();
    }
  }
}
