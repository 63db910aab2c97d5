/**
 * The sandbox: keeps workers by code, gives each one invocation at a time, lets the rest wait within
 * bounds. Starting and ending workers is `pool_staff.ts`'s, stopping a guest is the worker's.
 *
 * @module
 */

import { type Logger, silentLogger } from "../telemetry/log.ts";
import { type PoolLimits, poolLimits } from "./limits.ts";
import { PoolCounts } from "./pool_counts.ts";
import { Fleet, type Slot } from "./pool_fleet.ts";
import { Housekeeping } from "./pool_housekeeping.ts";
import { type Waiter, WaitingQueue } from "./pool_queue.ts";
import { busy, cancelled, closed, endOf, killed, mistakeOf, notReady } from "./pool_refusals.ts";
import { Staff } from "./pool_staff.ts";
import { WorkerStarter } from "./pool_starter.ts";
import { systemTiming, type Timing } from "./pool_timing.ts";
import { Turns } from "./pool_turns.ts";
import { BoundedWaits } from "./pool_waits.ts";
import { Warming } from "./pool_warming.ts";
import { isWornOut, spendsWorker } from "./pool_wear.ts";
import type { GuestCode, Invocation, InvocationResult, Sandbox, SandboxStats } from "./sandbox.ts";
import type { WorkerSource } from "./worker_port.ts";

/** How a sandbox is made. */
export interface SandboxOptions {
  /** Where workers come from. */
  readonly source: WorkerSource;
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<PoolLimits>;
  /** @default the machine's clock and timers */
  readonly timing?: Timing;
  /** Told of workers that do not start. @default silent */
  readonly logger?: Logger;
}

/**
 * Makes a sandbox. Nothing is started before its first invocation.
 *
 * @param options where workers come from, and bounds.
 * @returns the sandbox; close it.
 * @throws {RangeError} when a bound is out of its range.
 */
export function createSandbox(options: SandboxOptions): Sandbox {
  return new WorkerPool(options);
}

class WorkerPool implements Sandbox {
  readonly #limits: PoolLimits;
  readonly #timing: Timing;
  readonly #source: WorkerSource;
  readonly #fleet = new Fleet();
  readonly #queue: WaitingQueue;
  readonly #starter: WorkerStarter;
  readonly #staff: Staff;
  readonly #turns: Turns;
  readonly #warming: Warming;
  readonly #counts = new PoolCounts();
  readonly #housekeeping: Housekeeping;
  #closing: Promise<void> | undefined;
  #allReturned: (() => void) | undefined;

