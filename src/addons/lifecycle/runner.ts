/**
 * Calls the hooks of an addon's life: functions of its module and of the host application inside the
 * transaction, its backend after the commit. All code of one change shares one allowance of time,
 * because others wait for what the transaction holds.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import { isKernelError } from "../../base/error.ts";
import type { IdSource } from "../../base/ids.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { Database, Transaction } from "../../db/database.ts";
import type { AuditSink } from "../../telemetry/audit.ts";
import { readAnswer } from "../actions/envelope.ts";
import type { BackendCaller } from "../backend/backend.ts";
import type { LifeCall, LifeOpener } from "../code/open_function.ts";
import type {
  CompiledAddon,
  CompiledAddons,
  HandlerSql,
  LifecycleContext,
} from "../compiled/compiled_addon.ts";
import { within } from "../compiled/deadline.ts";
import { handlerSql } from "../compiled/handler_sql.ts";
import { lifecycleFailed } from "../errors.ts";
import type { InstallationRow } from "../installation_store.ts";
import type {
  LifecycleChange,
  LifecycleHooks,
  LifecycleRunner,
  LifecycleStep,
} from "./lifecycle.ts";
import { type SelectedHook, selectHooks } from "./selection.ts";

/** What hooks are called with. */
export interface LifecycleRunnerOptions {
  readonly code: LifeOpener;
  /** Absent: webhooks are not called, which their callers are told. */
  readonly backend?: BackendCaller;
  readonly compiled?: Pick<CompiledAddons, "find">;
  readonly audit: AuditSink;
  /** For all code hooks of one change together, in milliseconds. */
  readonly transactionTimeoutMs: number;
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/**
 * Makes the runner.
 *
 * @param options what hooks are called with.
 * @returns the runner.
 */
export function createLifecycleRunner(options: LifecycleRunnerOptions): LifecycleRunner {
  return new Runner(options);
}

const WEBHOOK_TIMEOUT_MS = 15_000;

/** Functions of a compiled addon by step. */
const COMPILED = {
  install: "onInstall",
  enable: "onEnable",
  disable: "onDisable",
  uninstall: "onUninstall",
  upgrade: "onUpgrade",
} as const satisfies Record<LifecycleStep, keyof CompiledAddon>;

class Runner implements LifecycleRunner {
  readonly #options: LifecycleRunnerOptions;

  constructor(options: LifecycleRunnerOptions) {
    this.#options = options;
  }

  async around<T>(
    change: LifecycleChange,
    work: (hooks: LifecycleHooks) => Promise<T>,
  ): Promise<T> {
    const { installation: { manifest }, fromVersion } = change;
    const hooks = selectHooks(manifest, change.steps, fromVersion);
    const isGuest = ({ handler }: SelectedHook) => handler.type === "wasm";
    if (!hooks.some(isGuest)) return await work(this.#hooks(change, hooks, noGuest));
    return await this.#options.code.openLife(
      change,
      (call) => work(this.#hooks(change, hooks, call)),
    );
  }

  #hooks(
    change: LifecycleChange,
    hooks: readonly SelectedHook[],
    call: LifeCall,
  ): LifecycleHooks {
    const compiled = this.#compiledOf(change);
    const hasCode = hooks.some(({ handler }) => handler.type !== "webhook") ||
      change.steps.some((step) => compiled?.[COMPILED[step]] !== undefined);
    return {
      hasCode,
      within: (transaction) => this.#within({ change, hooks, call, compiled }, transaction),
      after: () => this.#after(change, hooks),
    };
  }

  #compiledOf({ installation: { row } }: LifecycleChange): CompiledAddon | undefined {
    return row.source === "compiled" ? this.#options.compiled?.find(row.addon_key) : undefined;
  }

