/**
 * Kysely over an engine: typed queries that run through the engine's own `execute`. It opens no
 * connections and no transactions; those are the engine's.
 *
 * @module
 */

import {
  type DatabaseConnection,
  type Dialect,
  type DialectAdapter,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { RowResult, Statement } from "./database.ts";
import { invalidStatement } from "./errors.ts";
import { KernelTablePrefix } from "./kernel_table_prefix.ts";
import type { KernelTables } from "./tables.ts";

/** Runs one statement of typed queries. */
export type Execute = (statement: Statement) => Promise<RowResult>;

const nothingToRun: Execute = () =>
  Promise.reject(invalidStatement("This Kysely instance only compiles"));

/**
 * Makes Kysely over kernel tables of Postgres.
 *
 * @param execute runs what is composed.
 * @returns typed queries over `metacore.<table>`.
 */
export function postgresKysely(execute: Execute = nothingToRun): Kysely<KernelTables> {
  return new Kysely<KernelTables>({ dialect: new PostgresExecuteDialect(execute) })
    .withSchema("metacore");
}

/**
 * Makes Kysely over kernel tables of SQLite.
 *
 * @param execute runs what is composed.
 * @returns typed queries over `metacore_<table>`.
 */
export function sqliteKysely(execute: Execute = nothingToRun): Kysely<KernelTables> {
  return new Kysely<KernelTables>({
    dialect: new SqliteExecuteDialect(execute),
    plugins: [new KernelTablePrefix()],
  });
}

class ExecuteDriver implements Driver {
  readonly #connection: DatabaseConnection;

  constructor(execute: Execute) {
    this.#connection = new ExecuteConnection(execute);
  }
  init(): Promise<void> {
    return Promise.resolve();
  }
  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.#connection);
  }
  beginTransaction(): Promise<void> {
    return Promise.reject(
      invalidStatement("Transactions are opened by Database.transaction, not by Kysely"),
    );
  }
  commitTransaction(): Promise<void> {
    return this.beginTransaction();
  }
  rollbackTransaction(): Promise<void> {
    return this.beginTransaction();
  }
  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }
  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

class ExecuteConnection implements DatabaseConnection {
  readonly #execute: Execute;

  constructor(execute: Execute) {
    this.#execute = execute;
  }
  async executeQuery<R>(query: Statement): Promise<QueryResult<R>> {
    const result = await this.#execute(query);
    // The border where rows become the types that the query was written with.
    return { rows: result.rows as R[], numAffectedRows: BigInt(result.changes) };
  }
  async *streamQuery<R>(query: Statement): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }
}

class PostgresExecuteDialect implements Dialect {
  constructor(readonly execute: Execute) {}
  createAdapter(): DialectAdapter {
    return new PostgresAdapter();
  }
  createDriver(): Driver {
    return new ExecuteDriver(this.execute);
  }
  createIntrospector(db: Kysely<unknown>): PostgresIntrospector {
    return new PostgresIntrospector(db);
  }
  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler();
  }
}

/**
 * Who has the writer's turn is the database's matter. Kysely would run one query after the other, and
 * a write that waits for its turn would keep every read waiting.
 */
class UnorderedSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class SqliteExecuteDialect implements Dialect {
  constructor(readonly execute: Execute) {}
  createAdapter(): DialectAdapter {
    return new UnorderedSqliteAdapter();
  }
  createDriver(): Driver {
    return new ExecuteDriver(this.execute);
  }
  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }
}
