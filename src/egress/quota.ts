/**
 * How many requests an addon may make in a minute and at one time, and all addons together. One
 * process counts for itself.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { EgressRequest } from "./egress.ts";
import { rateLimited } from "./errors.ts";

/** Bounds on requests. */
export interface EgressLimits {
  /** Of one addon within a minute. @default 60 */
  readonly requestsPerMinute: number;
  /** Calls of one addon's backend, for one organization, within a minute. @default 600 */
  readonly backendCallsPerMinute: number;
  /** Of one addon at one time. @default 8 */
  readonly concurrent: number;
  /** Of all addons at one time. @default 64 */
  readonly concurrentInAll: number;
}

/** Bounds where none are given. */
export const DEFAULT_EGRESS_LIMITS: EgressLimits = {
  requestsPerMinute: 60,
  backendCallsPerMinute: 600,
  concurrent: 8,
  concurrentInAll: 64,
};

/** What of a request is counted. */
export type CountedRequest = Pick<EgressRequest, "addonKey" | "organizationId" | "countedAs">;

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
   * @param request whose, and whether its own code asks or its backend is called.
   * @returns what is called when it has ended.
   * @throws {KernelError} egress.rate_limited — a bound is reached; nothing was counted.
   */
  enter(request: CountedRequest): () => void {
    const { concurrent, concurrentInAll } = this.#limits;
    const requestsPerMinute = this.#perMinute(request);
    const usage = this.#usage(keyOf(request), requestsPerMinute);
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

  #perMinute({ countedAs }: CountedRequest): number {
    const { backendCallsPerMinute, requestsPerMinute } = this.#limits;
    return countedAs === "backend" ? backendCallsPerMinute : requestsPerMinute;
  }

  #usage(key: string, requestsPerMinute: number): Usage {
    const now = this.#clock.nowMs();
    let usage = this.#usages.get(key);
    if (usage === undefined) {
      this.#sweep(now);
      usage = { running: 0, tokens: requestsPerMinute, atMs: now };
      this.#usages.set(key, usage);
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

/** One organization's actions must not keep another's from the same addon's backend. */
function keyOf({ addonKey, organizationId, countedAs }: CountedRequest): string {
  return countedAs === "backend" ? `${addonKey}\n${organizationId}` : addonKey;
}
