/**
 * What an addon does before its own records are written: `before_*` hooks of its manifest, and
 * functions of compiled addons. A hook that fails or is not there refuses the write: it may be the only
 * thing that guards a rule.
 *
 * @module
 */

import type { JsonObject } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import { isKernelError, KernelError } from "../../base/error.ts";
import type {
  HandlerDefinition,
  LifecycleEvent,
  Manifest,
} from "../../bundle/manifest/manifest.ts";
import type { Model, RecordChangeKind } from "../../models/model.ts";
import type { PendingWrite, WriteHooks } from "../../records/write_hooks.ts";
import { readAnswer } from "../actions/envelope.ts";
import { handlerTimeout } from "../actions/errors.ts";
import type { BackendCaller } from "../backend/backend.ts";
import type { FunctionOpener } from "../code/open_function.ts";
import type { CompiledAddon, CompiledAddons, RecordWrite } from "../compiled/compiled_addon.ts";
import { within } from "../compiled/deadline.ts";
import { notInstalled } from "../errors.ts";
import { type LiveInstallation, OrganizationInstallations } from "../live_installations.ts";

/** What hooks are called with. */
export interface WriteHooksOptions {
  readonly code: Pick<FunctionOpener, "openOf">;
  /** Absent: hooks on webhooks refuse the write. */
  readonly backend?: BackendCaller;
  readonly compiled?: Pick<CompiledAddons, "find">;
}

/** Whoever writes waits for it. */
const HOOK_TIMEOUT_MS = 5_000;

const EVENTS: Readonly<Record<RecordChangeKind, LifecycleEvent>> = {
  create: "before_create",
  update: "before_update",
  delete: "before_delete",
};

/**
 * Makes the hooks.
 *
 * @param options what they are called with.
 * @returns the hooks.
 */
export function createWriteHooks(options: WriteHooksOptions): WriteHooks {
  return new AddonWriteHooks(options);
}

class AddonWriteHooks implements WriteHooks {
  readonly #options: WriteHooksOptions;

  constructor(options: WriteHooksOptions) {
    this.#options = options;
  }

  has(model: Model, change: RecordChangeKind): boolean {
    return model.hookedChanges?.includes(change) === true ||
      compiledWrite(this.#options.compiled?.find(model.addonKey), model.key) !== undefined;
  }

  async before(write: PendingWrite): Promise<JsonObject | undefined> {
    const { model, change } = write;
    const compiled = compiledWrite(this.#options.compiled?.find(model.addonKey), model.key);
    const ofManifest = model.hookedChanges?.includes(change) === true;
    let input = compiled === undefined
      ? write.input
      : await this.#compiled(compiled, write, write.input);
    if (!ofManifest) return input;
    const installation = installationOf(write);
    for (const handler of handlersOf(installation.manifest, model, change)) {
      input = await this.#call(handler, installation, write, input);
    }
    return input;
  }

  async #call(
    handler: HandlerDefinition,
    installation: LiveInstallation,
    write: PendingWrite,
    input: JsonObject | undefined,
  ): Promise<JsonObject | undefined> {
    switch (handler.type) {
      case "compiled": {
        const run = compiledWrite(
          this.#options.compiled?.find(write.model.addonKey),
          handler.name,
        );
        if (run === undefined) throw refused(write, `the host has no hook "${handler.name}"`);
        return await this.#compiled(run, write, input);
      }
      case "wasm": {
        const document = await hookInput(write, input);
        const output = await this.#options.code.openOf(
          write.caller,
          installation,
          handler.function,
          (call) => call({ input: () => document, timeoutMs: HOOK_TIMEOUT_MS }),
        );
        return answered(write, input, output);
      }
      case "webhook": {
        const { backend } = this.#options;
        if (backend === undefined) throw refused(write, "the hook's backend cannot be called here");
        const { status, body } = await backend.call({
          caller: write.caller,
          installation,
          url: handler.url,
          event: EVENTS[write.change],
          headers: { "X-Metacore-Invocation": "lifecycle" },
          body: await hookInput(write, input),
          timeoutMs: HOOK_TIMEOUT_MS,
        });
        if (status < 200 || status > 299) throw refused(write, `the hook answered ${status}`);
        return answered(write, input, body);
      }
    }
  }

