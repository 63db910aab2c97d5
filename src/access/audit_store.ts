/**
 * Keeps audit records as rows. Taking one never waits and never fails: records queue in memory up to
 * a bound, are written in batches, and beyond the bound they are counted. The newest of each
 * organization stay.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { isUuid } from "../base/ids.ts";
import type { Database } from "../db/database.ts";
import type { AuditRecord, AuditSink } from "../telemetry/audit.ts";
import { detailsText, printable } from "../telemetry/audit_text.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Counter, Metrics } from "../telemetry/metrics.ts";
import { type AuditRow, type AuditTable, createAuditTable } from "./audit_table.ts";

/** How an audit is made. */
export interface DatabaseAuditOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Records that wait at most, 1 or more. @default 1,000 */
  readonly maxQueued?: number;
  /** Records of one organization that stay, 1 or more. @default 10,000 */
  readonly keepPerOrganization?: number;
  /** Longest a record waits before it is written, in milliseconds. @default 200 */
  readonly delayMs?: number;
}

/** An audit that keeps its records in the database. */
export interface DatabaseAudit extends AuditSink {
  /** Writes what waits and takes no more. */
  close(): Promise<void>;
}

const DEFAULT_MAX_QUEUED = 1_000;
const DEFAULT_KEPT = 10_000;
const DEFAULT_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;
const BATCH_ROWS = 100;
/** Attempts after which a record that cannot be written stands no longer in the way of the others. */
const MAX_ATTEMPTS = 3;
const MAX_TEXT_LENGTH = 200;
/** At the most one line about dropped records within this time. */
const COMPLAIN_EVERY_MS = 10_000;

/**
 * Makes an audit.
 *
 * @param options database, time and bounds.
 * @returns the audit; to be closed before the database.
 */
export function createDatabaseAudit(options: DatabaseAuditOptions): DatabaseAudit {
  return new QueuedAudit(options);
}

class QueuedAudit implements DatabaseAudit {
  readonly #options: DatabaseAuditOptions;
  readonly #table: AuditTable;
  readonly #dropped: Counter;
  readonly #queue: AuditRow[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #isClosed = false;
  #unsaid = 0;
  #nextComplaintMs = 0;

  constructor(options: DatabaseAuditOptions) {
    this.#options = options;
    this.#table = createAuditTable(options.database, options.keepPerOrganization ?? DEFAULT_KEPT);
    this.#dropped = options.metrics.counter(
      "metacore_audit_dropped_total",
      "Audit records that could not be kept",
    );
  }

  record(record: AuditRecord): void {
    const { clock, maxQueued = DEFAULT_MAX_QUEUED } = this.#options;
    if (this.#isClosed || this.#queue.length >= maxQueued) return this.#drop(1);
    this.#queue.push(rowOf(record, clock.nowMs()));
    this.#schedule();
  }

  async flush(): Promise<void> {
    // What is being written may have begun before the last record came.
    await this.#writing;
    await this.#write();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#queue.length > 0) this.#drop(this.#queue.splice(0).length);
  }

  /** A database that does not answer is asked ever less often. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    const { delayMs = DEFAULT_DELAY_MS } = this.#options;
    const waitMs = Math.min(delayMs * 2 ** this.#failures, MAX_DELAY_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#write();
    }, waitMs);
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#queue.length > 0) this.#schedule();
    });
    return this.#writing;
  }

  /** Only this removes rows from the queue, and only one of it runs: the front stays the front. */
  async #writeAll(): Promise<void> {
    for (let left = this.#queue.length; left > 0;) {
      const rows = this.#queue.slice(0, BATCH_ROWS);
      if (!await this.#writeBatch(rows)) return;
      this.#queue.splice(0, rows.length);
      left -= rows.length;
    }
  }

  /** @returns whether the rows are done with: kept, or given up. */
  async #writeBatch(rows: readonly AuditRow[]): Promise<boolean> {
    try {
      await this.#table.insert(rows);
      this.#failures = 0;
    } catch (error) {
      this.#options.logger.error("audit records could not be written", {
        records: rows.length,
        error,
      });
      if (++this.#failures < MAX_ATTEMPTS || !await this.#answers()) return false;
      this.#failures = 0;
      await this.#writeOneByOne(rows);
    }
    await this.#trim(rows);
    return true;
  }

  async #answers(): Promise<boolean> {
    return await this.#options.database.ping().then(() => true, () => false);
  }

  async #writeOneByOne(rows: readonly AuditRow[]): Promise<void> {
    for (const row of rows) await this.#table.insert([row]).catch(() => this.#drop(1));
  }

  /** That old records stay longer harms nobody. */
  async #trim(rows: readonly AuditRow[]): Promise<void> {
    try {
      await this.#table.trim(rows);
    } catch (error) {
      this.#options.logger.warn("old audit records could not be removed", { error });
    }
  }

  #drop(count: number): void {
    this.#dropped.add({}, count);
    this.#unsaid += count;
    const now = this.#options.clock.nowMs();
    if (now < this.#nextComplaintMs) return;
    this.#nextComplaintMs = now + COMPLAIN_EVERY_MS;
    this.#options.logger.error("audit records were dropped", { records: this.#unsaid });
    this.#unsaid = 0;
  }
}

function rowOf(record: AuditRecord, nowMs: number): AuditRow {
  return {
    name: printable(record.name, MAX_TEXT_LENGTH),
    severity: record.severity,
    organization_id: uuidOrNull(record.organizationId),
    addon_key: textOrNull(record.addonKey),
    installation_id: uuidOrNull(record.installationId),
    actor_id: textOrNull(record.actorId),
    request_id: textOrNull(record.requestId),
    details: detailsText(record.details),
    created_at: new Date(nowMs).toISOString(),
  };
}

function textOrNull(text: string | undefined): string | null {
  return text === undefined ? null : printable(text, MAX_TEXT_LENGTH);
}

/** One id that is none would keep a whole batch from being written. */
function uuidOrNull(id: string | undefined): string | null {
  return isUuid(id) ? id : null;
}