  constructor(options: SandboxOptions) {
    const logger = options.logger ?? silentLogger;
    const limits = this.#limits = poolLimits(options.limits ?? {}, navigator.hardwareConcurrency);
    const timing = this.#timing = options.timing ?? systemTiming;
    const fleet = this.#fleet;
    this.#source = options.source;
    const queue = this.#queue = new WaitingQueue(limits);
    const waits = new BoundedWaits(timing);
    const starter = this.#starter = new WorkerStarter({
      source: options.source,
      timing,
      waits,
      logger,
      startTimeoutMs: limits.loadTimeoutMs,
    });
    const warming = this.#warming = new Warming({ fleet, timing, staff: () => this.#staff });
    const staff = this.#staff = new Staff({
      fleet,
      starter,
      waits,
      limits,
      timing,
      logger,
      events: {
        changed: () => this.#changed(),
        isWanted: (code) => queue.firstFor(code) !== undefined || warming.wants(code),
        loadFailed: (code, thrown) => this.#loadFailed(code, thrown),
        startFailed: () => this.#startFailed(),
      },
    });
    const parts = { fleet, queue, staff, starter, limits, timing };
    const turns = this.#turns = new Turns(parts);
    this.#housekeeping = new Housekeeping({ ...parts, serve: () => turns.serve() });
  }

  invoke(code: GuestCode, invocation: Invocation): Promise<InvocationResult> {
    if (this.#closing !== undefined) return Promise.reject(this.#counts.refuse(closed()));
    const mistake = mistakeOf(invocation);
    if (mistake !== undefined) return Promise.reject(mistake);
    this.#housekeeping.begin();
    if (this.#queue.size === 0) {
      const slot = this.#fleet.idleFor(code.id, invocation.organizationId);
      if (slot !== undefined) return this.#run(slot, invocation, 0);
    }
    return this.#wait(code, invocation);
  }

  kill(addonKey: string, organizationId?: string): number {
    const isMeant = (of: string | undefined) =>
      organizationId === undefined || of === organizationId;
    let stopped = 0;
    for (const waiter of [...this.#queue.of(addonKey)]) {
      if (!isMeant(waiter.invocation.organizationId)) continue;
      this.#queue.remove(waiter);
      waiter.fail(killed(addonKey));
      stopped++;
    }
    for (const slot of this.#fleet.all()) {
      if (slot.state !== "busy" || slot.code?.addonKey !== addonKey) continue;
      if (!isMeant(slot.organizationId)) continue;
      slot.worker?.stop("killed");
      stopped++;
    }
    return stopped;
  }

  warm(code: GuestCode, timeoutMs: number): Promise<"warm" | "cold"> {
    if (this.#closing !== undefined) return Promise.resolve("cold");
    this.#housekeeping.begin();
    return this.#warming.warm(code, timeoutMs);
  }

  retire(addonKey: string, codeId?: string): void {
    for (const slot of [...this.#fleet.all()]) {
      if (slot.code?.addonKey !== addonKey) continue;
      if (codeId !== undefined && slot.code.id !== codeId) continue;
      slot.isRetired = true;
      if (slot.state === "idle") this.#staff.end(slot);
    }
  }

  stats(): SandboxStats {
    return {
      workers: this.#fleet.size,
      spareWorkers: this.#fleet.count((slot) => slot.state === "spare"),
      busyWorkers: this.#fleet.count((slot) => slot.state === "busy"),
      waiting: this.#queue.size,
      ...this.#counts.now(),
    };
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#housekeeping.close();
    this.#warming.giveUp();
    for (const waiter of this.#queue.all()) {
      this.#queue.remove(waiter);
      waiter.fail(closed());
    }
    if (this.#fleet.find("busy") !== undefined) {
      await new Promise<void>((resolve) => {
        const cancel = this.#timing.after(resolve, this.#limits.closeTimeoutMs);
        this.#allReturned = () => {
          cancel();
          resolve();
        };
      });
    }
    for (const slot of this.#fleet.all()) {
      if (slot.state === "busy") slot.worker?.stop("killed");
    }
    await this.#staff.close();
    await this.#source.close();
  }

  async #run(slot: Slot, invocation: Invocation, waitedMs: number): Promise<InvocationResult> {
    const { worker } = slot;
    if (worker === undefined) throw new TypeError("A place without a worker was handed out.");
    this.#fleet.move(slot, "busy");
    slot.organizationId = invocation.organizationId;
    this.#counts.begin();
    let isSpent = false;
    try {
      const result = await worker.invoke(invocation);
      if (waitedMs === 0) return result;
      return { ...result, durationMs: result.durationMs + waitedMs, waitedMs };
    } catch (thrown) {
      this.#counts.fail(thrown);
      isSpent = spendsWorker(thrown);
      throw endOf(thrown, waitedMs, invocation.timeoutMs);
    } finally {
      this.#release(slot, isSpent ? "spent" : "sound");
    }
  }

  #release(slot: Slot, how: "spent" | "sound"): void {
    slot.organizationId = undefined;
    if (this.#closing !== undefined) this.#tellWhenAllReturned(slot);
    // Closing may have taken it already.
    if (slot.state !== "busy") return;
    if (
      how === "spent" || this.#closing !== undefined ||
      isWornOut(slot, this.#limits.maxUsesPerWorker)
    ) {
      this.#staff.end(slot);
      return;
    }
    slot.idleSinceMs = this.#timing.nowMs();
    this.#fleet.move(slot, "idle");
    if (this.#queue.size > 0) return this.#turns.serve();
    slot.turnStartedMs = slot.idleSinceMs;
    this.#housekeeping.planIfIdle();
  }

  #tellWhenAllReturned(returned: Slot): void {
    if (this.#fleet.find("busy", (slot) => slot !== returned) === undefined) this.#allReturned?.();
  }

  /** Waits for a worker; waiting counts against the invocation's time. */
  #wait(code: GuestCode, invocation: Invocation): Promise<InvocationResult> {
    const timing = this.#timing;
    const sinceMs = timing.nowMs();
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        cancelTimer();
        invocation.signal?.removeEventListener("abort", abort);
      };
      const waiter: Waiter = {
        code,
        invocation,
        fail: (thrown) => {
          stopWaiting();
          reject(thrown);
        },
        run: (slot) => {
          stopWaiting();
          const waitedMs = timing.nowMs() - sinceMs;
          const timeoutMs = Math.max(1, Math.ceil(invocation.timeoutMs - waitedMs));
          this.#run(slot, { ...invocation, timeoutMs }, waitedMs).then(resolve, reject);
        },
      };
      const leave = (why: () => Error) => {
        if (this.#queue.remove(waiter)) waiter.fail(why());
      };
      const abort = () => leave(cancelled);
      const cancelTimer = timing.after(
        () => leave(() => this.#lateness(code)),
        invocation.timeoutMs,
      );
      invocation.signal?.addEventListener("abort", abort, { once: true });
      this.#enqueue(waiter);
    });
  }

  /** Why a wait was too long: a module that takes its time to begin is the guest's own fault. */
  #lateness(code: GuestCode): Error {
    if (this.#fleet.find("loading", (slot) => slot.code?.id === code.id) === undefined) {
      return this.#counts.refuse(busy(code, "no worker became free in time"));
    }
    return this.#counts.fail(notReady(code));
  }

  #enqueue(waiter: Waiter): void {
    const { code } = waiter;
    const hopeless = this.#starter.isReady ? undefined : this.#starter.hopeless;
    if (hopeless !== undefined && this.#fleet.countOf(code.addonKey) === 0) {
      return waiter.fail(this.#counts.refuse(hopeless));
    }
    const admission = this.#queue.add(waiter);
    if (admission.kind === "addon_full") {
      return waiter.fail(this.#counts.refuse(busy(code, "too many of its invocations wait")));
    }
    if (admission.kind === "all_full") {
      return waiter.fail(this.#counts.refuse(busy(code, "too many invocations wait")));
    }
    const { displaced } = admission;
    displaced?.fail(this.#counts.refuse(busy(displaced.code, "other addons need room to wait")));
    this.#turns.serve();
  }

  #changed(): void {
    if (this.#closing !== undefined) return;
    this.#warming.look();
    this.#turns.serve();
    this.#housekeeping.plan();
  }

  #loadFailed(code: GuestCode, thrown: unknown): void {
    this.#warming.giveUp(code);
    const waiter = this.#queue.firstFor(code);
    if (waiter !== undefined && this.#queue.remove(waiter)) waiter.fail(thrown);
  }

  #startFailed(): void {
    this.#warming.giveUp();
    const hopeless = this.#starter.hopeless;
    if (hopeless !== undefined) {
      for (const waiter of this.#queue.all()) {
        // Who has workers at all will be served by one of them.
        if (this.#fleet.countOf(waiter.code.addonKey) > 0) continue;
        this.#queue.remove(waiter);
        waiter.fail(this.#counts.refuse(hopeless));
      }
    }
    this.#changed();
  }
}
