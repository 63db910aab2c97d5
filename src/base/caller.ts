/**
 * Who asks. Every service method takes a caller first; authority is never an optional field, and
 * the system's own authority is a kind of its own, not the absence of a user.
 *
 * @module
 */

/** What every caller carries, whatever its kind. */
export interface CallerContext {
  /** The organization (tenant) the call stays inside; a UUID. */
  readonly organizationId: string;
  /** Ties log lines, audit records and events to one request. */
  readonly requestId: string;
  /** Language tag such as `es`, where the client named one. */
  readonly locale?: string;
  /** Aborts when the client has gone or the deadline has passed. */
  readonly signal?: AbortSignal;
}

/** A person, proven by a token. */
export interface UserCaller extends CallerContext {
  /** Tells a person from the system. */
  readonly kind: "user";
  /** Who asks; a UUID, lower-case. */
  readonly userId: string;
  /** Lower-case role such as `owner`, `admin`, `agent`. */
  readonly role: string;
  /** Address that the token names, where it names one. */
  readonly email?: string;
}

/** The host application or the kernel itself, acting inside one organization. */
export interface SystemCaller extends CallerContext {
  /** Tells the system from a person. */
  readonly kind: "system";
}

/** Who asks, inside which organization. */
export type Caller = UserCaller | SystemCaller;

/**
 * Makes the caller under whose name the host application acts.
 *
 * @param organizationId the organization it acts in; a UUID.
 * @param requestId ties what happens to one piece of work. @default `system`
 * @returns a system caller.
 */
export function systemCaller(organizationId: string, requestId = "system"): SystemCaller {
  return { kind: "system", organizationId, requestId };
}
