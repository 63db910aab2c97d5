/**
 * Starts workers one attempt at a time and remembers failures: after one, starting pauses for a
 * while that doubles, so that a machine without room for threads is not hammered.
 *
 * @module
 */

import { isKernelError } from "../base/error.ts";
import type { Logger } from "../telemetry/log.ts";
import { sandboxError } from "./errors.ts";
import type { Timing } from "./pool_timing.ts";
import type { BoundedWaits } from "./pool_waits.ts";
import type { GuestWorker, WorkerSource } from "./worker_port.ts";

/** Pause after the first failure; doubles with each further one. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** Failures in a row after which nobody is kept waiting for the next attempt. */
const GIVE_UP_AFTER = 3;

/** How a starter is made. */
export interface StarterOptions {
  readonly source: WorkerSource;
  readonly timing: Timing;
  readonly waits: BoundedWaits;
  readonly logger: Logger;
  /** How long a start may take, in milliseconds. */
  readonly startTimeoutMs: number;
}

/** Starts workers. */
export class WorkerStarter {
  readonly #options: StarterOptions;
  #failures = 0;
  #underWay = 0;
  #pausedUntilMs = 0;
  #lastFailure: unknown;

  /**
   * Creates a starter.
   *
   * @param options where workers come from.
   */
  constructor(options: StarterOptions) {
    this.#options = options;
  }

  /** Whether an attempt may be made now. After a failure one at a time is. */
  get isReady(): boolean {
    if (this.#failures === 0) return true;
    return this.#underWay === 0 && this.#options.timing.nowMs() >= this.#pausedUntilMs;
  }

  /** When the pause after a failure is over; undefined without one, or while an attempt is made. */
  get nextAttemptMs(): number | undefined {
    return this.#failures === 0 || this.#underWay > 0 ? undefined : this.#pausedUntilMs;
  }

  /** Why nobody should wait for a worker; undefined while there is hope. */
  get hopeless(): unknown {
    if (this.#failures < GIVE_UP_AFTER) return undefined;
    const pauseMs = this.#pausedUntilMs - this.#options.timing.nowMs();
    return sandboxError(
      "sandbox.worker_failed",
      `Workers for addon code do not start: ${textOf(this.#lastFailure)}`,
      {
        details: { retry_after_seconds: Math.max(1, Math.ceil(pauseMs / 1000)) },
        cause: this.#lastFailure,
      },
    );
  }

  /** Announces an attempt: {@link start} follows, perhaps after an earlier worker has gone. */
  announce(): void {
    this.#underWay++;
  }

  /**
   * Starts a worker; it has been announced.
   *
   * @returns the worker; it has proven its walls.
   * @throws {KernelError} sandbox.worker_failed; the failure has been counted. sandbox.closed
   */
  async start(): Promise<GuestWorker> {
    const { source, waits, startTimeoutMs } = this.#options;
    const failuresBefore = this.#failures;
    try {
      const worker = await waits.within(startTimeoutMs, source.start(), (late) => {
        late.close().catch(() => {});
      });
      this.#failures = 0;
      return worker;
    } catch (thrown) {
      // Attempts that were made side by side fail for one reason: they count once. One that was given
      // up, since the sandbox closes, has not failed.
      const isGivenUp = isKernelError(thrown, "sandbox.closed");
      if (this.#failures === failuresBefore && !isGivenUp) this.countFailure(thrown);
      throw thrown;
    } finally {
      this.#underWay--;
    }
  }

  /** Counts a failure that came after the start: a worker that ended before it was used. */
  countFailure(thrown: unknown): void {
    const { timing, logger } = this.#options;
    this.#lastFailure = thrown;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures++;
    this.#pausedUntilMs = timing.nowMs() + pauseMs;
    logger.error("A worker for addon code did not start", {
      failures: this.#failures,
      retry_in_ms: pauseMs,
      error: textOf(thrown),
    });
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
