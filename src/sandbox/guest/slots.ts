/**
 * The memory that the main thread and the watchdog share: one slot per worker. All words are 32-bit
 * integers read and written by `Atomics`. The bell that wakes the watchdog is a memory of its own,
 * because guest workers may ring it and have no business in the table.
 *
 * A time is counted in sixteenths of a millisecond since the table was made, modulo 2^32: times up to
 * 18 hours apart can be compared, and an invocation lasts at most one.
 *
 * @module
 */

/** Most workers at a time. */
export const MAX_SLOTS = 4_096;

/** Word of the table with the time until which the watchdog sleeps. */
export const SLEEPS_UNTIL = 0;

/** Word of the table that is not zero once the watchdog has to end. */
export const CLOSED = 1;

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

/** Wakes the watchdog. @param bell its only word counts the rings */
export function ring(bell: Int32Array): void {
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
}
