/**
 * Runs actions: permission, action, record, state, input, interceptors, trigger, answer. Model,
 * action, installation and module come from one view, so that a run never sees two versions of an
 * addon. What a trigger does is elsewhere.
 *
 * @module
 */

import type { AccessService } from "../../access/access_service.ts";
import type { Caller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Idempotency, RequestClaim } from "../../idempotency/idempotency.ts";
import { modelNotFound } from "../../models/errors.ts";
import type { Model, ModelAction } from "../../models/model.ts";
import type { ModelRegistry } from "../../models/registry.ts";
import type { RecordService } from "../../records/record_service.ts";
import { InstallationCatalog, type OrganizationView } from "../code/installation_catalog.ts";
import { actionNotFound, notInstalled } from "../errors.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { ActionInterceptor, ActionResult, ActionService } from "./action_service.ts";
import { checkState } from "./conditions.ts";
import { actionNeedsRecord } from "./errors.ts";
import { readPayload } from "./fields.ts";
import { Interceptors } from "./interceptors.ts";
import { type PreparedAction, resultOf } from "./prepared_action.ts";
import { runOnce } from "./repeated_action.ts";
import { StaleModel } from "./transaction.ts";
import { triggerOf } from "./trigger_of.ts";
import { pullTrigger, type TriggerServices } from "./triggers.ts";

/** What actions are run with. */
export interface ActionServiceOptions extends TriggerServices {
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  readonly records: RecordService;
  /** Keeps answers of actions that name a field by which a repeat is known. */
  readonly idempotency: Idempotency;
}

/**
 * Makes the action service.
 *
 * @param options what actions are run with.
 * @returns the service.
 */
export function createActionService(options: ActionServiceOptions): ActionService {
  return new Actions(options);
}

/** What is asked for. */
interface Order {
  readonly caller: Caller;
  readonly model: string;
  readonly action: string;
  readonly recordId?: string;
  readonly payload: JsonObject;
  readonly claim?: RequestClaim;
}

interface FoundAction {
  readonly view: OrganizationView;
  readonly model: Model;
  readonly action: ModelAction;
}

class Actions implements ActionService {
  readonly #options: ActionServiceOptions;
  readonly #catalog: InstallationCatalog;
  readonly #interceptors = new Interceptors();

  constructor(options: ActionServiceOptions) {
    this.#options = options;
    this.#catalog = new InstallationCatalog(options.registry);
  }

  intercept(name: string, interceptor: ActionInterceptor): () => void {
    return this.#interceptors.add(name, interceptor);
  }

  runOnModel(
    caller: Caller,
    model: string,
    actionKey: string,
    payload: JsonObject,
    claim?: RequestClaim,
  ): Promise<ActionResult> {
    return this.#run({ caller, model, action: actionKey, payload, ...claim && { claim } });
  }

  run(
    caller: Caller,
    model: string,
    id: string,
    actionKey: string,
    payload: JsonObject,
    claim?: RequestClaim,
  ): Promise<ActionResult> {
    const order = { caller, model, action: actionKey, recordId: id, payload };
    return this.#run({ ...order, ...claim && { claim } });
  }

  /** A table that changed before anything was done: the action starts over, once. */
  async #run(order: Order): Promise<ActionResult> {
    try {
      return await this.#runOnView(order);
    } catch (thrown) {
      if (!(thrown instanceof StaleModel)) throw thrown;
      this.#options.registry.invalidate(order.caller.organizationId);
    }
    try {
      return await this.#runOnView(order);
    } catch (thrown) {
      throw thrown instanceof StaleModel ? thrown.cause : thrown;
    }
  }

  async #runOnView(order: Order): Promise<ActionResult> {
    const found = await this.#find(order);
    const { model, action } = found;
    const { idempotency } = this.#options;
    // Before the record is looked at: what the first run changed must not refuse its repeat.
    return await runOnce(idempotency, { ...order, model, action }, async (claim) => {
      const claims = [order.claim, claim].filter((each) => each !== undefined);
      const run = { ...await this.#prepare(order, found), claims };
      const payload = await this.#intercepted(run);
      return resultOf(run, await pullTrigger(this.#options, { ...run, payload }));
    });
  }

  async #find({ caller, ...order }: Order): Promise<FoundAction> {
    const view = await this.#catalog.view(caller.organizationId);
    const model = view.snapshot.find(order.model);
    if (model === undefined) throw modelNotFound(order.model);
    await this.#options.access.check(caller, `${model.key}.update`);
    const action = model.actions.find((each) => each.key === order.action);
    if (action === undefined) throw actionNotFound(model.key, order.action);
    if (order.recordId === undefined && !isOnModel(action)) throw actionNeedsRecord(action.key);
    return { view, model, action };
  }

  async #prepare(order: Order, { view, model, action }: FoundAction): Promise<PreparedAction> {
    const { caller, recordId } = order;
    const record = recordId === undefined
      ? undefined
      : (await this.#options.records.get(caller, model.key, recordId)).value();
    checkState(action, record);
    const payload = readPayload(action.fields ?? [], order.payload);
    const installation = installationOf(view, action);
    const { compiled } = this.#options;
    const { snapshot } = view;
    const trigger = triggerOf({ installation, model, action, snapshot }, compiled);
    return {
      caller,
      snapshot,
      model,
      action,
      trigger,
      installation,
      payload,
      claims: [],
      ...(recordId === undefined ? {} : { recordId }),
      ...(record === undefined ? {} : { record }),
    };
  }

  async #intercepted(run: PreparedAction): Promise<JsonObject> {
    const { caller, installation, model, action, recordId, record, payload } = run;
    return await this.#interceptors.run({
      caller,
      addonKey: installation.manifest.key,
      model: model.key,
      action: action.key,
      payload,
      ...(recordId === undefined ? {} : { recordId }),
      ...(record === undefined ? {} : { record }),
    });
  }
}

function isOnModel({ placement }: ModelAction): boolean {
  return placement === "table" || placement === "create";
}

/** An extension's action runs the extending addon's code, whoever owns the model. */
function installationOf(
  { installations }: OrganizationView,
  action: ModelAction,
): LiveInstallation {
  const key = action.addonKey;
  const found = installations.get(key);
  if (found === undefined || found.row.status !== "enabled") throw notInstalled(key);
  return found;
}
