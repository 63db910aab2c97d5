/**
 * Actions: named reactions on a record that an addon declares (contract/metacore.md §8.4).
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { RequestClaim } from "../../idempotency/idempotency.ts";

/** Why an addon declined an action. */
export interface ActionError {
  /** The addon's own word. */
  readonly code: string;
  /** The addon's own sentence. */
  readonly message: string;
}

/** What an action gave. */
export interface ActionResult {
  /** `declined`: the addon ran and said no; what it wrote in the transaction was rolled back. */
  readonly outcome: "done" | "declined";
  /** What the addon gave back. */
  readonly data: Json;
  /** Why it declined; absent when it did not. */
  readonly error?: ActionError;
  /**
   * The addon's facts, and the kernel's, which win: `model`, `action`, `trigger_type`,
   * and for an action in a transaction `rolled_back`.
   */
  readonly meta: JsonObject;
}

/** What the host application does around an action, by `<model>::<action>`. */
export type ActionInterceptor = (
  run: InterceptedAction,
) => Promise<JsonObject | undefined> | JsonObject | undefined;

/** An action that is about to run: permission, conditions and input have been checked. */
export interface InterceptedAction {
  /** Who asks. */
  readonly caller: Caller;
  /** Key of the addon. */
  readonly addonKey: string;
  /** Key of the model. */
  readonly model: string;
  /** Key of the action. */
  readonly action: string;
  /** Absent for an action without a record. */
  readonly recordId?: string;
  /** The record as the API shows it. */
  readonly record?: JsonObject;
  /** What came with it. */
  readonly payload: JsonObject;
}

/** Runs actions. */
export interface ActionService {
  /**
   * Adds a function of the host application that runs before an action: what it returns takes the
   * payload's place, what it throws refuses the action. Several run in the order they were added.
   *
   * @param name `<model>::<action>`, either of them `*` for every one; or `*` for all.
   * @returns takes it away again.
   * @throws {KernelError} addon.invalid_interceptor — the name is none.
   */
  intercept(name: string, interceptor: ActionInterceptor): () => void;
  /**
   * Runs an action of a model that needs no record (placement `table` or `create`).
   *
   * @throws {KernelError} addon.action_needs_record, and as {@link ActionService.run}
   */
  runOnModel(
    caller: Caller,
    model: string,
    actionKey: string,
    payload: JsonObject,
    claim?: RequestClaim,
  ): Promise<ActionResult>;
  /**
   * Runs an action on a record.
   *
   * @param model any name of the model.
   * @param id id of the record.
   * @param actionKey key of the action.
   * @param payload what the user filled in.
   * @param claim a repeatable request that the action is the work of: one in a transaction keeps its
   *   result there.
   * @throws {KernelError} model.not_found, access.denied (`<model>.update`), addon.action_not_found,
   *   record.invalid_id, record.not_found, addon.action_invalid_state, addon.action_invalid (each
   *   field with its fault), addon.not_installed, addon.trigger_unsupported, sandbox.*,
   *   addon.backend_*, addon.handler_timeout — in a transaction everything the addon wrote has been
   *   rolled back.
   */
  run(
    caller: Caller,
    model: string,
    id: string,
    actionKey: string,
    payload: JsonObject,
    claim?: RequestClaim,
  ): Promise<ActionResult>;
}
