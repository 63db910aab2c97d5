/**
 * Failures as clients see them. What was not thrown on purpose is logged whole and answered with
 * one sentence that says nothing about its cause.
 *
 * @module
 */

import { type FieldError, isKernelError, KernelError } from "../base/error.ts";
import type { TextAnswer } from "./answer.ts";
import { clientGone } from "./errors.ts";
import { headersOf, statusOf } from "./status.ts";

const INTERNAL_MESSAGE = "Internal server error";

/** Codes that clients have texts for, in the user's language (contract/client.md §4). */
const WORDED_BY_CLIENTS: ReadonlySet<string> = new Set([
  "required",
  "invalid_option",
  "not_found",
  "duplicate",
  "invalid_type",
  "min",
  "max",
  "regex",
  "email",
  "uuid",
  "url",
  "numeric",
  "integer",
  "custom",
  "line_items_required",
]);

/**
 * Makes a failure out of anything that was thrown.
 *
 * @param thrown anything caught.
 * @param request what was being answered.
 * @returns it, where it is a failure of the kernel; `http.client_gone` where the client hung up and
 *   the work was abandoned for that; else `http.internal_error` caused by it.
 */
export function asKernelError(thrown: unknown, request: Request): KernelError {
  if (isKernelError(thrown)) return thrown;
  const abandoned = thrown instanceof DOMException && thrown.name === "AbortError";
  if (abandoned && request.signal.aborted) return clientGone();
  return new KernelError({
    code: "http.internal_error",
    kind: "internal",
    message: INTERNAL_MESSAGE,
    cause: thrown,
  });
}

/**
 * Writes a failure. Clients show `message`, then `details` where it is a text, and put `errors`
 * under the inputs (contract/client.md §4); `info` holds facts for programs. A complaint's own
 * English stays out where clients have a text for its code, as they would show it instead.
 *
 * @param error the failure; of kind `internal` only code and request id are told.
 * @param requestId ties the answer to the log.
 * @returns `{"success":false,"message","code","request_id","errors"?,"details"?,"info"?}`.
 */
export function failureAnswer(error: KernelError, requestId: string): TextAnswer {
  const body: Record<string, unknown> = {
    success: false,
    message: error.kind === "internal" ? INTERNAL_MESSAGE : error.message,
    code: error.code,
    request_id: requestId,
  };
  if (error.kind !== "internal") addFacts(body, error);
  return { status: statusOf(error), body: JSON.stringify(body), headers: headersOf(error) };
}

function addFacts(body: Record<string, unknown>, error: KernelError): void {
  if (error.fields !== undefined) {
    body["errors"] = Object.fromEntries(
      Object.entries(error.fields).map(([field, complaints]) => [field, complaints.map(shown)]),
    );
  }
  if (error.details === undefined) return;
  const { reason, ...facts } = error.details;
  if (typeof reason === "string") body["details"] = reason;
  else if (reason !== undefined) body["info"] = { reason };
  if (Object.keys(facts).length > 0) body["info"] = { ...body["info"] as object, ...facts };
}

function shown(complaint: FieldError): Partial<FieldError> {
  if (!WORDED_BY_CLIENTS.has(complaint.code)) return complaint;
  const { message: _message, ...rest } = complaint;
  return rest;
}
