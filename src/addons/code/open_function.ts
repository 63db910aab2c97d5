/**
 * Functions of addons as the kernel's own services call them: with an input that knows the
 * installation, and inside a transaction.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Transaction } from "../../db/database.ts";
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
