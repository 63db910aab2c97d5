/**
 * How often an addon calls, and how much it hands over, within an organization, over all its
 * invocations: a sliding window of a minute, reckoned from the counts of this minute and the last.
 * One replica counts for itself.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";

const WINDOW_MS = 60_000;
/** Counts are swept when there are more: idle ones would pile up over months. */
const SWEEP_ABOVE = 10_000;

interface Count {
  /** Number of the window that `current` is of. */
  window: number;
  current: number;
  previous: number;
}

/** Counts calls. */
export class HostRates {
  readonly #clock: Clock;
  readonly #counts = new Map<string, Count>();
  #sweptWindow = 0;

  /**
   * Makes one without counts.
   *
   * @param clock the time.
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts calls or bytes if they are within the rate.
   *
   * @param key whose, and of what kind.
   * @param perMinute most within any minute, to within a few per cent.
   * @param amount how many there are now. @default 1
   * @returns false when they are not, and then they are not counted.
   */
  take(key: string, perMinute: number, amount = 1): boolean {
    const now = this.#clock.nowMs();
    const window = Math.floor(now / WINDOW_MS);
    this.#sweep(window);
    let count = this.#counts.get(key);
    if (count === undefined) this.#counts.set(key, count = { window, current: 0, previous: 0 });
    if (count.window !== window) {
      count.previous = count.window === window - 1 ? count.current : 0;
      count.current = 0;
      count.window = window;
    }
    const past = 1 - (now % WINDOW_MS) / WINDOW_MS;
    if (count.current + amount + count.previous * past > perMinute) return false;
    count.current += amount;
    return true;
  }

  /** Forgets what is older than the last minute, at most once in a window. */
  #sweep(window: number): void {
    if (this.#counts.size <= SWEEP_ABOVE || this.#sweptWindow === window) return;
    this.#sweptWindow = window;
    for (const [key, count] of this.#counts) {
      if (count.window < window - 1) this.#counts.delete(key);
    }
  }
}
