/**
 * Calls addon code: installation, breaker, module, host functions, sandbox, and what is kept of a
 * failure. Each station is a file of its own; this one puts them in order.
 *
 * @module
 */

import type { AccessService } from "../../access/access_service.ts";
import type { Caller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { BreakerSubject, CircuitBreakers } from "../../sandbox/breaker.ts";
import type { GuestCode, InvocationResult, LoadedModule, Sandbox } from "../../sandbox/sandbox.ts";
import type { Target } from "../../sandbox/abi.ts";
import type { TrapReport } from "../../sandbox/trap_report.ts";
import { createHostPort } from "../host/host_port.ts";
import type { HostServices } from "../host/context.ts";
import { actionEnvelope, jobEnvelope, type JobRun } from "../hooks/envelope.ts";
import { functionNotExported, noCode } from "../errors.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { SettingTexts } from "../settings/texts.ts";
import type { AddonCode, CodeCall, CodeStatus } from "./addon_code.ts";
import type { AddonModules } from "./addon_modules.ts";
import { type CodeLimits, timeoutMsOf } from "./code_limits.ts";
import type { InstallationCatalog } from "./installation_catalog.ts";
import { hostContext, InstallationFactsCache } from "./invocation_context.ts";
import type {
  CallPlace,
  ChangingInstallation,
  FunctionCall,
  FunctionOpener,
  LifeCall,
  LifeOpener,
  OpenFunction,
} from "./open_function.ts";
import type { TransactionPlaces } from "./transaction_places.ts";
import type { TrapJournal } from "./trap_journal.ts";

/** What calling addon code takes. */
export interface CodeServiceOptions {
  readonly access: AccessService;
  readonly catalog: InstallationCatalog;
  readonly modules: AddonModules;
  readonly sandbox: Sandbox;
  readonly breakers: CircuitBreakers;
  readonly host: HostServices;
  /** Opens settings for `env_get`. */
  readonly settingTexts: SettingTexts;
  readonly traps: TrapJournal;
  readonly places: TransactionPlaces;
  readonly limits: CodeLimits;
}

/**
 * Makes the service.
 *
 * @param options what calling takes.
 * @returns the service.
 */
export function createAddonCode(options: CodeServiceOptions): CodeService {
  return new CodeService(options);
}

/** Where no worker starts in this time, the hooks wait for one in theirs. */
const WARM_MS = 5_000;

/** Calls addon code. */
export class CodeService implements AddonCode, FunctionOpener, LifeOpener {
  readonly #options: CodeServiceOptions;
  readonly #facts: InstallationFactsCache;

  /** @param options what calling takes. */
  constructor(options: CodeServiceOptions) {
    this.#options = options;
    this.#facts = new InstallationFactsCache(options.settingTexts);
  }

  call(
    caller: Caller,
    addonKey: string,
    functionName: string,
    call: CodeCall,
  ): Promise<Uint8Array> {
    return this.open(caller, addonKey, functionName, (open) => {
      const { input, ...rest } = call;
      return open({ ...rest, input: () => input });
    });
  }

  async open<T>(
    caller: Caller,
    addonKey: string,
    functionName: string,
    work: (call: OpenFunction) => Promise<T>,
    place: CallPlace = "alone",
  ): Promise<T> {
    const installation = await this.#options.catalog.enabled(caller.organizationId, addonKey);
    return await this.openOf(caller, installation, functionName, work, place);
  }

  async openOf<T>(
    caller: Caller,
    installation: LiveInstallation,
    functionName: string,
    work: (call: OpenFunction) => Promise<T>,
    place: CallPlace = "alone",
  ): Promise<T> {
    demandExport(installation, functionName);
    return await this.openTarget(caller, installation, (invoke, { abi, refuseIfOpen }) => {
      const target = targetOf(abi, functionName);
      const run = () => work(async (call) => (await invoke(target, call)).output);
      return place === "alone" ? run() : this.#inPlace(caller, installation, () => {
        refuseIfOpen();
        return run();
      });
    });
  }

  async openLife<T>(
    changing: ChangingInstallation,
    work: (call: LifeCall) => Promise<T>,
  ): Promise<T> {
    const { caller, installation } = changing;
    const { catalog, modules, sandbox } = this.#options;
    const code = changing.code ?? modules.codeOf(installation);
    const module = await code.load();
    // Starting a worker is none of what hooks do: their time in the transaction is short.
    await sandbox.warm(withModule(code, module), WARM_MS);
    const others = await catalog.all(caller.organizationId);
    const opened = { caller, installation, module, others, code: withModule(code, module) };
    return await this.#inPlace(caller, installation, () =>
      work(async (functionName, call) => {
        demandExport(installation, functionName);
        return (await this.#invokeNoted(opened, targetOf(module.abi, functionName), call)).output;
      }));
  }

  /**
   * Closes the breaker of an installation: another version has taken the place of what failed.
   *
   * @param installation the installation as it is now.
   */
  async renewed(installation: LiveInstallation): Promise<void> {
    await this.#options.breakers.reset(subjectOf(installation));
  }

  /** Waits where nothing is held until the work may hold a transaction. */
  async #inPlace<T>(
    { organizationId, signal }: Caller,
    { manifest }: LiveInstallation,
    work: () => Promise<T>,
  ): Promise<T> {
    const { places, limits } = this.#options;
    const holder = {
      organizationId,
      addonKey: manifest.key,
      timeoutMs: timeoutMsOf(manifest.backend ?? { runtime: "wasm" }, limits, "alone"),
      ...(signal === undefined ? {} : { signal }),
    };
    return await places.within(holder, work);
  }

  /**
   * Opens the code of an installation for work that calls whatever of it, under its breaker.
   *
   * @param caller who asks.
   * @param installation an enabled installation of the caller's organization.
   * @param work is given the way to invoke, and what else it may want to know.
   * @returns what the work gives.
   * @throws {KernelError} addon.no_code, sandbox.*, and what the work throws.
   */
  async openTarget<T>(
    caller: Caller,
    installation: LiveInstallation,
    work: (invoke: Invoke, opened: OpenTarget) => Promise<T>,
  ): Promise<T> {
    const { breakers, catalog, modules } = this.#options;
    const code = modules.codeOf(installation);
    return await breakers.run(subjectOf(installation), async (refuseIfOpen) => {
      const module = await code.load();
      const others = await catalog.all(caller.organizationId);
      const opened = { caller, installation, module, others, code: withModule(code, module) };
      const invoke: Invoke = (target, call) => this.#invokeNoted(opened, target, call);
      return await work(invoke, { abi: module.abi, refuseIfOpen });
    });
  }

  async #invokeNoted(
    opened: OpenCode,
    target: Target,
    call: FunctionCall,
  ): Promise<InvocationResult> {
    try {
      return await this.#invoke(opened, target, call);
    } catch (thrown) {
      const { caller, installation, module, code } = opened;
      this.#options.traps.note(thrown, { caller, installation, moduleId: code.id, module, target });
      throw thrown;
    }
  }

  async runJob(caller: Caller, addonKey: string, name: string, run: JobRun): Promise<void> {
    const installation = await this.#options.catalog.enabled(caller.organizationId, addonKey);
    const jobs = installation.manifest.gonext?.jobs ?? [];
    if (!jobs.includes(name)) throw functionNotExported(addonKey, name);
    await this.openTarget(
      caller,
      installation,
      (invoke) => invoke({ kind: "job", name }, { input: () => jobEnvelope(run) }),
    );
  }

  async traps(caller: Caller, addonKey: string): Promise<readonly TrapReport[]> {
    await this.#options.access.check(caller, "addons.inspect");
    await this.#installation(caller, addonKey);
    return await this.#options.traps.list(caller.organizationId, addonKey);
  }

  async status(caller: Caller, addonKey: string): Promise<CodeStatus> {
    await this.#options.access.check(caller, "addons.inspect");
    const { row } = await this.#installation(caller, addonKey);
    const { phase, state } = await this.#options.breakers.show(row.id);
    const { failures, retryAtMs } = state;
    return {
      breaker: phase,
      failures: failures.length,
      ...(retryAtMs === undefined ? {} : { retryAt: new Date(retryAtMs).toISOString() }),
    };
  }

  async resetBreaker(caller: Caller, addonKey: string): Promise<void> {
    await this.#options.access.check(caller, "addons.operate");
    const installation = await this.#installation(caller, addonKey);
    await this.#options.breakers.reset(subjectOf(installation));
  }

  async stop(caller: Caller, addonKey: string): Promise<number> {
    await this.#options.access.check(caller, "addons.operate");
    await this.#installation(caller, addonKey);
    return this.#options.sandbox.kill(addonKey, caller.organizationId);
  }

  async #installation(caller: Caller, addonKey: string): Promise<LiveInstallation> {
    const installation = await this.#options.catalog.enabled(caller.organizationId, addonKey);
    if (installation.manifest.backend?.runtime !== "wasm") throw noCode(addonKey);
    return installation;
  }

  async #invoke(opened: OpenCode, target: Target, call: FunctionCall): Promise<InvocationResult> {
    const { host, limits, sandbox } = this.#options;
    const { caller, installation, module, others } = opened;
    const { row, manifest } = installation;
    const place = call.transaction === undefined ? "alone" : "in a transaction";
    const timeoutMs = timeoutMsOf(manifest.backend ?? { runtime: "wasm" }, limits, place);
    const facts = await this.#facts.of(installation);
    const context = hostContext({ caller, installation, facts, module, others, call });
    const signal = call.signal ?? caller.signal;
    return await sandbox.invoke(opened.code, {
      target,
      input: inputBytes(call.input({ installationId: row.id }), target),
      organizationId: caller.organizationId,
      timeoutMs: Math.min(call.timeoutMs ?? timeoutMs, timeoutMs),
      ...(limits.fuel === undefined ? {} : { fuel: limits.fuel }),
      ...(signal === undefined ? {} : { signal }),
      host: createHostPort(context, host),
    });
  }
}

