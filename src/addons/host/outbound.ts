/**
 * Outbound HTTP for both interfaces: asks the egress room, and names its failures. Addresses,
 * redirects and the connection are that room's matter.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import type { EgressRequest, EgressResponse } from "../../egress/egress.ts";
import type { CallBounds, HostInvocation, NeededRight } from "./host_function.ts";
import { Refusal, type RefusalKind } from "./refusal.ts";

/** Kind of the capability. */
export const HTTP_FETCH = "http:fetch";

/** A request as decoded. */
export type OutboundRequest = Pick<
  EgressRequest,
  "method" | "url" | "headers" | "body" | "maxResponseBytes"
>;

/**
 * Names the right that a request needs.
 *
 * @param url as the guest wrote it.
 * @returns the right to fetch from its host.
 * @throws {Refusal} bad_request — not an http(s) address.
 */
export function rightToFetch(url: string): NeededRight {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.host === "") {
    throw new Refusal("bad_request", "the URL must be absolute, with http or https");
  }
  return { kind: HTTP_FETCH, target: parsed.host };
}

/**
 * Performs a request.
 *
 * @param invocation who is asking.
 * @param request what is asked; its host has passed the gate.
 * @param bounds how long.
 * @returns the answer.
 * @throws {Refusal} in the words of contract/metacore.md §5.3.
 */
export async function fetchOutbound(
  { context, services }: HostInvocation,
  request: OutboundRequest,
  { timeoutMs, signal }: CallBounds,
): Promise<EgressResponse> {
  const { subject } = context;
  const admitted = rightToFetch(request.url).target;
  try {
    return await services.egress.fetch({
      ...request,
      addonKey: subject.addonKey,
      organizationId: subject.organizationId,
      // The gate has counted the first host; every other one is a decision of its own.
      isAllowed: (host) => host === admitted || services.enforcer.check(subject, HTTP_FETCH, host),
      timeoutMs,
      signal,
    });
  } catch (thrown) {
    throw refusalOf(thrown) ?? thrown;
  }
}

/**
 * Headers as an object.
 *
 * @param headers in order.
 * @returns values by lower-case name; several values of one name are one, with commas.
 */
export function joinedHeaders(headers: EgressResponse["headers"]): Record<string, string> {
  const byName = new Map<string, string>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const standing = byName.get(key);
    byName.set(key, standing === undefined ? value : `${standing}, ${value}`);
  }
  return Object.fromEntries(byName);
}

const FAILURES: Readonly<Record<string, readonly [RefusalKind, string]>> = {
  "egress.bad_request": ["bad_request", "bad_request"],
  "egress.forbidden": ["blocked", "forbidden"],
  "egress.rate_limited": ["rate_limited", "rate_limited"],
  "egress.transport": ["upstream", "transport"],
  "egress.timeout": ["upstream", "timeout"],
};

/** Undefined for what the kernel itself did wrong: the gate hides it. */
function refusalOf(thrown: unknown): Refusal | undefined {
  if (!isKernelError(thrown)) return undefined;
  const found = FAILURES[thrown.code];
  return found === undefined ? undefined : new Refusal(found[0], thrown.message, found[1]);
}
