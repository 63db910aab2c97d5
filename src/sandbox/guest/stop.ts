/**
 * Ends guest code for good, from anything the guest may call. The end is always a trap that happens
 * in WebAssembly: a guest can catch what JavaScript throws, and go on.
 *
 * @module
 */

import type { FailureCode } from "./protocol.ts";

/** `(func (export "t") unreachable)`. */
const TRAP_MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x07, 0x05, 0x01, 0x01, 0x74, 0x00, 0x00],
  ...[0x0a, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0b],
]);

const trapInstance = new WebAssembly.Instance(new WebAssembly.Module(TRAP_MODULE));
// The module above exports exactly this.
const trap = trapInstance.exports["t"] as () => never;

/** Why the kernel's side ended guest code. */
export interface Ending {
  readonly code: FailureCode;
  readonly reason?: string;
  readonly message: string;
  /** What the guest said itself, where it ended by its own wish. */
  readonly guestMessage?: string;
  /** Of `proc_exit`. */
  readonly exitCode?: number;
}

/** The stop word of this worker, and why the running code was ended. */
export class StopState {
  #word: Int32Array = new Int32Array(1);
  #ending: Ending | undefined;
  /** Rejects the host call that the guest waits for. */
  #interrupt: ((thrown: unknown) => void) | undefined;

  /** @param word shared with the main thread and the watchdog. */
  attach(word: Int32Array): void {
    this.#word = word;
  }

  /** Whether the worker has to stop for good. */
  get isStopped(): boolean {
    return Atomics.load(this.#word, 0) !== 0;
  }

  /** Why guest code was ended, where it was not the guest's own doing. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Forgets the last ending, for a new instance. */
  clear(): void {
    this.#ending = undefined;
  }

  /** Notes why guest code ends, for a trap that happens elsewhere. The first reason counts. */
  note(ending: Ending): void {
    this.#ending ??= ending;
  }

  /** Ends the guest code that is running now. */
  end(ending: Ending): never {
    this.note(ending);
    return trap();
  }

  /** Ends the guest when the worker has to stop, or when an ending was swallowed. */
  check(): void {
    if (this.isStopped) this.end({ code: "stopped", message: "stopped" });
    if (this.#ending !== undefined) trap();
  }

  /**
   * Waits for a host function in a way that a stop cuts short.
   *
   * @param start gets how to answer; called before the guest is suspended.
   * @returns the answer; rejects with an uncatchable trap when the worker has to stop.
   */
  wait<T>(start: (answer: (value: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#interrupt = reject;
      start(resolve);
    });
  }

  /** Cuts the waiting short: the watchdog has set the stop word. */
  interrupt(): void {
    const reject = this.#interrupt;
    this.#interrupt = undefined;
    if (reject === undefined) return;
    try {
      this.check();
    } catch (thrown) {
      reject(thrown);
    }
  }

  /** Sleeps until a time has passed or the worker has to stop. @param ms at least 0 */
  sleep(ms: number): void {
    Atomics.wait(this.#word, 0, 0, ms);
  }
}
