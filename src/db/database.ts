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
import type { GuestSql } from "./guest_sql/guest_sql.ts";
import type { KernelTables } from "./tables.ts";
import type { DialectProfile } from "./profile.ts";
import type { Statement, TextResult } from "./statement.ts";
import type { Transaction } from "./transaction.ts";

export type { Row, RowResult, Statement, TextResult } from "./statement.ts";
export type { Transaction } from "./transaction.ts";

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
  /** Runs SQL that code of addons brings along. */
  readonly guestSql: GuestSql;
  /** How many transactions run at one time: 1 where there is one writer. */
  readonly parallelTransactions: number;
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
