/**
 * Which of two versions of an addon is the higher one, by semantic versioning 2.0.0.
 *
 * @module
 */

import semver from "semver";
import { normalizeVersion } from "./kernel_range.ts";

/**
 * Compares versions of an addon.
 *
 * @param a a version as manifests write it, such as `1.2.0` or `v1.2`.
 * @param b another.
 * @returns below 0 when `a` is lower, above 0 when it is higher, 0 when they are equal but for their
 *   build.
 * @throws {RangeError} one of them is no version; manifests with such a one are not read.
 */
export function compareVersions(a: string, b: string): number {
  return semver.compare(normalized(a), normalized(b));
}

function normalized(text: string): string {
  const version = normalizeVersion(text);
  if (version !== undefined) return version;
  throw new RangeError(`"${text.slice(0, 64)}" is no version`);
}
