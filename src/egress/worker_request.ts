/**
 * Makes of a request what the worker sends: header fields of the kernel's own added, the target split
 * from the host.
 *
 * @module
 */

import type { EgressRequest } from "./egress.ts";
import type { WorkerRequest } from "./egress_worker.ts";
import type { Route } from "./gate.ts";
import { readAddress } from "./address.ts";
import type { Hop } from "./redirect.ts";

/** Bounds of one request to one address. */
export interface RequestBounds {
  readonly timeoutMs: number;
  readonly connectMs: number;
  readonly maxBytes: number;
}

const MAX_HEADER_BYTES = 32_768;
const METHODS_WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * Makes the worker's request.
 *
 * @param request who asks.
 * @param hop what is asked for now.
 * @param route where it leads.
 * @param bounds what is left of time and size.
 * @returns the request.
 */
export function workerRequest(
  request: EgressRequest,
  hop: Hop,
  route: Route,
  bounds: RequestBounds,
): WorkerRequest {
  return {
    ...bounds,
    secure: hop.url.protocol === "https:",
    hostname: route.hostname,
    isName: readAddress(route.hostname) === undefined,
    path: `${hop.url.pathname}${hop.url.search}`,
    method: hop.method,
    headers: headersOf(request, hop),
    body: hop.body,
    maxHeaderBytes: MAX_HEADER_BYTES,
  };
}

function headersOf(request: EgressRequest, hop: Hop): WorkerRequest["headers"] {
  const agent = request.userAgent ?? `metacore-addon/${request.addonKey}`;
  const length = hop.body?.length ?? 0;
  const framing = length > 0 || METHODS_WITH_BODY.has(hop.method)
    ? { "content-length": String(length) }
    : {};
  const given = Map.groupBy(hop.headers, ([name]) => name);
  return {
    host: hop.url.host,
    "user-agent": agent.replace(/[^\x20-\x7e]/g, "?").slice(0, 200),
    // What is not compressed cannot unfold into more than was counted.
    "accept-encoding": "identity",
    connection: "close",
    ...framing,
    ...Object.fromEntries([...given].map(([name, pairs]) => [name, valueOf(pairs)])),
  };
}

function valueOf(pairs: readonly (readonly [string, string])[]): string | readonly string[] {
  const values = pairs.map(([, value]) => value);
  return values.length === 1 ? values[0]! : values;
}
