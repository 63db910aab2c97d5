/**
 * The order of versions of addons, written as authors write them: `v1.2` is `1.2.0`.
 *
 * @module
 */

import semver from "semver";
import { normalizeVersion } from "./manifest/kernel_range.ts";

/**
 * Compares two versions by semantic versioning; what follows a `+` does not count.
 *
 * @param left a version that `normalizeVersion` takes.
 * @param right another.
 * @returns below 0 where `left` is the lower, 0 where they are equal in rank, above 0 otherwise.
 * @throws {TypeError} for a text that is no version: no order may be guessed.
 */
export function compareVersions(left: string, right: string): number {
  return semver.compare(normalized(left), normalized(right));
}

function normalized(text: string): string {
  const version = normalizeVersion(text);
  if (version === undefined) throw new TypeError(`"${text}" is no version`);
  return version;
}
