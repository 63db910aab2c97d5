/**
 * A bounded pool of connections to one Postgres server under one role. It lends sessions and takes
 * them back clean or not at all. It knows nothing of tenants.
 *
 * @module
 */

// @ts-types="@types/pg"
import pg from "pg";
import type { Logger } from "../telemetry/log.ts";
import { toKernelError } from "./conflict.ts";
import type { Statement } from "./database.ts";
import { closed } from "./errors.ts";
import { limitAnswers } from "./postgres_answer_limit.ts";
import { nameDuplicateColumns } from "./postgres_duplicate.ts";
import {
  type Describe,
  isStaleStatement,
  type WireResult,
  wireStatement,
} from "./postgres_exchange.ts";
import { type LentClient, PostgresSession, type SessionOptions } from "./postgres_session.ts";
import { Watchdog } from "./postgres_watchdog.ts";
import { ParsedNames } from "./postgres_statement_names.ts";

/** How a pool is made. */
export interface PostgresPoolOptions extends Omit<SessionOptions, "watchdog"> {
  readonly url: string;
  readonly maxConnections: number;
  /** For a new connection and for a free one. */
  readonly acquireTimeoutMs: number;
  readonly logger: Logger;
}

/** In the URL, for servers whose sessions are shared by connections: every statement unnamed. */
const WITHOUT_NAMES = /[?&]prepared_statements=off(?:&|$)/;
const MAX_IDLE_MS = 30_000;

/** A pool of sessions. */
export class PostgresPool {
  readonly #pool: pg.Pool;
  readonly #options: SessionOptions;
  readonly #watchdog = new Watchdog();
  readonly #parsed = new WeakMap<LentClient, ParsedNames>();
  readonly #isNaming: boolean;
  #open = true;

  /**
   * Creates a pool; connections are made when they are needed.
   *
   * @param options where to, and how many.
   */
  constructor(options: PostgresPoolOptions) {
    this.#options = { ...options, watchdog: this.#watchdog };
    this.#isNaming = !WITHOUT_NAMES.test(options.url);
    this.#pool = new pg.Pool({
      connectionString: withSessionSettings(options.url, options.statementTimeoutMs),
      max: options.maxConnections,
      connectionTimeoutMillis: options.acquireTimeoutMs,
      idleTimeoutMillis: MAX_IDLE_MS,
      keepAlive: true,
      application_name: "metacore",
    });
    this.#pool.on("error", (error) => options.logger.warn("database connection lost", { error }));
    // A lent client reports a lost connection through its query; without a listener of its own the
    // same event would end the process.
    this.#pool.on("connect", (client) => {
      client.on("error", () => {});
      limitAnswers((client as unknown as LentClient).connection.stream);
    });
  }

  /**
   * Lends a session to work and takes it back.
   *
   * @param work what uses the session.
   * @returns what work returns.
   * @throws {KernelError} db.unavailable — when no connection came in time.
   */
  async lend<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    if (!this.#open) throw closed();
    const client = await this.#acquire();
    const session = new PostgresSession(client, this.#parsedNames(client), this.#options);
    try {
      return await work(session);
    } catch (thrown) {
      throw await nameDuplicateColumns(toKernelError(thrown), session);
    } finally {
      client.release(!session.isClean);
    }
  }

  /**
   * Runs statements as one transaction in one round trip.
   *
   * @param statements what runs.
   * @param describe whether columns are asked for.
   * @returns one result per statement.
   */
  async run(statements: readonly Statement[], describe: Describe): Promise<WireResult[]> {
    const wire = statements.map(wireStatement);
    return await this.lend(async (session) => {
      try {
        return await session.exchange(wire, describe);
      } catch (thrown) {
        if (!isStaleStatement(thrown)) throw thrown;
        return await session.exchange(wire, describe);
      }
    });
  }

  /** Waits for lent sessions, then closes every connection. */
  async close(): Promise<void> {
    this.#open = false;
    if (this.#pool.ending) return;
    await this.#pool.end();
    this.#watchdog.stop();
  }

  /** Refuses all further work. */
  refuse(): void {
    this.#open = false;
  }

  #parsedNames(client: LentClient): ParsedNames | undefined {
    if (!this.#isNaming) return undefined;
    let parsed = this.#parsed.get(client);
    if (parsed === undefined) this.#parsed.set(client, parsed = new ParsedNames());
    return parsed;
  }

  async #acquire(): Promise<LentClient> {
    try {
      return await this.#pool.connect() as unknown as LentClient;
    } catch (thrown) {
      throw toKernelError(thrown);
    }
  }
}

/** Settings that every session starts with, so that texts of values are the same everywhere. */
function withSessionSettings(url: string, statementTimeoutMs: number): string {
  const settings = {
    TimeZone: "UTC",
    DateStyle: "ISO",
    bytea_output: "hex",
    // A backslash in a literal is one, as it was for the parser that guests' SQL went through.
    standard_conforming_strings: "on",
    // Every name in the kernel's SQL is qualified; what is not must not be found by chance.
    search_path: "pg_catalog",
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 60_000,
  };
  const parsed = new URL(url);
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  parsed.searchParams.delete("prepared_statements");
  const own = parsed.searchParams.get("options");
  parsed.searchParams.set("options", [...own === null ? [] : [own], ...options].join(" "));
  return parsed.toString();
}
