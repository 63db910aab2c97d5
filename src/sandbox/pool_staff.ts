/**
 * Brings workers to their places and away from them: starts, loads, replaces and ends them, and keeps
 * spare ones. Who is served by which worker is decided elsewhere.
 *
 * @module
 */

import type { Logger } from "../telemetry/log.ts";
import { sandboxError } from "./errors.ts";
import type { PoolLimits } from "./limits.ts";
import type { Fleet, Slot } from "./pool_fleet.ts";
import { SharedLoads } from "./pool_loads.ts";
import type { WorkerStarter } from "./pool_starter.ts";
import type { Timing } from "./pool_timing.ts";
import type { BoundedWaits } from "./pool_waits.ts";
import type { GuestCode, LoadedModule } from "./sandbox.ts";
import type { GuestWorker } from "./worker_port.ts";

/** A worker that ran within this time is not ended for the sake of a spare one: it may be hot. */
const HOT_MS = 1_000;

/** What the staff tells its pool. */
export interface StaffEvents {
  /** A worker is ready, or a place is free: somebody may be served. */
  changed(): void;
  /** Whether an invocation waits for a worker of this code. */
  isWanted(code: GuestCode): boolean;
  /** Code could not be loaded: whoever it was loaded for fails with it. */
  loadFailed(code: GuestCode, thrown: unknown): void;
  /** A worker did not start. */
  startFailed(): void;
}

/** How the staff is made. */
export interface StaffOptions {
  readonly fleet: Fleet;
  readonly starter: WorkerStarter;
  readonly waits: BoundedWaits;
  readonly limits: PoolLimits;
  readonly timing: Timing;
  readonly logger: Logger;
  readonly events: StaffEvents;
}

/** Starts and ends workers. */
export class Staff {
  readonly #options: StaffOptions;
  readonly #loads = new SharedLoads();
  /** Everything that goes on in the background, so that closing can wait for it. */
  readonly #underWay = new Set<Promise<void>>();
  #isClosed = false;

  /**
   * Creates the staff of a pool.
   *
   * @param options places, bounds and whom to tell.
   */
  constructor(options: StaffOptions) {
    this.#options = options;
  }

  /**
   * Begins to make a worker for code, where the bounds leave room or an idle worker may give way.
   *
   * @param code for which.
   * @param mayGiveWay whether an idle worker of another addon may be ended for it.
   * @returns false when nothing can be done now.
   */
  begin(code: GuestCode, mayGiveWay: (slot: Slot) => boolean): boolean {
    const { fleet, limits, starter } = this.#options;
    if (fleet.countOf(code.addonKey) >= limits.maxWorkersPerAddon) {
      const own = fleet.longestIdle((slot) =>
        slot.code?.addonKey === code.addonKey && slot.code.id !== code.id
      );
      if (own === undefined || !starter.isReady) return false;
      this.#replace(own, code);
      return true;
    }
    const spare = fleet.find("spare");
    if (spare !== undefined) {
      spare.code = code;
      this.#run(this.#load(spare, code));
      return true;
    }
    const starting = fleet.find("starting", (slot) => slot.code === undefined);
    if (starting !== undefined) {
      starting.code = code;
      return true;
    }
    if (!starter.isReady) return false;
    if (fleet.size < limits.maxWorkers) {
      this.#run(this.#start(fleet.add(code)));
      return true;
    }
    const victim = fleet.longestIdle((slot) =>
      slot.code?.addonKey !== code.addonKey && mayGiveWay(slot)
    );
    if (victim === undefined) return false;
    this.#replace(victim, code);
    return true;
  }

  /** Spare workers that are missing. */
  get missingSpares(): number {
    const { fleet, limits } = this.#options;
    return limits.spareWorkers - fleet.count((slot) => slot.code === undefined);
  }

  /** Starts spare workers as far as there is room; workers that have long been idle give way. */
  keepSpares(): void {
    const { fleet, limits, starter, timing } = this.#options;
    if (starter.hopeless !== undefined) return;
    while (!this.#isClosed && this.missingSpares > 0 && starter.isReady) {
      if (fleet.size < limits.maxWorkers) {
        this.#run(this.#start(fleet.add(undefined)));
        continue;
      }
      const cold = fleet.longestIdle((slot) => slot.idleSinceMs + HOT_MS <= timing.nowMs());
      if (cold === undefined) return;
      this.#replace(cold, undefined);
    }
  }

