/**
 * Bounds the time of requests. An answer does not wait for work that is late: the work is told by
 * its signal, and what it has already handed to the database may still complete.
 *
 * One timer looks at all running requests now and then; a timer for each of them would cost as
 * much as the routing does (measured). A deadline is therefore met late by at most one look.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { bodyTimeout, requestTimeout } from "../errors.ts";
import type { Exchange } from "../exchange.ts";

interface Running {
  readonly exchange: Exchange;
  readonly timeoutMs: number;
  readonly reject: (late: unknown) => void;
}

/** Watches running requests. */
export class Deadlines {
  readonly #running = new Set<Running>();
  readonly #clock: Clock;
  readonly #lookEveryMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * Makes the watch.
   *
   * @param clock the clock by which exchanges were started.
   * @param lookEveryMs time between looks, in milliseconds, 1 or more.
   */
  constructor(clock: Clock, lookEveryMs: number) {
    this.#clock = clock;
    this.#lookEveryMs = lookEveryMs;
  }

  /**
   * Waits for work, but not for ever.
   *
   * @param work what answers the request.
   * @param exchange the request; it is stopped when the time is over.
   * @param timeoutMs time it has since it came, in milliseconds.
   * @returns what the work gives.
   * @throws {KernelError} http.body_timeout — when the client is what is late;
   *   http.request_timeout — when the work is.
   */
  bound<T>(work: Promise<T>, exchange: Exchange, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const running = { exchange, timeoutMs, reject };
      this.#running.add(running);
      if (!this.#closed) this.#timer ??= setTimeout(() => this.#look(), this.#lookEveryMs);
      work.then((value) => {
        this.#running.delete(running);
        resolve(value);
      }, (thrown) => {
        this.#running.delete(running);
        reject(thrown);
      });
    });
  }

  /** Ends the watch for good, when nothing but probes comes any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = this.#clock.nowMs();
    for (const running of this.#running) {
      if (now - running.exchange.startMs >= running.timeoutMs) this.#end(running);
    }
    this.#timer = this.#running.size === 0
      ? undefined
      : setTimeout(() => this.#look(), this.#lookEveryMs);
  }

  #end(running: Running): void {
    this.#running.delete(running);
    const late = running.exchange.bodyReader === undefined ? requestTimeout : bodyTimeout;
    running.reject(late(running.timeoutMs));
    running.exchange.stop();
  }
}
