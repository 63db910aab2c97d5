/**
 * An interactive transaction on SQLite's writer. Opening, committing and rolling back belong to
 * the database; nothing here outlives the transaction.
 *
 * @module
 */

import type { Kysely } from "kysely";
import { toKernelError } from "./conflict.ts";
import type { Row, RowResult, Statement, Transaction } from "./database.ts";
import { brokenReference, transactionEnded, transactionFailed } from "./errors.ts";
import { sqliteKysely } from "./kernel_kysely.ts";
import type { DialectProfile } from "./profile.ts";
import type { RawResult, SqliteConnection } from "./sqlite_connection.ts";
import { toRowValue } from "./sqlite_values.ts";
import type { KernelTables } from "./tables.ts";

const LEAVES_REFERENCES_ALONE = /^\s*(?:select|values|create)\b/i;
const INSERT_TARGET = /^\s*insert\s+into\s+("(?:[^"]|"")+"|\w+)/i;

const MARK: Statement = { sql: "savepoint one_guest", parameters: [] };
const KEEP: Statement = { sql: "release one_guest", parameters: [] };
const UNDO: Statement = { sql: "rollback to one_guest", parameters: [] };

/** Tables whose rows may point at nothing: named ones, or all of them. */
export type TouchedTables = "all" | ReadonlySet<string>;

/** A running transaction. */
export class SqliteTransaction implements Transaction {
  readonly profile: DialectProfile;
  /** The tenant it was opened for. */
  readonly organizationId: string | null;
  readonly #connection: SqliteConnection;
  #kysely: Kysely<KernelTables> | undefined;
  #running = true;
  readonly #insertedInto = new Set<string>();
  #touchedAll = false;
  #hasFailed = false;

  /**
   * Takes part in a transaction that has begun.
   *
   * @param connection the writer.
   * @param profile of the engine.
   * @param organizationId the tenant it was opened for.
   */
  constructor(
    connection: SqliteConnection,
    profile: DialectProfile,
    organizationId: string | null,
  ) {
    this.organizationId = organizationId;
    this.#connection = connection;
    this.profile = profile;
  }

  /** Whether a statement failed: then, as on Postgres, nothing can be committed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Quoted names of the tables where a foreign key may have lost its target. */
  get touched(): TouchedTables {
    return this.#touchedAll ? "all" : this.#insertedInto;
  }

  get kysely(): Kysely<KernelTables> {
    return this.#kysely ??= sqliteKysely((statement) => this.execute(statement));
  }

  // deno-lint-ignore require-await -- what is thrown must become a rejection
  async execute(statement: Statement): Promise<RowResult> {
    if (!this.#running) throw transactionEnded();
    if (this.#hasFailed) throw transactionFailed();
    this.#noteReferences(statement.sql);
    try {
      return rowResult(this.#connection.run(statement));
    } catch (thrown) {
      this.#hasFailed = true;
      throw toKernelError(thrown);
    }
  }

  /**
   * Runs work behind a savepoint, without giving up the thread: what it throws undoes it and leaves
   * the transaction as it was.
   *
   * @param work gets the writer.
   * @returns what the work gives.
   * @throws {KernelError} db.invalid_statement — the transaction has ended, or a statement of it has
   *   failed; and what the work throws.
   */
  behindSavepoint<T>(work: (connection: SqliteConnection) => T): T {
    if (!this.#running) throw transactionEnded();
    if (this.#hasFailed) throw transactionFailed();
    this.#touchedAll = true;
    this.#connection.run(MARK);
    try {
      const result = work(this.#connection);
      this.#connection.run(KEEP);
      return result;
    } catch (thrown) {
      // Some failures (a full disk) end the whole transaction.
      this.#hasFailed = !this.#connection.inTransaction;
      if (this.#hasFailed) throw toKernelError(thrown);
      this.#connection.run(UNDO);
      this.#connection.run(KEEP);
      throw thrown;
    }
  }

  /** Nothing to wait for: the one writer is this transaction. */
  lock(): Promise<void> {
    return Promise.resolve();
  }

  /** As {@link SqliteTransaction.lock}. */
  enterSchemas(): Promise<void> {
    return Promise.resolve();
  }

  /** As {@link SqliteTransaction.lock}. */
  lockTables(): Promise<void> {
    return Promise.resolve();
  }

  #noteReferences(sql: string): void {
    if (LEAVES_REFERENCES_ALONE.test(sql)) return;
    const target = INSERT_TARGET.exec(sql)?.[1];
    if (target === undefined) this.#touchedAll = true;
    else this.#insertedInto.add(target);
  }

  /** Ends the right to run statements. */
  end(): void {
    this.#running = false;
  }
}

/**
 * Makes rows of objects.
 *
 * @param raw what a statement gave.
 * @returns the same by column name.
 */
export function rowResult(raw: RawResult): RowResult {
  if (raw.rows.length === 0) return { rows: [], changes: raw.changes };
  const columns = raw.columns();
  const rows = raw.rows.map((values) => {
    const row: Row = {};
    for (let i = 0; i < columns.length; i++) row[columns[i]!] = toRowValue(values[i]!);
    return row;
  });
  return { rows, changes: raw.changes };
}

/**
 * Proves that every foreign key has its target, for transactions that ran with the checks off.
 *
 * @param connection the writer, inside the transaction.
 * @param touched the tables that need looking at.
 * @throws {KernelError} db.broken_reference — naming the table.
 */
export function checkReferences(connection: SqliteConnection, touched: TouchedTables): void {
  const pragmas = touched === "all"
    ? ["pragma foreign_key_check"]
    : Array.from(touched, (table) => `pragma foreign_key_check(${table})`);
  for (const sql of pragmas) {
    const [first] = connection.run({ sql, parameters: [] }).rows;
    if (first !== undefined) throw brokenReference(String(first[0]), String(first[2]));
  }
}
