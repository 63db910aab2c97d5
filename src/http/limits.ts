/**
 * Every limit of the HTTP surface, with its unit in its name and its reason.
 *
 * @module
 */

import { invalidLimit } from "./errors.ts";

/** Bounds on what one request may cost. */
export interface HttpLimits {
  /** Longest URL in characters: the query carries filters, never documents. */
  readonly urlLength: number;
  /** Largest JSON body in bytes, counted while it is read. */
  readonly jsonBytes: number;
  /** Deepest nesting of a JSON body: what is printed again later must not exhaust the stack. */
  readonly jsonDepth: number;
  /** Largest bundle upload in bytes, its multipart frame included. */
  readonly bundleBytes: number;
  /** Uploads held in memory at one time. */
  readonly concurrentUploads: number;
  /** Time an ordinary request has, in milliseconds, the reading of its body included. */
  readonly requestTimeoutMs: number;
  /** Time an upload and its install have, in milliseconds. */
  readonly uploadTimeoutMs: number;
  /** Time a probe has, in milliseconds. */
  readonly probeTimeoutMs: number;
}

/** {@link HttpLimits} where nothing else is said. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  urlLength: 16_384,
  jsonBytes: 1_048_576,
  jsonDepth: 64,
  bundleBytes: 67_108_864,
  concurrentUploads: 4,
  requestTimeoutMs: 30_000,
  uploadTimeoutMs: 300_000,
  probeTimeoutMs: 3_000,
};

/**
 * Completes and checks limits. A limit that is no number would be no limit, so it is refused.
 *
 * @param given limits that differ from {@link DEFAULT_HTTP_LIMITS}.
 * @returns every limit.
 * @throws {KernelError} http.invalid_limit — for an unknown name, or a value that is not a whole
 *   number of 1 or more.
 */
export function completeLimits(given: Partial<HttpLimits> = {}): HttpLimits {
  for (const [name, value] of Object.entries(given)) {
    const valid = Object.hasOwn(DEFAULT_HTTP_LIMITS, name) && Number.isSafeInteger(value);
    if (!valid || value < 1) throw invalidLimit(name, value);
  }
  return Object.freeze({ ...DEFAULT_HTTP_LIMITS, ...given });
}
