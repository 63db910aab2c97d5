/**
 * The workers of a pool and their places: which are free, whose they are, which has been idle
 * longest. A place is taken from the start of a worker until its thread has ended, so that the bound
 * holds for threads. Decides nothing.
 *
 * @module
 */

import type { GuestCode } from "./sandbox.ts";
import type { GuestWorker } from "./worker_port.ts";

/**
 * What happens at a place: a worker is being started (or an earlier one ended before it), waits
 * without a module, gets its module, waits with it, runs, or is being ended for good.
 */
export type SlotState = "starting" | "spare" | "loading" | "idle" | "busy" | "ending";

/** A place for a worker. */
export interface Slot {
  readonly state: SlotState;
  /** Whose module it has or will have; undefined for a spare worker. */
  code: GuestCode | undefined;
  /** Absent while one is started. */
  worker: GuestWorker | undefined;
  /** Organization it runs for, while it is busy. */
  organizationId: string | undefined;
  /** When it became idle. */
  idleSinceMs: number;
  /** Since when it has served its own addon while others waited. */
  turnStartedMs: number;
  /** Ends it after the invocation that it runs: its code has changed or gone. */
  isRetired: boolean;
  /** Memory of a kept instance after its first invocation, in bytes. */
  firstMemoryBytes: number | undefined;
  /** Most memory an instance of its module can reach, in bytes. */
  memoryLimitBytes: number;
}

/** A slot as the fleet sees it: only the fleet changes states, because its indexes follow them. */
interface OwnSlot extends Slot {
  state: SlotState;
}

/** Every place of a pool. */
export class Fleet {
  readonly #slots = new Set<OwnSlot>();
  /** Idle slots by code, the newest last. */
  readonly #idle = new Map<string, OwnSlot[]>();

  /** Places taken. */
  get size(): number {
    return this.#slots.size;
  }

  /** Every place. */
  all(): Iterable<Slot> {
    return this.#slots;
  }

  /** Takes a place for a worker that is to be started. */
  add(code: GuestCode | undefined): Slot {
    const slot: OwnSlot = {
      state: "starting",
      code,
      worker: undefined,
      organizationId: undefined,
      idleSinceMs: 0,
      turnStartedMs: 0,
      isRetired: false,
      firstMemoryBytes: undefined,
      memoryLimitBytes: Infinity,
    };
    this.#slots.add(slot);
    return slot;
  }

  /** Gives a place back. */
  remove(slot: Slot): void {
    this.move(slot, "ending");
    this.#slots.delete(slot as OwnSlot); // Every slot comes from add().
  }

  /** Moves a place to another state. */
  move(slot: Slot, state: SlotState): void {
    const own = slot as OwnSlot; // Every slot comes from add().
    if (own.state === "idle") this.#unlistIdle(own);
    own.state = state;
    if (state !== "idle" || own.code === undefined) return;
    const stack = this.#idle.get(own.code.id);
    if (stack === undefined) this.#idle.set(own.code.id, [own]);
    else stack.push(own);
  }

  /**
   * Finds an idle worker: one that keeps an instance of the organization, else one that keeps none,
   * else any; of equals the one that ran last, whose memory is warm.
   */
  idleFor(codeId: string, organizationId: string): Slot | undefined {
    const stack = this.#idle.get(codeId);
    if (stack === undefined) return undefined;
    let best: Slot | undefined;
    for (let at = stack.length - 1; at >= 0; at--) {
      const slot = stack[at]!;
      const kept = slot.worker?.organizationId;
      if (kept === organizationId) return slot;
      if (best === undefined || (kept === undefined && best.worker?.organizationId !== undefined)) {
        best = slot;
      }
    }
    return best;
  }

  /** Finds the worker that has been idle longest, of those that a condition allows. */
  longestIdle(allows: (slot: Slot) => boolean): Slot | undefined {
    let longest: Slot | undefined;
    for (const stack of this.#idle.values()) {
      for (const slot of stack) {
        if (longest !== undefined && slot.idleSinceMs >= longest.idleSinceMs) continue;
        if (allows(slot)) longest = slot;
      }
    }
    return longest;
  }

  /** Finds a place in a state, of those that a condition allows. */
  find(state: SlotState, allows: (slot: Slot) => boolean = () => true): Slot | undefined {
    for (const slot of this.#slots) {
      if (slot.state === state && allows(slot)) return slot;
    }
    return undefined;
  }

  /** Counts places for which a condition holds. */
  count(holds: (slot: Slot) => boolean): number {
    let count = 0;
    for (const slot of this.#slots) if (holds(slot)) count++;
    return count;
  }

  /** Counts an addon's places. */
  countOf(addonKey: string): number {
    return this.count((slot) => slot.code?.addonKey === addonKey);
  }

  #unlistIdle(slot: OwnSlot): void {
    const id = slot.code?.id ?? "";
    const stack = this.#idle.get(id);
    if (stack === undefined) return;
    // The one that ran last is nearly always the one that runs next.
    if (stack.at(-1) === slot) stack.pop();
    else {
      const at = stack.lastIndexOf(slot);
      if (at >= 0) stack.splice(at, 1);
    }
    if (stack.length === 0) this.#idle.delete(id);
  }
}

/** Tells whether a place will have a worker for its code soon. */
export function isPending(slot: Slot): boolean {
  return slot.state === "starting" || slot.state === "loading";
}
