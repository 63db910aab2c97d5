/**
 * Actions of records (contract/metacore.md §1.6 and §8.4, contract/client.md §5). A failure carries
 * `error {code, message}` beside the usual fields: the published client of actions shows that one.
 *
 * @module
 */

import type { ActionResult } from "../../addons/actions/action_service.ts";
import type { UserCaller } from "../../base/caller.ts";
import { isKernelError } from "../../base/error.ts";
import type { KernelError } from "../../base/error.ts";
import { isJsonObject } from "../../base/json.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { Answer } from "../answer.ts";
import { invalidBody } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { failureAnswer } from "../failure.ts";
import { readJsonOrNothing } from "../middleware/body.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const BASES: readonly string[] = [
  "/api/dynamic/:model",
  "/api/data/:model",
  "/api/dynamic/:model/me",
  "/api/data/:model/me",
];

/** Words that clients of actions know for failures of addon code (contract/metacore.md §17.1). */
const WORDS: Readonly<Record<string, string>> = {
  "sandbox.trap": "runtime_error",
  "sandbox.bad_result": "runtime_error",
  "sandbox.guest_error": "runtime_error",
  "sandbox.instantiation_failed": "runtime_error",
  "sandbox.missing_export": "runtime_error",
  "sandbox.timeout": "timeout",
  "sandbox.fuel_exhausted": "timeout",
  "sandbox.out_of_memory": "memory_exhausted",
  "sandbox.cancelled": "canceled",
  "sandbox.killed": "canceled",
  "sandbox.busy": "addon_unavailable",
  "sandbox.circuit_open": "addon_unavailable",
  "sandbox.circuit_unknown": "addon_unavailable",
  "db.serialization": "serialization_failure",
  "addon.action_invalid": "invalid_input",
  "addon.action_invalid_state": "invalid_state",
  "addon.handler_timeout": "timeout",
  "addon.backend_failed": "webhook_unreachable",
  "addon.backend_refused": "webhook_unreachable",
  "addon.backend_unreachable": "webhook_unreachable",
  "addon.backend_timeout": "timeout",
  "http.idempotency_key_reused": "idempotency_conflict",
  "http.idempotency_in_progress": "idempotency_conflict",
};

const DESCRIPTION = {
  method: "POST",
  access: "user",
  permission: "<model>.update",
  repeatable: true,
  answerOfResult: keptAnswer,
  body: { contentTypes: ["application/json"], shape: "the action's fields; may be absent" },
  answer: { status: 200, shape: "{success, data, meta: {model, action, trigger_type, …}}" },
} as const;

/** Routes of actions. */
export const ACTION_ROUTES: readonly UserRoute[] = BASES.flatMap((base): UserRoute[] => [
  {
    ...DESCRIPTION,
    path: `${base}/:id/action/:key`,
    summary: "Runs an action of an addon on a record; 422 where the addon declines.",
    handle: run,
  },
  {
    ...DESCRIPTION,
    path: `${base}/action/:key`,
    summary: "Runs an action that needs no record: one placed on the table or beside `new`.",
    handle: run,
  },
]);

async function run(
  exchange: Exchange,
  { services, limits }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const payload = await payloadOf(exchange, limits);
  const { actions } = services;
  const { model = "", id, key = "" } = exchange.params;
  try {
    return answerOf(
      id === undefined
        ? await actions.runOnModel(caller, model, key, payload, exchange.claim)
        : await actions.run(caller, model, id, key, payload, exchange.claim),
    );
  } catch (thrown) {
    if (!isKernelError(thrown)) throw thrown;
    const word = WORDS[thrown.code];
    if (word === undefined) throw thrown;
    const answer = failedAnswer(thrown, word, caller.requestId);
    if (answer.status >= 500) {
      services.logger.warn("an action failed", {
        code: thrown.code,
        action: key,
        request_id: caller.requestId,
      });
    }
    return answer;
  }
}

/** Buttons without a form send no body, or an empty one. */
async function payloadOf(exchange: Exchange, limits: RouteContext["limits"]): Promise<JsonObject> {
  if (exchange.request.body === null) return {};
  // Border: what was parsed as JSON is JSON.
  const value = await readJsonOrNothing(exchange, limits) as Json | undefined;
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) throw invalidBody("the body of an action is a JSON object, or absent");
  return value;
}

function answerOf(result: ActionResult): Answer {
  const { data, error, meta } = result;
  if (result.outcome === "done") {
    return { status: 200, body: JSON.stringify({ success: true, data, meta }) };
  }
  return {
    status: 422,
    body: JSON.stringify({ success: false, message: error?.message, error, data, meta }),
  };
}

/** Border: the action service printed this text from a result. */
function keptAnswer(result: string): Answer {
  return answerOf(JSON.parse(result) as ActionResult);
}

function failedAnswer(failure: KernelError, word: string, requestId: string): Answer {
  const answer = failureAnswer(failure, requestId);
  const text = typeof answer.body === "string" ? answer.body : "{}";
  const body: JsonObject = JSON.parse(text);
  const error = { code: word, message: failure.message };
  return { ...answer, body: JSON.stringify({ ...body, error }) };
}
