/**
 * States of circuit breakers in memory, and their way to and from the store: read when first needed,
 * again in the background when they are old, written behind. A state that could not be written yet
 * is never replaced by an older one that was read.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../telemetry/log.ts";
import { type BreakerLimits, type BreakerState, CLOSED, joined } from "./breaker_state.ts";
import { sandboxError } from "./errors.ts";

/** Keeps states; rows of the kernel's table `breakers`. */
export interface BreakerStore {
  /** @returns the state; undefined where none was ever written */
  read(installationId: string): Promise<BreakerState | undefined>;
  /** Writes a state over what is there. An installation that is gone is no failure. */
  write(installationId: string, state: BreakerState): Promise<void>;
  /**
   * Moves the time of the next probe, in one statement, where the breaker is still open and its time
   * is still the expected one: of several replicas one gets the probe.
   *
   * @returns whether it was moved.
   */
  claimProbe(installationId: string, expectedMs: number, nextMs: number): Promise<boolean>;
}

/** State of one breaker in memory. */
export interface BreakerRecord {
  readonly installationId: string;
  state: BreakerState;
  /** The probe under way. */
  probe: symbol | undefined;
  /** When the state was last read or written. */
  checkedAtMs: number;
  /** Rises with every change, so that an answer to an older question is known. */
  changes: number;
  isUnsaved: boolean;
  writing: Promise<void> | undefined;
  reading: Promise<void> | undefined;
}

/** How records are made. */
export interface BreakerRecordsOptions {
  readonly store: BreakerStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BreakerLimits;
  readonly refreshMs: number;
}

/** While the store cannot be read, an old state serves for so many refresh times. */
const STALE_REFRESHES = 6;
const MAX_RECORDS = 10_000;

/** States in memory. */
export class BreakerRecords {
  readonly #options: BreakerRecordsOptions;
  readonly #records = new Map<string, BreakerRecord>();
  /** Being read for the first time. */
  readonly #arriving = new Map<string, BreakerRecord>();

  /**
   * Creates it, empty.
   *
   * @param options where states are kept.
   */
  constructor(options: BreakerRecordsOptions) {
    this.#options = options;
  }

  /** A state that is known well enough; costs no input or output. */
  known(installationId: string): BreakerRecord | undefined {
    const record = this.#records.get(installationId);
    if (record === undefined) return undefined;
    const { clock, refreshMs } = this.#options;
    const ageMs = clock.nowMs() - record.checkedAtMs;
    if (ageMs < refreshMs) return record;
    if (ageMs >= refreshMs * STALE_REFRESHES) return undefined;
    // A failure is logged there, and told when the state is too old to go by.
    this.#refresh(record).catch(() => {});
    return record;
  }

  /** Reads a state. @throws {KernelError} sandbox.circuit_unknown */
  async read(installationId: string): Promise<BreakerRecord> {
    const record = this.#records.get(installationId) ?? this.#arriving.get(installationId) ??
      newRecord(installationId);
    // A crowd that comes first reads once.
    this.#arriving.set(installationId, record);
    try {
      await this.#refresh(record);
    } catch (thrown) {
      throw sandboxError(
        "sandbox.circuit_unknown",
        "Whether this addon may run is not known: the state of its circuit breaker cannot be read.",
        { details: { retry_after_seconds: 1 }, cause: thrown },
      );
    } finally {
      this.#arriving.delete(installationId);
    }
    return this.#keep(record);
  }

  /** Writes a state behind. */
  write(record: BreakerRecord): void {
    record.changes++;
    record.isUnsaved = true;
    // A failure is logged there; the state stays unsaved and is written at the next occasion.
    this.#save(record).catch(() => {});
  }

  /** Writes a state and waits for it. */
  async writeNow(record: BreakerRecord): Promise<void> {
    record.changes++;
    record.isUnsaved = true;
    await this.#save(record);
  }

  /**
   * Claims the next probe for this process.
   *
   * @returns false when another replica was faster.
   * @throws {KernelError} sandbox.circuit_unknown
   */
  async claim(record: BreakerRecord, from: BreakerState, to: BreakerState): Promise<boolean> {
    const { store } = this.#options;
    try {
      // What the store does not know yet cannot be claimed there.
      if (record.isUnsaved) await this.#save(record);
      const isOurs = await store.claimProbe(
        record.installationId,
        from.retryAtMs ?? 0,
        to.retryAtMs ?? 0,
      );
      if (record.state === from && isOurs) {
        record.state = to;
        record.changes++;
      } else if (!isOurs) await this.#refresh(record);
      return isOurs;
    } catch (thrown) {
      throw sandboxError(
        "sandbox.circuit_unknown",
        "The circuit breaker of this addon is open, and it cannot be told whose turn it is to try.",
        { details: { retry_after_seconds: 1 }, cause: thrown },
      );
    }
  }

  /** Settles when nothing is being read or written. */
  async flush(): Promise<void> {
    for (const record of [...this.#records.values()]) {
      await (record.isUnsaved ? this.#save(record) : record.writing)?.catch(() => {});
      await record.reading?.catch(() => {});
    }
  }

  #keep(record: BreakerRecord): BreakerRecord {
    const other = this.#records.get(record.installationId);
    if (other !== undefined) return other;
    if (this.#records.size >= MAX_RECORDS) {
      for (const [id, { probe, isUnsaved }] of this.#records) {
        if (probe !== undefined || isUnsaved) continue;
        this.#records.delete(id);
        break;
      }
    }
    this.#records.set(record.installationId, record);
    return record;
  }

  #refresh(record: BreakerRecord): Promise<void> {
    return record.reading ??= this.#load(record).finally(() => record.reading = undefined);
  }

  async #load(record: BreakerRecord): Promise<void> {
    const { store, clock, logger, limits } = this.#options;
    const { changes } = record;
    try {
      if (record.isUnsaved) return await this.#save(record);
      const kept = await store.read(record.installationId) ?? CLOSED;
      record.checkedAtMs = clock.nowMs();
      // While a probe runs, its outcome decides.
      if (record.changes !== changes || record.probe !== undefined) return;
      record.state = joined(record.state, kept, limits);
    } catch (thrown) {
      logger.error("The state of a circuit breaker could not be read", {
        installation_id: record.installationId,
        error: String(thrown),
      });
      throw thrown;
    }
  }

  #save(record: BreakerRecord): Promise<void> {
    return record.writing ??= this.#store(record).finally(() => record.writing = undefined);
  }

  async #store(record: BreakerRecord): Promise<void> {
    const { store, clock, logger } = this.#options;
    try {
      while (record.isUnsaved) {
        const { changes } = record;
        await store.write(record.installationId, record.state);
        record.checkedAtMs = clock.nowMs();
        if (record.changes === changes) record.isUnsaved = false;
      }
    } catch (thrown) {
      logger.error("The state of a circuit breaker could not be written", {
        installation_id: record.installationId,
        error: String(thrown),
      });
      throw thrown;
    }
  }
}

function newRecord(installationId: string): BreakerRecord {
  return {
    installationId,
    state: CLOSED,
    probe: undefined,
    checkedAtMs: 0,
    changes: 0,
    isUnsaved: false,
    writing: undefined,
    reading: undefined,
  };
}
