/**
 * Keeps answers of repeatable requests in the kernel's tables, where every replica sees them: who
 * writes the row first does the work, everybody else finds it.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Clock } from "../base/clock.ts";
import type { IdSource } from "../base/ids.ts";
import type { Database } from "../db/database.ts";
import type { IdempotencyKeyTable } from "../db/tables.ts";
import type { Logger } from "../telemetry/log.ts";
import { inProgress, keyInvalid, keyReused } from "./errors.ts";
import type { Idempotency, KeptAnswer, RepeatableRequest, RequestClaim } from "./idempotency.ts";

/** What keeping answers takes. */
export interface IdempotencyOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /**
   * How long a request may run, in milliseconds: a row that is older belongs to a process that died.
   *
   * @default 60,000
   */
  readonly runTimeMs?: number;
}

const KEPT_MS = 24 * 3_600_000;
/** Twice what an ordinary request has (30 s), because work may end later than its answer. */
const RUN_TIME_MS = 60_000;
const SWEEP_EVERY_MS = 60_000;
/** Bounds what one sweep holds up. */
const SWEEP_ROWS = 1_000;
const MAX_BODY_BYTES = 1_048_576;
const RETRY_AFTER_SECONDS = 1;
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Told instead of an answer that was too large: the work must not be done again for its sake. */
const NOT_KEPT = JSON.stringify({
  success: true,
  data: null,
  message: "this request was done before; its answer was too large to be kept",
  meta: { answer: "not_kept" },
});

/**
 * Makes the keeper.
 *
 * @param options what keeping answers takes.
 * @returns the keeper.
 */
export function createIdempotency(options: IdempotencyOptions): Idempotency {
  return new KeptAnswers(options);
}

type Row = IdempotencyKeyTable;

class KeptAnswers implements Idempotency {
  readonly #options: IdempotencyOptions;
  readonly #runTimeMs: number;
  #sweptMs = 0;

  constructor(options: IdempotencyOptions) {
    this.#options = options;
    this.#runTimeMs = options.runTimeMs ?? RUN_TIME_MS;
  }

  async once(
    request: RepeatableRequest,
    work: (claim: RequestClaim) => Promise<KeptAnswer>,
  ): Promise<{ answer: KeptAnswer; kept: boolean }> {
    if (!KEY.test(request.key)) throw keyInvalid();
    await this.#sweep();
    const claim = await this.#newClaim(request);
    const standing = await this.#take(claim);
    if (standing !== undefined) return { answer: standing, kept: true };
    const answer = await this.#answer(claim, () => work(this.#claimOf(claim)));
    if (isKept(answer)) await this.#keep(claim, answer);
    else await this.#release(claim);
    return { answer, kept: false };
  }

  #claimOf({ organization_id: organizationId, key, owner }: Row): RequestClaim {
    const keptUntil = timeText(this.#options.clock.nowMs() + KEPT_MS);
    return { organizationId, key, owner, keptUntil };
  }

