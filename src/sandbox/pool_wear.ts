/**
 * When a worker is not used again.
 *
 * @module
 */

import { isKernelError } from "../base/error.ts";
import type { Slot } from "./pool_fleet.ts";

/** Failures after which a worker is not used again, whatever it says itself. */
const SPENDING: ReadonlySet<string> = new Set([
  "sandbox.trap",
  "sandbox.timeout",
  "sandbox.fuel_exhausted",
  "sandbox.killed",
  "sandbox.cancelled",
  "sandbox.worker_failed",
]);

/** Tells whether a worker is not to be used after an invocation that failed like this. */
export function spendsWorker(thrown: unknown): boolean {
  return isKernelError(thrown) && SPENDING.has(thrown.code);
}

/** A kept instance that has grown to this share of its limit is given up. */
const GROWN_SHARE = 0.8;

/**
 * Tells whether a worker is not to be used again although its invocation did it no harm.
 *
 * @param slot its place.
 * @param maxUses invocations of a worker's life.
 * @returns true when it is to be ended.
 */
export function isWornOut(slot: Slot, maxUses: number): boolean {
  const { worker } = slot;
  if (worker === undefined || !worker.isUsable || slot.isRetired) return true;
  if (worker.uses >= maxUses) return true;
  if (worker.organizationId === undefined) return false;
  // A module may begin with most of its memory: only what has grown counts.
  const first = slot.firstMemoryBytes ??= worker.memoryBytes;
  return worker.memoryBytes > first && worker.memoryBytes >= slot.memoryLimitBytes * GROWN_SHARE;
}
