/**
 * Which HTTP status a failure gets. The only place in the project that knows statuses of failures.
 *
 * @module
 */

import type { ErrorKind, KernelError } from "../base/error.ts";

/** `precondition` is 409 and not 412: it is about the state of things, not about request headers. */
const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition: 409,
  too_large: 413,
  rate_limited: 429,
  unavailable: 503,
  timeout: 504,
  unsupported: 501,
  internal: 500,
};

/**
 * Failures that have a status of their own: those of HTTP itself (RFC 9110, and 499 for logs), those
 * of an addon's code, for which this server is a gateway, and a transaction that lost to another
 * (contract/metacore.md §17.1).
 */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  "http.method_not_allowed": 405,
  "http.body_timeout": 408,
  "http.url_too_long": 414,
  "http.unsupported_encoding": 415,
  "http.idempotency_key_reused": 422,
  "http.client_gone": 499,
  "addon.backend_failed": 502,
  "addon.backend_refused": 502,
  "addon.backend_unreachable": 502,
  "addon.tool_no_endpoint": 502,
  "db.serialization": 409,
  "sandbox.trap": 502,
  "sandbox.bad_result": 502,
  "sandbox.guest_error": 502,
  "sandbox.out_of_memory": 502,
  "sandbox.instantiation_failed": 502,
  "sandbox.missing_export": 502,
  "sandbox.cancelled": 499,
};

const DEFAULT_RETRY_AFTER_SECONDS = 1;

/**
 * Tells the status of a failure. Complaints about fields are 422, which is where clients look for
 * them (contract/client.md §4).
 *
 * @param error the failure.
 * @returns a status from 400 to 599.
 */
export function statusOf(error: KernelError): number {
  if (error.fields !== undefined) return 422;
  return STATUS_OF_CODE[error.code] ?? STATUS_OF_KIND[error.kind];
}

/**
 * Names the headers that a failure carries beside its body.
 *
 * @param error the failure; `details.retry_after_seconds`, where it is a number, says when to come
 *   again.
 * @returns header values by lower-case name.
 */
export function headersOf(error: KernelError): Readonly<Record<string, string>> {
  if (error.kind === "unauthenticated") return { "www-authenticate": 'Bearer realm="metacore"' };
  if (error.code === "http.stopping") return { "connection": "close", "retry-after": "1" };
  const status = statusOf(error);
  const comesAgain = error.code === "http.idempotency_in_progress" ||
    error.code === "db.serialization";
  if (status === 429 || status === 503 || comesAgain) {
    const seconds = error.details?.["retry_after_seconds"];
    const wait = typeof seconds === "number" && seconds > 0 ? seconds : DEFAULT_RETRY_AFTER_SECONDS;
    return { "retry-after": String(Math.ceil(wait)) };
  }
  const allowed = error.details?.["allowed"];
  return error.code === "http.method_not_allowed" && Array.isArray(allowed)
    ? { "allow": allowed.join(", ") }
    : {};
}
