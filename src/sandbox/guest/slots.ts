/**
 * The memory that the main thread and the watchdog share: one slot per worker, and a bell. All words
 * are 32-bit integers read and written by `Atomics`, so that neither side ever waits for the other.
 *
 * A time is counted in sixteenths of a millisecond since the table was made, modulo 2^32: times up to
 * 18 hours apart can be compared, and an invocation lasts at most one.
 *
 * @module
 */

/** Most workers at a time. */
export const MAX_SLOTS = 4_096;

/** Word that counts rings of the bell. */
export const BELL = 0;

/** Word with the time until which the watchdog sleeps. */
export const SLEEPS_UNTIL = 1;

const FIRST_SLOT = 2;
const TICKS_PER_MS = 16;

/** Size of the table in bytes. */
export const TABLE_BYTES = (FIRST_SLOT + MAX_SLOTS * 2) * 4;

/** Ticks that are "later than any deadline", and still comparable. */
export const FAR_TICKS = 2 ** 30;

/**
 * Word with the state of a slot: 0 idle, n while invocation n runs, -n once it has to stop. Only a
 * compare-and-exchange moves it, so that an end and a stop cannot both win.
 */
export function stateWord(slot: number): number {
  return FIRST_SLOT + slot * 2;
}

/** Word with the deadline of a slot; written before the state. */
export function deadlineWord(slot: number): number {
  return FIRST_SLOT + slot * 2 + 1;
}

/** Turns milliseconds since the table was made into a time. */
export function toTicks(ms: number): number {
  // Remainder first: what follows keeps 32 bits only.
  return Math.ceil(ms * TICKS_PER_MS) % 2 ** 32 | 0;
}

/** Tells how much later one time is than another, in milliseconds; below 0 when it is earlier. */
export function laterMs(time: number, than: number): number {
  return ((time - than) | 0) / TICKS_PER_MS;
}
