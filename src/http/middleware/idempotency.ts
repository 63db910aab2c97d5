/**
 * Answers repeated requests once (contract/metacore.md §11.9): only where the client sends an
 * `Idempotency-Key`, and only on routes that say so.
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import { type KeptAnswer, RESULT_ONLY } from "../../idempotency/idempotency.ts";
import { modelNotFound } from "../../models/errors.ts";
import type { Answer } from "../answer.ts";
import type { Exchange } from "../exchange.ts";
import type { RouteContext, UserRoute } from "../route.ts";
import { readBytes } from "./body.ts";

/** Stands in a route's permission for the model of its path. */
const MODEL = "<model>";

/**
 * Answers a request, or repeats what was answered before.
 *
 * @param exchange the request; its body is read here where there is a key.
 * @param context keeps the answers.
 * @param route the route, whose caller has been proven: everybody has keys of their own.
 * @param work answers it.
 * @returns the answer; with `Idempotent-Replay: true` where it is a kept one.
 * @throws {KernelError} http.idempotency_key_invalid, http.idempotency_key_reused,
 *   http.idempotency_in_progress; access.denied, model.not_found — the caller may not do by now what
 *   was answered before; and what reading and the work throw.
 */
export async function answerOnce(
  exchange: Exchange,
  { services, limits }: RouteContext,
  route: UserRoute,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const { request, caller } = exchange;
  const key = request.headers.get("idempotency-key");
  if (key === null || caller === undefined) return await work();
  const body = await readBytes(exchange, limits.jsonBytes);
  exchange.bodyBytes = body;
  const { method } = request;
  let fresh: Answer | undefined;
  const { answer, kept } = await services.idempotency.once(
    { caller, method, path: exchange.path, query: exchange.search, key, body },
    async (claim) => {
      exchange.claim = claim;
      return keepable(fresh = await work());
    },
  );
  if (!kept && fresh !== undefined) return fresh;
  await demandPermission(exchange, services, route, caller);
  return { ...replayed(answer, route), headers: { "idempotent-replay": "true" } };
}

/** The work, which asks for the permission by itself, is not done again. */
async function demandPermission(
  { params: { model: name = "" } }: Exchange,
  { access, registry }: RouteContext["services"],
  { permission }: UserRoute,
  caller: UserCaller,
): Promise<void> {
  if (permission === undefined) return;
  if (!permission.includes(MODEL)) return await access.check(caller, permission);
  const model = (await registry.snapshot(caller.organizationId)).find(name);
  if (model === undefined) throw modelNotFound(name);
  await access.check(caller, permission.replace(MODEL, model.key));
}

function replayed({ status, body }: KeptAnswer, { answerOfResult }: UserRoute): Answer {
  if (status !== RESULT_ONLY) return { status, body };
  // The first one's process died between its commit and its answer.
  return answerOfResult?.(body ?? "null") ?? { status: 200, body };
}

/** Repeatable routes answer JSON; what is not text has no place among the kept answers. */
function keepable({ status, body, outcome }: Answer): KeptAnswer {
  if (body !== null && typeof body !== "string") {
    return { status, body: null, outcome: "nothing done" };
  }
  return { status, body, ...(outcome === undefined ? {} : { outcome }) };
}
