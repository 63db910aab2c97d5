/**
 * Why an invocation does not run: the pool's own failures in words.
 *
 * @module
 */

import { isKernelError } from "../base/error.ts";
import { sandboxError, WAITED } from "./errors.ts";
import { MAX_TIMEOUT_MS } from "./limits.ts";
import type { GuestCode, Invocation } from "./sandbox.ts";

const RETRY_AFTER_SECONDS = 1;

/** Finds what is wrong with an invocation before anything is done for it. */
export function mistakeOf({ timeoutMs, signal }: Invocation): Error | undefined {
  if (!(timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS)) {
    return new RangeError(`timeoutMs is from 1 to ${MAX_TIMEOUT_MS}, not ${timeoutMs}.`);
  }
  return signal?.aborted === true ? cancelled() : undefined;
}

/** No worker became free in time, or too many wait. */
export function busy(code: GuestCode, why: string): Error {
  return sandboxError("sandbox.busy", `Addon "${code.addonKey}" is busy: ${why}. Try again soon.`, {
    details: { retry_after_seconds: RETRY_AFTER_SECONDS },
  });
}

/**
 * What an invocation failed of. One that began when most of its time was gone says so: it counts
 * against nobody's code.
 *
 * @param thrown what the worker threw.
 * @param waitedMs how long it waited for the worker.
 * @param leftMs what was left of its time then.
 * @returns what to throw.
 */
export function endOf(thrown: unknown, waitedMs: number, leftMs: number): unknown {
  if (waitedMs <= leftMs || !isKernelError(thrown, "sandbox.timeout")) return thrown;
  return sandboxError(
    "sandbox.timeout",
    `${thrown.message} It began after ${Math.round(waitedMs)} ms, for want of a worker.`,
    {
      details: { ...thrown.details, [WAITED]: Math.round(waitedMs) },
      cause: thrown.cause,
    },
  );
}

/** The module was still being compiled or started when the time was up. */
export function notReady(code: GuestCode): Error {
  return sandboxError(
    "sandbox.timeout",
    `The module of addon "${code.addonKey}" was not ready in time.`,
    { details: { reason: "loading" } },
  );
}

/** The sandbox takes nothing any more. */
export function closed(): Error {
  return sandboxError("sandbox.closed", "The sandbox is closed: the server is stopping.");
}

/** The caller went away. */
export function cancelled(): Error {
  return sandboxError("sandbox.cancelled", "The invocation was cancelled by its caller.");
}

/** An operator stopped it before it ran. */
export function killed(addonKey: string): Error {
  return sandboxError("sandbox.killed", `An operator stopped addon "${addonKey}".`);
}
