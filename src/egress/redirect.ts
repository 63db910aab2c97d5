/**
 * What a redirect makes of a request (RFC 9110 §15.4). Whether it may be followed is asked of the
 * gate, as for every URL.
 *
 * @module
 */

import { badRequest, forbidden, transport } from "./errors.ts";
import { readUrl } from "./gate.ts";
import { type HeaderList, headersForOtherOrigin, headersWithoutBody } from "./headers.ts";

/** A request on its way. */
export interface Hop {
  readonly method: string;
  readonly url: URL;
  readonly headers: HeaderList;
  readonly body: Uint8Array | undefined;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Makes the request that a redirect asks for.
 *
 * @param hop the request that was answered.
 * @param status status of the answer.
 * @param headers header fields of the answer, in lower case.
 * @returns the next request, or undefined where the answer is no redirect.
 * @throws {KernelError} egress.forbidden — it leads from https to http.
 * @throws {KernelError} egress.transport — where it leads cannot be read.
 */
export function redirected(hop: Hop, status: number, headers: HeaderList): Hop | undefined {
  const location = headers.find(([name]) => name === "location")?.[1];
  if (!REDIRECTS.has(status) || location === undefined) return undefined;
  const url = locationOf(location, hop.url);
  if (hop.url.protocol === "https:" && url.protocol === "http:") {
    throw forbidden("downgrade", "The host redirects from https to http");
  }
  const known = url.origin === hop.url.origin ? hop.headers : headersForOtherOrigin(hop.headers);
  if (!losesBody(hop.method, status)) return { ...hop, url, headers: known };
  const method = hop.method === "HEAD" ? "HEAD" : "GET";
  return { method, url, headers: headersWithoutBody(known), body: undefined };
}

/** 307 and 308 keep everything; of the others, only what POST began is taken up as GET. */
function losesBody(method: string, status: number): boolean {
  if (status === 303) return true;
  return (status === 301 || status === 302) && method === "POST";
}

function locationOf(text: string, base: URL): URL {
  try {
    return readUrl(text, base);
  } catch (error) {
    throw transport("EREDIRECT", "The host redirects to what cannot be requested", error);
  }
}

/** Methods a guest may use. CONNECT and TRACE are not among them. */
const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);

/**
 * Reads a method.
 *
 * @param text as the guest wrote it; empty means GET.
 * @returns the method in upper case.
 * @throws {KernelError} egress.bad_request — it is none that may be used.
 */
export function readMethod(text: string): string {
  const method = text === "" ? "GET" : text.toUpperCase();
  if (METHODS.has(method)) return method;
  throw badRequest(`The method is none of ${[...METHODS].join(", ")}`);
}
