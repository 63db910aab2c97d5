/**
 * Actions that an addon's own backend carries out (contract/metacore.md §11.8, contract/author.md §9).
 *
 * @module
 */

import { isJsonObject, type JsonObject, jsonOf } from "../../base/json.ts";
import type { BackendAnswer, BackendCaller } from "../backend/backend.ts";
import { type ActionAnswer, answerOf, NOTHING } from "./envelope.ts";
import { backendFailed } from "./errors.ts";
import { actionName, type PreparedAction } from "./prepared_action.ts";

const SHOWN_BODY_LENGTH = 512;

/**
 * Calls the backend; an action for which no address is named does nothing.
 *
 * @param backend calls backends.
 * @param run the action.
 * @returns what the backend answered: its JSON like a function's answer, other text as data; a
 *   refusal in JSON (`success: false`) declines.
 * @throws {KernelError} addon.backend_failed — any other failure; addon.backend_refused,
 *   addon.backend_unreachable, addon.backend_timeout
 */
export async function callWebhook(
  backend: BackendCaller,
  run: PreparedAction,
): Promise<ActionAnswer> {
  const { caller, installation, trigger } = run;
  const url = (trigger.url ?? hookOf(run) ?? "").trim();
  if (url === "") return { ...NOTHING, meta: { no_op: true } };
  const answer = await backend.call({
    caller,
    installation,
    url,
    body: bodyOf(run),
    event: actionName(run),
    headers: { "X-Metacore-Invocation": "action" },
  });
  return readBackendAnswer(installation.manifest.key, answer);
}

/**
 * Finds what the manifest's hooks name for an action, under the model's key or under the name by
 * which an extension calls it.
 *
 * @param run the action.
 * @returns an address, a blank or undefined.
 */
export function hookOf(
  run: Pick<PreparedAction, "installation" | "model" | "action" | "snapshot">,
): string | undefined {
  const { installation, model, action, snapshot } = run;
  const { hooks, extensions } = installation.manifest;
  const names = extensions.map((extension) => extension.model)
    .filter((name) => snapshot.find(name)?.key === model.key);
  for (const name of [model.key, ...names]) {
    const hook = `${name}::${action.key}`;
    if (Object.hasOwn(hooks, hook)) return hooks[hook];
  }
  return undefined;
}

function bodyOf(run: PreparedAction): JsonObject {
  const { caller, installation, model, action, recordId, record, payload } = run;
  return {
    record_id: recordId ?? null,
    payload,
    hook: actionName(run),
    org_id: caller.organizationId,
    addon_key: installation.manifest.key,
    installation_id: installation.row.id,
    model: model.key,
    action: action.key,
    record: record ?? null,
  };
}

function readBackendAnswer(addonKey: string, answer: BackendAnswer): ActionAnswer {
  const { status, body, truncated } = answer;
  if (truncated) throw backendFailed(addonKey, "answered more than is read", status);
  const text = new TextDecoder().decode(body);
  const value = jsonOf(text);
  if (status >= 200 && status <= 299) {
    return body.length === 0 ? NOTHING : answerOf(value ?? text);
  }
  const isRefusal = status >= 400 && status <= 499 && isJsonObject(value) &&
    value["success"] === false && value["error"] !== undefined;
  if (isRefusal) return answerOf(value);
  throw backendFailed(addonKey, `returned ${status}: ${text.slice(0, SHOWN_BODY_LENGTH)}`, status);
}
