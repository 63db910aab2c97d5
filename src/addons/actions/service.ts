/**
 * Runs actions: permission, action, record, trigger, answer. What a trigger does is elsewhere.
 *
 * @module
 */

import type { AccessService } from "../../access/access_service.ts";
import type { Caller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Database } from "../../db/database.ts";
import { modelNotFound } from "../../models/errors.ts";
import type { Model } from "../../models/model.ts";
import type { ModelRegistry } from "../../models/registry.ts";
import type { RecordService } from "../../records/record_service.ts";
import type { ActionDefinition, TriggerDefinition } from "../../bundle/manifest/manifest.ts";
import type { FunctionCall, FunctionOpener, OpenFunction } from "../code/open_function.ts";
import { actionNotFound, triggerUnsupported } from "../errors.ts";
import type { ActionResult, ActionService } from "./action_service.ts";
import { type ActionAnswer, actionInput, readAnswer } from "./envelope.ts";

/** What actions are run with. */
export interface ActionServiceOptions {
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  readonly records: RecordService;
  readonly code: FunctionOpener;
}

/** A manifest without a trigger means a webhook (contract/metacore.md §8.4). */
const LEGACY_TRIGGER: TriggerDefinition = { type: "webhook" };

/**
 * Makes the action service.
 *
 * @param options what actions are run with.
 * @returns the service.
 */
export function createActionService(options: ActionServiceOptions): ActionService {
  return new Actions(options);
}

interface Run {
  readonly caller: Caller;
  readonly model: Model;
  readonly action: ActionDefinition;
  readonly row: JsonObject;
  readonly payload: JsonObject;
}

class Actions implements ActionService {
  readonly #options: ActionServiceOptions;

  constructor(options: ActionServiceOptions) {
    this.#options = options;
  }

  async run(
    caller: Caller,
    modelName: string,
    id: string,
    actionKey: string,
    payload: JsonObject,
  ): Promise<ActionResult> {
    const { registry, access, records } = this.#options;
    const model = (await registry.snapshot(caller.organizationId)).find(modelName);
    if (model === undefined) throw modelNotFound(modelName);
    await access.check(caller, `${model.key}.update`);
    const action = model.actions.find((each) => each.key === actionKey);
    if (action === undefined) throw actionNotFound(model.key, actionKey);
    const row = (await records.get(caller, model.key, id)).value();
    const trigger = action.trigger ?? LEGACY_TRIGGER;
    const { meta, ...answer } = await this.#pull(trigger, { caller, model, action, row, payload });
    const facts = { model: model.key, action: action.key, trigger_type: trigger.type };
    return { ...answer, meta: { ...meta, ...facts } };
  }

  async #pull(trigger: TriggerDefinition, run: Run): Promise<ActionAnswer> {
    if (trigger.type === "noop") return { outcome: "done", data: null, meta: { no_op: true } };
    if (trigger.type !== "wasm" || trigger.export === undefined) {
      throw triggerUnsupported(trigger.type);
    }
    const { code } = this.#options;
    const { caller, model } = run;
    const place = trigger.run_in_tx === true ? "in a transaction" : "alone";
    return await code.open(caller, model.addonKey, trigger.export, async (call) => {
      if (place === "in a transaction") return await this.#callInTransaction(call, trigger, run);
      return readAnswer(await call({ input: inputOf(trigger, run) }));
    }, place);
  }

  async #callInTransaction(
    call: OpenFunction,
    trigger: TriggerDefinition,
    run: Run,
  ): Promise<ActionAnswer> {
    const { database } = this.#options;
    const input = inputOf(trigger, run);
    try {
      const answer = await database.transaction(run.caller.organizationId, async (transaction) => {
        const given = readAnswer(await call({ input, transaction }));
        if (given.outcome === "declined") throw new Declined(given);
        return given;
      });
      return { ...answer, meta: { ...answer.meta, rolled_back: false } };
    } catch (thrown) {
      if (!(thrown instanceof Declined)) throw thrown;
      const { answer } = thrown;
      return { ...answer, meta: { ...answer.meta, rolled_back: true } };
    }
  }
}

function inputOf(trigger: TriggerDefinition, run: Run): FunctionCall["input"] {
  const { caller, model, action, row, payload } = run;
  return ({ installationId }) =>
    actionInput({
      caller,
      addonKey: model.addonKey,
      installationId,
      model: model.key,
      actionKey: action.key,
      row,
      payload,
      trigger: { ...trigger },
    });
}

/** Carries an answer out of a transaction that must not commit. */
class Declined extends Error {
  readonly answer: ActionAnswer;

  constructor(answer: ActionAnswer) {
    super("declined");
    this.answer = answer;
  }
}
