/**
 * The database port. Two engines stand behind it and nobody outside `db/` asks which: what differs
 * is named in {@link DialectProfile}.
 *
 * Every access to addon tables happens under a tenant: the engine itself (row-level security on
 * Postgres) admits only that organization's rows, below whatever predicate the SQL carries.
 *
 * @module
 */

import type { Kysely } from "kysely";
import type { KernelTables } from "./tables.ts";
import type { DialectProfile } from "./profile.ts";

/** One SQL statement, its parameters apart from its text. What `sql`…`.compile(db)` returns fits. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A row by column name. Postgres `numeric`/`bigint` arrive as text, times as engine text. */
export type Row = Record<string, unknown>;

/** What one statement of a batch gave: every selected value in the engine's text form. */
export interface TextResult {
  readonly rows: readonly (readonly (string | null)[])[];
  /** Rows inserted, updated or deleted. */
  readonly changes: number;
}

/** What one statement gave inside a transaction. */
export interface RowResult {
  readonly rows: readonly Row[];
  /** Rows inserted, updated or deleted. */
  readonly changes: number;
}

/** A running transaction. */
export interface Transaction {
  /** Typed queries over the kernel's own tables, inside this transaction. */
  readonly kysely: Kysely<KernelTables>;
  readonly profile: DialectProfile;
  /** Runs one statement. */
  execute(statement: Statement): Promise<RowResult>;
  /**
   * Waits for the right to do something that only one transaction may do at a time; the right ends
   * with the transaction. @param name what is locked, such as `install:tickets`.
   */
  lock(name: string): Promise<void>;
}

/** Stands at every statement boundary of a database; tests crash there. */
export interface FaultPort {
  /**
   * Called before each statement with its running number; what it throws kills the connection as a
   * crash of the process would: no rollback is sent, nothing more is written.
   */
  beforeStatement(count: number, sql: string): void;
}

/** A database of either engine. */
export interface Database {
  readonly profile: DialectProfile;
  /** Typed queries over the kernel's own tables, each its own transaction, outside any tenant. */
  readonly kysely: Kysely<KernelTables>;
  /**
   * Runs statements as one atomic unit in one round trip, under a tenant. All or none take effect.
   *
   * @param organizationId the tenant the engine admits; a UUID, or null for none (no row of any
   *   tenant table is visible then).
   * @throws {KernelError} the code of the conflict, see `conflict.ts`.
   */
  batch(organizationId: string | null, statements: readonly Statement[]): Promise<TextResult[]>;
  /**
   * Runs work in one transaction under a tenant; what it throws rolls back.
   *
   * @param organizationId as in {@link Database.batch}.
   */
  transaction<T>(
    organizationId: string | null,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T>;
  /**
   * Like {@link Database.transaction}, with the right to change schemas (on Postgres through the
   * owner's connection, where one is configured).
   */
  schemaTransaction<T>(
    organizationId: string | null,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T>;
  /** Proves that the database answers. @throws {KernelError} db.unavailable */
  ping(): Promise<void>;
  /** Waits for running work, then closes every connection. */
  close(): Promise<void>;
}
