/**
 * Turns for changes of installations in this process. Whoever waits for another change of the same
 * organization would hold a connection while it waits, and with enough of them nobody else would get
 * one; here it holds nothing. Other processes are kept apart by locks in the database.
 *
 * @module
 */

/** How many connections there are for one that changes may hold. */
const SHARE = 4;

/** Lets changes begin one after the other in an organization, and few at one time. */
export class ChangeTurns {
  readonly #last = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** @param parallelTransactions how many transactions the database runs at one time, 1 or more. */
  constructor(parallelTransactions: number) {
    this.#free = Math.max(1, Math.floor(parallelTransactions / SHARE));
  }

  /**
   * Waits for a turn and works in it.
   *
   * @param organizationId whose installation changes.
   * @param work makes the change.
   * @returns what the work gives.
   */
  async within<T>(organizationId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(organizationId);
    const { promise: mine, resolve: leave } = Promise.withResolvers<void>();
    this.#last.set(organizationId, mine);
    await before;
    await this.#take();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
      leave();
      if (this.#last.get(organizationId) === mine) this.#last.delete(organizationId);
    }
  }

  async #take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
