/**
 * Failures of access, as small factories so that call sites read as prose.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";

/** The caller lacks a permission; the text is what clients of the original know. */
export function denied(permission: string): KernelError {
  return new KernelError({
    code: "access.denied",
    kind: "forbidden",
    message: `permission denied: missing capability "${permission}"`,
    details: { permission },
  });
}

/** What was to be granted is no permission. @param text as given. */
export function invalidPermission(text: string): KernelError {
  return new KernelError({
    code: "access.invalid_permission",
    kind: "invalid",
    message: `${JSON.stringify(text.slice(0, 80))} is no permission: write <resource>.<action>, ` +
      'such as "tickets.create", or "*" for everything; there is no "tickets.*"',
  });
}

/** What was to hold a permission is no role. @param text as given. */
export function invalidRole(text: string): KernelError {
  return new KernelError({
    code: "access.invalid_role",
    kind: "invalid",
    message: `${JSON.stringify(text.slice(0, 80))} is no role: write 1 to 50 characters of a-z, ` +
      "0-9, _ and -, a letter first",
  });
}

/** The user is not in the caller's organization, or nowhere. */
export function userNotFound(): KernelError {
  return new KernelError({
    code: "access.user_not_found",
    kind: "not_found",
    message: "access: user not found in this organization",
  });
}

/** What was to be the mode of enforcement is none. @param text as given. */
export function invalidMode(text: string): KernelError {
  return new KernelError({
    code: "access.invalid_mode",
    kind: "invalid",
    message: `${JSON.stringify(text.slice(0, 80))} is no mode of enforcement: write "enforce" ` +
      'or "shadow"',
  });
}
