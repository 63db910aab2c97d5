/**
 * Locks tables of Postgres for a change of their shape, all at once or none. Who waits for one table
 * while it holds another makes a ring with a call that came the other way round, and of a ring the
 * server ends whomever it finds first. So nothing is held while it waits for long, and calls that
 * queue behind the wait come through between two attempts. Transactions that stay in several tables
 * for long would all the same meet every attempt half-way: they say first where they are going, and
 * the change waits for those that are there while no other one comes in.
 *
 * @module
 */

import { sql } from "kysely";
import { isKernelError } from "../base/error.ts";
import { busy } from "./errors.ts";
import type { DialectProfile } from "./profile.ts";
import type { TableName } from "./schema/spec.ts";
import type { Statement, StatementRunner } from "./statement.ts";

/** What locks are taken with. */
export interface TableLocker extends StatementRunner {
  readonly profile: DialectProfile;
  /** Of one statement, to which the session goes back. */
  readonly timeoutMs: number;
}

/** An attempt stays below the second after which the server looks for rings. */
const FIRST_ATTEMPT_MS = 100;
const LONGEST_ATTEMPT_MS = 700;
/** What waited behind an attempt runs first. */
const PAUSE_MS = 30;
/** Calls that hold a transaction are ended after five seconds. */
const MAX_WAIT_MS = 30_000;

const MARK: Statement = { sql: "savepoint table_locks", parameters: [] };
const UNDO: Statement = { sql: "rollback to savepoint table_locks", parameters: [] };
const KEEP: Statement = { sql: "release savepoint table_locks", parameters: [] };

/**
 * Keeps changes of tables out of schemas until the transaction ends, or waits for one to end.
 *
 * @param tx the transaction; of tables it holds nothing yet.
 * @param schemas physical schemas.
 */
export async function enterSchemas(
  tx: StatementRunner,
  schemas: readonly string[],
): Promise<void> {
  if (schemas.length > 0) await tx.execute(gates(schemas, "pg_advisory_xact_lock_shared"));
}

/** All go through gates in the same order. */
function gates(
  schemas: readonly string[],
  lock: "pg_advisory_xact_lock" | "pg_advisory_xact_lock_shared",
): Statement {
  const names = [...new Set(schemas)].sort().map((schema) => `tables:${schema}`);
  const calls = names.map((_, at) => `pg_catalog.${lock}(hashtextextended($${at + 1}, 0))`);
  return { sql: `select ${calls.join(", ")}`, parameters: names };
}

/**
 * Locks tables until the transaction ends.
 *
 * @param tx the transaction; of tables it holds nothing yet.
 * @param tables the tables; all of them stand.
 * @throws {KernelError} db.busy — others held one of them for too long.
 */
export async function lockTables(tx: TableLocker, tables: readonly TableName[]): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map((name) => tx.profile.table(name));
  const lockIn = (order: typeof names): Statement =>
    tx.profile.compile(sql`lock table ${sql.join(order)} in access exclusive mode`);
  // Whoever comes the one way round makes no ring with the other one.
  let [next, after] = [lockIn(names), lockIn(names.toReversed())];
  const endMs = performance.now() + MAX_WAIT_MS;
  await closeGates(tx, tables.map(({ schema }) => schema));
  for (let waitMs = FIRST_ATTEMPT_MS;; waitMs = Math.min(waitMs * 2, LONGEST_ATTEMPT_MS)) {
    try {
      await tx.execute(MARK);
      await tx.execute(timeout(waitMs));
      await tx.execute(next);
      await tx.execute(timeout(tx.timeoutMs));
      await tx.execute(KEEP);
      return;
    } catch (thrown) {
      if (!isKernelError(thrown, "db.statement_timeout")) throw thrown;
      await tx.execute(UNDO);
      await tx.execute(KEEP);
      if (performance.now() >= endMs) throw busy(MAX_WAIT_MS, thrown);
    }
    [next, after] = [after, next];
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Who is inside is soon done: nothing but the gates is waited for, and of tables nothing is held. */
async function closeGates(tx: TableLocker, schemas: readonly string[]): Promise<void> {
  try {
    await tx.execute(timeout(MAX_WAIT_MS));
    await tx.execute(gates(schemas, "pg_advisory_xact_lock"));
    await tx.execute(timeout(tx.timeoutMs));
  } catch (thrown) {
    throw isKernelError(thrown, "db.statement_timeout") ? busy(MAX_WAIT_MS, thrown) : thrown;
  }
}

/** For the statements to come, until the savepoint is undone or the transaction ends. */
function timeout(ms: number): Statement {
  return {
    sql: "select pg_catalog.set_config('statement_timeout', $1, true)",
    parameters: [String(ms)],
  };
}
