/**
 * Failures of signed calls, out and in, and of events that backends publish.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** The backend may not be called so. @param because what stands in the way, and what would change it. */
export function backendRefused(addonKey: string, because: string, cause?: unknown): KernelError {
  return new KernelError({
    code: "addon.backend_refused",
    kind: "precondition",
    message: `the backend of addon "${addonKey}" cannot be called: ${because}`,
    details: { addon_key: addonKey },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** No answer came, or none that can be read. */
export function backendUnreachable(addonKey: string, cause: KernelError): KernelError {
  return new KernelError({
    code: "addon.backend_unreachable",
    kind: "unavailable",
    message: `the backend of addon "${addonKey}" cannot be reached: ${cause.message}`,
    details: { addon_key: addonKey, ...reasonOf(cause) },
    cause,
  });
}

/** No whole answer came in time. */
export function backendTimeout(addonKey: string, timeoutMs: number, cause: unknown): KernelError {
  return new KernelError({
    code: "addon.backend_timeout",
    kind: "timeout",
    message: `the backend of addon "${addonKey}" did not answer within ${timeoutMs} ms`,
    details: { addon_key: addonKey, timeout_ms: timeoutMs },
    cause,
  });
}

/** More calls than an addon may make. */
export function backendBusy(addonKey: string, cause: KernelError): KernelError {
  const seconds = cause.details?.["retry_after_seconds"];
  return new KernelError({
    code: "addon.backend_busy",
    kind: "rate_limited",
    message: `the backend of addon "${addonKey}" is called too often: ${cause.message}`,
    details: {
      addon_key: addonKey,
      ...(typeof seconds === "number" ? { retry_after_seconds: seconds } : {}),
    },
    cause,
  });
}

/** Why a call that came in is refused: whoever has no secret learns nothing but about the clock. */
export type CallFault = "clock" | "other";

/** A call that came in is not taken. */
export function callRefused(fault: CallFault): KernelError {
  return new KernelError({
    code: "addon.call_refused",
    kind: "unauthenticated",
    message: fault === "clock"
      ? "the call's timestamp is more than 5 minutes away from this server's clock"
      : "the call is not signed as one of an installed addon's backend, or was taken before",
  });
}

/** An event that cannot be published. @param because why. */
export function invalidEvent(because: string): KernelError {
  return new KernelError({ code: "addon.invalid_event", kind: "invalid", message: because });
}

/** The addon may not publish such events. @param because the right that it lacks. */
export function eventDenied(addonKey: string, because: string): KernelError {
  return new KernelError({
    code: "access.capability_denied",
    kind: "forbidden",
    message: because,
    details: { addon_key: addonKey },
  });
}

/** More events than an addon may publish within a minute. @param because the bound. */
export function eventsTooMany(addonKey: string, because: string): KernelError {
  return new KernelError({
    code: "addon.too_many_events",
    kind: "rate_limited",
    message: because,
    details: { addon_key: addonKey, retry_after_seconds: 60 },
  });
}

/** The event could not be written; the log tells why. */
export function eventNotKept(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.event_not_kept",
    kind: "unavailable",
    message: `an event of addon "${addonKey}" could not be kept: try again`,
    details: { addon_key: addonKey },
  });
}

function reasonOf({ details }: KernelError): { readonly reason?: string } {
  const reason = details?.["reason"];
  return typeof reason === "string" ? { reason } : {};
}
