/**
 * Widgets and cells that columns of the generation `asteby.com/v3` name, and what they are in the
 * names of the flat generation.
 *
 * @module
 */

import { WIDGETS as KNOWN } from "../column.ts";

/** Widget → the one that the kernel's own metadata knows. */
export const WIDGETS: ReadonlyMap<string, string> = new Map([
  ...KNOWN.map((word) => [word, word] as const),
  ["dynamic_select", "relation"],
  ["upload", "file"],
  ["switch", "boolean"],
  ["checkbox", "boolean"],
  ["color", "text"],
  ["icon", "text"],
  ["phone", "text"],
  ["currency", "number"],
]);
