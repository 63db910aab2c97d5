/**
 * Log lines about denials: enough to see who was refused what, but no flood. It decides nothing.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../telemetry/log.ts";

/** A permission that was demanded and not held. */
export interface Denial {
  readonly caller: Caller;
  readonly permission: string;
}

/** Lines written within a window; those above are counted. */
export const MAX_LINES_PER_WINDOW = 20;
/** Length of a window in milliseconds. */
export const WINDOW_MS = 10_000;

/** Writes denials at level warn. */
export class DenialLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #windowEndMs = 0;
  #written = 0;
  #unwritten = 0;

  /**
   * Creates a log.
   *
   * @param logger takes the lines.
   * @param clock tells when a window is over.
   */
  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /**
   * Writes a denial, or counts it where too many were written.
   *
   * @param denial who was refused what; `unwritten` of the line tells how many before it were counted
   *   only.
   */
  write({ caller, permission }: Denial): void {
    const now = this.#clock.nowMs();
    if (now >= this.#windowEndMs) {
      this.#windowEndMs = now + WINDOW_MS;
      this.#written = 0;
    }
    if (this.#written >= MAX_LINES_PER_WINDOW) {
      this.#unwritten++;
      return;
    }
    this.#written++;
    this.#logger.warn("permission denied", {
      permission,
      organizationId: caller.organizationId,
      requestId: caller.requestId,
      ...(caller.kind === "user" && { userId: caller.userId, role: caller.role }),
      ...(this.#unwritten > 0 && { unwritten: this.#unwritten }),
    });
    this.#unwritten = 0;
  }
}
