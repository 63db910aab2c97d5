/**
 * Turns for changes of installations in this process. Whoever waits for another change of the same
 * organization would hold a connection while it waits, and with enough of them nobody else would get
 * one; here it holds nothing. Other processes are kept apart by locks in the database.
 *
 * @module
 */

import type { CallerContext } from "../../base/caller.ts";
import { busy } from "../../db/errors.ts";
import { within } from "../compiled/deadline.ts";

/** How many connections there are for one that changes may hold. */
const SHARE = 4;
/** As long as the database lets one statement of a change take. */
const MAX_WAIT_MS = 300_000;

/** Whose change it is; the wait ends with the signal. */
export type ChangingCaller = Pick<CallerContext, "organizationId" | "signal">;

/** Lets changes begin one after the other in an organization, and few at one time. */
export class ChangeTurns {
  /** By organization: resolves when everybody who has asked is done. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  readonly #maxWaitMs: number;
  #free: number;

  /**
   * @param parallelTransactions how many transactions the database runs at one time, 1 or more.
   * @param maxWaitMs longest wait for a turn, in milliseconds.
   */
  constructor(parallelTransactions: number, maxWaitMs = MAX_WAIT_MS) {
    this.#free = Math.max(1, Math.floor(parallelTransactions / SHARE));
    this.#maxWaitMs = maxWaitMs;
  }

  /**
   * Waits for a turn and works in it.
   *
   * @param caller whose installation changes.
   * @param work makes the change.
   * @returns what the work gives.
   * @throws {KernelError} db.busy — others took too long, or the caller has gone meanwhile: nothing was
   *   done; what the work throws.
   */
  async within<T>(caller: ChangingCaller, work: () => Promise<T>): Promise<T> {
    const { organizationId } = caller;
    const before = this.#last.get(organizationId) ?? Promise.resolve();
    const { promise: done, resolve: leave } = Promise.withResolvers<void>();
    // Who gives up leaves the order of the others as it is.
    const mine = Promise.all([before, done]).then(() => {
      if (this.#last.get(organizationId) === mine) this.#last.delete(organizationId);
    });
    this.#last.set(organizationId, mine);
    try {
      const sinceMs = performance.now();
      await this.#patiently(before, caller, sinceMs);
      await this.#take(caller, sinceMs);
      try {
        return await work();
      } finally {
        this.#release();
      }
    } finally {
      leave();
    }
  }

  async #take(caller: ChangingCaller, sinceMs: number): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    try {
      await this.#patiently(promise, caller, sinceMs);
    } catch (thrown) {
      const place = this.#waiting.indexOf(resolve);
      // It came in the same moment.
      if (place < 0) this.#release();
      else this.#waiting.splice(place, 1);
      throw thrown;
    }
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }

  async #patiently(
    turn: Promise<void>,
    { signal }: ChangingCaller,
    sinceMs: number,
  ): Promise<void> {
    const waitedMs = () => Math.round(performance.now() - sinceMs);
    const timeoutMs = Math.max(0, this.#maxWaitMs - waitedMs());
    const late = () => new Error("the turn did not come in time");
    try {
      await within({ timeoutMs, late, signal }, () => turn);
    } catch (thrown) {
      // Turns do not fail: it is the wait that has ended.
      throw busy(waitedMs(), thrown);
    }
  }
}
