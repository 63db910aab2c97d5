/**
 * The guest of a worker: its module, the instance that is ready or kept, and one invocation at a time.
 * metacore instances serve one invocation, or are set back between two; GoNext instances serve one
 * organization.
 *
 * @module
 */

import { nowMs } from "./own_globals.ts";
import { callGuest } from "./call.ts";
import { describeFailure } from "./failure.ts";
import { type LinkedImports, linkImports } from "./imports.ts";
import { Instance } from "./instance.ts";
import type {
  DoneMessage,
  FailedMessage,
  InvokeMessage,
  LoadMessage,
  ToWatchdog,
} from "./protocol.ts";
import { RESERVED_EXPORTS } from "./reserved.ts";
import type { Scope } from "./scope.ts";

/** Share of the memory limit from which a kept instance is dropped. */
const FULL_SHARE = 0.8;

/** Instances remembered in vain until no more are: guests whose memory grows in every invocation. */
const MOST_IN_VAIN = 3;

/** The guest of one worker. */
export class Guest {
  readonly #load: LoadMessage;
  readonly #linked: LinkedImports;
  readonly #scope: Scope;
  readonly #tellWatchdog: (message: ToWatchdog) => void;
  #instance: Instance | undefined;
  /** Has served an invocation and must not serve another before it is set back. */
  #used: Instance | undefined;
  /** Invocations that came to an end; the first instance of a worker is not set back. */
  #served = 0;
  #rememberedInVain = 0;
  /** Whether instances can only be made inside an invocation: their start calls the host. */
  #isLazy = false;
  /** Whether code of the guest runs while an instance is made. */
  readonly #hasStart: boolean;

  /**
   * Takes a module.
   *
   * @param load the module.
   * @param scope of the worker.
   * @param tellWatchdog how to reach it.
   * @throws {WebAssembly.LinkError} for an import that is not part of the interface.
   */
  constructor(load: LoadMessage, scope: Scope, tellWatchdog: (message: ToWatchdog) => void) {
    this.#load = load;
    this.#scope = scope;
    this.#tellWatchdog = tellWatchdog;
    this.#linked = linkImports(load.imports, load.abi, scope);
    this.#hasStart = load.startFunctions.length > 0 ||
      WebAssembly.Module.exports(load.module).some(({ name }) => name === RESERVED_EXPORTS.start);
  }

  /** Memory of the instance that is ready or kept, in bytes. */
  get memoryBytes(): number {
    return this.#instance?.memory.byteLength ?? 0;
  }

  /**
   * Makes the next instance while nothing else is to be done.
   *
   * @returns why that failed, undefined when the guest is ready or has to wait for an invocation.
   */
  async prepare(): Promise<FailedMessage | undefined> {
    if (this.#restoreUsed() || this.#instance !== undefined || this.#isLazy) return undefined;
    const { prepareMs } = this.#load;
    this.#scope.reset();
    this.#scope.phase = "preparing";
    this.#scope.isRepeatable = true;
    this.#scope.deadlineMs = nowMs() + prepareMs;
    if (this.#hasStart) this.#tellWatchdog(prepareMs);
    try {
      this.#instance = await this.#make(undefined);
      this.#remember(this.#instance);
      return undefined;
    } catch (thrown) {
      if (this.#scope.neededHost && !this.#scope.stop.isStopped) {
        this.#isLazy = true;
        return undefined;
      }
      return this.#failed(0, thrown, "starting");
    } finally {
      if (this.#hasStart) this.#tellWatchdog(0);
    }
  }

  /**
   * Runs one invocation.
   *
   * @param message what to call.
   * @returns what to tell the main thread.
   */
  async invoke(message: InvokeMessage): Promise<DoneMessage | FailedMessage> {
    const scope = this.#scope;
    scope.reset();
    scope.phase = "running";
    scope.deadlineMs = nowMs() + message.timeoutMs;
    let stage: "starting" | "calling" = "starting";
    try {
      const instance = this.#readyFor(message) ?? await this.#makeFor(message);
      stage = "calling";
      scope.stop.check();
      const output = await callGuest(message, instance, scope);
      const { memory, counter } = instance;
      this.#keepOrDrop(instance);
      // Only what ended well is set back; whoever fails costs an instance.
      if (this.#load.abi === "metacore/1") this.#used = instance;
      return {
        t: "done",
        id: message.id,
        output,
        memoryBytes: memory.byteLength,
        // What is not there is not sent: every name costs.
        ...(counter === undefined ? {} : { fuelUsed: counter.used }),
        ...(this.#instance === undefined ? {} : { keptFor: this.#instance.organizationId }),
        ...scope.log.take(),
      };
    } catch (thrown) {
      const failed = this.#failed(message.id, thrown, stage);
      if (failed.spent || failed.code === "out_of_memory") this.#instance = undefined;
      else if (this.#instance !== undefined) this.#keepOrDrop(this.#instance);
      return failed;
    }
  }

  /** @returns whether the instance that has served is ready again */
  #restoreUsed(): boolean {
    const used = this.#used;
    this.#used = undefined;
    if (used?.restore() !== true) return false;
    this.#instance = used;
    this.#rememberedInVain = 0;
    return true;
  }

  /** Remembers a new instance that would be the same if it were made again. */
  #remember(instance: Instance): void {
    const { abi, restorable } = this.#load;
    // Many workers run once; only later instances are worth the copy.
    if (this.#served === 0 || abi !== "metacore/1" || restorable === undefined) return;
    if (!this.#scope.isRepeatable || this.#rememberedInVain === MOST_IN_VAIN) return;
    this.#rememberedInVain += 1;
    instance.remember(restorable.globals);
  }

  /** Keeps the instance or lets it go. */
  #keepOrDrop(instance: Instance): void {
    this.#served += 1;
    const isFull = instance.memory.byteLength >= this.#load.memoryLimitBytes * FULL_SHARE;
    const isKept = this.#load.abi === "gonext/1" && !isFull && !instance.isSpent;
    if (!isKept) this.#instance = undefined;
  }

  #readyFor({ organizationId, fuel }: InvokeMessage): Instance | undefined {
    const ready = this.#instance;
    if (ready === undefined) return undefined;
    if (ready.organizationId !== undefined && ready.organizationId !== organizationId) {
      return undefined;
    }
    ready.organizationId = organizationId;
    ready.counter?.begin(this.#scope.deadlineMs, fuel);
    return ready;
  }

  async #makeFor(message: InvokeMessage): Promise<Instance> {
    this.#instance = undefined;
    this.#instance = await this.#make(message.fuel);
    this.#instance.organizationId = message.organizationId;
    return this.#instance;
  }

  #make(fuel: number | undefined): Promise<Instance> {
    return Instance.make(this.#load, this.#linked, this.#scope, this.#tellWatchdog, fuel);
  }

  #failed(id: number, thrown: unknown, stage: "starting" | "calling"): FailedMessage {
    const { stop, lastWords, log } = this.#scope;
    const facts = describeFailure(thrown, stop.ending, lastWords);
    const isStopped = stop.isStopped;
    // A guest that was stopped traps like any other; the stop word tells the difference.
    const code = isStopped
      ? "stopped"
      : stage === "starting" && facts.code === "trap"
      ? "instantiation_failed"
      : facts.code;
    const memoryBytes = this.#scope.memory.byteLength;
    return { t: "failed", id, ...facts, code, memoryBytes, ...log.take() };
  }
}
