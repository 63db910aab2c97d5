/**
 * Failures of outbound requests. Their texts may reach the addon: they name what it asked for, and
 * never an address that a name led to.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";

/** Why a request is forbidden. */
export type ForbiddenReason =
  | "switched_off"
  | "operator_policy"
  | "capability"
  | "address"
  | "downgrade"
  | "server_permission";

/** URL, method, headers or body are not in order. @param message what is wrong. */
export function badRequest(message: string): KernelError {
  return new KernelError({ code: "egress.bad_request", kind: "invalid", message });
}

/** The request may not be made. @param message by whose decision, and what would change it. */
export function forbidden(reason: ForbiddenReason, message: string): KernelError {
  return new KernelError({
    code: "egress.forbidden",
    kind: "forbidden",
    message,
    details: { reason },
  });
}

/** Too many requests in a minute, or at one time. @param retryAfterSeconds 1 or more. */
export function rateLimited(message: string, retryAfterSeconds: number): KernelError {
  return new KernelError({
    code: "egress.rate_limited",
    kind: "rate_limited",
    message,
    details: { retry_after_seconds: retryAfterSeconds },
  });
}

/** No answer came, or none that can be read. @param reason a word such as `ECONNREFUSED`. */
export function transport(reason: string, message: string, cause?: unknown): KernelError {
  return new KernelError({
    code: "egress.transport",
    kind: "unavailable",
    message,
    details: { reason },
    ...cause !== undefined && { cause },
  });
}

/** The time was over before the answer was whole; resolving, connecting and redirects included. */
export function timedOut(): KernelError {
  return new KernelError({
    code: "egress.timeout",
    kind: "timeout",
    message: "The host did not answer in time",
  });
}

/** Whoever asked does not wait any longer. */
export function cancelled(): KernelError {
  return new KernelError({
    code: "egress.cancelled",
    kind: "unavailable",
    message: "The request was cancelled",
  });
}

/** An option of the operator cannot be understood. @param message which, and what would be. */
export function misconfigured(message: string): KernelError {
  return new KernelError({ code: "egress.misconfigured", kind: "precondition", message });
}

/** Why the server itself cannot make the request, for operators: what to start it with. */
export function noServerPermission(): KernelError {
  return forbidden(
    "server_permission",
    "This server was started without the network permission that outbound requests need: set " +
      "METACORE_EGRESS before `deno task start`, or start it with --allow-net",
  );
}
