/**
 * Compares levels of the metacore interface.
 *
 * @module
 */

/**
 * Tells whether a level has reached another.
 *
 * @param level such as `1.3`.
 * @param least such as `1.5`.
 * @returns true when it is the same or later; false for what is no level.
 */
export function isLevelAtLeast(level: string, least: string): boolean {
  const [major, minor] = numbersOf(level);
  const [leastMajor, leastMinor] = numbersOf(least);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

function numbersOf(level: string): [number, number] {
  const [major, minor = "0"] = level.split(".");
  return [Number(major), Number(minor)];
}
