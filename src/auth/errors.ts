/**
 * Failures of auth, as small factories so that call sites read as prose. Texts that clients match
 * are contract/metacore.md §14.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";

/** A form lacks a field that it must have. */
export function missingFields(): KernelError {
  return new KernelError({
    code: "auth.missing_fields",
    kind: "invalid",
    message: "Required fields missing",
  });
}

/** Unknown address, wrong password or disabled user: one error for all, so that none is told. */
export function invalidCredentials(): KernelError {
  return new KernelError({
    code: "auth.invalid_credentials",
    kind: "unauthenticated",
    message: "Invalid credentials",
  });
}

/** Too many failed logins. @param retryAfterSeconds when to come again. */
export function rateLimited(retryAfterSeconds: number): KernelError {
  return new KernelError({
    code: "auth.rate_limited",
    kind: "rate_limited",
    message: "Too many failed logins; try again later",
    // `http/` makes the header Retry-After of it.
    details: { retry_after_seconds: retryAfterSeconds },
  });
}

/** More passwords wait to be checked than the machine can check soon. */
export function busy(): KernelError {
  return new KernelError({
    code: "auth.busy",
    kind: "unavailable",
    message: "Too many logins at one time; try again",
    details: { retry_after_seconds: 2 },
  });
}

/** No token was sent. */
export function tokenMissing(): KernelError {
  return new KernelError({
    code: "auth.token_missing",
    kind: "unauthenticated",
    message: "Invalid or expired token",
  });
}

/** The token was good once. */
export function tokenExpired(): KernelError {
  return new KernelError({
    code: "auth.token_expired",
    kind: "unauthenticated",
    message: "Invalid or expired token",
  });
}

/** The token is none of ours. @param cause why; logged, never told. */
export function tokenInvalid(cause?: unknown): KernelError {
  return new KernelError({
    code: "auth.token_invalid",
    kind: "unauthenticated",
    message: "Unauthorized",
    cause,
  });
}

/** The key that signs tokens is too short (RFC 7518 §3.2). */
export function weakKey(byteCount: number, leastBytes: number): KernelError {
  return new KernelError({
    code: "auth.weak_key",
    kind: "precondition",
    message: `JWT_SECRET has ${byteCount} bytes; give it at least ${leastBytes} ` +
      "(make one with: openssl rand -hex 32)",
  });
}

/** A token cannot live that long or that short. */
export function invalidLifetime(seconds: number, least: number, most: number): KernelError {
  return new KernelError({
    code: "auth.invalid_lifetime",
    kind: "precondition",
    message: `tokenLifetimeSeconds is ${seconds}; it must be a whole number of ${least} to ${most}`,
  });
}

/** Strangers may not open organizations here. */
export function registrationClosed(): KernelError {
  return new KernelError({
    code: "auth.registration_closed",
    kind: "forbidden",
    message: "Registration is closed; an operator opens it with METACORE_REGISTRATION=open " +
      '(option registration: "open")',
  });
}

/** The e-mail address belongs to a user already. */
export function userExists(): KernelError {
  return new KernelError({
    code: "auth.user_exists",
    kind: "conflict",
    message: "User already exists",
  });
}

/** There is an organization already, so none is the first. */
export function organizationExists(): KernelError {
  return new KernelError({
    code: "auth.organization_exists",
    kind: "conflict",
    message: "An organization exists already",
  });
}

/** The user is not there, or is disabled. */
export function userNotFound(): KernelError {
  return new KernelError({
    code: "auth.user_not_found",
    kind: "not_found",
    message: "auth: user not found",
  });
}

/** The organization is not there. */
export function organizationNotFound(): KernelError {
  return new KernelError({
    code: "auth.organization_not_found",
    kind: "not_found",
    message: "auth: organization not found",
  });
}

/** The password does not meet the policy. @param complaint what it must be. */
export function weakPassword(complaint: string): KernelError {
  return new KernelError({ code: "auth.weak_password", kind: "invalid", message: complaint });
}

/** The e-mail address cannot be one. */
export function invalidEmail(): KernelError {
  return new KernelError({
    code: "auth.invalid_email",
    kind: "invalid",
    message: "The e-mail address must be of the form name@host, 3 to 254 characters",
  });
}

/** A name that nobody can have. @param field which name. */
export function invalidName(field: string): KernelError {
  return new KernelError({
    code: "auth.invalid_name",
    kind: "invalid",
    message: `${field} must have 1 to 255 characters and no control characters`,
  });
}

/** A role that cannot be one. */
export function invalidRole(): KernelError {
  return new KernelError({
    code: "auth.invalid_role",
    kind: "invalid",
    message: "A role has 1 to 50 characters of a-z, 0-9, _ and -, a letter first",
  });
}
