/**
 * The database port over `pg`. The tenant is a setting of the transaction, set in the same exchange
 * as the first statement, so that no connection ever carries one back into the pool.
 *
 * @module
 */

import type { Kysely } from "kysely";
import type { Database, Statement, TextResult, Transaction } from "./database.ts";
import { transactionFailed } from "./errors.ts";
import { faultGuard } from "./fault.ts";
import type { GuestSql } from "./guest_sql/guest_sql.ts";
import { lazyGuestSql } from "./guest_sql/lazy_guest_sql.ts";
import { postgresKysely } from "./kernel_kysely.ts";
import type { DatabaseOptions } from "./options.ts";
import { wireStatement } from "./postgres_exchange.ts";
import { PostgresPool, type PostgresPoolOptions } from "./postgres_pool.ts";
import type { PostgresSession } from "./postgres_session.ts";
import { PostgresTransaction, rowResult } from "./postgres_transaction.ts";
import { kernelFieldReader } from "./postgres_values.ts";
import type { DialectProfile } from "./profile.ts";
import { PostgresProfile } from "./profile_postgres.ts";
import type { KernelTables } from "./tables.ts";

const SET_TENANT = "select pg_catalog.set_config('app.current_org', $1, true)";
const BEGIN: Statement = { sql: "begin", parameters: [] };
const COMMIT: Statement = { sql: "commit", parameters: [] };
const ROLLBACK: Statement = { sql: "rollback", parameters: [] };
const OWNER_CONNECTIONS = 2;

/** A Postgres database. */
export class PostgresDatabase implements Database {
  readonly profile: DialectProfile = new PostgresProfile();
  readonly kysely: Kysely<KernelTables>;
  readonly guestSql: GuestSql;
  readonly parallelTransactions: number;
  readonly #pool: PostgresPool;
  readonly #ownerPool: PostgresPool | undefined;
  readonly #statementTimeoutMs: number;
  readonly #schemaTimeoutMs: number;

  /**
   * Creates a database; connections are made when they are needed.
   *
   * @param options as given to `openDatabase`.
   */
  constructor(options: DatabaseOptions) {
    this.#statementTimeoutMs = options.statementTimeoutMs ?? 15_000;
    this.#schemaTimeoutMs = options.schemaTimeoutMs ?? 300_000;
    const guard = options.fault && faultGuard(options.fault, () => {
      this.#pool.refuse();
      this.#ownerPool?.refuse();
    });
    const pool: PostgresPoolOptions = {
      url: options.url,
      maxConnections: options.maxConnections ?? 10,
      acquireTimeoutMs: options.acquireTimeoutMs ?? 2_000,
      statementTimeoutMs: this.#statementTimeoutMs,
      logger: options.logger,
      ...(guard && { beforeStatement: guard }),
    };
    this.parallelTransactions = pool.maxConnections;
    this.#pool = new PostgresPool(pool);
    this.#ownerPool = options.ownerUrl === undefined ? undefined : new PostgresPool({
      ...pool,
      url: options.ownerUrl,
      maxConnections: OWNER_CONNECTIONS,
    });
    this.guestSql = lazyGuestSql(async () => {
      const { PostgresGuestSql } = await import("./guest_sql/postgres_guest_sql.ts");
      return new PostgresGuestSql({
        lend: (work) => this.#pool.lend(work),
        maxConnections: pool.maxConnections,
        logger: options.logger,
      });
    });
    this.kysely = postgresKysely(async (statement) => {
      const [result] = await this.#pool.run([statement], "columns");
      return rowResult(result!, kernelFieldReader);
    });
  }

  async batch(
    organizationId: string | null,
    statements: readonly Statement[],
  ): Promise<TextResult[]> {
    const results = await this.#pool.run([setTenant(organizationId), ...statements], "values only");
    results.shift();
    return results;
  }

  transaction<T>(
    organizationId: string | null,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    return this.#pool.lend((session) =>
      this.#transact(session, organizationId, [], this.#statementTimeoutMs, work)
    );
  }

  schemaTransaction<T>(
    organizationId: string | null,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    const setTimeout: Statement = {
      sql: "select pg_catalog.set_config('statement_timeout', $1, true)",
      parameters: [this.#schemaTimeoutMs],
    };
    return (this.#ownerPool ?? this.#pool).lend((session) =>
      this.#transact(session, organizationId, [setTimeout], this.#schemaTimeoutMs, work)
    );
  }

  async ping(): Promise<void> {
    await this.#pool.run([{ sql: "select 1", parameters: [] }], "values only");
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#ownerPool?.close()]);
  }

  async #transact<T>(
    session: PostgresSession,
    organizationId: string | null,
    settings: readonly Statement[],
    timeoutMs: number,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    const tx = new PostgresTransaction(session, this.profile, timeoutMs, organizationId);
    const opening = [BEGIN, setTenant(organizationId), ...settings];
    try {
      await session.exchange(opening.map(wireStatement), "values only", timeoutMs);
      const result = await work(tx);
      tx.end();
      await commit(session);
      return result;
    } catch (thrown) {
      tx.end();
      await rollBack(session);
      throw thrown;
    }
  }
}

function setTenant(organizationId: string | null): Statement {
  return { sql: SET_TENANT, parameters: [organizationId ?? ""] };
}

async function commit(session: PostgresSession): Promise<void> {
  const [result] = await session.exchange([wireStatement(COMMIT)], "values only");
  // Postgres answers ROLLBACK, and no error, when a statement has failed and work went on.
  if (result?.command !== "COMMIT") throw transactionFailed();
}

/** A session that cannot be rolled back is closed, which the server takes for a rollback. */
async function rollBack(session: PostgresSession): Promise<void> {
  try {
    await session.exchange([wireStatement(ROLLBACK)], "values only");
  } catch {
    session.abandon();
  }
}
