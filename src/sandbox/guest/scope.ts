/**
 * What imports work on: the instance that runs now, and what the running invocation may do. One per
 * worker, because import functions outlive instances.
 *
 * @module
 */

import type { GuestFunction } from "./own_globals.ts";
import { nowMs } from "./own_globals.ts";
import { LogBuffer, printable } from "./log.ts";
import { GuestMemory } from "./memory.ts";
import type { ReplyMessage, WireArgument } from "./protocol.ts";
import type { StopState } from "./stop.ts";

/** Asks the main thread. */
export type Ask = (name: string, args: readonly WireArgument[]) => Promise<ReplyMessage>;

const MAX_LAST_WORDS = 2_048;

/** State of the worker as imports see it. */
export class Scope {
  readonly log = new LogBuffer();
  /** Of the instance that runs. */
  memory = new GuestMemory(undefined);
  /** Of the instance that runs; gives an address. */
  alloc: GuestFunction | undefined;
  /** On the clock of this thread. */
  deadlineMs = Infinity;
  /** `preparing`: no invocation runs, so nobody could answer a host call. */
  phase: "preparing" | "running" = "preparing";
  /** Whether the guest's `alloc` runs for the answer of a host call. */
  isAnswering = false;
  /** Whether a host call was refused because nothing runs. */
  neededHost = false;
  /** Whether code has asked for what differs each time: time, randomness, the host. */
  isRepeatable = true;
  #lastWords: Uint8Array | undefined;

  /** @param stop of the worker. @param ask how to reach the main thread. */
  constructor(readonly stop: StopState, readonly ask: Ask) {}

  /** Milliseconds that are left to the running code. */
  leftMs(): number {
    return this.deadlineMs - nowMs();
  }

  /** Keeps what the guest wrote to standard error last. */
  hear(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#lastWords = bytes.slice(0, MAX_LAST_WORDS);
  }

  /** What the guest wrote to standard error last, as safe text. */
  get lastWords(): string {
    return this.#lastWords === undefined ? "" : printable(this.#lastWords).replace(/(\\n)+$/, "");
  }

  /** Forgets what belongs to the invocation before. */
  reset(): void {
    this.log.reset();
    this.stop.clear();
    this.isAnswering = false;
    this.#lastWords = undefined;
  }
}
