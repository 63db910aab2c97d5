/**
 * Actions that name a field of their input by which a repeat is known: the same value for the same
 * action on the same record is the same call, without any header.
 *
 * @module
 */

import type { JsonObject } from "../../base/json.ts";
import { sha256 } from "../../base/secret.ts";
import type { Idempotency, KeptAnswer, RequestClaim } from "../../idempotency/idempotency.ts";
import type { ActionResult } from "./action_service.ts";
import type { PreparedAction } from "./prepared_action.ts";

/** An action as it was asked for, before anything of it was looked at. */
type AskedAction = Pick<PreparedAction, "caller" | "model" | "action" | "recordId" | "payload">;

/**
 * Runs an action, or gives what it gave before.
 *
 * @param idempotency keeps what actions gave.
 * @param run the action.
 * @param work runs it.
 * @returns the result; with `idempotent_replay` among its facts where it is a kept one.
 * @throws {KernelError} http.idempotency_key_reused — the same value with other input;
 *   http.idempotency_in_progress; and what the work throws.
 */
export async function runOnce(
  idempotency: Idempotency,
  run: AskedAction,
  work: (claim?: RequestClaim) => Promise<ActionResult>,
): Promise<ActionResult> {
  const value = fieldValue(run);
  if (value === undefined) return await work();
  const { caller, model, action, recordId = "", payload } = run;
  let fresh: ActionResult | undefined;
  const { answer, kept } = await idempotency.once({
    caller,
    method: "ACTION",
    path: `${model.key}/${recordId.toLowerCase()}/${action.key}`,
    key: sha256(value).toHex(),
    body: new TextEncoder().encode(JSON.stringify(payload)),
  }, async (claim) => keepable(fresh = await work(claim)));
  return !kept && fresh !== undefined ? fresh : keptResult(answer);
}

function fieldValue({ action, payload }: AskedAction): string | undefined {
  const name = action.idempotencyField;
  if (name === undefined || !Object.hasOwn(payload, name)) return undefined;
  const value = payload[name];
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** A declined action has done nothing, and may be tried again. */
function keepable(result: ActionResult): KeptAnswer {
  return { status: result.outcome === "done" ? 200 : 422, body: JSON.stringify(result) };
}

function keptResult({ body }: KeptAnswer): ActionResult {
  // Border: the kernel wrote this text itself, as a result or as the note that it was too large.
  const { data = null, meta = {} } = JSON.parse(body ?? "{}") as Partial<ActionResult>;
  const facts: JsonObject = { ...meta, idempotent_replay: true };
  return { outcome: "done", data, meta: facts };
}
