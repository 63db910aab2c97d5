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
import { type CancelTarget, requestCancel } from "./postgres_cancel.ts";
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
export interface LentClient
  extends Omit<pg.PoolClient, "connection" | keyof CancelTarget>, CancelTarget {
  readonly connection: WireConnection;
  /** Role that it logged in as. */
  readonly user?: string;
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
    return await this.send(
      new Exchange(statements, describe, this.#parsed, this.#options.beforeStatement),
      timeoutMs,
    );
  }

  /** Role that the session logged in as; pool and owner may be two. */
  get role(): string {
    return this.#client.user ?? "";
  }

  /** Number of the server's process; null before there is one. */
  get processId(): number | null {
    return this.#client.processID;
  }

  /** Called before every statement that is written. */
  get beforeStatement(): ((sql: string) => void) | undefined {
    return this.#options.beforeStatement;
  }

  /**
   * Sends an exchange and waits for its end.
   *
   * @param exchange what `client.query` of `pg` takes, with the promise of what it gives.
   * @param timeoutMs after this and a little more the connection is cut.
   * @returns what the exchange gave.
   */
  async send<T>(exchange: { readonly done: Promise<T> }, timeoutMs: number): Promise<T> {
    const watched: Watched = {
      dueMs: performance.now() + timeoutMs + SILENCE_MS,
      expire: () => this.cut(),
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

  /**
   * Asks the server, over a connection of its own, to interrupt what the session runs.
   *
   * @returns when the server has taken note, or cannot be reached.
   */
  cancel(): Promise<void> {
    return requestCancel(this.#client);
  }

  /** Ends the connection at once; whatever runs on it fails. */
  cut(): void {
    this.#broken = true;
    this.#client.connection.stream.destroy(new Error("Connection terminated: no answer"));
  }

  /** Gives the session up: it is closed instead of lent again. */
  abandon(): void {
    this.#broken = true;
  }
}
