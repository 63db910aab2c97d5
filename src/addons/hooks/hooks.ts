/**
 * Hooks as a host application uses them: it runs them, and may listen as well.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json } from "../../base/json.ts";
import type { ActionHandler, FilterHandler, HookFailure, HookRegistration } from "./bus.ts";

/** What a chain of filters gave. */
export interface FilteredValue {
  /** The last value that a handler gave; the one it began with where none did. */
  readonly value: Json;
  /** Handlers that failed, and were left out. */
  readonly failures: readonly HookFailure[];
}

/** Actions tell everybody who listens, filters hand a value from one handler to the next. */
export interface Hooks {
  /**
   * Calls the handlers of an action in turn: the host's, and those of the plugins that are enabled in
   * the caller's organization.
   *
   * @param caller in whose organization.
   * @param name name of the hook, such as `save_post`.
   * @param args what the action is about.
   * @returns what failed; never throws for a handler.
   */
  runAction(caller: Caller, name: string, args: readonly Json[]): Promise<readonly HookFailure[]>;
  /**
   * Hands a value through the handlers of a filter.
   *
   * @param caller in whose organization.
   * @param name name of the hook, such as `the_content`.
   * @param value what is filtered; plugins are not asked about null.
   * @param args what else the handlers are told.
   * @returns the value, and what failed; never throws for a handler.
   */
  applyFilters(
    caller: Caller,
    name: string,
    value: Json,
    args: readonly Json[],
  ): Promise<FilteredValue>;
  /**
   * Adds a handler of the host's own.
   *
   * @returns takes it away again; more than once does nothing more.
   * @throws {KernelError} sandbox.bad_payload, sandbox.payload_too_large — a name out of bounds.
   */
  onAction(registration: HookRegistration, handler: ActionHandler): () => void;
  /**
   * Adds a handler of the host's own.
   *
   * @returns takes it away again; more than once does nothing more.
   * @throws {KernelError} sandbox.bad_payload, sandbox.payload_too_large — a name out of bounds.
   */
  onFilter(registration: HookRegistration, handler: FilterHandler): () => void;
}
