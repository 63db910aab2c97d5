/**
 * How many requests an addon may make in a minute and at one time, and all addons together. One
 * process counts for itself.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { rateLimited } from "./errors.ts";

/** Bounds on requests. */
export interface EgressLimits {
  /** Of one addon within a minute. @default 60 */
  readonly requestsPerMinute: number;
  /** Of one addon at one time. @default 8 */
  readonly concurrent: number;
  /** Of all addons at one time. @default 64 */
  readonly concurrentInAll: number;
}

/** Bounds where none are given. */
export const DEFAULT_EGRESS_LIMITS: EgressLimits = {
  requestsPerMinute: 60,
  concurrent: 8,
  concurrentInAll: 64,
};

const MINUTE_MS = 60_000;
const SWEEP_ABOVE = 1_000;

interface Usage {
  running: number;
  tokens: number;
  atMs: number;
}

/** Counts requests. */
export class EgressQuota {
  readonly #limits: EgressLimits;
  readonly #clock: Clock;
  readonly #usages = new Map<string, Usage>();
  #running = 0;

  /**
   * Creates a quota that nobody has used.
   *
   * @param limits the bounds.
   * @param clock refills what was used.
   */
  constructor(limits: EgressLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Counts a request.
   *
   * @param addonKey whose.
   * @returns what is called when it has ended.
   * @throws {KernelError} egress.rate_limited — a bound is reached; nothing was counted.
   */
  enter(addonKey: string): () => void {
    const { concurrent, concurrentInAll, requestsPerMinute } = this.#limits;
    const usage = this.#usage(addonKey);
    if (usage.running >= concurrent) {
      throw rateLimited(`The addon has ${concurrent} outbound requests under way already`, 1);
    }
    if (this.#running >= concurrentInAll) {
      throw rateLimited("Too many outbound requests are under way on this server", 1);
    }
    if (usage.tokens < 1) {
      const seconds = Math.ceil((1 - usage.tokens) * 60 / requestsPerMinute);
      throw rateLimited(
        `The addon makes more than ${requestsPerMinute} requests a minute`,
        seconds,
      );
    }
    usage.tokens--;
    usage.running++;
    this.#running++;
    return () => {
      usage.running--;
      this.#running--;
    };
  }

  #usage(addonKey: string): Usage {
    const now = this.#clock.nowMs();
    const { requestsPerMinute } = this.#limits;
    let usage = this.#usages.get(addonKey);
    if (usage === undefined) {
      this.#sweep(now);
      usage = { running: 0, tokens: requestsPerMinute, atMs: now };
      this.#usages.set(addonKey, usage);
    }
    const refill = Math.max(0, now - usage.atMs) * requestsPerMinute / MINUTE_MS;
    usage.tokens = Math.min(requestsPerMinute, usage.tokens + refill);
    usage.atMs = now;
    return usage;
  }

  /** One that nobody used for a minute is full again: forgetting it changes nothing. */
  #sweep(now: number): void {
    if (this.#usages.size <= SWEEP_ABOVE) return;
    for (const [key, usage] of this.#usages) {
      if (usage.running === 0 && now - usage.atMs >= MINUTE_MS) this.#usages.delete(key);
    }
  }
}
