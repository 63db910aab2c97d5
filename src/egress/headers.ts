/**
 * Header fields of outbound requests: which of a guest's go on, and which of an answer's come back.
 *
 * @module
 */

import { badRequest } from "./errors.ts";

/** Names and values in order. */
export type HeaderList = readonly (readonly [string, string])[];

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Field values of RFC 9110 §5.5, as bytes in Latin-1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const MAX_FIELDS = 100;
const MAX_LENGTH = 16_384;

/** About this connection or its framing, which is ours. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What the kernel says itself, or keeps a guest from saying. */
const OURS: ReadonlySet<string> = new Set([
  "accept-encoding",
  "content-length",
  "cookie",
  "cookie2",
  "expect",
  "host",
  "user-agent",
]);

/** What goes to another origin after a redirect: everything else may hold a secret. */
const FOR_EVERYBODY: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-language",
  "content-type",
]);

/**
 * Takes a guest's header fields.
 *
 * @param headers as the guest gave them.
 * @returns those that go on, in lower case.
 * @throws {KernelError} egress.bad_request — a field is malformed, or there are too many.
 */
export function requestHeaders(headers: HeaderList): HeaderList {
  if (headers.length > MAX_FIELDS) throw badRequest(`More than ${MAX_FIELDS} header fields`);
  let length = 0;
  for (const [name, value] of headers) {
    length += name.length + value.length;
    if (!TOKEN.test(name) || !VALUE.test(value)) throw badRequest("A header field is malformed");
  }
  if (length > MAX_LENGTH) throw badRequest(`More than ${MAX_LENGTH} bytes of header fields`);
  const lower = headers.map(([name, value]) => [name.toLowerCase(), value] as const);
  return withoutHops(lower).filter(([name]) => !OURS.has(name));
}

/** What of a request's header fields another origin is told. */
export function headersForOtherOrigin(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => FOR_EVERYBODY.has(name));
}

/** Header fields of a request that has lost its body. */
export function headersWithoutBody(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => !name.startsWith("content-"));
}

/** What of an answer's header fields the guest is told: all that is not about the connection. */
export function responseHeaders(headers: HeaderList): HeaderList {
  return withoutHops(headers.map(([name, value]) => [name.toLowerCase(), value] as const));
}

/** Fields that `Connection` names are about the connection too (RFC 9110 §7.6.1). */
function withoutHops(headers: HeaderList): HeaderList {
  const named = headers.filter(([name]) => name === "connection")
    .flatMap(([, value]) => value.toLowerCase().split(",").map((part) => part.trim()));
  const hops = new Set([...HOP_BY_HOP, ...named]);
  return headers.filter(([name]) => !hops.has(name));
}
