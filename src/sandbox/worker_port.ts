/**
 * One worker as the pool sees it: a thread with narrowed permissions that proves its walls, takes
 * one module for life, and runs one invocation at a time.
 *
 * @module
 */

import type { Invocation, InvocationResult, LoadedModule } from "./sandbox.ts";

/** A worker. */
export interface GuestWorker {
  /** Whether another invocation may be given to it: false after a trap, a timeout or its end. */
  readonly isUsable: boolean;
  /** Organization whose instance it keeps; undefined when it keeps none. */
  readonly organizationId: string | undefined;
  /** Invocations begun. */
  readonly uses: number;
  /** Memory of the instance that ran last, or was made ready at the start, in bytes; 0 without one. */
  readonly memoryBytes: number;
  /** Gives it its module; once in its life. @throws {KernelError} sandbox.instantiation_failed */
  load(loaded: LoadedModule): Promise<void>;
  /**
   * Runs one invocation. Rejects at the latest at the deadline, whether the thread has noticed or
   * not. `waitedMs` of the result is 0.
   *
   * @param invocation `timeoutMs` is what is left.
   * @throws {KernelError} sandbox.*
   */
  invoke(invocation: Invocation): Promise<InvocationResult>;
  /** Stops the running invocation, which fails with the reason. */
  stop(reason: "killed" | "cancelled"): void;
  /** Ends the thread. @returns when it is gone, or certain to go. */
  close(): Promise<void>;
  /** Settles when the thread has ended, wanted or not. */
  readonly ended: Promise<void>;
}

/** Starts workers. */
export interface WorkerSource {
  /** Starts one; it has proven its walls when this settles. @throws {KernelError} sandbox.worker_failed */
  start(): Promise<GuestWorker>;
  /** Ends what all workers share: the watchdog. Every worker has ended before. */
  close(): Promise<void>;
}
