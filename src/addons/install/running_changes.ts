/**
 * Counts changes of installations that run, so that a kernel that stops lets them come to their end
 * with all that follows a commit. It bounds none of them.
 *
 * @module
 */

import { closed } from "../../db/errors.ts";

/** Changes of this process that run. */
export class RunningChanges {
  readonly #running = new Set<Promise<unknown>>();
  #isStopped = false;

  /**
   * Makes a change.
   *
   * @param work the change, with what is read for its answer.
   * @returns what the work gives.
   * @throws {KernelError} db.closed — the kernel stops, nothing was done; what the work throws.
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isStopped) throw closed();
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /**
   * Lets no other change begin, and waits for those that run.
   *
   * @param timeoutMs longest wait, in milliseconds, 0 or more.
   */
  async stop(timeoutMs: number): Promise<void> {
    this.#isStopped = true;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([Promise.allSettled(this.#running), late]);
    clearTimeout(timer);
  }
}