  async #within(
    { change, hooks, call, compiled }: Ready,
    transaction: Transaction,
  ): Promise<void> {
    const endMs = performance.now() + this.#options.transactionTimeoutMs;
    for (const step of change.steps) {
      await attempt(change, step, async () => {
        const handler = compiled?.[COMPILED[step]];
        if (handler !== undefined) {
          const context = contextOf(change, this.#sqlOf(change, transaction));
          const timeoutMs = Math.max(0, endMs - performance.now());
          // What is still running then finds its transaction ended.
          await within({ timeoutMs, late: tookTooLong }, () => handler(context));
        }
        for (const hook of hooks) {
          if (hook.step !== step || hook.handler.type === "webhook") continue;
          if (hook.handler.type !== "wasm") throw new Error(NO_NAMED_CODE);
          const output = await call(hook.handler.function, {
            input: () => inputOf(change, step),
            transaction,
            timeoutMs: Math.max(1, Math.ceil(endMs - performance.now())),
          });
          const answer = readAnswer(output);
          if (answer.outcome !== "done") throw new Error(answer.error?.message ?? "it declined");
        }
      });
    }
  }

  #sqlOf({ caller, installation }: LifecycleChange, transaction: Transaction): HandlerSql {
    return handlerSql({ ...this.#options, transaction, caller, installation });
  }

  async #after(change: LifecycleChange, hooks: readonly SelectedHook[]): Promise<string[]> {
    const failures: string[] = [];
    for (const { step, handler } of hooks) {
      if (handler.type !== "webhook") continue;
      const problem = await this.#callBackend(change, step, handler.url);
      if (problem === undefined) continue;
      failures.push(`lifecycle_hooks: the webhook of "${step}" failed: ${problem}`);
      this.note(change.caller, change.installation.row, `${step}: ${problem}`);
    }
    return failures;
  }

  async #callBackend(
    change: LifecycleChange,
    step: LifecycleStep,
    url: string,
  ): Promise<string | undefined> {
    const { backend } = this.#options;
    if (backend === undefined) return "webhooks are not called here";
    const { caller, installation } = change;
    try {
      const { status } = await backend.call({
        caller,
        installation,
        url,
        body: webhookBody(change, step),
        event: `lifecycle:${step}`,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
      });
      return status >= 200 && status < 300 ? undefined : `it answered ${status}`;
    } catch (thrown) {
      return isKernelError(thrown) ? thrown.message : "an internal failure";
    }
  }

  note(caller: Caller, row: InstallationRow | undefined, problem: string): void {
    this.#options.audit.record({
      name: "lifecycle.hook_failed",
      severity: "warning",
      organizationId: caller.organizationId,
      ...(row === undefined ? {} : { addonKey: row.addon_key, installationId: row.id }),
      requestId: caller.requestId,
      ...(caller.kind === "user" ? { actorId: caller.userId } : {}),
      details: { problem },
    });
  }
}

/** Everything that hooks inside the transaction need. */
interface Ready {
  readonly change: LifecycleChange;
  readonly hooks: readonly SelectedHook[];
  readonly call: LifeCall;
  readonly compiled: CompiledAddon | undefined;
}

const NO_NAMED_CODE = "handlers of the host application are not called by lifecycle_hooks";

function noGuest(): Promise<Uint8Array> {
  return Promise.reject(new TypeError("A module was called that was not opened."));
}

async function attempt(
  { installation: { row } }: LifecycleChange,
  step: LifecycleStep,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    throw lifecycleFailed(row.addon_key, step, thrown);
  }
}

function tookTooLong(): Error {
  return new Error("it took too long");
}

function contextOf(change: LifecycleChange, transaction: HandlerSql): LifecycleContext {
  const { caller, installation: { row }, fromVersion } = change;
  return {
    caller,
    installationId: row.id,
    addonKey: row.addon_key,
    version: row.version,
    ...(fromVersion === undefined ? {} : { fromVersion }),
    transaction,
  };
}

function inputOf(change: LifecycleChange, event: LifecycleStep): JsonObject {
  const { caller, installation: { row }, fromVersion } = change;
  return {
    event,
    addon: row.addon_key,
    version: row.version,
    ...(fromVersion === undefined ? {} : { from_version: fromVersion }),
    installation_id: row.id,
    organization_id: caller.organizationId,
  };
}

function webhookBody(change: LifecycleChange, event: LifecycleStep): Json {
  const { caller, installation: { row }, fromVersion } = change;
  return {
    event,
    addon_key: row.addon_key,
    installation_id: row.id,
    org_id: caller.organizationId,
    version: row.version,
    ...(fromVersion === undefined ? {} : { from_version: fromVersion }),
  };
}
