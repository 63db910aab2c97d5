/**
 * `http_fetch` and `http_request` (contract/metacore.md §5.3, §18.3).
 *
 * @module
 */

import { isJsonObject } from "../../../base/json.ts";
import type { EgressResponse } from "../../../egress/egress.ts";
import type { HostArgument, HostReply } from "../../../sandbox/sandbox.ts";
import { bytesOf, parseJson, textOf } from "../arguments.ts";
import { fitText } from "../fit_text.ts";
import type { HostFunction } from "../host_function.ts";
import { fetchOutbound, joinedHeaders, rightToFetch } from "../outbound.ts";
import { Refusal } from "../refusal.ts";
import { jsonReply, plainRefusal } from "../reply.ts";

const URL_TEXT = { what: "the URL", maxBytes: 8_192 };
const METHOD = { what: "the method", maxBytes: 32 };
const HEADERS = { what: "the headers", maxBytes: 65_536 };
const BODY = { what: "the body", maxBytes: 8 * 1024 * 1024 };
const MAX_TIME_MS = 30_000;
/** Most bytes that reach the guest, escaping included: six times that were seen. */
const MAX_DELIVERED_BYTES = 8 * 1024 * 1024;
const LENIENT_UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

type Headers = readonly (readonly [string, string])[];

/** Sends a request without headers of its own. */
export const httpFetch: HostFunction = httpFunction("plain");

/** Sends a request with headers, and gives the answer's. */
export const httpRequest: HostFunction = httpFunction("with headers");

function httpFunction(form: "plain" | "with headers"): HostFunction {
  const hasHeaders = form === "with headers";
  return {
    budget: "http",
    maxTimeMs: MAX_TIME_MS,
    codes: { internal: "transport" },
    refuse: () => plainRefusal,
    prepare: (invocation, call) => {
      const given = call.arguments;
      const url = textOf(given[0], URL_TEXT);
      const method = textOf(given[1], METHOD) || "GET";
      const body = bytesOf(given[hasHeaders ? 3 : 2], BODY);
      const headers = withContentType(hasHeaders ? headersOf(given[2]) : [], body);
      return {
        right: rightToFetch(url),
        run: async (bounds) => {
          const request = {
            method,
            url,
            headers,
            ...body.length > 0 && { body },
            maxResponseBytes: MAX_DELIVERED_BYTES,
          };
          const response = await fetchOutbound(invocation, request, bounds);
          return replyOf(response, hasHeaders ? { headers: joinedHeaders(response.headers) } : {});
        },
      };
    },
  };
}

function headersOf(argument: HostArgument | undefined): Headers {
  const text = textOf(argument, HEADERS);
  if (text.trim() === "") return [];
  const value = parseJson(text, HEADERS);
  if (value === null) return [];
  const fault = new Refusal("bad_request", "the headers must be a JSON object of texts");
  if (!isJsonObject(value)) throw fault;
  return Object.entries(value).map(([name, held]) => {
    if (typeof held !== "string") throw fault;
    return [name, held] as const;
  });
}

function withContentType(headers: Headers, body: Uint8Array): Headers {
  const isNamed = headers.some(([name]) => name.toLowerCase() === "content-type");
  if (body.length === 0 || isNamed) return headers;
  return [...headers, ["Content-Type", "application/json"]];
}

function replyOf(
  response: EgressResponse,
  headers: { readonly headers?: Record<string, string> },
): HostReply {
  const frame = JSON.stringify({ status: response.status, ...headers, truncated: true }).length * 3;
  const text = LENIENT_UTF8.decode(response.body);
  const body = fitText(text, MAX_DELIVERED_BYTES - frame);
  const truncated = response.truncated || body.length < text.length;
  return jsonReply({
    status: response.status,
    ...headers,
    body,
    ...truncated && { truncated },
  });
}