  async #compiled(
    run: CompiledWrite,
    write: PendingWrite,
    input: JsonObject | undefined,
  ): Promise<JsonObject | undefined> {
    const { caller, model, change, recordId } = write;
    try {
      const late = () => handlerTimeout(model.addonKey, HOOK_TIMEOUT_MS);
      const answer = await within(
        { timeoutMs: HOOK_TIMEOUT_MS, late, signal: caller.signal },
        () =>
          run({
            caller,
            model: model.key,
            change,
            ...(recordId === undefined ? {} : { recordId }),
            ...(input === undefined ? {} : { input }),
          }),
      );
      return answer ?? input;
    } catch (thrown) {
      if (isKernelError(thrown)) throw thrown;
      throw refused(write, thrown instanceof Error ? thrown.message : "the hook failed", thrown);
    }
  }
}

type CompiledWrite = (write: RecordWrite) => Promise<JsonObject | undefined>;

function compiledWrite(addon: CompiledAddon | undefined, name: string): CompiledWrite | undefined {
  const { beforeWrite } = addon ?? {};
  return beforeWrite !== undefined && Object.hasOwn(beforeWrite, name)
    ? beforeWrite[name]
    : undefined;
}

/** The installation that the model is of, as it was when the write began. */
function installationOf({ snapshot, model }: PendingWrite): LiveInstallation {
  const { origin } = snapshot;
  const found = origin instanceof OrganizationInstallations
    ? origin.byKey.get(model.addonKey)
    : undefined;
  if (found === undefined) throw notInstalled(model.addonKey);
  return found;
}

function handlersOf(manifest: Manifest, model: Model, change: RecordChangeKind) {
  const names = [model.key, model.table.table];
  return manifest.lifecycle_hooks
    .filter((hook) => hook.event === EVENTS[change] && names.includes(hook.model ?? ""))
    .toSorted((a, b) => a.priority - b.priority)
    .map(({ handler }) => handler)
    // A function of the host that has the model's name has run already.
    .filter((handler) => handler.type !== "compiled" || handler.name !== model.key);
}

async function hookInput(
  write: PendingWrite,
  input: JsonObject | undefined,
): Promise<JsonObject> {
  const { model, change, recordId, before } = write;
  return {
    event: EVENTS[change],
    model: model.key,
    ...(recordId === undefined ? {} : { record_id: recordId }),
    ...(input === undefined ? {} : { input }),
    ...(before === undefined ? {} : { before: await before() }),
  };
}

function answered(
  write: PendingWrite,
  input: JsonObject | undefined,
  output: Uint8Array,
): JsonObject | undefined {
  const answer = readAnswer(output);
  if (answer.outcome === "declined") {
    throw refused(write, answer.error?.message ?? "the addon refuses this", undefined, {
      reason: answer.error?.code ?? "declined",
    });
  }
  const changed = isJsonObject(answer.data) ? answer.data["input"] : undefined;
  if (changed === undefined || input === undefined) return input;
  if (!isJsonObject(changed)) throw refused(write, "the hook's data.input is no object");
  return changed;
}

const MAX_MESSAGE_LENGTH = 500;

function refused(
  { model, change }: PendingWrite,
  message: string,
  cause?: unknown,
  details: JsonObject = {},
): KernelError {
  return new KernelError({
    code: "addon.write_refused",
    kind: "invalid",
    message: message.slice(0, MAX_MESSAGE_LENGTH),
    details: { addon_key: model.addonKey, model: model.key, change, ...details },
    ...(cause === undefined ? {} : { cause }),
  });
}
