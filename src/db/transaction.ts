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
   * Keeps everybody else from tables until the transaction ends, all of them at once: for changes of
   * their shape, before the first. Calls that run come to their end first.
   *
   * @param tables tables that stand.
   * @throws {KernelError} db.busy — others did not let go of them.
   */
  lockTables(tables: readonly TableName[]): Promise<void>;
}