  async #answer(claim: Row, work: () => Promise<KeptAnswer>): Promise<KeptAnswer> {
    try {
      return await work();
    } catch (thrown) {
      await this.#release(claim);
      throw thrown;
    }
  }

  async #newClaim(request: RepeatableRequest): Promise<Row> {
    const { caller, method, path, key, body, query = "" } = request;
    const now = this.#options.clock.nowMs();
    return {
      organization_id: caller.organizationId,
      key: await digest([userOf(caller), method, path, key].join("\0")),
      request_hash: await digest(joined(`${query}\0`, body)),
      owner: this.#options.ids.next(),
      status: null,
      body: null,
      created_at: timeText(now),
      expires_at: timeText(now + this.#runTimeMs),
    };
  }

  /** Makes the row the claim's own, or gives the answer that was kept in it. */
  async #take(claim: Row): Promise<KeptAnswer | undefined> {
    const { kysely } = this.#options.database;
    const inserted = await kysely.insertInto("idempotency_keys").values(claim)
      .onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 1n) return undefined;
    const row = await kysely.selectFrom("idempotency_keys").selectAll()
      .where("organization_id", "=", claim.organization_id)
      .where("key", "=", claim.key).executeTakeFirst();
    // It has ended without a result in between: the client may try again.
    if (row === undefined) throw inProgress(RETRY_AFTER_SECONDS);
    const isOver = Date.parse(row.expires_at) <= Date.parse(claim.created_at);
    const isForgotten = isOver && row.status !== null;
    if (!isForgotten && row.request_hash !== claim.request_hash) throw keyReused();
    if (!isOver && row.status !== null) return { status: row.status, body: row.body };
    if (!isOver || !await this.#takeOver(claim, row)) throw inProgress(RETRY_AFTER_SECONDS);
    return undefined;
  }

  async #takeOver(claim: Row, standing: Row): Promise<boolean> {
    const { organization_id: _organization, key: _key, ...values } = claim;
    const result = await this.#options.database.kysely.updateTable("idempotency_keys").set(values)
      .where("organization_id", "=", claim.organization_id)
      .where("key", "=", claim.key)
      .where("owner", "=", standing.owner)
      .where("expires_at", "=", standing.expires_at)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** The work is done: whatever goes wrong here must not look as if it were not. */
  async #keep(claim: Row, { status, body }: KeptAnswer): Promise<void> {
    const { clock, database, logger } = this.#options;
    const written = await database.kysely.updateTable("idempotency_keys").set({
      status,
      body: body !== null && bytesOf(body) > MAX_BODY_BYTES ? NOT_KEPT : body,
      expires_at: timeText(clock.nowMs() + KEPT_MS),
    })
      .where("organization_id", "=", claim.organization_id)
      .where("key", "=", claim.key)
      .where("owner", "=", claim.owner)
      .executeTakeFirst().catch((cause) => ({ numUpdatedRows: 0n, cause }));
    if (written.numUpdatedRows === 1n) return;
    const cause = "cause" in written ? { cause: written.cause } : {};
    logger.warn("the answer of a repeatable request could not be kept; a repeat will do it again", {
      organization: claim.organization_id,
      ...cause,
    });
  }

  /** Lets the same key be tried again; should that fail, it can be when the row's time is over. */
  async #release(claim: Row): Promise<void> {
    const { database, logger } = this.#options;
    await database.kysely.deleteFrom("idempotency_keys")
      .where("organization_id", "=", claim.organization_id)
      .where("key", "=", claim.key)
      .where("owner", "=", claim.owner)
      .execute()
      .catch((cause) => logger.warn("an idempotency key could not be freed", { cause }));
  }

  /** Requests with keys come often enough to clean up after those before them. */
  async #sweep(): Promise<void> {
    const { clock, database, logger } = this.#options;
    const now = clock.nowMs();
    if (now - this.#sweptMs < SWEEP_EVERY_MS) return;
    this.#sweptMs = now;
    const { kysely } = database;
    try {
      const last = await kysely.selectFrom("idempotency_keys").select("expires_at")
        .where("expires_at", "<=", timeText(now)).orderBy("expires_at")
        .offset(SWEEP_ROWS - 1).limit(1).executeTakeFirst();
      await kysely.deleteFrom("idempotency_keys")
        .where("expires_at", "<=", last?.expires_at ?? timeText(now)).execute();
    } catch (cause) {
      logger.warn("old idempotency keys could not be swept", { cause });
    }
  }
}

function isKept({ status, outcome }: KeptAnswer): boolean {
  return status >= 200 && status <= 299 && outcome !== "nothing done";
}

function userOf(caller: Caller): string {
  return caller.kind === "user" ? caller.userId : "system";
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function joined(text: string, bytes: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(text);
  const whole = new Uint8Array(head.length + bytes.length);
  whole.set(head);
  whole.set(bytes, head.length);
  return whole;
}

async function digest(content: string | Uint8Array): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
  return new Uint8Array(hash).toHex();
}
