/**
 * One connection to a SQLite database with its cached prepared statements. It knows nothing of
 * tenants, turns or transactions of the kernel.
 *
 * @module
 */

import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from "node:sqlite";
import type { Statement } from "./database.ts";
import { invalidStatement } from "./errors.ts";
import { type StatementKind, statementKind } from "./sqlite_statement.ts";
import { toSqlite } from "./sqlite_values.ts";

/** Prepared statements kept per connection; the least recently used goes first. */
const MAX_CACHED_STATEMENTS = 512;
/**
 * Memory of SQLite in the whole process. Below the greatest string of JavaScript (512 MiB), because
 * the runtime ends the process when a longer text comes out of a query.
 */
const MAX_HEAP_BYTES = 500_000_000;

/** What one statement gave. */
export interface RawResult {
  readonly columns: () => readonly string[];
  readonly rows: readonly (readonly SQLOutputValue[])[];
  readonly changes: number;
}

interface Prepared {
  readonly statement: StatementSync;
  readonly kind: StatementKind;
  readonly returnsRows: boolean;
}

/** How a connection is opened. */
export interface SqliteConnectionOptions {
  /** File path or `:memory:`. */
  readonly path: string;
  readonly access: "write" | "read";
  readonly durability: "process" | "power";
  /** Called before every statement, with its text. */
  readonly beforeStatement?: (sql: string) => void;
}

/** An open connection. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #cache = new Map<string, Prepared>();
  readonly #beforeStatement: ((sql: string) => void) | undefined;

  /**
   * Opens a connection.
   *
   * @param options path, access and durability.
   */
  constructor(options: SqliteConnectionOptions) {
    const readOnly = options.access === "read";
    this.#database = new DatabaseSync(options.path, {
      readOnly,
      enableForeignKeyConstraints: true,
      allowExtension: false,
      // Double-quoted text must name something: it is never silently a string.
      enableDoubleQuotedStringLiterals: false,
    });
    this.#beforeStatement = options.beforeStatement;
    try {
      this.pragma("busy_timeout = 5000");
      this.pragma("trusted_schema = off");
      this.pragma(`hard_heap_limit = ${MAX_HEAP_BYTES}`);
      if (readOnly) return;
      this.pragma("journal_mode = wal");
      // In WAL mode `normal` never damages the file; it only leaves the last commits to the
      // operating system, which a killed process does not take with it, but a power cut does.
      this.pragma(`synchronous = ${options.durability === "power" ? "full" : "normal"}`);
    } catch (thrown) {
      this.#database.close();
      throw thrown;
    }
  }

  /** Whether a transaction is open on this connection. */
  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  /** The driver's own handle, for the wall around guests' statements. */
  get driver(): DatabaseSync {
    return this.#database;
  }

  /**
   * Registers an SQL function.
   *
   * @param name its name in SQL.
   * @param options whether equal arguments always give equal results.
   * @param body what it computes.
   */
  define(
    name: string,
    options: { readonly deterministic: boolean },
    body: (...values: SQLOutputValue[]) => SQLInputValue,
  ): void {
    this.#database.function(name, options, body);
  }

  /**
   * Runs one statement to its end.
   *
   * @param statement text and parameters.
   * @returns rows and the count of changed rows.
   */
  run(statement: Statement): RawResult {
    this.#beforeStatement?.(statement.sql);
    const prepared = this.#prepare(statement.sql);
    const values = statement.parameters.map(toSqlite);
    try {
      if (!prepared.returnsRows) {
        const { changes } = prepared.statement.run(...values);
        // Other statements leave the count of the last write standing.
        return {
          columns: () => [],
          rows: [],
          changes: prepared.kind === "write" ? Number(changes) : 0,
        };
      }
      // The driver's type does not know setReturnArrays.
      const rows = prepared.statement.all(...values) as unknown as SQLOutputValue[][];
      return {
        columns: () => prepared.statement.columns().map((column) => column.name),
        rows,
        changes: prepared.kind === "write" ? rows.length : 0,
      };
    } finally {
      if (prepared.kind === "schema") this.#cache.clear();
    }
  }

  /** Sets a pragma. @param text such as `foreign_keys = off`. */
  pragma(text: string): void {
    // Not exec(): its errors carry no result code.
    this.#database.prepare(`pragma ${text}`).all();
  }

  /** Forgets prepared statements; needed after another connection changed the schema. */
  forgetStatements(): void {
    this.#cache.clear();
  }

  /** Closes the connection; an open transaction is lost. */
  close(): void {
    this.#cache.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const cached = this.#cache.get(sql);
    if (cached !== undefined) {
      this.#cache.delete(sql);
      this.#cache.set(sql, cached);
      return cached;
    }
    // SQLite would stop reading there, and run what stands before it.
    if (sql.includes("\0")) throw invalidStatement("A statement holds the character NUL");
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const prepared: Prepared = {
      statement,
      kind: statementKind(sql),
      returnsRows: statement.columns().length > 0,
    };
    if (prepared.kind !== "schema" && prepared.kind !== "other") {
      this.#cache.set(sql, prepared);
      if (this.#cache.size > MAX_CACHED_STATEMENTS) {
        const oldest = this.#cache.keys().next().value;
        if (oldest !== undefined) this.#cache.delete(oldest);
      }
    }
    return prepared;
  }
}