/** Invokes something of a guest. */
export type Invoke = (target: Target, call: FunctionCall) => Promise<InvocationResult>;

/** What work on an open target is told. */
export interface OpenTarget extends Pick<LoadedModule, "abi"> {
  /** Throws where the breaker has opened since: for work that waits before it invokes. */
  readonly refuseIfOpen: () => void;
}

/** An installation's code, loaded. */
interface OpenCode {
  readonly caller: Caller;
  readonly installation: LiveInstallation;
  readonly module: LoadedModule;
  /** Installations of the organization by addon key. */
  readonly others: ReadonlyMap<string, LiveInstallation>;
  readonly code: GuestCode;
}

function demandExport({ manifest }: LiveInstallation, functionName: string): void {
  const exports = manifest.backend?.exports ?? [];
  if (!exports.includes(functionName)) throw functionNotExported(manifest.key, functionName);
}

function targetOf(abi: OpenTarget["abi"], name: string): Target {
  return abi === "metacore/1" ? { kind: "export", name } : { kind: "hook", name };
}

function subjectOf({ row, manifest }: LiveInstallation): BreakerSubject {
  return {
    installationId: row.id,
    addonKey: manifest.key,
    organizationId: row.organization_id,
  };
}

/** Nothing is read any more when a worker is started for it. */
function withModule(code: GuestCode, module: LoadedModule): GuestCode {
  return { ...code, load: () => Promise.resolve(module) };
}

/** A hook takes its arguments in an envelope; whoever made bytes has made that, too. */
function inputBytes(input: JsonObject | Uint8Array, target: Target): Uint8Array {
  if (input instanceof Uint8Array) return input;
  if (target.kind === "hook") return actionEnvelope([input]);
  return new TextEncoder().encode(JSON.stringify(input));
}
