/**
 * Tells of a module whether everything that code of it can change in an instance can be set back from
 * outside, so that an instance can serve again as if it were new. When in doubt, it cannot.
 *
 * @module
 */

import type { CodeNotes } from "./code_notes.ts";
import type { Declarations } from "./declarations.ts";
import { LASTING } from "./features.ts";
import type { ValueType } from "./module_info.ts";

/** What a module's instances can be set back by. */
export interface Restorable {
  /** How many globals are exported under the names of `globalExport`. */
  readonly globals: number;
}

/** Name of the one memory that a worker knows. */
const MEMORY = "memory";

/** Each is an object in every instance: beyond this a new instance is the cheaper one. */
const MOST_GLOBALS = 64;

/** What JavaScript can read and write without loss; references, vectors and exceptions it cannot. */
const PLAIN: ReadonlySet<ValueType> = new Set(["i32", "i64", "f32", "f64"]);

/**
 * Finds the globals that have to be set back.
 *
 * @param declarations of a module.
 * @param notes on its code.
 * @returns indices of its mutable globals; undefined when its instances cannot be set back: code
 *   changes tables or drops segments, a memory is hidden, a global is no number, or something other
 *   than a function is shared with others.
 */
export function restorableGlobals(
  { imports, memories, exports, mutableGlobals }: Declarations,
  notes: CodeNotes,
): readonly number[] | undefined {
  if ((notes.features & LASTING) !== 0) return undefined;
  if (imports.some(({ kind }) => kind !== "function")) return undefined;
  if (memories.length > 1 || memories.some(({ shared }) => shared)) return undefined;
  const isHidden = !exports.some(({ name, kind }) => name === MEMORY && kind === "memory");
  if (memories.length === 1 && isHidden) return undefined;
  if (mutableGlobals.length > MOST_GLOBALS) return undefined;
  if (mutableGlobals.some(({ type }) => !PLAIN.has(type))) return undefined;
  return mutableGlobals.map(({ index }) => index);
}
