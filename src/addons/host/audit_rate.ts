/**
 * The token bucket before audit records that guests write (contract/gonext.md §2.3): 100 a minute
 * for each addon of an organization, full at the start, refilled continuously. A token is not given
 * back when the record cannot be kept.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";

const PER_MINUTE = 100;
const MINUTE_MS = 60_000;
const SWEEP_ABOVE = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets by addon and organization. */
export class AuditRate {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();
  #sweptAtMs = -Infinity;

  /**
   * Makes full buckets.
   *
   * @param clock the time.
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes a token.
   *
   * @param key whose bucket.
   * @returns false when it is empty.
   */
  take(key: string): boolean {
    const now = this.#clock.nowMs();
    this.#sweep(now);
    const bucket = this.#buckets.get(key) ?? { tokens: PER_MINUTE, atMs: now };
    const refill = Math.max(0, now - bucket.atMs) * PER_MINUTE / MINUTE_MS;
    bucket.tokens = Math.min(PER_MINUTE, bucket.tokens + refill);
    bucket.atMs = now;
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  /**
   * A bucket that nobody asked for a minute is full again: forgetting it changes nothing. At most once
   * a minute, or many busy addons would make every record walk over all of them.
   */
  #sweep(now: number): void {
    if (this.#buckets.size <= SWEEP_ABOVE || now - this.#sweptAtMs < MINUTE_MS) return;
    this.#sweptAtMs = now;
    for (const [key, bucket] of this.#buckets) {
      if (now - bucket.atMs >= MINUTE_MS) this.#buckets.delete(key);
    }
  }
}
