/**
 * Bounds failed logins, per account and client and per client alone. The counts are rows, so they
 * hold after a restart and across replicas. An attempt is counted before the password is checked
 * and given back when it succeeds: attempts sent at one time cannot slip through together.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../telemetry/log.ts";
import { clientNetwork } from "./client_network.ts";
import { rateLimited } from "./errors.ts";

/** How many failed logins are borne. */
export interface ThrottleLimits {
  /** Failures of one account from one client within a window. */
  readonly accountFailures: number;
  /** Failures of one client over all accounts within a window; an office may share an address. */
  readonly clientFailures: number;
  /** Length of a window in milliseconds. */
  readonly windowMs: number;
  /** How long a login is refused once a limit is passed, in milliseconds. */
  readonly blockMs: number;
}

/** Limits where none are given. */
export const DEFAULT_THROTTLE: ThrottleLimits = {
  accountFailures: 10,
  clientFailures: 100,
  windowMs: 15 * 60_000,
  blockMs: 15 * 60_000,
};

/** Rows whose window is over are removed once in so many attempts. */
const CLEAN_EVERY = 200;
/** What servers say that do not know the client: a count shared by everybody would be an outage. */
const UNKNOWN_CLIENTS: ReadonlySet<string> = new Set(["", "unknown"]);

/** An attempt that was counted. */
export interface CountedAttempt {
  readonly accountKey: string;
  readonly clientKey: string | undefined;
}

/** How {@link LoginThrottle} is made. */
export interface ThrottleOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ThrottleLimits;
}

/** Counts failed logins. */
export class LoginThrottle {
  readonly #options: ThrottleOptions;
  #untilClean = CLEAN_EVERY;

  /**
   * Creates a throttle.
   *
   * @param options where counts are kept, and the limits.
   */
  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /**
   * Counts an attempt; one of {@link forgive} and {@link giveBack} follows unless it failed.
   *
   * @param emailKey the account, whether it exists or not.
   * @param clientAddress see `clientNetwork`; empty or `unknown` counts by account alone.
   * @returns the attempt.
   * @throws {KernelError} auth.rate_limited — a limit is passed.
   */
  async count(emailKey: string, clientAddress: string): Promise<CountedAttempt> {
    const { limits } = this.#options;
    const attempt = attemptOf(emailKey, clientAddress);
    await this.#refuseBlocked(attempt);
    await this.#clean();
    await this.#increment(attempt.accountKey, limits.accountFailures);
    if (attempt.clientKey !== undefined) {
      await this.#increment(attempt.clientKey, limits.clientFailures);
    }
    return attempt;
  }

  /** Ends an attempt that succeeded: the account starts anew. */
  async forgive(attempt: CountedAttempt): Promise<void> {
    await this.#table().deleteFrom("login_attempts").where("key", "=", attempt.accountKey)
      .execute();
    if (attempt.clientKey !== undefined) await this.#decrement(attempt.clientKey);
  }

  /** Ends an attempt that was not decided, such as one for which there was no room. */
  async giveBack(attempt: CountedAttempt): Promise<void> {
    await this.#decrement(attempt.accountKey);
    if (attempt.clientKey !== undefined) await this.#decrement(attempt.clientKey);
  }

  async #refuseBlocked({ accountKey, clientKey }: CountedAttempt): Promise<void> {
    const keys = clientKey === undefined ? [accountKey] : [accountKey, clientKey];
    const rows = await this.#table().selectFrom("login_attempts").select("blocked_until")
      .where("key", "in", keys).execute();
    const until = Math.max(...rows.map((row) => Date.parse(row.blocked_until ?? "") || 0), 0);
    const now = this.#options.clock.nowMs();
    if (until > now) throw rateLimited(Math.ceil((until - now) / 1000));
  }

  /** One statement, so that attempts at one time are counted one by one. */
  async #increment(key: string, limit: number): Promise<void> {
    const { clock, limits } = this.#options;
    const now = clock.nowMs();
    const windowStart = isoTime(now - limits.windowMs);
    const row = { key, failures: 1, window_started_at: isoTime(now), blocked_until: null };
    const { failures } = await this.#table().insertInto("login_attempts").values(row)
      .onConflict((conflict) =>
        conflict.column("key").doUpdateSet((query) => {
          const isOver = query("login_attempts.window_started_at", "<=", windowStart);
          return {
            failures: query.case().when(isOver).then(query.ref("excluded.failures"))
              .else(query("login_attempts.failures", "+", 1)).end(),
            window_started_at: query.case().when(isOver)
              .then(query.ref("excluded.window_started_at"))
              .else(query.ref("login_attempts.window_started_at")).end(),
            blocked_until: query.case().when(isOver).then(query.ref("excluded.blocked_until"))
              .else(query.ref("login_attempts.blocked_until")).end(),
          };
        })
      ).returning("failures").executeTakeFirstOrThrow();
    if (failures > limit) await this.#block(key, now);
  }

  async #block(key: string, now: number): Promise<never> {
    const { blockMs } = this.#options.limits;
    await this.#table().updateTable("login_attempts")
      .set({ blocked_until: isoTime(now + blockMs) }).where("key", "=", key).execute();
    throw rateLimited(Math.ceil(blockMs / 1000));
  }

  async #decrement(key: string): Promise<void> {
    await this.#table().updateTable("login_attempts")
      .set((query) => ({ failures: query("failures", "-", 1) }))
      .where("key", "=", key).where("failures", ">", 0).execute();
  }

  /** Old counts are of no use; that they cannot be removed is no reason to refuse a login. */
  async #clean(): Promise<void> {
    if (--this.#untilClean > 0) return;
    this.#untilClean = CLEAN_EVERY;
    const { clock, limits, logger } = this.#options;
    const now = clock.nowMs();
    try {
      await this.#table().deleteFrom("login_attempts")
        .where("window_started_at", "<=", isoTime(now - limits.windowMs))
        .where((query) =>
          query.or([
            query("blocked_until", "is", null),
            query("blocked_until", "<=", isoTime(now)),
          ])
        ).execute();
    } catch (error) {
      logger.warn("old login attempts could not be removed", { error });
    }
  }

  #table(): Database["kysely"] {
    return this.#options.database.kysely;
  }
}

function attemptOf(emailKey: string, clientAddress: string): CountedAttempt {
  const network = clientNetwork(clientAddress);
  // A digest, because what people type into the field for their address is at times a password.
  const digest = createHash("sha256").update(JSON.stringify([emailKey, network])).digest("hex");
  return {
    accountKey: `account:${digest}`,
    clientKey: UNKNOWN_CLIENTS.has(network) ? undefined : `client:${network}`,
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
