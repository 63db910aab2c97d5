/**
 * The database port over `node:sqlite`: one writer whose turns are handed out in order, and for
 * files a second, read-only connection, so that reads neither wait for an open transaction nor see
 * what it has not committed. SQLite has no row-level security: the tenant is not enforced here.
 *
 * @module
 */

import type { Kysely } from "kysely";
import type { Database, RowResult, Statement, TextResult, Transaction } from "./database.ts";
import { toKernelError } from "./conflict.ts";
import { closed, transactionFailed } from "./errors.ts";
import { faultGuard } from "./fault.ts";
import type { GuestSql } from "./guest_sql/guest_sql.ts";
import { lazyGuestSql } from "./guest_sql/lazy_guest_sql.ts";
import { sqliteKysely } from "./kernel_kysely.ts";
import type { DatabaseOptions } from "./options.ts";
import type { DialectProfile } from "./profile.ts";
import { SqliteProfile } from "./profile_sqlite.ts";
import {
  type RawResult,
  SqliteConnection,
  type SqliteConnectionOptions,
} from "./sqlite_connection.ts";
import { defineFunctions } from "./sqlite_functions.ts";
import { type HeldFile, holdFile } from "./sqlite_file.ts";
import { statementKind } from "./sqlite_statement.ts";
import { checkReferences, rowResult, SqliteTransaction } from "./sqlite_transaction.ts";
import { toText } from "./sqlite_values.ts";
import type { KernelTables } from "./tables.ts";
import { Turns } from "./turns.ts";
import { WriteGroup } from "./sqlite_write_group.ts";

const BEGIN: Statement = { sql: "begin immediate", parameters: [] };
const BEGIN_READ: Statement = { sql: "begin", parameters: [] };
const COMMIT: Statement = { sql: "commit", parameters: [] };
const ROLLBACK: Statement = { sql: "rollback", parameters: [] };

/** A SQLite database. */
export class SqliteDatabase implements Database {
  readonly profile: DialectProfile = new SqliteProfile();
  readonly kysely: Kysely<KernelTables>;
  readonly guestSql: GuestSql;
  readonly parallelTransactions = 1;
  readonly #turns: Turns;
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection | undefined;
  /** Reads of guests, whose connection has views and limits of its own. */
  #guestReader: SqliteConnection | undefined;
  readonly #file: HeldFile | undefined;
  readonly #writes: WriteGroup;
  #open = true;

