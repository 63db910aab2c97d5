/**
 * Circuit breakers: an installation whose code fails again and again is refused at once, and tried
 * again by single probes after a pause that grows. The state is kept in a store, so that it survives
 * a restart and other replicas see it. What is not known is refused.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { isKernelError } from "../base/error.ts";
import type { Logger } from "../telemetry/log.ts";
import {
  afterFailure,
  type BreakerLimits,
  type BreakerState,
  CLOSED,
  DEFAULT_BREAKER,
  pauseMs,
} from "./breaker_state.ts";
import { type BreakerRecord, BreakerRecords, type BreakerStore } from "./breaker_records.ts";
import { countsAgainstGuest, sandboxError } from "./errors.ts";

/** Whose breaker it is. */
export interface BreakerSubject {
  readonly installationId: string;
  readonly addonKey: string;
  readonly organizationId: string;
}

/** What a breaker shows. */
export type BreakerPhase = "closed" | "open" | "half_open";

/** A change of a breaker, for audit. */
export interface BreakerChange extends BreakerSubject {
  readonly from: BreakerPhase;
  readonly to: BreakerPhase;
  readonly cause: "failures" | "pause_over" | "probe_failed" | "probe_succeeded" | "reset";
  /** Times it has opened in a row. */
  readonly openings: number;
  readonly atMs: number;
}

/** How breakers are made. */
export interface BreakerOptions {
  readonly store: BreakerStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<BreakerLimits>;
  /** How old a state may be before it is read again in the background. @default 5,000 */
  readonly refreshMs?: number;
  /** Called once for each change that this process makes. */
  readonly onChange?: (change: BreakerChange) => void;
}

/** Failures with which the guest has shown that it runs. */
const ALIVE: ReadonlySet<string> = new Set([
  "sandbox.guest_error",
  "sandbox.bad_payload",
  "sandbox.unknown_target",
]);

/** Breakers of all installations. */
export class CircuitBreakers {
  readonly #records: BreakerRecords;
  readonly #limits: BreakerLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onChange: (change: BreakerChange) => void;

