/**
 * One request on its way to its answer: what was read from it once, and what is found out about it
 * on the way. It decides nothing.
 *
 * @module
 */

import type { UserCaller } from "../base/caller.ts";
import type { RequestClaim } from "../idempotency/idempotency.ts";

/** A request being answered. */
export class Exchange {
  /** The request as it came. */
  readonly request: Request;
  /** Ties the answer, log lines and events together. */
  readonly requestId: string;
  /** Unix time in milliseconds at which it came. */
  readonly startMs: number;
  /** Address of the client, where the server knows it. */
  readonly remoteAddress: string | undefined;
  /** Path of the URL, still percent-encoded. */
  readonly path: string;
  /** Query of the URL without its question mark, still percent-encoded. */
  readonly search: string;
  /** Length of the URL in characters. */
  readonly urlLength: number;
  /** Pattern of the route that answers, once it is found. */
  routePath: string | undefined;
  /** Whether pages of any origin may read the answer, a failure too, once the route is found. */
  readableBy: "any origin" | undefined;
  /** Variable segments of the path, decoded, once the route is found. */
  params: Readonly<Record<string, string>> = {};
  /** Who asks, once a token has proven it. */
  caller: UserCaller | undefined;
  /** The body, where somebody has read it before the route does. */
  bodyBytes: Uint8Array | undefined;
  /** Says that this request holds an idempotency key. */
  claim: RequestClaim | undefined;
  /** Whoever reads the body, while it is being read. */
  bodyReader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #stop: AbortController | undefined;
  #signal: AbortSignal | undefined;

  /**
   * Opens an exchange.
   *
   * @param request the request.
   * @param requestId accepted from the client or new.
   * @param startMs Unix time in milliseconds.
   * @param remoteAddress address of the client, where it is known.
   */
  constructor(request: Request, requestId: string, startMs: number, remoteAddress?: string) {
    this.request = request;
    this.requestId = requestId;
    this.startMs = startMs;
    this.remoteAddress = remoteAddress;
    const url = request.url;
    const pathStart = url.indexOf("/", url.indexOf("://") + 3);
    const hash = url.indexOf("#", pathStart);
    const end = hash < 0 ? url.length : hash;
    const mark = url.indexOf("?", pathStart);
    const pathEnd = mark < 0 || mark > end ? end : mark;
    this.urlLength = url.length;
    this.path = pathStart < 0 ? "/" : url.slice(pathStart, pathEnd);
    this.search = url.slice(pathEnd + 1, end);
  }

  /** The query, parsed. */
  get query(): URLSearchParams {
    return new URLSearchParams(this.search);
  }

  /** Aborts when the client has gone or {@link Exchange.stop} was called. Made when first asked. */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#stop ??= new AbortController();
      this.#signal = AbortSignal.any([this.request.signal, this.#stop.signal]);
    }
    return this.#signal;
  }

  /** True once nobody waits any more. */
  get stopped(): boolean {
    return this.#stop?.signal.aborted === true;
  }

  /**
   * A variable segment of the path.
   *
   * @param name as in the route's pattern.
   * @returns the decoded segment.
   */
  param(name: string): string {
    return this.params[name] ?? "";
  }

  /** Tells whoever works on the request that nobody waits any more. */
  stop(): void {
    this.#stop ??= new AbortController();
    this.#stop.abort();
    this.bodyReader?.cancel().catch(() => {});
  }
}
