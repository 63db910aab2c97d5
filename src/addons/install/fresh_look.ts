/**
 * Changes that are made on what was looked at: when somebody else has come first, it is looked at
 * again, unless the operator has said what it must be.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";

/** Of those who change the same at one time one comes through each time, so all of these do. */
const MAX_LOOKS = 16;

/** Codes of failures after which nothing was changed and another look helps. */
const AGAIN: ReadonlySet<string> = new Set(["addon.changed_meanwhile", "db.serialization"]);

/**
 * Does work that looks and then changes.
 *
 * @param pinned whether the operator has said what must be found.
 * @param work looks at the installation, and changes it if it is still so.
 * @returns what the work gives.
 * @throws {KernelError} what the work throws; addon.changed_meanwhile when it never comes first.
 */
export async function withFreshLook<T>(
  pinned: "pinned" | "free",
  work: () => Promise<T>,
): Promise<T> {
  for (let look = 1;; look++) {
    try {
      return await work();
    } catch (thrown) {
      const helps = isKernelError(thrown) && AGAIN.has(thrown.code);
      if (!helps || pinned === "pinned" || look === MAX_LOOKS) throw thrown;
    }
  }
}