  /** When a spare worker that is missing can be had; undefined while that cannot be told. */
  get nextSpareMs(): number | undefined {
    const { fleet, limits, starter, timing } = this.#options;
    // Nobody waits for a spare one: a machine that starts no workers is left alone.
    if (this.missingSpares <= 0 || starter.hopeless !== undefined) return undefined;
    if (!starter.isReady) return starter.nextAttemptMs;
    if (fleet.size < limits.maxWorkers) return timing.nowMs();
    const longest = fleet.longestIdle(() => true);
    return longest === undefined ? undefined : longest.idleSinceMs + HOT_MS;
  }

  /** Ends a worker; its place is free when its thread has gone. */
  end(slot: Slot): void {
    this.#options.fleet.move(slot, "ending");
    this.#run(this.#end(slot));
  }

  /** Ends every worker. @returns when all have gone */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.waits.giveUp();
    for (const slot of [...this.#options.fleet.all()]) {
      if (slot.state === "spare" || slot.state === "idle" || slot.state === "busy") this.end(slot);
    }
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #run(work: Promise<void>): void {
    this.#underWay.add(work);
    work.finally(() => this.#underWay.delete(work));
  }

  #replace(slot: Slot, code: GuestCode | undefined): void {
    const { fleet } = this.#options;
    fleet.move(slot, "starting");
    slot.code = code;
    slot.isRetired = false;
    slot.firstMemoryBytes = undefined;
    this.#run(this.#start(slot));
  }

  async #end(slot: Slot): Promise<void> {
    await this.#closeWorkerOf(slot);
    this.#options.fleet.remove(slot);
    this.#options.events.changed();
  }

  async #closeWorkerOf(slot: Slot): Promise<void> {
    const { worker } = slot;
    slot.worker = undefined;
    try {
      await worker?.close();
    } catch (thrown) {
      this.#options.logger.error("A worker for addon code did not end cleanly", {
        error: String(thrown),
      });
    }
  }

  async #start(slot: Slot): Promise<void> {
    const { fleet, starter, events } = this.#options;
    // At once, so that who decides next about a start knows of this one.
    starter.announce();
    await this.#closeWorkerOf(slot);
    let worker: GuestWorker;
    try {
      worker = await starter.start();
    } catch {
      fleet.remove(slot);
      events.startFailed();
      return;
    }
    slot.worker = worker;
    this.#watch(slot, worker);
    if (this.#isClosed) return this.#end(slot);
    if (slot.code !== undefined && !events.isWanted(slot.code)) slot.code = undefined;
    if (slot.code === undefined) return this.#becomeSpare(slot);
    await this.#load(slot, slot.code);
  }

  /** Keeps a worker without a module, unless there are enough. */
  async #becomeSpare(slot: Slot): Promise<void> {
    const { fleet, events } = this.#options;
    slot.code = undefined;
    slot.isRetired = false;
    if (this.#isClosed || this.missingSpares < 0) {
      fleet.move(slot, "ending");
      return await this.#end(slot);
    }
    fleet.move(slot, "spare");
    events.changed();
  }

  async #load(slot: Slot, code: GuestCode): Promise<void> {
    const { fleet, limits, timing, waits, events } = this.#options;
    fleet.move(slot, "loading");
    let loaded: LoadedModule;
    try {
      loaded = await waits.within(limits.loadTimeoutMs, this.#loads.load(code));
    } catch (thrown) {
      // The worker has seen nothing of it.
      events.loadFailed(code, thrown);
      return await this.#becomeSpare(slot);
    }
    try {
      if (slot.worker === undefined) throw endedEarly();
      await waits.within(limits.loadTimeoutMs, slot.worker.load(loaded));
      if (this.#isClosed || !slot.worker.isUsable) throw endedEarly();
    } catch (thrown) {
      events.loadFailed(code, thrown);
      fleet.move(slot, "ending");
      return await this.#end(slot);
    }
    // Retired meanwhile: it serves who waits for this code, if anybody still does.
    if (slot.isRetired && !events.isWanted(code)) return this.end(slot);
    slot.memoryLimitBytes = loaded.memoryLimitBytes;
    slot.idleSinceMs = slot.turnStartedMs = timing.nowMs();
    fleet.move(slot, "idle");
    events.changed();
  }

  /** A thread may end by itself; one that waits must not be handed out afterwards. */
  #watch(slot: Slot, worker: GuestWorker): void {
    const { starter } = this.#options;
    const ended = () => {
      if (slot.worker !== worker || this.#isClosed) return;
      if (slot.state === "spare") starter.countFailure(endedEarly());
      if (slot.state === "spare" || slot.state === "idle") this.end(slot);
    };
    worker.ended.then(ended, ended);
  }
}

function endedEarly(): Error {
  return sandboxError("sandbox.worker_failed", "A worker ended before it was used.");
}
