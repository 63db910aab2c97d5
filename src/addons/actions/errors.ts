/**
 * Failures of actions, as small factories.
 *
 * @module
 */

import { type FieldError, KernelError } from "../../base/error.ts";
import type { Json } from "../../base/json.ts";

/**
 * The record is in no state in which the action may run.
 *
 * @param action key of the action.
 * @param expected what it needs, as the rest of a sentence, such as `status to be open or held`.
 * @param facts the column, what it may hold and what it holds.
 */
export function actionInvalidState(
  action: string,
  expected: string,
  facts: { readonly field: string; readonly expected: Json; readonly actual: Json },
): KernelError {
  return new KernelError({
    code: "addon.action_invalid_state",
    kind: "precondition",
    message: `action "${action}" needs ${expected}`,
    details: { action, ...facts },
  });
}

/** The action is one on a record, and none was named. */
export function actionNeedsRecord(action: string): KernelError {
  return new KernelError({
    code: "addon.action_needs_record",
    kind: "invalid",
    message: `action "${action}" runs on a record: name one in the path`,
    details: { action },
  });
}

/** What was filled in breaks rules. @param fields complaints by field, in declared order. */
export function actionInvalid(fields: ReadonlyMap<string, readonly FieldError[]>): KernelError {
  const sentences = [...fields].map(([field, errors]) =>
    `${field} ${errors.map((error) => error.message).join(" and ")}`
  );
  return new KernelError({
    code: "addon.action_invalid",
    kind: "invalid",
    message: sentences.join("; "),
    fields: Object.fromEntries(fields),
  });
}

/**
 * The addon's backend answered with a failure, or with what cannot be read.
 *
 * @param addonKey the addon.
 * @param why what came, such as `returned 500: down`.
 * @param status its status.
 */
export function backendFailed(addonKey: string, why: string, status: number): KernelError {
  return new KernelError({
    code: "addon.backend_failed",
    kind: "unavailable",
    message: `addon ${addonKey} webhook ${why}`,
    details: { addon_key: addonKey, status },
  });
}

/** Code of the host application took too long. */
export function handlerTimeout(addonKey: string, timeoutMs: number): KernelError {
  return new KernelError({
    code: "addon.handler_timeout",
    kind: "timeout",
    message: `code of addon "${addonKey}" took longer than ${timeoutMs} ms`,
    details: { addon_key: addonKey, timeout_ms: timeoutMs },
  });
}
