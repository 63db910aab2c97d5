/**
 * The failures that only HTTP knows. Which status a failure gets is in `status.ts`.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";

/** No route has this path. */
export function routeNotFound(method: string, path: string): KernelError {
  return new KernelError({
    code: "http.route_not_found",
    kind: "not_found",
    message: `no route for ${method} ${path.slice(0, 200)}`,
  });
}

/** The path exists, but not for this method. */
export function methodNotAllowed(
  method: string,
  path: string,
  allowed: readonly string[],
): KernelError {
  return new KernelError({
    code: "http.method_not_allowed",
    kind: "unsupported",
    message: `${method} is not allowed on ${path.slice(0, 200)}; allowed: ${allowed.join(", ")}`,
    details: { allowed },
  });
}

/** The URL is longer than a URL of this API can be. */
export function urlTooLong(limit: number): KernelError {
  return new KernelError({
    code: "http.url_too_long",
    kind: "too_large",
    message: `the URL is longer than ${limit} characters`,
  });
}

/** A percent-encoding that stands for no text. @param escape what was found, such as `%zz`. */
export function invalidUrlEscape(escape: string): KernelError {
  return new KernelError({
    code: "http.invalid_url_escape",
    kind: "invalid",
    message: `invalid URL escape "${escape}"`,
  });
}

/** A parameter of the query has a value outside its set. */
export function invalidQueryValue(
  name: string,
  value: string,
  valid: readonly string[],
): KernelError {
  return new KernelError({
    code: "http.invalid_query_value",
    kind: "invalid",
    message: `${name}: ${JSON.stringify(value.slice(0, 64))} is none of ${valid.join(", ")}`,
    details: { parameter: name, valid },
  });
}

/** The body is not of a type that the route reads; the text is contract/metacore.md §14. */
export function invalidContentType(expected: string): KernelError {
  return new KernelError({
    code: "http.invalid_content_type",
    kind: "invalid",
    message: "Invalid request format",
    details: { reason: `expected Content-Type ${expected}` },
  });
}

/** The body is compressed: sizes are counted as sent, so nothing is inflated here. */
export function unsupportedEncoding(): KernelError {
  return new KernelError({
    code: "http.unsupported_encoding",
    kind: "unsupported",
    message: "compressed request bodies are not accepted; send it without Content-Encoding",
  });
}

/** The body is not what its type says; the text is contract/metacore.md §14. */
export function invalidBody(reason: string, cause?: unknown): KernelError {
  return new KernelError({
    code: "http.invalid_body",
    kind: "invalid",
    message: "invalid body",
    details: { reason },
    cause,
  });
}

/** The body of a login or registration cannot be read; the text is contract/metacore.md §1.4. */
export function invalidRequestFormat(reason: string): KernelError {
  return new KernelError({
    code: "http.invalid_request_format",
    kind: "invalid",
    message: "Invalid request format",
    details: { reason },
  });
}

/** The body has more bytes than the route reads. */
export function bodyTooLarge(limitBytes: number): KernelError {
  return new KernelError({
    code: "http.body_too_large",
    kind: "too_large",
    message: `the request body is larger than ${limitBytes} bytes`,
    details: { limit_bytes: limitBytes },
  });
}

/** The client stopped in the middle of the body. */
export function bodyInterrupted(cause: unknown): KernelError {
  return new KernelError({
    code: "http.body_interrupted",
    kind: "invalid",
    message: "the request body ended before it was complete",
    cause,
  });
}

/** The client did not send its body in time. */
export function bodyTimeout(timeoutMs: number): KernelError {
  return new KernelError({
    code: "http.body_timeout",
    kind: "timeout",
    message: `the request body did not arrive within ${timeoutMs} ms`,
  });
}

/** The work of a request took longer than it may. What it has begun may still complete. */
export function requestTimeout(timeoutMs: number): KernelError {
  return new KernelError({
    code: "http.request_timeout",
    kind: "timeout",
    message: `the request was not answered within ${timeoutMs} ms`,
  });
}

/** The client hung up; nobody reads this answer, the log does. */
export function clientGone(): KernelError {
  return new KernelError({
    code: "http.client_gone",
    kind: "timeout",
    message: "the client closed the connection",
  });
}

/** The server is stopping. */
export function serverStopping(): KernelError {
  return new KernelError({
    code: "http.stopping",
    kind: "unavailable",
    message: "the server is stopping; send the request again",
  });
}

