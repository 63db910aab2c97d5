/**
 * What a pool has done so far, in numbers that only rise.
 *
 * @module
 */

import { isKernelError } from "../base/error.ts";
import type { SandboxStats } from "./sandbox.ts";

/** Counts of a pool. */
export class PoolCounts {
  #invocations = 0;
  #traps = 0;
  #timeouts = 0;
  #refused = 0;

  /** An invocation got a worker. */
  begin(): void {
    this.#invocations++;
  }

  /** An invocation failed. @returns the failure, as it came */
  fail<T>(thrown: T): T {
    if (isKernelError(thrown, "sandbox.trap")) this.#traps++;
    if (isKernelError(thrown, "sandbox.timeout")) this.#timeouts++;
    return thrown;
  }

  /** An invocation gets no worker. @returns the failure, as it came */
  refuse<T>(failure: T): T {
    this.#refused++;
    return failure;
  }

  /** The counts. */
  now(): Pick<SandboxStats, "invocations" | "traps" | "timeouts" | "refused"> {
    return {
      invocations: this.#invocations,
      traps: this.#traps,
      timeouts: this.#timeouts,
      refused: this.#refused,
    };
  }
}
