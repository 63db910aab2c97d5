/**
 * Places for transactions that addon code runs in. Each holds a connection, on SQLite the one writer
 * there is: without a bound, an addon whose code is slow would hold them all, and everybody else's
 * requests would wait. Waiting happens here, where nothing is held.
 *
 * @module
 */

import { sandboxError } from "../../sandbox/errors.ts";

/** How many places there are. */
export interface TransactionPlaceLimits {
  /** Transactions of addon code at one time, 1 or more. */
  readonly places: number;
  /** Of those, of one addon in one organization, 1 or more. */
  readonly placesPerAddon: number;
  /** Who waits for a place. @default 256 */
  readonly maxWaiting?: number;
  /** Of those, of one addon in one organization. @default 64 */
  readonly maxWaitingPerAddon?: number;
}

/** Who wants a place. */
export interface PlaceHolder {
  readonly organizationId: string;
  readonly addonKey: string;
  /** How long a place is waited for, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

interface Line {
  held: number;
  readonly waiting: Set<() => void>;
}

const RETRY_AFTER_SECONDS = 1;

/**
 * Tells how many places a database affords: half of what runs at one time is left to everybody
 * else's requests, and no addon gets more than a quarter.
 *
 * @param parallelTransactions how many transactions the database runs at one time, 1 or more.
 * @returns the limits.
 */
export function transactionPlaces(parallelTransactions: number): TransactionPlaceLimits {
  return {
    places: Math.max(1, Math.floor(parallelTransactions / 2)),
    placesPerAddon: Math.max(1, Math.floor(parallelTransactions / 4)),
  };
}

/** Hands out places, addon by addon. */
export class TransactionPlaces {
  readonly #limits: Required<TransactionPlaceLimits>;
  /** Insertion order is the order of turns: who has been served goes to the end. */
  readonly #lines = new Map<string, Line>();
  #held = 0;
  #waiting = 0;

  /** @param limits how many places there are. */
  constructor(limits: TransactionPlaceLimits) {
    this.#limits = { maxWaiting: 256, maxWaitingPerAddon: 64, ...limits };
  }

  /**
   * Waits for a place and works in it.
   *
   * @param holder whose work it is.
   * @param work what opens the transaction.
   * @returns what the work gives.
   * @throws {KernelError} sandbox.busy — none became free in time, or too many wait;
   *   sandbox.cancelled — the caller gave up; what the work throws.
   */
  async within<T>(holder: PlaceHolder, work: () => Promise<T>): Promise<T> {
    const key = `${holder.organizationId}\n${holder.addonKey}`;
    const line = this.#lines.get(key) ?? { held: 0, waiting: new Set() };
    this.#lines.set(key, line);
    try {
      if (this.#isFree(line) && line.waiting.size === 0) this.#take(line);
      else await this.#wait(line, holder);
    } catch (thrown) {
      this.#forget(key, line);
      throw thrown;
    }
    try {
      return await work();
    } finally {
      this.#held--;
      line.held--;
      this.#forget(key, line);
      // What the work threw is told first: whoever is next may have to know of it.
      if (this.#waiting > 0) setTimeout(() => this.#serve());
    }
  }

  #isFree(line: Line): boolean {
    return this.#held < this.#limits.places && line.held < this.#limits.placesPerAddon;
  }

  #take(line: Line): void {
    this.#held++;
    line.held++;
  }

  async #wait(line: Line, { addonKey, timeoutMs, signal }: PlaceHolder): Promise<void> {
    const { maxWaiting, maxWaitingPerAddon } = this.#limits;
    if (signal?.aborted === true) throw cancelled();
    if (line.waiting.size >= maxWaitingPerAddon || this.#waiting >= maxWaiting) {
      throw busy(addonKey, "too many of its actions wait for a transaction");
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () => reject(busy(addonKey, "its actions in transactions take too long"));
    const abort = () => reject(cancelled());
    const timer = setTimeout(late, timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    line.waiting.add(resolve);
    this.#waiting++;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      // Who was served has been taken out already.
      if (line.waiting.delete(resolve)) this.#waiting--;
    }
  }

  #serve(): void {
    for (const [key, line] of [...this.#lines]) {
      if (this.#held >= this.#limits.places) return;
      const [next] = line.waiting;
      if (next === undefined || !this.#isFree(line)) continue;
      // Taken in its name at once, so that nobody slips in before it runs.
      line.waiting.delete(next);
      this.#waiting--;
      this.#take(line);
      this.#lines.delete(key);
      this.#lines.set(key, line);
      next();
    }
  }

  #forget(key: string, line: Line): void {
    if (line.held === 0 && line.waiting.size === 0) this.#lines.delete(key);
  }
}

function busy(addonKey: string, why: string): Error {
  return sandboxError("sandbox.busy", `Addon "${addonKey}" is busy: ${why}. Try again soon.`, {
    details: { retry_after_seconds: RETRY_AFTER_SECONDS },
  });
}

function cancelled(): Error {
  return sandboxError("sandbox.cancelled", "The invocation was cancelled by its caller.");
}
