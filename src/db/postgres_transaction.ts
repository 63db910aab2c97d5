/**
 * An interactive transaction on one lent session of Postgres.
 *
 * @module
 */

import type { Kysely } from "kysely";
import { toKernelError } from "./conflict.ts";
import type { Row, RowResult, Statement, Transaction } from "./database.ts";
import { transactionEnded } from "./errors.ts";
import { postgresKysely } from "./kernel_kysely.ts";
import { type WireResult, wireStatement } from "./postgres_exchange.ts";
import type { PostgresSession } from "./postgres_session.ts";
import { enterSchemas, lockTables } from "./postgres_table_locks.ts";
import { type FieldReader, fieldReader, kernelFieldReader } from "./postgres_values.ts";
import type { DialectProfile } from "./profile.ts";
import type { TableName } from "./schema/spec.ts";
import type { KernelTables } from "./tables.ts";

/** A running transaction. */
export class PostgresTransaction implements Transaction {
  readonly profile: DialectProfile;
  /** The tenant it was begun under. */
  readonly organizationId: string | null;
  /** Of one statement. */
  readonly timeoutMs: number;
  readonly #session: PostgresSession;
  #kysely: Kysely<KernelTables> | undefined;
  #running = true;

  /**
   * Takes part in a transaction that has begun.
   *
   * @param session the lent session.
   * @param profile of the engine.
   * @param timeoutMs of one statement.
   * @param organizationId the tenant it was begun under.
   */
  constructor(
    session: PostgresSession,
    profile: DialectProfile,
    timeoutMs: number,
    organizationId: string | null,
  ) {
    this.#session = session;
    this.profile = profile;
    this.timeoutMs = timeoutMs;
    this.organizationId = organizationId;
  }

  /**
   * The session it runs on, for work that must leave it as it was.
   *
   * @throws {KernelError} db.invalid_statement — when the transaction has ended.
   */
  get session(): PostgresSession {
    if (!this.#running) throw transactionEnded();
    return this.#session;
  }

  get kysely(): Kysely<KernelTables> {
    return this.#kysely ??= postgresKysely((statement) => this.#run(statement, kernelFieldReader));
  }

  execute(statement: Statement): Promise<RowResult> {
    return this.#run(statement, fieldReader);
  }

  async lock(name: string): Promise<void> {
    await this.execute({
      sql: "select pg_advisory_xact_lock(hashtextextended($1, 0))",
      parameters: [name],
    });
  }

  enterSchemas(schemas: readonly string[]): Promise<void> {
    return enterSchemas(this, schemas);
  }

  lockTables(tables: readonly TableName[]): Promise<void> {
    return lockTables(this, tables);
  }

  /** Ends the right to run statements. */
  end(): void {
    this.#running = false;
  }

  async #run(
    statement: Statement,
    reader: (typeId: number) => FieldReader,
  ): Promise<RowResult> {
    if (!this.#running) throw transactionEnded();
    try {
      const wire = wireStatement(statement);
      const [result] = await this.#session.exchange([wire], "columns", this.timeoutMs);
      return rowResult(result!, reader);
    } catch (thrown) {
      throw toKernelError(thrown);
    }
  }
}

/**
 * Makes rows of objects.
 *
 * @param result what a statement gave, with its columns.
 * @param reader finds how values of a type are read.
 * @returns the same by column name.
 */
export function rowResult(result: WireResult, reader: (typeId: number) => FieldReader): RowResult {
  const readers = result.fields.map((field) => reader(field.dataTypeID));
  const rows = result.rows.map((values) => {
    const row: Row = {};
    for (let i = 0; i < values.length; i++) {
      const text = values[i]!;
      row[result.fields[i]!.name] = text === null ? null : readers[i]!(text);
    }
    return row;
  });
  return { rows, changes: result.changes };
}
