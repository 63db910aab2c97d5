/**
 * Keeps what a repeatable request did in the very transaction that does it.
 *
 * @module
 */

import type { Transaction } from "../db/database.ts";
import { inProgress } from "./errors.ts";
import { type RequestClaim, RESULT_ONLY } from "./idempotency.ts";

/**
 * Keeps a result. A request that has lost its key, because its time was over and another took its
 * place, must not take effect any more.
 *
 * @param transaction the transaction of the work.
 * @param claim the request.
 * @param result JSON text of what the service gives; the answer is made of it.
 * @throws {KernelError} http.idempotency_in_progress — the key is another request's by now.
 */
export async function keepResult(
  transaction: Transaction,
  claim: RequestClaim,
  result: string,
): Promise<void> {
  const written = await transaction.kysely.updateTable("idempotency_keys")
    .set({ status: RESULT_ONLY, body: result, expires_at: claim.keptUntil })
    .where("organization_id", "=", claim.organizationId)
    .where("key", "=", claim.key)
    .where("owner", "=", claim.owner)
    .executeTakeFirst();
  if (written.numUpdatedRows !== 1n) throw inProgress(1);
}
