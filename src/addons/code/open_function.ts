/**
 * Functions of addons as the kernel's own services call them: with an input that knows the
 * installation, and inside a transaction.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Transaction } from "../../db/database.ts";
import type { GuestCode } from "../../sandbox/sandbox.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { CodeCall } from "./addon_code.ts";

/** What is known of the installation that is about to be called. */
export interface CalledInstallation {
  readonly installationId: string;
}

/** One call of a function. */
export interface FunctionCall extends Omit<CodeCall, "input"> {
  /** Makes the input, a JSON document or bytes. */
  readonly input: (called: CalledInstallation) => JsonObject | Uint8Array;
  /**
   * The transaction that the function's writes join; `missing` where it was promised one and there
   * is none, which its writes are then told.
   */
  readonly transaction?: Transaction | "missing";
}

/** Whether the work holds a transaction while it calls; then it waits for its turn to hold one. */
export type CallPlace = "alone" | "in a transaction";

/** A function of an installation, everything loaded that calling it takes. */
export type OpenFunction = (call: FunctionCall) => Promise<Uint8Array>;

/** Calls any function of an installation's module that its manifest exports, by name. */
export type LifeCall = (functionName: string, call: FunctionCall) => Promise<Uint8Array>;

/** An installation whose life is about to change. */
export interface ChangingInstallation {
  readonly caller: Caller;
  /** As it is, or as it is about to be. */
  readonly installation: LiveInstallation;
  /** Its code, where that is not kept yet. @default the code of its bundle */
  readonly code?: GuestCode;
}

/** Opens the code of installations for the hooks of their lives. */
export interface LifeOpener {
  /**
   * Opens a module for work that holds a transaction and calls it: everything is loaded before the
   * work begins. The circuit breaker is not asked: what has failed can still be upgraded.
   *
   * @param changing the installation.
   * @param work calls functions.
   * @returns what the work gives.
   * @throws {KernelError} addon.no_code, sandbox.busy, and what the work throws.
   */
  openLife<T>(changing: ChangingInstallation, work: (call: LifeCall) => Promise<T>): Promise<T>;
}

/** Opens functions. */
export interface FunctionOpener {
  /**
   * Opens a function for work that calls it: what has to be read from the database is read before the
   * work begins, so that the work may hold a transaction.
   *
   * @param functionName as for {@link AddonCode.call}.
   * @param work calls the function, once or more often.
   * @param place whether the work holds a transaction. @default "alone"
   * @returns what the work gives.
   * @throws {KernelError} as {@link AddonCode.call}, and what the work throws.
   */
  open<T>(
    caller: Caller,
    addonKey: string,
    functionName: string,
    work: (call: OpenFunction) => Promise<T>,
    place?: CallPlace,
  ): Promise<T>;
  /**
   * Opens a function of an installation that was looked up before, which need not be enabled yet: for
   * work that must not see another version of it, and for the hooks of its life.
   *
   * @param installation as a view gave it, or as it is about to be.
   */
  openOf<T>(
    caller: Caller,
    installation: LiveInstallation,
    functionName: string,
    work: (call: OpenFunction) => Promise<T>,
    place?: CallPlace,
  ): Promise<T>;
}
