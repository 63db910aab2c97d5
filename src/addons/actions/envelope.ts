/**
 * What an action's code is given and what is understood of its answer. The two generations of
 * documents and the published examples differ, so both spellings are given and every form of answer
 * is read (contract/metacore.md §8.4 and §17.1, contract/author.md §8).
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { sandboxError } from "../../sandbox/errors.ts";
import type { ActionError, ActionResult } from "./action_service.ts";

/** One run of an action. */
export interface ActionRun {
  readonly caller: Caller;
  readonly addonKey: string;
  readonly installationId: string;
  /** Key of the model. */
  readonly model: string;
  readonly actionKey: string;
  /** The record as the API shows it; undefined for an action without one. */
  readonly row: JsonObject | undefined;
  readonly payload: JsonObject;
  readonly trigger: JsonObject;
}

/**
 * Writes what the code is given.
 *
 * @param run the run.
 * @returns `{model, action, actionKey, row, payload, args, user, trigger, ctx}`.
 */
export function actionInput(run: ActionRun): JsonObject {
  const { caller, payload } = run;
  const user: JsonObject | null = caller.kind === "system" ? null : {
    id: caller.userId,
    organization_id: caller.organizationId,
    role: caller.role,
    ...(caller.email === undefined ? {} : { email: caller.email }),
  };
  return {
    model: run.model,
    action: run.actionKey,
    actionKey: run.actionKey,
    row: run.row ?? null,
    payload,
    args: payload,
    user,
    trigger: run.trigger,
    ctx: {
      organization_id: caller.organizationId,
      installation_id: run.installationId,
      addon: run.addonKey,
      user_id: caller.kind === "system" ? null : caller.userId,
      request_id: caller.requestId,
      locale: caller.locale ?? null,
    },
  };
}

/** What an answer says before the kernel's facts are added. */
export type ActionAnswer = Pick<ActionResult, "outcome" | "data" | "error" | "meta">;

/**
 * Reads an answer of a function.
 *
 * @param output what the function returned.
 * @returns what it says; no bytes mean success without data.
 * @throws {KernelError} sandbox.bad_result — it is no JSON in UTF-8.
 */
export function readAnswer(output: Uint8Array): ActionAnswer {
  return output.length === 0 ? NOTHING : answerOf(parse(output));
}

/** Success without data. */
export const NOTHING: ActionAnswer = { outcome: "done", data: null, meta: {} };

/**
 * Reads an answer that is JSON already.
 *
 * @param value any JSON value.
 * @returns what it says.
 */
export function answerOf(value: Json): ActionAnswer {
  if (!isJsonObject(value)) return { outcome: "done", data: value, meta: {} };
  const said = value["success"] ?? value["ok"];
  const meta = value["meta"];
  const facts = isJsonObject(meta) ? meta : {};
  if (said === false || (said === undefined && isError(value["error"]))) {
    return { outcome: "declined", data: value["data"] ?? null, error: errorOf(value), meta: facts };
  }
  if (said === true) return { outcome: "done", data: value["data"] ?? null, meta: facts };
  return { outcome: "done", data: value, meta: {} };
}

function isError(value: Json | undefined): boolean {
  return isJsonObject(value) || (typeof value === "string" && value !== "");
}

function errorOf(answer: JsonObject): ActionError {
  const { error, message } = answer;
  if (isJsonObject(error)) {
    const code = textOf(error["code"]) ?? "declined";
    return { code, message: textOf(error["message"]) ?? textOf(message) ?? code };
  }
  const code = textOf(error) ?? "declined";
  return { code, message: textOf(message) ?? code };
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function parse(output: Uint8Array): Json {
  try {
    // Border: whatever the parser takes is JSON.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(output)) as Json;
  } catch (cause) {
    throw sandboxError(
      "sandbox.bad_result",
      "the action's function must return JSON in UTF-8, or nothing",
      { cause },
    );
  }
}
