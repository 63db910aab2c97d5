/**
 * What the module rewriter and the code inside a worker agree on: names of the exports that the
 * rewriter adds, and how an instance is stopped through them. A module that exports a reserved name
 * itself is refused at admission. Imports nothing, so that it can be part of the worker's source.
 *
 * Order for a new instance: instantiate, fill the check slot (counter), hand the epoch's buffer to
 * whoever may stop the guest (epoch), and only then call the start functions.
 *
 * @module
 */

/** Every reserved name begins so, and no export of a guest may. */
export const RESERVED_PREFIX = "$metacore.";

/**
 * Names of the exports that the rewriter adds. Never hand what lies behind them to a guest.
 *
 * - `epoch` (modules with interrupt `epoch` or `both`): a shared memory of one page, its own in each
 *   instance. Every check traps with `unreachable` while word {@link EPOCH_WORD} is not zero.
 * - `counter` and `checkTable` (`counter` or `both`): a mutable i32 global, 0 in a new instance, and a
 *   table of one slot. Every check takes one off the global, a bulk operation takes more, and calls
 *   slot {@link CHECK_SLOT} when the global is below zero.
 * - {@link globalExport}: its mutable globals, in modules whose instances can be set back.
 * - `start`: the module's start function, where it had a start section; the section is gone, so the
 *   worker has to call it.
 */
export const RESERVED_EXPORTS = {
  epoch: "$metacore.epoch",
  counter: "$metacore.counter",
  checkTable: "$metacore.check",
  start: "$metacore.start",
} as const;

/** Name of the export of a mutable global. @param at 0 for the first, and so on */
export function globalExport(at: number): string {
  return `${RESERVED_PREFIX}global.${at}`;
}

/** Index into an `Int32Array` over the epoch memory's buffer: `Atomics.store` 1 to stop the guest. */
export const EPOCH_WORD = 0;

/** Slot of the check table that holds the check function. */
export const CHECK_SLOT = 0;

/**
 * How much the counter is raised by at least when it is used up: small enough that a deadline is
 * noticed within a fraction of a millisecond, large enough that looking at the clock costs nothing.
 *
 * `tick` has to raise it by `n`, never set it to `n`, or what a check took too much is lost and fuel
 * is no longer the same for the same work; and by as much as it takes to be at zero or above:
 * `n = COUNTER_REFILL * Math.ceil((1 - global.value) / COUNTER_REFILL)`.
 */
export const COUNTER_REFILL = 100_000;

/** Import of {@link CHECK_MODULE}: `() => i32`, 0 to go on (after refilling), 1 to stop the guest. */
export const CHECK_IMPORT = { module: "h", name: "tick" } as const;

/** Export of {@link CHECK_MODULE}: the function for the check slot. */
export const CHECK_EXPORT = "check";

/**
 * A module whose `check` calls `tick` and traps when it says so. The trap has to happen in
 * WebAssembly: a guest can catch what JavaScript throws, and go on.
 *
 * `(import "h" "tick" (func (result i32))) (func (export "check") (if (call 0) (then unreachable)))`
 */
export const CHECK_MODULE: Uint8Array<ArrayBuffer> = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x08, 0x02, 0x60, 0x00, 0x01, 0x7f, 0x60, 0x00, 0x00],
  ...[0x02, 0x0a, 0x01, 0x01, 0x68, 0x04, 0x74, 0x69, 0x63, 0x6b, 0x00, 0x00],
  ...[0x03, 0x02, 0x01, 0x01],
  ...[0x07, 0x09, 0x01, 0x05, 0x63, 0x68, 0x65, 0x63, 0x6b, 0x00, 0x01],
  ...[0x0a, 0x0a, 0x01, 0x08, 0x00, 0x10, 0x00, 0x04, 0x40, 0x00, 0x0b, 0x0b],
]);
