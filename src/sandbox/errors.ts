/**
 * Failures of the sandbox. Texts name what the author of a module or an operator can do.
 *
 * @module
 */

import { type ErrorKind, KernelError } from "../base/error.ts";

/** Code, kind and whether a circuit breaker counts it against the addon. */
const FAILURES = {
  /** The bytes are no valid module. */
  "sandbox.invalid_module": { kind: "invalid", counts: false },
  /** The module is valid, but holds what is not admitted; `details.problems` lists everything. */
  "sandbox.module_refused": { kind: "invalid", counts: false },
  /** The engine could not compile it, or not in time. */
  "sandbox.compile_failed": { kind: "invalid", counts: true },
  /** An instance could not be made, or its start function failed. */
  "sandbox.instantiation_failed": { kind: "unavailable", counts: true },
  /** The guest trapped; `details.reason` is a word, `details.message` the guest's own. */
  "sandbox.trap": { kind: "unavailable", counts: true },
  "sandbox.timeout": { kind: "timeout", counts: true },
  "sandbox.fuel_exhausted": { kind: "timeout", counts: true },
  /** The guest's memory is used up: its `alloc` gave 0 or failed. */
  "sandbox.out_of_memory": { kind: "unavailable", counts: true },
  "sandbox.missing_export": { kind: "invalid", counts: true },
  /** The guest knows no hook or job of the name. */
  "sandbox.unknown_target": { kind: "not_found", counts: false },
  /** The guest refused its input. */
  "sandbox.bad_payload": { kind: "invalid", counts: false },
  "sandbox.payload_too_large": { kind: "too_large", counts: false },
  /** What the guest returned is outside its memory, too large or otherwise against the contract. */
  "sandbox.bad_result": { kind: "unavailable", counts: true },
  /** The guest answered with a failure of its own. */
  "sandbox.guest_error": { kind: "unavailable", counts: false },
  /** No worker became free in time, or too many wait. */
  "sandbox.busy": { kind: "unavailable", counts: false },
  "sandbox.closed": { kind: "unavailable", counts: false },
  "sandbox.cancelled": { kind: "timeout", counts: false },
  "sandbox.killed": { kind: "unavailable", counts: false },
  /** A worker could not be started, or its walls did not hold. */
  "sandbox.worker_failed": { kind: "unavailable", counts: false },
  /** The installation's circuit breaker is open: its code failed too often. */
  "sandbox.circuit_open": { kind: "unavailable", counts: false },
  /** Whether the circuit breaker is open cannot be told: its state could not be read. */
  "sandbox.circuit_unknown": { kind: "unavailable", counts: false },
} as const satisfies Readonly<Record<string, { kind: ErrorKind; counts: boolean }>>;

/** A code of this room. */
export type SandboxCode = keyof typeof FAILURES;

/**
 * Makes a failure of the sandbox.
 *
 * @param code which.
 * @param message one sentence: what failed, and what to do where that is not plain.
 * @param extra facts that may be shown, and the cause, which may not.
 * @returns the error.
 */
export function sandboxError(
  code: SandboxCode,
  message: string,
  extra: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
): KernelError {
  return new KernelError({ code, kind: FAILURES[code].kind, message, ...extra });
}

/** Detail of a timeout: milliseconds that were spent waiting for a worker, where they were most. */
export const WAITED = "waited_ms";

/**
 * Tells whether a failure of an invocation counts against the addon's code: what its breaker counts.
 *
 * @param thrown anything caught.
 * @returns false for failures of callers, of operators and of the kernel itself.
 */
export function countsAgainstGuest(thrown: unknown): boolean {
  if (!(thrown instanceof KernelError) || isFailureOfHost(thrown)) return false;
  if (thrown.details !== undefined && WAITED in thrown.details) return false;
  return FAILURES[thrown.code as SandboxCode]?.counts ?? false;
}

/** A host function of the kernel threw what it should not have: the guest is not to blame. */
function isFailureOfHost({ cause }: KernelError): boolean {
  return typeof cause === "object" && cause !== null && Object.hasOwn(cause, "thrown");
}
