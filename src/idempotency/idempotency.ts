/**
 * Requests that a client may repeat without doing their work twice (contract/metacore.md §11.9, with
 * what was missing there: a repeat while the first still runs waits for nobody and is refused, another
 * body under the same key is refused, and the answers are kept where every replica sees them).
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";

/** One request that may be repeated. */
export interface RepeatableRequest {
  readonly caller: Caller;
  readonly method: string;
  readonly path: string;
  /** The client's key, 1 to 255 visible ASCII characters. */
  readonly key: string;
  readonly body: Uint8Array;
  /** Query of the URL as it was sent, without its question mark. @default "" */
  readonly query?: string;
}

/**
 * A request that holds its key. Work that has a transaction writes its result there with
 * `keepResult`: then it is done once even if the process dies before it can answer.
 */
export interface RequestClaim {
  /** Whose request it is. */
  readonly organizationId: string;
  /** Hash of user, method, path and the client's key. */
  readonly key: string;
  /** Whose turn it is. */
  readonly owner: string;
  /** Until when a result is kept, RFC 3339. */
  readonly keptUntil: string;
}

/** Status of a result that was kept by its work, whose answer was never given. */
export const RESULT_ONLY = 0;

/** An answer as it is kept. */
export interface KeptAnswer {
  /** Of the answer; {@link RESULT_ONLY} where the body is what the work itself kept. */
  readonly status: number;
  /** JSON text; null without a body. */
  readonly body: string | null;
  /** Says that nothing came of it although its status is one of success: it is not kept. */
  readonly outcome?: "nothing done";
}

/** Keeps answers of requests. */
export interface Idempotency {
  /**
   * Answers a request once: the first time by doing the work, then from what was kept.
   * Only answers of 200 to 299 are kept, for 24 hours; after any other the same key can be tried
   * again. Of an answer larger than 1 MiB only that it was given is kept. A request whose process
   * died counts as running until its time is over, then the next one with the key takes its place.
   *
   * @returns the answer, and whether it is a kept one.
   * @throws {KernelError} http.idempotency_key_invalid, http.idempotency_key_reused — another body
   *   or query; http.idempotency_in_progress — the first still runs
   */
  once(
    request: RepeatableRequest,
    work: (claim: RequestClaim) => Promise<KeptAnswer>,
  ): Promise<{ readonly answer: KeptAnswer; readonly kept: boolean }>;
}
