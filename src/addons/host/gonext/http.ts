/**
 * `gn_http_fetch` (contract/gonext.md §2.5): JSON in and out, bodies in base64. A failure of the
 * other side is an envelope with status 0; what the plugin may not do is a status.
 *
 * @module
 */

import { isJsonObject, type Json } from "../../../base/json.ts";
import type { EgressResponse } from "../../../egress/egress.ts";
import type { HostReply } from "../../../sandbox/sandbox.ts";
import { parseJson, textOf } from "../arguments.ts";
import type { HostFunction, HostInvocation } from "../host_function.ts";
import {
  fetchOutbound,
  HTTP_FETCH,
  joinedHeaders,
  type OutboundRequest,
  rightToFetch,
} from "../outbound.ts";
import { Refusal } from "../refusal.ts";
import { jsonReply, numericRefusal } from "../reply.ts";
import { recordCall } from "../audit.ts";
import { slugOf } from "./rights.ts";

const REQUEST = { what: "the request", maxBytes: 1024 * 1024 };
/** Cut silently, so the contract; base64 makes a third more of it. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
const DROPPED: ReadonlySet<string> = new Set([
  "host",
  "cookie",
  "authorization",
  "content-length",
  "transfer-encoding",
]);

/** Sends a request. */
export const gonextHttpFetch: HostFunction = {
  budget: "http",
  maxTimeMs: 30_000,
  refuse: () => numericRefusal("net"),
  prepare: (invocation, call) => {
    refuseWithoutKind(invocation);
    const request = decode(parseJson(textOf(call.arguments[0], REQUEST), REQUEST));
    const { kind, target } = rightToFetch(request.url);
    return {
      run: async (bounds) => {
        const { services, context } = invocation;
        // Not the gate's matter: a host that is not allowed has a status of its own here.
        if (!services.enforcer.check(context.subject, kind, target)) {
          throw told(invocation, request, new Refusal("blocked", "the host is not allowed"));
        }
        try {
          const response = await fetchOutbound(invocation, request, bounds);
          audit(invocation, request, { status: response.status, reason: "ok" });
          return replyOf(response);
        } catch (thrown) {
          if (!(thrown instanceof Refusal)) throw thrown;
          told(invocation, request, thrown);
          if (thrown.kind !== "upstream") throw thrown;
          return jsonReply({ status: 0, error: thrown.message });
        }
      },
    };
  },
};

/** A plugin without the capability is told so before its arguments are looked at. */
function refuseWithoutKind({ context, services }: HostInvocation): void {
  const { subject } = context;
  if (subject.capabilities.holds(HTTP_FETCH)) return;
  if (services.enforcer.check(subject, HTTP_FETCH, "")) return;
  throw new Refusal("denied", `plugin "${subject.addonKey}" lacks http.fetch`);
}

function decode(value: Json): OutboundRequest {
  const fault = new Refusal("bad_request", "the request is not {method?, url, headers?, body?}");
  if (!isJsonObject(value) || typeof value.url !== "string") throw fault;
  const { method = "GET", headers = {} } = value;
  if (typeof method !== "string") throw fault;
  if (headers !== null && !isJsonObject(headers)) throw fault;
  const body = bodyOf(value.body ?? null);
  if (body === undefined) throw fault;
  return {
    method: method === "" ? "GET" : method,
    url: value.url,
    headers: Object.entries(headers ?? {}).flatMap(([name, held]) => {
      if (typeof held !== "string") throw fault;
      return DROPPED.has(name.toLowerCase()) ? [] : [[name, held] as const];
    }),
    ...body.length > 0 && { body },
    maxResponseBytes: MAX_BODY_BYTES,
  };
}

/** Base64; the Rust SDK sends a list of bytes. Undefined for anything else. */
function bodyOf(value: Json): Uint8Array | undefined {
  if (value === null) return new Uint8Array();
  if (Array.isArray(value)) {
    return value.every(isByte) ? Uint8Array.from(value) : undefined;
  }
  if (typeof value !== "string") return undefined;
  try {
    return Uint8Array.fromBase64(value);
  } catch {
    return undefined;
  }
}

function isByte(value: Json): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255;
}

function replyOf(response: EgressResponse): HostReply {
  const { status, headers, body } = response;
  return jsonReply({
    status,
    ...headers.length > 0 && { headers: joinedHeaders(headers) },
    ...body.length > 0 && { body: body.toBase64() },
  });
}

function told(invocation: HostInvocation, request: OutboundRequest, refusal: Refusal): Refusal {
  audit(invocation, request, { status: 0, reason: refusal.code });
  return refusal;
}

/** Query strings and credentials hold secrets: the record names the place only. */
function audit(
  invocation: HostInvocation,
  request: OutboundRequest,
  outcome: { readonly status: number; readonly reason: string },
): void {
  const { origin, pathname } = new URL(request.url);
  const facts = { plugin: slugOf(invocation), method: request.method, url: origin + pathname };
  const severity = outcome.reason === "ok" ? "info" : "warning";
  const details = { ...facts, ...outcome };
  recordCall(invocation, { name: "plugin.http.fetch", details, severity, variant: outcome.reason });
}
