/**
 * Addon code as the rest of the kernel and a host application see it: functions of an installation
 * that can be called, and what an operator of an organization can look at and do.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { JobRun } from "../hooks/envelope.ts";
import type { TrapReport } from "../../sandbox/trap_report.ts";

/** One call of a function. */
export interface CodeCall {
  /** A JSON document, or bytes as the function takes them. */
  readonly input: JsonObject | Uint8Array;
  /** Shorter than the limit of manifest and operator, in milliseconds. */
  readonly timeoutMs?: number;
  /** Stops the call. @default the caller's signal */
  readonly signal?: AbortSignal;
}

/** State of an installation's code. */
export interface CodeStatus {
  /**
   * `open`: calls are refused until the next probe; see {@link AddonCode.resetBreaker}. `half_open`:
   * the next call is that probe.
   */
  readonly breaker: "closed" | "open" | "half_open";
  /** Recent failures that the breaker counts. */
  readonly failures: number;
  /** When the next probe is let through, RFC 3339; absent while the breaker is closed. */
  readonly retryAt?: string;
}

/** Calls addon code. */
export interface AddonCode {
  /**
   * Calls a function of an addon that is enabled in the caller's organization.
   *
   * @param functionName one of `backend.exports`; for a GoNext module the name of a hook action.
   * @returns what it gave back; empty for "success without data".
   * @throws {KernelError} addon.not_installed, addon.no_code, addon.function_not_exported,
   *   sandbox.*: `circuit_open` while the installation is shut out, `busy` when all workers are.
   */
  call(
    caller: Caller,
    addonKey: string,
    functionName: string,
    call: CodeCall,
  ): Promise<Uint8Array>;
  /**
   * Runs a job of a GoNext plugin that is enabled in the caller's organization, once.
   *
   * @param name one of the jobs its manifest declares.
   * @param run which run of it.
   * @throws {KernelError} as {@link AddonCode.call}; sandbox.unknown_target — the plugin does not know
   *   the job after all.
   */
  runJob(caller: Caller, addonKey: string, name: string, run: JobRun): Promise<void>;
  /** Recent traps of an addon in the caller's organization, newest first. Needs `addons.inspect`. */
  traps(caller: Caller, addonKey: string): Promise<readonly TrapReport[]>;
  /** State of an addon's code. Needs `addons.inspect`. */
  status(caller: Caller, addonKey: string): Promise<CodeStatus>;
  /** Closes the breaker of an installation. Needs `addons.operate`. */
  resetBreaker(caller: Caller, addonKey: string): Promise<void>;
  /**
   * Stops what an addon is running in the caller's organization. Needs `addons.operate`.
   *
   * @returns how many invocations were stopped.
   */
  stop(caller: Caller, addonKey: string): Promise<number>;
}
