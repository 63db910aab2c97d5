/**
 * Answers repeated requests once (contract/metacore.md §11.9): only where the client sends an
 * `Idempotency-Key`, and only on routes that say so.
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import type { KeptAnswer } from "../../idempotency/idempotency.ts";
import type { Answer } from "../answer.ts";
import type { Exchange } from "../exchange.ts";
import type { RouteContext } from "../route.ts";
import { readBytes } from "./body.ts";

/**
 * Answers a request, or repeats what was answered before.
 *
 * @param exchange the request; its body is read here where there is a key.
 * @param context keeps the answers.
 * @param caller who asks: everybody has keys of their own.
 * @param work answers it.
 * @returns the answer; with `Idempotent-Replay: true` where it is a kept one.
 * @throws {KernelError} http.idempotency_key_invalid, http.idempotency_key_reused,
 *   http.idempotency_in_progress, and what reading and the work throw.
 */
export async function answerOnce(
  exchange: Exchange,
  { services, limits }: RouteContext,
  caller: UserCaller,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const { request } = exchange;
  const key = request.headers.get("idempotency-key");
  if (key === null) return await work();
  const body = await readBytes(exchange, limits.jsonBytes);
  exchange.bodyBytes = body;
  const { method } = request;
  let fresh: Answer | undefined;
  const { answer, kept } = await services.idempotency.once(
    { caller, method, path: exchange.path, key, body },
    async () => keepable(fresh = await work()),
  );
  if (!kept && fresh !== undefined) return fresh;
  const { status, body: text } = answer;
  return { status, body: text, headers: { "idempotent-replay": "true" } };
}

/** Repeatable routes answer JSON; what is not text has no place among the kept answers. */
function keepable({ status, body, outcome }: Answer): KeptAnswer {
  if (body !== null && typeof body !== "string") {
    return { status, body: null, outcome: "nothing done" };
  }
  return { status, body, ...(outcome === undefined ? {} : { outcome }) };
}
