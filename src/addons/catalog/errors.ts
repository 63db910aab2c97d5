/**
 * Failures of wishes for addons.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** A wish that cannot be noted. @param reason what is wrong with it */
export function invalidWish(reason: string): KernelError {
  return new KernelError({ code: "addon.invalid_wish", kind: "invalid", message: reason });
}

/** The bundle did not come. @param reason the end of "the place that bundleURL names …" */
export function downloadFailed(reason: string): KernelError {
  return new KernelError({
    code: "addon.download_failed",
    kind: "unavailable",
    message: `the place that bundleURL names ${reason}`,
  });
}

/** The bundle is of another version than the wish. */
export function otherVersionSent(wished: string, sent: string): KernelError {
  return new KernelError({
    code: "addon.other_version_sent",
    kind: "conflict",
    message: `version ${wished} was wished for, and the bundle is ${sent}`,
    details: { wished, sent },
  });
}
