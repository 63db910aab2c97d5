/**
 * Time as a port, so that nothing in the kernel reads the system clock behind a test's back.
 *
 * @module
 */

/** Tells the time and waits. */
export interface Clock {
  /** Unix time in milliseconds. */
  nowMs(): number;
}

/** {@link Clock} of the machine. */
export const systemClock: Clock = { nowMs: () => Date.now() };