  /**
   * Creates breakers; nothing is read before it is needed.
   *
   * @param options where states are kept, and when a breaker opens.
   */
  constructor(options: BreakerOptions) {
    this.#limits = { ...DEFAULT_BREAKER, ...options.limits };
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#onChange = options.onChange ?? (() => {});
    this.#records = new BreakerRecords({
      store: options.store,
      clock: options.clock,
      logger: options.logger,
      limits: this.#limits,
      refreshMs: options.refreshMs ?? 5_000,
    });
  }

  /**
   * Runs something under a breaker. While it is closed, this costs no input or output.
   *
   * @param subject whose code is run.
   * @param work runs it; the function it is given throws `sandbox.circuit_open` where the breaker has
   *   opened meanwhile, for work that had to wait before it runs anything.
   * @returns what the work gives.
   * @throws {KernelError} sandbox.circuit_open — refused at once, `details.retry_after_seconds` says
   *   when to come back; sandbox.circuit_unknown — the state could not be read; what the work throws.
   */
  async run<T>(
    subject: BreakerSubject,
    work: (refuseIfOpen: () => void) => Promise<T>,
  ): Promise<T> {
    const record = this.#records.known(subject.installationId) ??
      await this.#records.read(subject.installationId);
    if (record.state.state === "open") return await this.#runProbe(subject, record, work);
    try {
      return await work(() => {
        if (record.state.state !== "open") return;
        throw circuitOpen(subject, record, this.#clock.nowMs());
      });
    } catch (thrown) {
      if (countsAgainstGuest(thrown)) this.#count(subject, record);
      throw thrown;
    }
  }

  /**
   * Closes a breaker by an operator's wish.
   *
   * @param subject whose.
   * @throws whatever the store throws: the operator has to know that it did not work.
   */
  async reset(subject: BreakerSubject): Promise<void> {
    const record = await this.#records.read(subject.installationId);
    const { state: before } = record;
    const from = phaseOf(record);
    record.probe = undefined;
    record.state = CLOSED;
    try {
      await this.#records.writeNow(record);
    } catch (thrown) {
      // Closed here and open everywhere else would be neither.
      record.state = before;
      throw thrown;
    }
    if (from !== "closed") this.#tell(subject, record, from, "closed", "reset");
  }

  /**
   * Shows a breaker.
   *
   * @param installationId whose.
   * @returns its phase and state.
   * @throws {KernelError} sandbox.circuit_unknown
   */
  async show(installationId: string): Promise<{ phase: BreakerPhase; state: BreakerState }> {
    const record = await this.#records.read(installationId);
    return { phase: phaseOf(record), state: record.state };
  }

  /** Settles when everything is written that can be. */
  flush(): Promise<void> {
    return this.#records.flush();
  }

  #count(subject: BreakerSubject, record: BreakerRecord): void {
    // Those who were let in before it opened do not make it worse.
    if (record.state.state === "open") return;
    record.state = afterFailure(record.state, this.#clock.nowMs(), this.#limits);
    this.#records.write(record);
    if (phaseOf(record) === "open") this.#tell(subject, record, "closed", "open", "failures");
  }

  async #runProbe<T>(
    subject: BreakerSubject,
    record: BreakerRecord,
    work: (refuseIfOpen: () => void) => Promise<T>,
  ): Promise<T> {
    const probe = await this.#claimProbe(subject, record);
    try {
      // The probe is let through because the breaker is open.
      const value = await work(() => {});
      this.#endProbe(subject, record, probe, "succeeded");
      return value;
    } catch (thrown) {
      const isAlive = isKernelError(thrown) && ALIVE.has(thrown.code);
      const verdict = countsAgainstGuest(thrown) ? "failed" : isAlive ? "succeeded" : "undecided";
      this.#endProbe(subject, record, probe, verdict);
      throw thrown;
    }
  }

  /** Lets one through, of this process and of all replicas. */
  async #claimProbe(subject: BreakerSubject, record: BreakerRecord): Promise<symbol> {
    const { state } = record;
    const now = this.#clock.nowMs();
    const retryAtMs = state.retryAtMs ?? now;
    if (record.probe !== undefined || now < retryAtMs) throw circuitOpen(subject, record, now);
    const probe = record.probe = Symbol("probe");
    const next = { ...state, retryAtMs: now + pauseMs(state.openings, this.#limits) };
    let isOurs: boolean;
    try {
      isOurs = await this.#records.claim(record, state, next);
    } catch (thrown) {
      record.probe = undefined;
      throw thrown;
    }
    // A reset may have come in between.
    if (record.probe === probe && isOurs) {
      this.#tell(subject, record, "open", "half_open", "pause_over");
      return probe;
    }
    if (record.probe === probe) record.probe = undefined;
    throw circuitOpen(subject, record, now);
  }

  #endProbe(
    subject: BreakerSubject,
    record: BreakerRecord,
    probe: symbol,
    verdict: "succeeded" | "failed" | "undecided",
  ): void {
    if (record.probe !== probe) return;
    record.probe = undefined;
    const now = this.#clock.nowMs();
    if (verdict === "succeeded") {
      record.state = CLOSED;
      this.#tell(subject, record, "half_open", "closed", "probe_succeeded");
    } else if (verdict === "failed") {
      record.state = afterFailure(record.state, now, this.#limits);
      this.#tell(subject, record, "half_open", "open", "probe_failed");
    } else {
      // Nothing was learned: the next caller may try.
      record.state = { ...record.state, retryAtMs: now };
    }
    this.#records.write(record);
  }

  #tell(
    subject: BreakerSubject,
    record: BreakerRecord,
    from: BreakerPhase,
    to: BreakerPhase,
    cause: BreakerChange["cause"],
  ): void {
    const { openings } = record.state;
    const atMs = this.#clock.nowMs();
    try {
      this.#onChange({ ...subject, from, to, cause, openings, atMs });
    } catch (thrown) {
      this.#logger.error("A change of a circuit breaker was not recorded", {
        installation_id: subject.installationId,
        error: String(thrown),
      });
    }
  }
}

function phaseOf({ state, probe }: BreakerRecord): BreakerPhase {
  if (state.state === "closed") return "closed";
  return probe === undefined ? "open" : "half_open";
}

function circuitOpen(subject: BreakerSubject, { state }: BreakerRecord, nowMs: number): Error {
  const { addonKey, installationId } = subject;
  const seconds = Math.max(1, Math.ceil(((state.retryAtMs ?? nowMs) - nowMs) / 1000));
  return sandboxError(
    "sandbox.circuit_open",
    `Addon "${addonKey}" is not available: its code has failed too often. It is tried again in ` +
      `${seconds} s; an operator can reset the circuit breaker of installation ${installationId}.`,
    { details: { retry_after_seconds: seconds, addon: addonKey, openings: state.openings } },
  );
}
