/**
 * How authors write one function's name: admission and the code inside workers look for the same
 * spellings. Imports nothing, so that it can be part of the worker's source.
 *
 * @module
 */

/**
 * Spells a name of the manifest as modules may export it.
 *
 * @param name as the manifest writes it.
 * @returns the name itself, then in snake case, then in lower case.
 */
export function spellings(name: string): string[] {
  const snake = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .replace(/[-.]/g, "_")
    .toLowerCase();
  return [name, snake, name.toLowerCase()];
}
