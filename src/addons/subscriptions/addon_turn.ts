/**
 * One addon's turn at the log of its organization: claims its cursor, delivers what is due in order, and
 * moves the cursor behind each event that is dealt with. Another process that holds the claim is left
 * alone.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Database } from "../../db/database.ts";
import type { EventRecord } from "../../events/event.ts";
import { readSettledEvents } from "../../events/settled.ts";
import type { AuditSink } from "../../telemetry/audit.ts";
import type { Logger } from "../../telemetry/log.ts";
import { chainLength, MAX_CHAIN } from "./chain.ts";
import {
  claimCursor,
  type CursorClaim,
  type CursorMove,
  type CursorRow,
  moveCursor,
  placeCursor,
  readCursor,
  renewClaim,
} from "./cursor_store.ts";
import { type Delivery, HANDLER_TIMEOUT_MS } from "./delivery.ts";
import type { Interest, Subscriber } from "./subscriber.ts";

/** What a turn works with. */
export interface TurnOptions {
  readonly database: Database;
  readonly delivery: Delivery;
  readonly audit: AuditSink;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Stops it between two events, and the handler that runs. */
  readonly signal: AbortSignal;
}

const PAGE = 100;
const CLAIM_MS = 60_000;
/** What must be left of a claim when a handler is called, so that it does not end meanwhile. */
const LEAST_CLAIM_MS = HANDLER_TIMEOUT_MS + 5_000;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 300_000;
/** Failures in a row after which an event is left behind: one broken event must not hold up all others. */
const MAX_FAILURES = 10;
const MAX_ERROR_LENGTH = 500;

/** One addon's turn. */
export class AddonTurn {
  readonly #options: TurnOptions;
  readonly #subscriber: Subscriber;
  readonly #owner: { readonly organizationId: string; readonly addonKey: string };

  /**
   * Prepares a turn.
   *
   * @param options what it works with.
   * @param subscriber the addon.
   */
  constructor(options: TurnOptions, subscriber: Subscriber) {
    this.#options = options;
    this.#subscriber = subscriber;
    const { organization_id: organizationId, addon_key: addonKey } = subscriber.installation.row;
    this.#owner = { organizationId, addonKey };
  }

