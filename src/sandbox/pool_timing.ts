/**
 * Time as the pool needs it: a clock and timers behind one port, so that tests decide when time passes.
 *
 * @module
 */

/** A clock with timers. */
export interface Timing {
  /** Milliseconds that never go back, from any start. */
  nowMs(): number;
  /**
   * Calls back once.
   *
   * @param callback what to call; must not throw.
   * @param delayMs from now, 0 and up.
   * @returns cancels it; may be called late or twice.
   */
  after(callback: () => void, delayMs: number): () => void;
}

/** {@link Timing} of the machine. */
export const systemTiming: Timing = {
  nowMs: () => performance.now(),
  after(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
