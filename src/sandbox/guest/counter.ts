/**
 * The counting interrupt: raises the counter of a module that counts its checks, and says when the
 * guest has used up its budget, its time, or has to stop. See `reserved.ts` for the agreement.
 *
 * @module
 */

import { type GuestFunction, nowMs } from "./own_globals.ts";
import {
  CHECK_EXPORT,
  CHECK_IMPORT,
  CHECK_MODULE,
  CHECK_SLOT,
  COUNTER_REFILL,
  RESERVED_EXPORTS,
} from "./reserved.ts";
import type { StopState } from "./stop.ts";

const checkModule = new WebAssembly.Module(CHECK_MODULE);

/** Counts for one instance. */
export class Counter {
  readonly #counter: WebAssembly.Global;
  readonly #stop: StopState;
  /** How much the counter has been raised by in all. */
  #granted = 0;
  #usedBefore = 0;
  #fuel: number | undefined;
  #deadlineMs = Infinity;

  /**
   * Fills the check slot of an instance.
   *
   * @param exported exports of the instance.
   * @param stop of the worker.
   * @throws {WebAssembly.LinkError} when the instance does not count.
   */
  constructor(exported: WebAssembly.Exports, stop: StopState) {
    const counter = exported[RESERVED_EXPORTS.counter];
    const table = exported[RESERVED_EXPORTS.checkTable];
    if (!(counter instanceof WebAssembly.Global) || !(table instanceof WebAssembly.Table)) {
      throw new WebAssembly.LinkError("the module does not count, although it should");
    }
    this.#counter = counter;
    this.#stop = stop;
    const imports = Object.assign(Object.create(null), {
      [CHECK_IMPORT.module]: { [CHECK_IMPORT.name]: () => this.#tick() },
    });
    const check = new WebAssembly.Instance(checkModule, imports);
    // The module of `reserved.ts` exports exactly this function.
    table.set(CHECK_SLOT, check.exports[CHECK_EXPORT] as GuestFunction);
  }

  /**
   * Starts a budget.
   *
   * @param deadlineMs on the clock of this thread.
   * @param fuel checks; undefined for no limit.
   */
  begin(deadlineMs: number, fuel: number | undefined): void {
    this.#usedBefore = this.#used;
    this.#deadlineMs = deadlineMs;
    this.#fuel = fuel;
    if (fuel !== undefined && this.#value > fuel) this.#raise(fuel - this.#value);
  }

  /** Checks since {@link begin}. */
  get used(): number {
    return this.#used - this.#usedBefore;
  }

  get #used(): number {
    return this.#granted - this.#value;
  }

  get #value(): number {
    // An i32 global is a number.
    return this.#counter.value as number;
  }

  #raise(by: number): void {
    this.#counter.value = this.#value + by;
    this.#granted += by;
  }

  /** Called when the counter is below zero: 0 to go on, 1 to trap. */
  #tick(): number {
    if (this.#stop.isStopped) return this.#refuse("stopped", "stopped");
    if (nowMs() >= this.#deadlineMs) return this.#refuse("timeout", "the time is used up");
    let by = COUNTER_REFILL * Math.ceil((1 - this.#value) / COUNTER_REFILL);
    if (this.#fuel !== undefined) {
      const left = this.#fuel - this.used;
      if (left < 0) return this.#refuse("fuel_exhausted", "the CPU budget is used up");
      by = Math.min(by, left - this.#value);
    }
    this.#raise(by);
    return 0;
  }

  #refuse(code: "stopped" | "timeout" | "fuel_exhausted", message: string): number {
    this.#stop.note({ code, message });
    return 1;
  }
}
