/**
 * Invocations that wait for a worker: first come, first served within an addon, round robin over
 * addons, bounded for all and for each. When the whole queue is full, an addon that waits with much
 * gives way to one that waits with little, so that a flood crowds out its own addon only.
 *
 * @module
 */

import type { Slot } from "./pool_fleet.ts";
import type { GuestCode, Invocation } from "./sandbox.ts";

/** An invocation that waits. */
export interface Waiter {
  readonly code: GuestCode;
  readonly invocation: Invocation;
  /** Ends the wait with a failure; called once, after the queue has let go of it. */
  readonly fail: (thrown: unknown) => void;
  /** Goes on with an idle worker; called once, after the queue has let go of it. */
  readonly run: (slot: Slot) => void;
}

/** Bounds of a queue. */
export interface QueueLimits {
  readonly maxWaiting: number;
  readonly maxWaitingPerAddon: number;
}

/** What became of somebody who wants to wait. */
export type Admission =
  /** Waits; `displaced` lost its place to it. */
  | { readonly kind: "waits"; readonly displaced?: Waiter }
  | { readonly kind: "addon_full" }
  | { readonly kind: "all_full" };

/** The queue. */
export class WaitingQueue {
  /** Insertion order is the order of turns: who has been served goes to the end. */
  readonly #addons = new Map<string, Set<Waiter>>();
  readonly #limits: QueueLimits;
  #size = 0;

  /**
   * Creates an empty queue.
   *
   * @param limits how many may wait.
   */
  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** How many of an addon wait. */
  sizeOf(addonKey: string): number {
    return this.#addons.get(addonKey)?.size ?? 0;
  }

  /** Takes somebody in, where there is room. */
  add(waiter: Waiter): Admission {
    const key = waiter.code.addonKey;
    const own = this.sizeOf(key);
    if (own >= this.#limits.maxWaitingPerAddon) return { kind: "addon_full" };
    if (this.#size < this.#limits.maxWaiting) {
      this.#append(key, waiter);
      return { kind: "waits" };
    }
    const displaced = this.#newestOfLongest(own + 1);
    if (displaced === undefined) return { kind: "all_full" };
    this.remove(displaced);
    this.#append(key, waiter);
    return { kind: "waits", displaced };
  }

  /** Lets go of somebody. @returns false when it did not wait any more */
  remove(waiter: Waiter): boolean {
    const key = waiter.code.addonKey;
    const waiters = this.#addons.get(key);
    if (waiters === undefined || !waiters.delete(waiter)) return false;
    this.#size--;
    if (waiters.size === 0) this.#addons.delete(key);
    return true;
  }

  /** Addons with somebody waiting, whose turn is next first. */
  addons(): string[] {
    return [...this.#addons.keys()];
  }

  /** Who waits of an addon, longest first. */
  of(addonKey: string): Iterable<Waiter> {
    return this.#addons.get(addonKey) ?? [];
  }

  /** Who waits longest for a worker of some code. */
  firstFor(code: GuestCode): Waiter | undefined {
    for (const waiter of this.of(code.addonKey)) if (waiter.code.id === code.id) return waiter;
    return undefined;
  }

  /** Everybody. */
  all(): Waiter[] {
    return [...this.#addons.values()].flatMap((waiters) => [...waiters]);
  }

  /** An addon has had its turn. */
  endTurn(addonKey: string): void {
    const waiters = this.#addons.get(addonKey);
    if (waiters === undefined) return;
    this.#addons.delete(addonKey);
    this.#addons.set(addonKey, waiters);
  }

  #append(key: string, waiter: Waiter): void {
    const waiters = this.#addons.get(key);
    if (waiters === undefined) this.#addons.set(key, new Set([waiter]));
    else waiters.add(waiter);
    this.#size++;
  }

  #newestOfLongest(moreThan: number): Waiter | undefined {
    let longest: Set<Waiter> | undefined;
    for (const waiters of this.#addons.values()) {
      if (waiters.size > (longest?.size ?? moreThan)) longest = waiters;
    }
    return longest === undefined ? undefined : [...longest].at(-1);
  }
}
