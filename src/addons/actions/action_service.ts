/**
 * Actions: named reactions on a record that an addon declares (contract/metacore.md §8.4).
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json, JsonObject } from "../../base/json.ts";

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
   * The addon's facts, and the kernel's, which win: `model`, `action`, `trigger_type`, and for an
   * action in a transaction `rolled_back`.
   */
  readonly meta: JsonObject;
}

/** Runs actions. */
export interface ActionService {
  /**
   * Runs an action on a record.
   *
   * @param model any name of the model.
   * @param id id of the record.
   * @param actionKey key of the action.
   * @param payload what the user filled in.
   * @throws {KernelError} model.not_found, access.denied (`<model>.update`), addon.action_not_found,
   *   record.invalid_id, record.not_found, addon.trigger_unsupported, sandbox.* — in a transaction
   *   everything the addon wrote has been rolled back.
   */
  run(
    caller: Caller,
    model: string,
    id: string,
    actionKey: string,
    payload: JsonObject,
  ): Promise<ActionResult>;
}