/** As many uploads as fit are being worked on. */
export function uploadsBusy(): KernelError {
  return new KernelError({
    code: "http.uploads_busy",
    kind: "unavailable",
    message: "too many uploads at once; send it again shortly",
    details: { retry_after_seconds: 5 },
  });
}

/** An install without a bundle. */
export function missingBundle(): KernelError {
  return new KernelError({
    code: "http.missing_bundle",
    kind: "invalid",
    message: "a bundle is required: send the .tgz as multipart field `bundle`, " +
      "or as the whole body with Content-Type application/gzip",
  });
}

/** No token was sent; the text is contract/metacore.md §1.3. */
export function missingToken(): KernelError {
  return new KernelError({
    code: "http.missing_token",
    kind: "unauthenticated",
    message: "Invalid or expired token",
  });
}

/** The Authorization header names another scheme; the text is contract/metacore.md §1.3. */
export function unsupportedScheme(): KernelError {
  return new KernelError({
    code: "http.unsupported_scheme",
    kind: "unauthenticated",
    message: "Unauthorized",
    details: { reason: "expected Authorization: Bearer <token>" },
  });
}

/** A setting that would not do what its writer meant. */
export function invalidOrigin(origin: string): KernelError {
  return new KernelError({
    code: "http.invalid_origin",
    kind: "invalid",
    message: `CORS origin ${JSON.stringify(origin)} is not an exact origin; ` +
      "write scheme, host and port such as https://app.example.com",
  });
}

/** A limit that would not limit. */
export function invalidLimit(name: string, value: unknown): KernelError {
  return new KernelError({
    code: "http.invalid_limit",
    kind: "invalid",
    message: `HTTP limit ${name}: ${String(value)} is not a whole number of 1 or more`,
  });
}

/** Routes of the operator exist only where the operator has set a token. */
export function operatorUnavailable(): KernelError {
  return new KernelError({
    code: "http.operator_unavailable",
    kind: "forbidden",
    message: "routes for operators are switched off: set METACORE_OPERATOR_TOKEN",
  });
}

/** The token is not the operator's. */
export function operatorRefused(): KernelError {
  return new KernelError({
    code: "http.operator_refused",
    kind: "forbidden",
    message: "this is not the operator's token",
  });
}

/** A revision that is none. @param value what was given */
export function invalidRevision(value: string): KernelError {
  return new KernelError({
    code: "http.invalid_revision",
    kind: "invalid",
    message: `${JSON.stringify(value.slice(0, 64))} is no revision: send the ETag that came with ` +
      "the installation as If-Match, or its number as `revision`",
  });
}

/** The archive that came is not the one whose checksum was sent. */
export function checksumMismatch(expected: string, actual: string): KernelError {
  return new KernelError({
    code: "http.checksum_mismatch",
    kind: "invalid",
    message: `the bundle's SHA-256 is ${actual}, not ${expected} as sent beside it`,
  });
}

/** Claim tokens belong to a hub, which this is not. */
export function claimUnsupported(): KernelError {
  return new KernelError({
    code: "http.claim_unsupported",
    kind: "unsupported",
    message: "claim tokens of a hub are not redeemed here: upload the bundle to " +
      "/api/metacore/installations, or install it from /api/metacore/catalog",
  });
}

/** A call of a backend that does not say whose it is. */
export function unsignedCall(): KernelError {
  return new KernelError({
    code: "http.unsigned_call",
    kind: "unauthenticated",
    message: "the call names no installation: send X-Metacore-Installation-ID and sign the call",
  });
}

/** A wish that names no addon; the text is contract/metacore.md §1.8. */
export function missingAddonKey(): KernelError {
  return new KernelError({
    code: "http.missing_addon_key",
    kind: "invalid",
    message: "addonKey is required",
  });
}

/** The addon is not on offer here. */
export function notOnOffer(addonKey: string): KernelError {
  return new KernelError({
    code: "http.not_on_offer",
    kind: "not_found",
    message: `addon ${JSON.stringify(addonKey.slice(0, 64))} is not on offer here`,
  });
}

/** A call of a tool cannot be read. @param message what is wrong, in the words of clients. */
export function invalidToolCall(message: string): KernelError {
  return new KernelError({ code: "http.invalid_tool_call", kind: "invalid", message });
}
