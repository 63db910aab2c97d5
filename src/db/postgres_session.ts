/**
 * One lent session of a Postgres server: sends exchanges, and knows whether it may be lent again.
 *
 * @module
 */

// @ts-types="@types/pg"
import type pg from "pg";
import {
  type Describe,
  Exchange,
  type WireConnection,
  type WireResult,
  type WireStatement,
} from "./postgres_exchange.ts";
import type { ParsedNames } from "./postgres_statement_names.ts";
import type { Watchdog, Watched } from "./postgres_watchdog.ts";

/** What a session needs to know of its pool. */
export interface SessionOptions {
  /** After this the server cancels a statement. */
  readonly statementTimeoutMs: number;
  readonly watchdog: Watchdog;
  /** Called before every statement, with its text; what it throws cuts the connection. */
  readonly beforeStatement?: (sql: string) => void;
}

/** A server that has not answered this long after its own timeout is taken for gone. */
const SILENCE_MS = 1_000;

/** What of `pg`'s client is used beyond its declared type. */
export interface LentClient extends Omit<pg.PoolClient, "connection"> {
  readonly connection: WireConnection;
}

/** A session lent by the pool. */
export class PostgresSession {
  readonly #client: LentClient;
  readonly #parsed: ParsedNames | undefined;
  readonly #options: SessionOptions;
  #broken = false;

  /** Wraps a lent client. */
  constructor(client: LentClient, parsed: ParsedNames | undefined, options: SessionOptions) {
    this.#client = client;
    this.#parsed = parsed;
    this.#options = options;
  }

  /** Whether the session may be lent again. */
  get isClean(): boolean {
    return !this.#broken && this.#client.getTransactionStatus() === "I";
  }

  /**
   * Sends statements and waits for their results.
   *
   * @param statements what runs.
   * @param describe whether columns are asked for.
   * @param timeoutMs after this the connection is cut; longer than the server's own timeout.
   * @returns one result per statement.
   */
  async exchange(
    statements: readonly WireStatement[],
    describe: Describe,
    timeoutMs: number = this.#options.statementTimeoutMs,
  ): Promise<WireResult[]> {
    const exchange = new Exchange(
      statements,
      describe,
      this.#parsed,
      this.#options.beforeStatement,
    );
    const watched: Watched = {
      dueMs: performance.now() + timeoutMs + SILENCE_MS,
      expire: () => {
        this.#broken = true;
        this.#client.connection.stream.destroy(new Error("Connection terminated: no answer"));
      },
    };
    this.#options.watchdog.watch(watched);
    try {
      // `pg` takes any object with the methods of a query.
      this.#client.query(exchange as unknown as pg.Submittable);
      return await exchange.done;
    } finally {
      this.#options.watchdog.release(watched);
    }
  }

  /** Gives the session up: it is closed instead of lent again. */
  abandon(): void {
    this.#broken = true;
  }
}
