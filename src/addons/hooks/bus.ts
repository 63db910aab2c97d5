/**
 * The host's hook bus (contract/gonext.md §6): actions tell everybody, filters hand a value from one
 * handler to the next. A handler that fails is reported and left out; what it would have changed
 * stays as it was. Handlers of an installation are called for its organization only.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json } from "../../base/json.ts";
import { checkTargetName } from "./envelope.ts";
import { HandlerTable } from "./handler_table.ts";

/** Told of an action. */
export type ActionHandler = (caller: Caller, args: readonly Json[]) => Promise<void> | void;

/** Given a value, gives the next; or ends the chain with {@link ShortCircuit}. */
export type FilterHandler = (
  caller: Caller,
  value: Json,
  args: readonly Json[],
) => Promise<Json | ShortCircuit> | Json | ShortCircuit;

/** Ends a chain of filters: what it holds is the result. */
export class ShortCircuit {
  /** The result. */
  readonly value: Json;

  /**
   * Makes an end.
   *
   * @param value the result.
   */
  constructor(value: Json) {
    this.value = value;
  }
}

/** For whom and in what place a handler is registered. */
export interface HookRegistration {
  /** Name of the hook, 1 to 256 bytes. */
  readonly name: string;
  /** Organization for which it is called; `every` is for the host's own handlers. */
  readonly organizationId: string | "every";
  /** Who it is, for reports: an addon key. */
  readonly source: string;
  /** Handlers of less are called first, those of the same in the order of registration. @default 10 */
  readonly priority?: number;
}

/** One handler that failed. */
export interface HookFailure {
  /** Name of the hook. */
  readonly hook: string;
  /** Whose handler it is, as it was registered. */
  readonly source: string;
  /** What it threw. */
  readonly error: unknown;
}

/** The bus. */
export interface HookBus {
  /** Adds a handler. @returns takes it away again; more than once does nothing more. */
  onAction(registration: HookRegistration, handler: ActionHandler): () => void;
  /** Adds a handler. @returns takes it away again; more than once does nothing more. */
  onFilter(registration: HookRegistration, handler: FilterHandler): () => void;
  /**
   * Calls every handler of an action in turn. Handlers that come or go meanwhile change nothing.
   *
   * @param caller in whose organization.
   * @returns what failed; never throws for a handler.
   */
  runAction(caller: Caller, name: string, args: readonly Json[]): Promise<readonly HookFailure[]>;
  /**
   * Hands a value through every handler of a filter.
   *
   * @param caller in whose organization.
   * @returns the last value that a handler gave, and what failed.
   */
  applyFilters(
    caller: Caller,
    name: string,
    value: Json,
    args: readonly Json[],
  ): Promise<{ readonly value: Json; readonly failures: readonly HookFailure[] }>;
  /** Tells whether anybody listens, so that nothing is made ready in vain. */
  hasHandlers(organizationId: string, kind: "action" | "filter", name: string): boolean;
}

/**
 * Makes a bus without handlers.
 *
 * @param report told of each failure as it happens.
 * @returns the bus.
 */
export function createHookBus(report: (failure: HookFailure) => void): HookBus {
  const actions = new HandlerTable<ActionHandler>();
  const filters = new HandlerTable<FilterHandler>();
  const failed = (failures: HookFailure[], failure: HookFailure) => {
    failures.push(failure);
    report(failure);
  };
  return {
    onAction: (registration, handler) => add(actions, registration, handler),
    onFilter: (registration, handler) => add(filters, registration, handler),
    hasHandlers: (organizationId, kind, name) =>
      (kind === "action" ? actions : filters).of(organizationId, name).length > 0,
    runAction: async (caller, name, args) => {
      const failures: HookFailure[] = [];
      for (const { source, handler } of actions.of(caller.organizationId, name)) {
        try {
          await handler(caller, args);
        } catch (error) {
          failed(failures, { hook: name, source, error });
        }
      }
      return failures;
    },
    applyFilters: async (caller, name, value, args) => {
      const failures: HookFailure[] = [];
      let accepted = value;
      for (const { source, handler } of filters.of(caller.organizationId, name)) {
        try {
          const next = await handler(caller, accepted, args);
          if (next instanceof ShortCircuit) return { value: next.value, failures };
          accepted = next;
        } catch (error) {
          failed(failures, { hook: name, source, error });
        }
      }
      return { value: accepted, failures };
    },
  };
}

function add<H>(table: HandlerTable<H>, registration: HookRegistration, handler: H): () => void {
  checkTargetName(registration.name);
  const { name, organizationId, source, priority = DEFAULT_PRIORITY } = registration;
  if (!Number.isFinite(priority)) throw new RangeError("a priority is a finite number");
  return table.add({ name, organizationId, source, priority, handler });
}

/** Priority where none is given. */
export const DEFAULT_PRIORITY = 10;
