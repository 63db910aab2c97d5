/**
 * An action that is about to run: everything about it has been looked up in one moment and checked.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { TriggerDefinition } from "../../bundle/manifest/manifest.ts";
import type { Model, ModelAction } from "../../models/model.ts";
import type { ModelSnapshot } from "../../models/registry.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { RequestClaim } from "../../idempotency/idempotency.ts";
import type { ActionResult } from "./action_service.ts";
import { type ActionAnswer, actionInput } from "./envelope.ts";

/** An action that is about to run. */
export interface PreparedAction {
  readonly caller: Caller;
  readonly snapshot: ModelSnapshot;
  readonly model: Model;
  readonly action: ModelAction;
  readonly trigger: TriggerDefinition;
  /** Of the addon that declares the action. */
  readonly installation: LiveInstallation;
  /** Absent for an action without a record. */
  readonly recordId?: string;
  readonly record?: JsonObject;
  readonly payload: JsonObject;
  /** Repeatable requests that this is the work of. */
  readonly claims: readonly RequestClaim[];
}

/**
 * Names an action as hooks and interceptors do.
 *
 * @param run the action.
 * @returns `<model>::<action>`.
 */
export function actionName({ model, action }: Pick<PreparedAction, "model" | "action">): string {
  return `${model.key}::${action.key}`;
}

/**
 * Puts the kernel's own facts to an answer; they win.
 *
 * @param run the action.
 * @param answer what its code answered.
 * @returns the result.
 */
export function resultOf(
  { model, action, trigger }: PreparedAction,
  answer: ActionAnswer,
): ActionResult {
  const facts = { model: model.key, action: action.key, trigger_type: trigger.type };
  return { ...answer, meta: { ...answer.meta, ...facts } };
}

/**
 * Writes what a function is given.
 *
 * @param run the action.
 * @param record the record as it is by now.
 * @returns the input.
 */
export function inputOf(run: PreparedAction, record: JsonObject | undefined): JsonObject {
  const { caller, model, action, installation, payload, trigger } = run;
  return actionInput({
    caller,
    addonKey: installation.manifest.key,
    installationId: installation.row.id,
    model: model.key,
    actionKey: action.key,
    row: record,
    payload,
    trigger: { ...trigger },
  });
}
