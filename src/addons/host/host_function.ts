/**
 * What the table of host functions is made of. A row says what the gate has to know; the function
 * itself only decodes, works and encodes.
 *
 * @module
 */

import type { HostCall, HostReply } from "../../sandbox/sandbox.ts";
import type { InvocationBudget } from "./budget.ts";
import type { HostContext, HostServices } from "./context.ts";
import type { BudgetKind } from "./limits.ts";
import type { RefusalEncoder } from "./refusal.ts";

/** One invocation with what its host functions need. */
export interface HostInvocation {
  readonly context: HostContext;
  readonly services: HostServices;
  readonly budget: InvocationBudget;
}

/** A right that a call needs. */
export interface NeededRight {
  /** Kind of the capability, such as `db:read`. */
  readonly kind: string;
  readonly target: string;
}

/** What a call may still take. */
export interface CallBounds {
  /** Milliseconds, more than 0. */
  readonly timeoutMs: number;
  /** Aborts when the call is not waited for any longer. */
  readonly signal: AbortSignal;
}

/** A call that has been decoded. */
export interface PreparedCall {
  /** What it needs, where that depends on the arguments. */
  readonly right?: NeededRight;
  /** Does the work; called once, after every wall. */
  run(bounds: CallBounds): Promise<HostReply> | HostReply;
}

/** A row of the table. */
export interface HostFunction {
  /** What it is counted as. */
  readonly budget: BudgetKind;
  /** Longest time of one call in milliseconds; the invocation's deadline is always a bound too. */
  readonly maxTimeMs: number;
  /** Words of the metacore interface where a failure is not the function's own. */
  readonly codes?: FailureCodes;
  /** What every call needs, whatever its arguments. */
  readonly right?: (invocation: HostInvocation) => NeededRight;
  /** Decodes the arguments. @throws {Refusal} when they are not in order. */
  readonly prepare: (invocation: HostInvocation, call: HostCall) => PreparedCall;
  /** Tells refusals in the interface's way. */
  readonly refuse: (invocation: HostInvocation) => RefusalEncoder;
}

/** Words for failures that the gate finds. */
export interface FailureCodes {
  /** A budget is used up. */
  readonly budget?: string;
  /** It took too long. */
  readonly timeout?: string;
  /** The kernel failed. */
  readonly internal?: string;
}

/** Rows by module and name of the import. */
export type HostFunctionTable = ReadonlyMap<string, HostFunction>;
