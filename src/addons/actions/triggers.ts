/**
 * What the triggers of actions do: a function of the addon's module, its backend, code of the host
 * application, or nothing.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { IdSource } from "../../base/ids.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Database, Transaction } from "../../db/database.ts";
import type { BackendCaller } from "../backend/backend.ts";
import { transactionTimeoutMs } from "../code/code_limits.ts";
import type { FunctionOpener } from "../code/open_function.ts";
import type { CompiledActionAnswer, CompiledAddons } from "../compiled/compiled_addon.ts";
import { within } from "../compiled/deadline.ts";
import { handlerSql } from "../compiled/handler_sql.ts";
import { triggerUnsupported } from "../errors.ts";
import { type ActionAnswer, readAnswer } from "./envelope.ts";
import { handlerTimeout } from "./errors.ts";
import { actionName, inputOf, type PreparedAction } from "./prepared_action.ts";
import { runInTransaction } from "./transaction.ts";
import { callWebhook } from "./webhook.ts";

/** What triggers work with. */
export interface TriggerServices {
  readonly database: Database;
  readonly code: FunctionOpener;
  readonly backend: BackendCaller;
  readonly compiled: CompiledAddons;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/**
 * Runs what an action's trigger names.
 *
 * @param services what triggers work with.
 * @param run the action.
 * @returns what the code answered.
 * @throws {KernelError} addon.trigger_unsupported, and what the code throws.
 */
export async function pullTrigger(
  services: TriggerServices,
  run: PreparedAction,
): Promise<ActionAnswer> {
  switch (run.trigger.type) {
    case "noop":
      return { outcome: "done", data: null, meta: { no_op: true } };
    case "wasm":
      return await callFunction(services, run);
    case "webhook":
      return await callWebhook(services.backend, run);
    case "compiled":
      return await callCompiled(services, run);
    default:
      throw triggerUnsupported(String(run.trigger.type));
  }
}

async function callFunction(
  { code, database }: TriggerServices,
  run: PreparedAction,
): Promise<ActionAnswer> {
  const { caller, installation, record, trigger } = run;
  if (trigger.export === undefined) throw triggerUnsupported(trigger.type);
  const place = trigger.run_in_tx === true ? "in a transaction" : "alone";
  return await code.openOf(caller, installation, trigger.export, async (call) => {
    if (place === "alone") return readAnswer(await call({ input: () => inputOf(run, record) }));
    return await runInTransaction(
      database,
      run,
      async (transaction, now) =>
        readAnswer(await call({ input: () => inputOf(run, now), transaction })),
    );
  }, place);
}

type Handler = (
  record: JsonObject | undefined,
  transaction?: Transaction,
) => Promise<ActionAnswer>;

async function callCompiled(
  services: TriggerServices,
  run: PreparedAction,
): Promise<ActionAnswer> {
  const { database } = services;
  const { trigger, record, installation } = run;
  const handle = compiledHandler(services, run);
  if (trigger.run_in_tx !== true) return await handle(record);
  const timeoutMs = transactionTimeoutMs(database.parallelTransactions);
  const late = () => handlerTimeout(installation.manifest.key, timeoutMs);
  return await runInTransaction(
    database,
    run,
    (transaction, now) => within({ timeoutMs, late }, () => handle(now, transaction)),
  );
}

function compiledHandler(services: TriggerServices, run: PreparedAction): Handler {
  const { caller, model, action, installation, recordId, payload } = run;
  const handlers = services.compiled.find(installation.manifest.key)?.actions ?? {};
  const name = actionName(run);
  // The name holds what a manifest says: `constructor` must find nothing.
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  if (handler === undefined) throw triggerUnsupported("compiled");
  return async (record, transaction) =>
    compiledAnswer(
      await handler({
        caller,
        installationId: installation.row.id,
        model: model.key,
        action: action.key,
        payload,
        ...(recordId === undefined ? {} : { recordId }),
        ...(record === undefined ? {} : { record }),
        ...(transaction === undefined ? {} : {
          transaction: handlerSql({ ...services, transaction, caller, installation }),
        }),
      }),
    );
}

function compiledAnswer(answer: CompiledActionAnswer): ActionAnswer {
  const { success, data = null, meta = {} } = answer;
  if (success) return { outcome: "done", data, meta };
  const error = answer.error ?? { code: "declined", message: "declined" };
  return { outcome: "declined", data, error, meta };
}
