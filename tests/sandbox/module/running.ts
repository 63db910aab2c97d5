/**
 * Runs rewritten modules in the test's own thread: installs the counter's check, reads fuel, sets the
 * epoch.
 *
 * @module
 */

import {
  CHECK_EXPORT,
  CHECK_IMPORT,
  CHECK_MODULE,
  CHECK_SLOT,
  EPOCH_WORD,
  RESERVED_EXPORTS,
} from "../../../src/sandbox/guest/reserved.ts";

/** Small, so that short runs pass it often. */
const REFILL = 64;
/** Where nothing runs out, refilling in small steps would cost more than the guest. */
const LARGE_REFILL = 100_000;

/** An instance of a rewritten module. */
export interface Running {
  readonly instance: WebAssembly.Instance;
  /** Calls an export. @throws what the guest traps with */
  call(name: string, ...parameters: (number | bigint)[]): unknown;
  /** Sets the epoch: the next check traps. */
  stop(): void;
  /** Checks that were counted. */
  fuelUsed(): number;
  /** Takes what is left of the budget away. */
  exhaust(): void;
  /** Whether the budget ran out. */
  isExhausted(): boolean;
}

/**
 * Makes an instance.
 *
 * @param bytes the rewritten module.
 * @param imports for the guest.
 * @param budget checks until it is stopped, where it counts.
 */
export function run(
  bytes: Uint8Array<ArrayBuffer>,
  imports: WebAssembly.Imports = {},
  budget = Infinity,
): Running {
  return attach(new WebAssembly.Instance(new WebAssembly.Module(bytes), imports), budget);
}

/**
 * Installs the check in an instance that somebody else made.
 *
 * @param instance of a rewritten module.
 * @param budget checks until it is stopped, where it counts.
 */
export function attach(instance: WebAssembly.Instance, budget = Infinity): Running {
  const { exports } = instance;
  const counter = exports[RESERVED_EXPORTS.counter];
  const table = exports[RESERVED_EXPORTS.checkTable];
  const epoch = exports[RESERVED_EXPORTS.epoch];
  const step = budget === Infinity ? LARGE_REFILL : REFILL;
  let refilled = 0;
  let exhausted = false;
  if (counter instanceof WebAssembly.Global && table instanceof WebAssembly.Table) {
    const tick = () => {
      if (refilled - counter.value > budget) exhausted = true;
      if (exhausted) return 1;
      const amount = step * Math.ceil((1 - counter.value) / step);
      refilled += amount;
      counter.value += amount;
      return 0;
    };
    const check = new WebAssembly.Instance(new WebAssembly.Module(CHECK_MODULE), {
      [CHECK_IMPORT.module]: { [CHECK_IMPORT.name]: tick },
    });
    const found = check.exports[CHECK_EXPORT];
    table.set(CHECK_SLOT, typeof found === "function" ? found : null);
  }
  return {
    instance,
    call(name, ...parameters) {
      const found = exports[name];
      if (typeof found !== "function") throw new Error(`no export ${name}`);
      return found(...parameters);
    },
    stop() {
      if (!(epoch instanceof WebAssembly.Memory)) throw new Error("no epoch");
      Atomics.store(new Int32Array(epoch.buffer), EPOCH_WORD, 1);
    },
    fuelUsed: () => counter instanceof WebAssembly.Global ? refilled - counter.value : 0,
    exhaust: () => {
      exhausted = true;
    },
    isExhausted: () => exhausted,
  };
}
