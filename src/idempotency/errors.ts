/**
 * Failures of repeated requests.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";

/** The client's key is none. */
export function keyInvalid(): KernelError {
  return new KernelError({
    code: "http.idempotency_key_invalid",
    kind: "invalid",
    message: "Idempotency-Key must be 1 to 255 visible ASCII characters",
  });
}

/** The key belongs to another request. */
export function keyReused(): KernelError {
  return new KernelError({
    code: "http.idempotency_key_reused",
    kind: "conflict",
    message: "this idempotency key was used for a request with other contents: use a new key",
  });
}

/**
 * The first request of the key has not ended.
 *
 * @param retryAfterSeconds when to come again, 1 or more.
 */
export function inProgress(retryAfterSeconds: number): KernelError {
  return new KernelError({
    code: "http.idempotency_in_progress",
    kind: "conflict",
    message: "a request with this idempotency key is still running: try again soon",
    details: { retry_after_seconds: retryAfterSeconds },
  });
}
