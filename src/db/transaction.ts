/**
 * A running transaction, apart from the database that runs it.
 *
 * @module
 */

import type { Kysely } from "kysely";
import type { DialectProfile } from "./profile.ts";
import type { TableName } from "./schema/spec.ts";
import type { StatementRunner } from "./statement.ts";
import type { KernelTables } from "./tables.ts";

/** A running transaction. */
export interface Transaction extends StatementRunner {
  /** Typed queries over the kernel's own tables, inside this transaction. */
  readonly kysely: Kysely<KernelTables>;
  readonly profile: DialectProfile;
  /**
   * Waits for the right to do something that only one transaction may do at a time; the right ends
   * with the transaction. @param name what is locked, such as `install:tickets`.
   */
  lock(name: string): Promise<void>;
  /**
   * Says which schemas a transaction is about to work in, before it does, where it works in several
   * tables and takes its time between them. A change of their shape then waits for all of it or it
   * waits for the change; neither meets the other half-way.
   *
   * @param schemas physical schemas, in any order.
   */
  enterSchemas(schemas: readonly string[]): Promise<void>;
  /**
   * Keeps everybody else from tables until the transaction ends, all of them at once: for changes of
   * their shape, before the first. Calls that run come to their end first.
   *
   * @param tables tables that stand.
   * @throws {KernelError} db.busy — others did not let go of them.
   */
  lockTables(tables: readonly TableName[]): Promise<void>;
}
