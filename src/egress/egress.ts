/**
 * Outbound HTTP of addons (decision D8): a gate that resolves names, checks every address and pins
 * the one it connects to, and a worker whose own network permission is that address alone.
 *
 * @module
 */

/** One request. */
export interface EgressRequest {
  /** Whose request: rate and concurrency are counted by it, and it names the User-Agent. */
  readonly addonKey: string;
  readonly organizationId: string;
  /**
   * Whether the addon's code asks, or the kernel calls the addon's backend: they are counted apart.
   *
   * @default "addon"
   */
  readonly countedAs?: "addon" | "backend";
  readonly method: string;
  /** As the guest wrote it. */
  readonly url: string;
  /** Headers; hop-by-hop ones, Host, Cookie and Content-Length are refused or dropped. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: Uint8Array;
  /** What the request says it comes from. @default "metacore-addon/<addonKey>" */
  readonly userAgent?: string;
  /** Asked for the first URL and for every redirect, with `host` or `host:port` as in the URL. */
  readonly isAllowed: (host: string) => boolean;
  /** Redirects followed at most, up to 10; with 0 a redirect is the answer. @default 3 */
  readonly maxRedirects?: number;
  /** Most bytes of the answer's body. */
  readonly maxResponseBytes: number;
  /** What is left, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** What came back. */
export interface EgressResponse {
  readonly status: number;
  /** In order; several values of one name stay apart. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** Whether the body was longer than `maxResponseBytes` and is cut. */
  readonly truncated: boolean;
}

/** Performs outbound requests. */
export interface Egress {
  /**
   * Performs one.
   *
   * @throws {KernelError} egress.bad_request (URL, method, headers), egress.forbidden (host not
   *   allowed, address not public, outbound HTTP not switched on), egress.rate_limited,
   *   egress.transport (resolve, connect, TLS, reset), egress.timeout, egress.cancelled (by the
   *   signal).
   */
  fetch(request: EgressRequest): Promise<EgressResponse>;
  /** Ends its workers. */
  close(): Promise<void>;
}