  /**
   * Opens a database.
   *
   * @param path file path or `:memory:`.
   * @param options as given to `openDatabase`.
   * @throws {KernelError} db.locked, db.file_not_opened
   */
  constructor(path: string, options: DatabaseOptions) {
    const inMemory = path === ":memory:";
    this.#turns = new Turns(options.acquireTimeoutMs ?? 10_000);
    this.#file = inMemory ? undefined : holdFile(path);
    const guard = options.fault && faultGuard(options.fault, () => this.#shut());
    const common = {
      path,
      durability: options.durability ?? "process",
      ...(guard && { beforeStatement: guard }),
    } as const;
    let writer: SqliteConnection | undefined;
    try {
      writer = new SqliteConnection({ ...common, access: "write" });
      this.#writer = writer;
      this.#reader = inMemory ? undefined : new SqliteConnection({ ...common, access: "read" });
    } catch (thrown) {
      writer?.close();
      this.#file?.release();
      throw toKernelError(thrown);
    }
    defineFunctions(this.#writer);
    if (this.#reader) defineFunctions(this.#reader);
    this.#writes = new WriteGroup({
      connection: this.#writer,
      inTurn: (work) => this.#inTurn(work),
      runAlone: (statements) => this.#run(this.#writer, statements),
      toError: toKernelError,
    });
    this.guestSql = lazyGuestSql(async () => {
      const { SqliteGuestSql } = await import("./guest_sql/sqlite_guest_sql.ts");
      return new SqliteGuestSql({
        writer: this.#writer,
        reader: () => this.#openGuestReader(common),
        inTurn: (work) => this.#inTurn(work),
      });
    });
    this.kysely = sqliteKysely((statement) => this.#executeAlone(statement));
  }

  async batch(
    _organizationId: string | null,
    statements: readonly Statement[],
  ): Promise<TextResult[]> {
    if (this.#reader !== undefined && statements.every(isRead)) {
      return this.#run(this.#reader, statements).map(textResult);
    }
    return (await this.#writes.write(statements)).map(textResult);
  }

  async transaction<T>(
    organizationId: string | null,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    if (!this.#turns.tryTake()) await this.#turns.take();
    try {
      return await this.#transact(organizationId, work, "checked by the engine");
    } finally {
      this.#turns.release();
    }
  }

  async schemaTransaction<T>(
    organizationId: string | null,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    if (!this.#turns.tryTake()) await this.#turns.take();
    try {
      this.#requireOpen();
      // Rebuilding a table drops it, which would cascade; the check before the commit takes over.
      this.#writer.pragma("foreign_keys = off");
      return await this.#transact(organizationId, work, "check before commit");
    } finally {
      if (this.#open) {
        this.#writer.pragma("foreign_keys = on");
        this.#reader?.forgetStatements();
      }
      this.#turns.release();
    }
  }

  async ping(): Promise<void> {
    await this.batch(null, [{ sql: "select 1", parameters: [] }]);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    await this.#turns.take();
    if (this.#open) this.#shut();
    this.#turns.release();
  }

  #openGuestReader(
    options: Omit<SqliteConnectionOptions, "access">,
  ): SqliteConnection | undefined {
    this.#requireOpen();
    if (this.#reader === undefined) return undefined;
    return this.#guestReader ??= new SqliteConnection({ ...options, access: "read" });
  }

  #shut(): void {
    this.#open = false;
    // The writer last: the last connection to close folds the log into the file.
    this.#guestReader?.close();
    this.#reader?.close();
    this.#writer.close();
    this.#file?.release();
  }

  #requireOpen(): void {
    if (!this.#open) throw closed();
  }

  async #executeAlone(statement: Statement): Promise<RowResult> {
    if (this.#reader !== undefined && isRead(statement)) {
      return rowResult(this.#run(this.#reader, [statement])[0]!);
    }
    return await this.#inTurn(() => rowResult(this.#run(this.#writer, [statement])[0]!));
  }

  async #inTurn<T>(work: () => T): Promise<T> {
    if (!this.#turns.tryTake()) await this.#turns.take();
    try {
      this.#requireOpen();
      return work();
    } finally {
      this.#turns.release();
    }
  }

  /** Runs statements as one unit without giving up the thread. */
  #run(connection: SqliteConnection, statements: readonly Statement[]): RawResult[] {
    this.#requireOpen();
    try {
      const [only] = statements;
      if (only !== undefined && statements.length === 1) return [connection.run(only)];
      connection.run(connection === this.#reader ? BEGIN_READ : BEGIN);
      const results = statements.map((statement) => connection.run(statement));
      connection.run(COMMIT);
      return results;
    } catch (thrown) {
      this.#rollBack(connection);
      throw toKernelError(thrown);
    }
  }

  async #transact<T>(
    organizationId: string | null,
    work: (tx: Transaction) => Promise<T>,
    references: "checked by the engine" | "check before commit",
  ): Promise<T> {
    this.#requireOpen();
    this.#control(BEGIN);
    const tx = new SqliteTransaction(this.#writer, this.profile, organizationId);
    try {
      const result = await work(tx);
      tx.end();
      if (tx.hasFailed) throw transactionFailed();
      if (references === "check before commit") checkReferences(this.#writer, tx.touched);
      this.#control(COMMIT);
      return result;
    } catch (thrown) {
      tx.end();
      this.#rollBack(this.#writer);
      throw thrown;
    }
  }

  #control(statement: Statement): void {
    try {
      this.#writer.run(statement);
    } catch (thrown) {
      throw toKernelError(thrown);
    }
  }

  #rollBack(connection: SqliteConnection): void {
    if (this.#open && connection.inTransaction) connection.run(ROLLBACK);
  }
}

function isRead(statement: Statement): boolean {
  return statementKind(statement.sql) === "read";
}

function textResult(raw: RawResult): TextResult {
  return { rows: raw.rows.map((row) => row.map(toText)), changes: raw.changes };
}
