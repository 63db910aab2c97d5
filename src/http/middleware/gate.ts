/**
 * Counts requests in flight, so that a stopping server can let them finish.
 *
 * @module
 */

/** Knows how many requests are being answered. */
export class Gate {
  #inFlight = 0;
  #draining: PromiseWithResolvers<void> | undefined;

  /** True once {@link Gate.drain} was called. */
  get closed(): boolean {
    return this.#draining !== undefined;
  }

  /** A request has come. */
  enter(): void {
    this.#inFlight++;
  }

  /** A request is answered. */
  leave(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#draining?.resolve();
  }

  /**
   * Closes the gate and waits until nothing is in flight.
   *
   * @returns when the last request is answered; at once where there is none.
   */
  drain(): Promise<void> {
    this.#draining ??= Promise.withResolvers<void>();
    if (this.#inFlight === 0) this.#draining.resolve();
    return this.#draining.promise;
  }
}
