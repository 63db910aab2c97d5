/**
 * Patterns of names, as capabilities on tables and events use them (contract/metacore.md §6.2):
 * `*`, a name, `p.*` and `*.s`. A pattern of any other form is a name like every other.
 *
 * @module
 */

/** Names that patterns name. */
export interface NameMatcher {
  /** Tells whether a name is named. */
  matches(name: string): boolean;
}

/**
 * Compiles patterns, so that a check costs by the length of the name and not by their number.
 *
 * @param patterns each `*` (everything), a name, `p.*` (`p` and all below) or `*.s` (`s` and all that
 *   ends in it).
 * @returns what they name together.
 */
export function compileNames(patterns: readonly string[]): NameMatcher {
  const exact = new Set<string>();
  const prefixes = new Set<string>();
  const suffixes = new Set<string>();
  for (const pattern of patterns) {
    exact.add(pattern);
    if (pattern.length > 2 && pattern.endsWith(".*")) prefixes.add(pattern.slice(0, -2));
    if (pattern.length > 2 && pattern.startsWith("*.")) suffixes.add(pattern.slice(2));
  }
  if (exact.has("*")) return { matches: (name) => name !== "" };
  return {
    matches: (name) =>
      exact.has(name) || prefixes.has(name) || suffixes.has(name) ||
      partsMatch(name, prefixes, suffixes),
  };
}

function partsMatch(
  name: string,
  prefixes: ReadonlySet<string>,
  suffixes: ReadonlySet<string>,
): boolean {
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    if (prefixes.size > 0 && prefixes.has(name.slice(0, dot))) return true;
    if (suffixes.size > 0 && suffixes.has(name.slice(dot + 1))) return true;
  }
  return false;
}
