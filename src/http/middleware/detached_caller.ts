/**
 * Who asks, without the wish to be told when they have gone: an addon that is being installed or
 * removed is so wholly, whether or not somebody waits for the answer.
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";

/**
 * Takes the signal off a caller.
 *
 * @param caller as the request made it.
 * @returns the same person and request.
 */
export function detached(caller: UserCaller): UserCaller {
  const { kind, userId, role, organizationId, requestId, email, locale } = caller;
  return {
    kind,
    userId,
    role,
    organizationId,
    requestId,
    ...(email === undefined ? {} : { email }),
    ...(locale === undefined ? {} : { locale }),
  };
}
