/**
 * Lets web pages of named origins read answers. Off where no origin is named; an origin that is
 * not named gets an answer without permission, which its browser withholds from the page.
 *
 * @module
 */

import type { Answer } from "../answer.ts";
import { invalidOrigin } from "../errors.ts";
import type { Exchange } from "../exchange.ts";

const METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
/** What published clients send (contract/client.md §1). */
const REQUEST_HEADERS = "Authorization, Content-Type, Accept-Language, X-Branch-ID, X-Request-ID";
const EXPOSED_HEADERS = "X-Request-ID, X-Metacore-Kernel-Version, Retry-After";
/** Two hours, the longest that browsers keep. */
const MAX_AGE_SECONDS = "7200";

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
    if (this.#origins.size === 0) return;
    response.headers.append("vary", "Origin");
    const origin = exchange.request.headers.get("origin");
    if (origin === null || !this.#origins.has(origin)) return;
    response.headers.set("access-control-allow-origin", origin);
    response.headers.set("access-control-expose-headers", EXPOSED_HEADERS);
  }
}
