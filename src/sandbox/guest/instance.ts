/**
 * One instance of a guest: made, made stoppable, and only then started; where that can be done, set
 * back after an invocation to what it was then.
 *
 * @module
 */

import { type GuestFunction, promising } from "./own_globals.ts";
import { Counter } from "./counter.ts";
import type { LinkedImports } from "./imports.ts";
import { GuestMemory } from "./memory.ts";
import type { LoadMessage } from "./protocol.ts";
import { RESERVED_EXPORTS, RESERVED_PREFIX } from "./reserved.ts";
import type { Scope } from "./scope.ts";
import { Snapshot } from "./snapshot.ts";

/** Name of the function that gives memory, and of the one that takes it back, by interface. */
const ALLOCATORS = {
  "metacore/1": { alloc: "alloc", free: "free" },
  "gonext/1": { alloc: "gn_alloc", free: "gn_free" },
} as const;

/** An instance. */
export class Instance {
  readonly memory: GuestMemory;
  readonly counter: Counter | undefined;
  /** Organization that it serves; undefined before the first invocation. */
  organizationId: string | undefined;
  /** Whether its state can no longer be trusted. */
  isSpent = false;
  readonly #exports: WebAssembly.Exports;
  readonly #entries = new Map<string, GuestFunction>();
  #snapshot: Snapshot | undefined;
  readonly #suspends: boolean;
  readonly #allocators: (typeof ALLOCATORS)[keyof typeof ALLOCATORS];

  private constructor(load: LoadMessage, linked: LinkedImports, scope: Scope) {
    this.#exports = new WebAssembly.Instance(load.module, linked.imports).exports;
    this.#suspends = linked.suspends;
    this.#allocators = ALLOCATORS[load.abi];
    this.memory = new GuestMemory(this.#exports["memory"]);
    this.counter = load.interrupt === "epoch" ? undefined : new Counter(this.#exports, scope.stop);
  }

  /**
   * Makes an instance and runs its start functions.
   *
   * @param load the module.
   * @param linked its imports.
   * @param scope of the worker; belongs to the new instance from here on.
   * @param handOver takes the buffer by which the instance can be stopped.
   * @param fuel CPU budget that the start functions share with the invocation, where one runs.
   * @returns the instance, started.
   * @throws what the engine or a start function throws.
   */
  static async make(
    load: LoadMessage,
    linked: LinkedImports,
    scope: Scope,
    handOver: (epoch: SharedArrayBuffer) => void,
    fuel: number | undefined,
  ): Promise<Instance> {
    const instance = new Instance(load, linked, scope);
    scope.memory = instance.memory;
    scope.alloc = instance.entry(instance.#allocators.alloc);
    if (load.interrupt !== "counter") handOver(instance.#epoch());
    instance.counter?.begin(scope.deadlineMs, fuel);
    scope.stop.check();
    for (const name of instance.#startFunctions(load)) await instance.#start(name, scope);
    return instance;
  }

  /** Function that gives memory. */
  get alloc(): GuestFunction | undefined {
    return this.entry(this.#allocators.alloc);
  }

  /** Function that takes memory back. */
  get free(): GuestFunction | undefined {
    return this.entry(this.#allocators.free);
  }

  /** How many parameters an export has, undefined when it is no function of the guest. */
  arity(name: string): number | undefined {
    const found = name.startsWith(RESERVED_PREFIX) ? undefined : this.#exports[name];
    return typeof found === "function" ? found.length : undefined;
  }

  /**
   * Finds an export that can be called.
   *
   * @param name of it.
   * @returns the function; its result is a promise when the module can suspend.
   */
  entry(name: string): GuestFunction | undefined {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const made = this.#makeEntry(name);
    if (made !== undefined) this.#entries.set(name, made);
    return made;
  }

  /**
   * Remembers what the instance is now, before it serves anybody.
   *
   * @param globals how many are exported for this.
   */
  remember(globals: number): void {
    this.#snapshot = Snapshot.take(this.#exports, this.memory, globals);
  }

  /**
   * Makes the instance what it was when it was remembered; each budget of its counter begins anew anyway.
   *
   * @returns false when it cannot be used again.
   */
  restore(): boolean {
    if (this.isSpent || this.#snapshot?.restore() !== true) return false;
    this.organizationId = undefined;
    return true;
  }

  #makeEntry(name: string): GuestFunction | undefined {
    // An exported function of an instance; the engine checks what it is called with.
    const found = this.#exports[name] as GuestFunction | undefined;
    if (this.arity(name) === undefined || found === undefined) return undefined;
    return this.#suspends ? promising(found) : found;
  }

  #epoch(): SharedArrayBuffer {
    const memory = this.#exports[RESERVED_EXPORTS.epoch];
    const buffer = memory instanceof WebAssembly.Memory ? memory.buffer : undefined;
    if (buffer instanceof SharedArrayBuffer) return buffer;
    throw new WebAssembly.LinkError("the module cannot be stopped, although it should");
  }

  /** The rewritten start section first, whether the list names it or not. */
  #startFunctions(load: LoadMessage): string[] {
    const rest = load.startFunctions.filter((name) => name !== RESERVED_EXPORTS.start);
    return RESERVED_EXPORTS.start in this.#exports ? [RESERVED_EXPORTS.start, ...rest] : rest;
  }

  async #start(name: string, scope: Scope): Promise<void> {
    // As in `entry`; the reserved name is no entry.
    const found = this.#exports[name] as GuestFunction | undefined;
    if (typeof found !== "function") {
      throw new WebAssembly.LinkError(`start function ${name} is not exported`);
    }
    try {
      await (this.#suspends ? promising(found) : found)();
    } catch (thrown) {
      // Programs that end with exit code 0 have started well.
      if (scope.stop.isStopped || scope.stop.ending?.exitCode !== 0) throw thrown;
      scope.stop.clear();
    }
  }
}
