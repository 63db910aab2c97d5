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
import {
  type Describe,
  Exchange,
  isStaleStatement,
  type WireConnection,
  type WireResult,
  type WireStatement,
  wireStatement,
} from "./postgres_exchange.ts";
import { ParsedNames } from "./postgres_statement_names.ts";

/** How a pool is made. */
export interface PostgresPoolOptions {
  readonly url: string;
  readonly maxConnections: number;
  /** For a new connection and for a free one. */
  readonly acquireTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly logger: Logger;
  /** Called before every statement, with its text; what it throws cuts the connection. */
  readonly beforeStatement?: (sql: string) => void;
}

/** A server that has not answered this long after its own timeout is taken for gone. */
const SILENCE_MS = 1_000;
const MAX_IDLE_MS = 30_000;

/** What of `pg`'s client is used beyond its declared type. */
interface LentClient extends Omit<pg.PoolClient, "connection"> {
  readonly connection: WireConnection;
}

/** A session lent by the pool. */
export class PostgresSession {
  readonly #client: LentClient;
  readonly #parsed: ParsedNames;
  readonly #options: PostgresPoolOptions;
  #broken = false;

  /** Wraps a lent client. */
  constructor(client: LentClient, parsed: ParsedNames, options: PostgresPoolOptions) {
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
    const timer = setTimeout(() => {
      this.#broken = true;
      this.#client.connection.stream.destroy(new Error("Connection terminated: no answer"));
    }, timeoutMs + SILENCE_MS);
    try {
      // `pg` takes any object with the methods of a query.
      this.#client.query(exchange as unknown as pg.Submittable);
      return await exchange.done;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives the session up: it is closed instead of lent again. */
  abandon(): void {
    this.#broken = true;
  }
}

/** A pool of sessions. */
export class PostgresPool {
  readonly #pool: pg.Pool;
  readonly #options: PostgresPoolOptions;
  readonly #parsed = new WeakMap<LentClient, ParsedNames>();
  #open = true;

  /**
   * Creates a pool; connections are made when they are needed.
   *
   * @param options where to, and how many.
   */
  constructor(options: PostgresPoolOptions) {
    this.#options = options;
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
    this.#pool.on("connect", (client) => client.on("error", () => {}));
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
    let parsed = this.#parsed.get(client);
    if (parsed === undefined) this.#parsed.set(client, parsed = new ParsedNames());
    const session = new PostgresSession(client, parsed, this.#options);
    try {
      return await work(session);
    } catch (thrown) {
      throw toKernelError(thrown);
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
    if (!this.#open) return;
    this.#open = false;
    await this.#pool.end();
  }

  /** Refuses all further work. */
  refuse(): void {
    this.#open = false;
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
    // Every name in the kernel's SQL is qualified; what is not must not be found by chance.
    search_path: "pg_catalog",
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 60_000,
  };
  const parsed = new URL(url);
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const own = parsed.searchParams.get("options");
  parsed.searchParams.set("options", [...own === null ? [] : [own], ...options].join(" "));
  return parsed.toString();
}