  /**
   * Delivers everything that is due.
   *
   * @returns Unix time in milliseconds from which it is worth trying again; undefined where nothing is
   *   left to do.
   */
  async run(): Promise<number | undefined> {
    const { database, clock, signal } = this.#options;
    while (!signal.aborted) {
      const cursor = await readCursor(database.kysely, this.#owner);
      if (cursor === undefined) {
        await placeCursor(database.kysely, this.#owner, this.#at(), "keep");
        return undefined;
      }
      const waitsUntil = laterOf(cursor.retry_at, cursor.claimed_until);
      if (waitsUntil > clock.nowMs()) return waitsUntil;
      const { events, more } = await readSettledEvents(database, {
        organizationId: this.#owner.organizationId,
        after: Number(cursor.position),
        limit: PAGE,
        signal,
      });
      if (events.length === 0) return more ? clock.nowMs() + FIRST_RETRY_MS : undefined;
      const retryAtMs = await this.#page(cursor, events);
      if (retryAtMs !== undefined) return retryAtMs;
    }
    return undefined;
  }

  /** @returns when to try again; undefined where the page is dealt with, or no longer this turn's. */
  async #page(cursor: CursorRow, events: readonly EventRecord[]): Promise<number | undefined> {
    const { database, clock, signal } = this.#options;
    let claim: CursorClaim = {
      ...this.#owner,
      position: Number(cursor.position),
      until: this.#later(),
    };
    if (!await claimCursor(database.kysely, claim, this.#at())) {
      return clock.nowMs() + FIRST_RETRY_MS;
    }
    let passed = claim.position;
    let { failures } = cursor;
    for (const event of events) {
      const due = this.#options.delivery.due(this.#subscriber, event);
      const isTooFar = due.length > 0 && chainLength(event.requestId) > MAX_CHAIN;
      if (isTooFar) this.#tellCut(event);
      if (due.length > 0 && !isTooFar) {
        const outcome = await this.#deliver(event, due, claim, passed);
        if (outcome.claim === undefined) return undefined;
        claim = outcome.claim;
        if (outcome.failure !== undefined) {
          // A stop is nobody's failure; the event is delivered again.
          if (signal.aborted) return await this.#giveBack(claim, passed, failures);
          failures += 1;
          if (failures < MAX_FAILURES) {
            return await this.#retryLater(claim, passed, failures, outcome.failure);
          }
          this.#tellSkipped(event, failures, outcome.failure);
        }
        failures = 0;
        const moved = await this.#move(claim, event.sequence);
        if (moved === undefined) return undefined;
        claim = moved;
      }
      passed = event.sequence;
      if (signal.aborted) break;
    }
    return await this.#giveBack(claim, passed, 0);
  }

  /** Calls each handler, keeping the claim; without one at the end somebody else has it. */
  async #deliver(
    event: EventRecord,
    due: readonly Interest[],
    claim: CursorClaim,
    passed: number,
  ): Promise<{ readonly claim?: CursorClaim; readonly failure?: unknown }> {
    let held: CursorClaim | undefined = claim;
    for (const interest of due) {
      if (Date.parse(held.until) - this.#options.clock.nowMs() < LEAST_CLAIM_MS) {
        held = await this.#move(held, passed, "keep failures");
        if (held === undefined) return {};
      }
      try {
        await this.#options.delivery.call(this.#subscriber, interest, event, this.#options.signal);
      } catch (failure) {
        return { claim: held, failure: failure ?? new Error("the handler failed") };
      }
    }
    return { claim: held };
  }

  async #move(
    claim: CursorClaim,
    position: number,
    failures: "none" | "keep failures" = "none",
  ): Promise<CursorClaim | undefined> {
    const until = this.#later(claim.until);
    const { database } = this.#options;
    const moved = failures === "keep failures"
      ? await renewClaim(database.kysely, claim, { position, until, at: this.#at() })
      : await moveCursor(database.kysely, claim, { ...CLEAN, position, until, at: this.#at() });
    return moved ? { ...claim, position, until } : undefined;
  }

  async #giveBack(claim: CursorClaim, position: number, failures: number): Promise<undefined> {
    const at = this.#at();
    const { kysely } = this.#options.database;
    await moveCursor(kysely, claim, { ...CLEAN, failures, position, until: null, at });
  }

  async #retryLater(
    claim: CursorClaim,
    position: number,
    failures: number,
    failure: unknown,
  ): Promise<number> {
    const { clock, database, logger } = this.#options;
    const retryAtMs = clock.nowMs() + Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS);
    await moveCursor(database.kysely, claim, {
      position,
      failures,
      until: null,
      lastError: messageOf(failure),
      retryAt: new Date(retryAtMs).toISOString(),
      at: this.#at(),
    });
    logger.warn("an event could not be delivered and is tried again", {
      addon: this.#owner.addonKey,
      organization: this.#owner.organizationId,
      failures,
      cause: failure,
    });
    return retryAtMs;
  }

  #tellSkipped(event: EventRecord, failures: number, failure: unknown): void {
    this.#tell("subscription.event_skipped", event, { failures, reason: messageOf(failure) });
    this.#options.logger.error("an event was left behind after failing too often", {
      ...this.#named(event),
      cause: failure,
    });
  }

  #tellCut(event: EventRecord): void {
    this.#tell("subscription.chain_cut", event, { deliveries: MAX_CHAIN + 1 });
    this.#options.logger.error(
      "an event was left behind: deliveries cause events that cause deliveries",
      this.#named(event),
    );
  }

  #tell(name: string, event: EventRecord, more: JsonObject): void {
    this.#options.audit.record({
      name,
      severity: "warning",
      ...this.#owner,
      installationId: this.#subscriber.installation.row.id,
      requestId: event.requestId,
      details: { event: event.name, sequence: event.sequence, ...more },
    });
  }

  #named({ name, sequence }: EventRecord) {
    const { organizationId: organization, addonKey: addon } = this.#owner;
    return { addon, organization, event: name, sequence };
  }

  #at(): string {
    return new Date(this.#options.clock.nowMs()).toISOString();
  }

  /** A time until which a claim holds, later than the one before: that is how it is known. */
  #later(before?: string): string {
    const least = before === undefined ? 0 : Date.parse(before) + 1;
    return new Date(Math.max(this.#options.clock.nowMs() + CLAIM_MS, least)).toISOString();
  }
}

const CLEAN: Pick<CursorMove, "failures" | "lastError" | "retryAt"> = {
  failures: 0,
  lastError: null,
  retryAt: null,
};

function laterOf(...times: readonly (string | null)[]): number {
  return Math.max(0, ...times.map((time) => time === null ? 0 : Date.parse(time)));
}

function messageOf(failure: unknown): string {
  const message = failure instanceof Error ? failure.message : String(failure);
  return message.slice(0, MAX_ERROR_LENGTH);
}
