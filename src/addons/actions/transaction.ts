/**
 * Actions in a transaction: the record is locked and its state looked at once more, so that of two
 * that may not both happen one does; an answer that declines rolls back.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Database, Transaction } from "../../db/database.ts";
import { checkState } from "./conditions.ts";
import type { ActionAnswer } from "./envelope.ts";
import { lockRecord } from "./locked_record.ts";
import { keepResult } from "../../idempotency/keep_result.ts";
import { type PreparedAction, resultOf } from "./prepared_action.ts";

/** What happens inside. */
export type TransactionWork = (
  transaction: Transaction,
  record: JsonObject | undefined,
) => Promise<ActionAnswer>;

/**
 * Runs an action's code in a transaction.
 *
 * @param database where.
 * @param run the action.
 * @param work calls the code.
 * @returns its answer, with `rolled_back` among its facts; a success has been committed.
 * @throws {KernelError} addon.action_invalid_state, record.not_found, db.*, what the code throws:
 *   nothing of it took effect then.
 * @throws {StaleModel} the table has changed since the model was looked up.
 */
export async function runInTransaction(
  database: Database,
  run: PreparedAction,
  work: TransactionWork,
): Promise<ActionAnswer> {
  try {
    return await database.transaction(run.caller.organizationId, async (transaction) => {
      const { model: { table }, installation: { row } } = run;
      await transaction.enterSchemas([table.schema, row.schema_name]);
      const given = await work(transaction, await recordNow(transaction, run));
      if (given.outcome === "declined") throw new Declined(given);
      const answer = { ...given, meta: { ...given.meta, rolled_back: false } };
      const result = JSON.stringify(resultOf(run, answer));
      for (const claim of run.claims) await keepResult(transaction, claim, result);
      return answer;
    });
  } catch (thrown) {
    if (!(thrown instanceof Declined)) throw thrown;
    const { answer } = thrown;
    return { ...answer, meta: { ...answer.meta, rolled_back: true } };
  }
}

async function recordNow(
  transaction: Transaction,
  run: PreparedAction,
): Promise<JsonObject | undefined> {
  const { caller, model, action, recordId, record } = run;
  if (recordId === undefined) return undefined;
  try {
    const locked = await lockRecord(transaction, model, caller.organizationId, recordId);
    // Resolved references are not under the lock: of those the first look holds.
    const now = { ...record, ...locked };
    checkState(action, now);
    return now;
  } catch (thrown) {
    throw isKernelError(thrown, "db.schema_changed") ? new StaleModel(thrown) : thrown;
  }
}

/** The table has changed under its model before anything was done: the action can start over. */
export class StaleModel extends Error {
  /** What the engine said. */
  override readonly cause: unknown;

  /** @param cause what the engine said. */
  constructor(cause: unknown) {
    super("the table has changed under its model");
    this.cause = cause;
  }
}

/** Carries an answer out of a transaction that must not commit. */
class Declined extends Error {
  readonly answer: ActionAnswer;

  constructor(answer: ActionAnswer) {
    super("declined");
    this.answer = answer;
  }
}
