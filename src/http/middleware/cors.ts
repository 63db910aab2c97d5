/**
 * Lets web pages of named origins read answers. Off where no origin is named; an origin that is
 * not named gets an answer without permission, which its browser withholds from the page.
 *
 * @module
 */

import type { Answer } from "../answer.ts";
import { invalidOrigin } from "../errors.ts";
import type { Exchange } from "../exchange.ts";

const ALLOW_ORIGIN = "access-control-allow-origin";
const METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
/** What published clients send (contract/client.md §1). */
const REQUEST_HEADERS = "Authorization, Content-Type, Accept-Language, If-Match, X-Branch-ID, " +
  "X-Request-ID, Idempotency-Key, X-Metacore-Bundle-Signature, X-Asteby-Marketplace-Signature, " +
  "X-Bundle-Checksum";
const EXPOSED_HEADERS = "X-Request-ID, X-Metacore-Kernel-Version, Retry-After, ETag, " +
  "Idempotent-Replay";
/** Two hours, the longest that browsers keep. */
const MAX_AGE_SECONDS = "7200";

/** What pages need to ask for files that anybody may have. */
const PUBLIC_METHODS = "GET, HEAD, OPTIONS";
const PUBLIC_HEADERS = "Accept-Language, Content-Type, If-None-Match, X-Branch-ID, X-Request-ID";

/**
 * Answers the preflight of a route that pages of any origin may read: never with credentials, so
 * nothing can be read that its reader could not fetch without a browser.
 *
 * @returns the answer.
 */
export function publicPreflight(): Answer {
  return {
    status: 204,
    body: null,
    headers: {
      [ALLOW_ORIGIN]: "*",
      "access-control-allow-methods": PUBLIC_METHODS,
      "access-control-allow-headers": PUBLIC_HEADERS,
      "access-control-max-age": MAX_AGE_SECONDS,
      allow: PUBLIC_METHODS,
    },
  };
}

/** Decides by exact origin. */
export class CorsPolicy {
  readonly #origins: ReadonlySet<string>;

  /**
   * Makes the policy.
   *
   * @param origins exact origins; none turns CORS off.
   * @throws {KernelError} http.invalid_origin — for a wildcard, a path, a trailing slash, `null`.
   */
  constructor(origins: readonly string[]) {
    for (const origin of origins) {
      if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw invalidOrigin(origin);
    }
    this.#origins = new Set(origins);
  }

  /**
   * Answers a browser's question before the real request.
   *
   * @param exchange the request.
   * @returns the answer, or undefined where it is no such question or CORS is off.
   */
  preflight(exchange: Exchange): Answer | undefined {
    const { method, headers } = exchange.request;
    if (method !== "OPTIONS" || this.#origins.size === 0) return undefined;
    if (!headers.has("access-control-request-method") || !headers.has("origin")) return undefined;
    if (!this.#origins.has(headers.get("origin")!)) return { status: 204, body: null };
    return {
      status: 204,
      body: null,
      headers: {
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": REQUEST_HEADERS,
        "access-control-max-age": MAX_AGE_SECONDS,
      },
    };
  }

  /**
   * Adds the permission to read, where the origin has it.
   *
   * @param exchange the request.
   * @param response its answer; headers are added in place.
   */
  permit(exchange: Exchange, response: Response): void {
    // A failure too: to a page that may not read it, "not found" looks like a broken network.
    if (exchange.readableBy === "any origin") response.headers.set(ALLOW_ORIGIN, "*");
    if (this.#origins.size === 0 || response.headers.get(ALLOW_ORIGIN) === "*") return;
    response.headers.append("vary", "Origin");
    const origin = exchange.request.headers.get("origin");
    if (origin === null || !this.#origins.has(origin)) return;
    response.headers.set(ALLOW_ORIGIN, origin);
    response.headers.set("access-control-expose-headers", EXPOSED_HEADERS);
  }
}
