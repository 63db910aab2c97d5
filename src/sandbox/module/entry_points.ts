/**
 * Finds what of a module is called: authors write a function's name in one spelling in the manifest
 * and export it in another, and there are two ways to hand over the input (contract/author.md §8).
 *
 * @module
 */

import { RESERVED_EXPORTS, RESERVED_PREFIX } from "../guest/reserved.ts";
import { spellings } from "../guest/spellings.ts";
import { typeText } from "./import_lists.ts";
import type { ModuleExport, ModuleInfo } from "./module_info.ts";

/** An export that can be called with a payload. */
export interface EntryPoint {
  /** The export's real name. */
  readonly name: string;
  /** `pointer`: `(ptr, len) -> i64`; `packed`: `(ptr << 32 | len) -> i64`. */
  readonly convention: "pointer" | "packed";
}

const CONVENTIONS: ReadonlyMap<string, EntryPoint["convention"]> = new Map([
  ["(i32, i32) -> i64", "pointer"],
  ["(i64) -> i64", "packed"],
]);

/**
 * Finds the export behind a name of the manifest: the name itself, else its snake-case spelling, else
 * its lower-case one.
 *
 * @param info the module.
 * @param name as the manifest writes it.
 * @returns the export; undefined when there is none that can be called with a payload.
 */
export function findExport(
  info: Pick<ModuleInfo, "exports">,
  name: string,
): EntryPoint | undefined {
  for (const spelling of openSpellings(name)) {
    const found = info.exports.find((entry) => entry.name === spelling);
    const convention = found?.type && CONVENTIONS.get(typeText(found.type));
    if (convention !== undefined) return { name: spelling, convention };
  }
  return undefined;
}

/**
 * Names the functions that run once in each instance before anything else, in order: the start
 * function, which the rewriter turned into an export, then `_initialize`, then `_start`
 * (contract/metacore.md §18.3).
 *
 * @param info the original module.
 * @returns names of exports.
 */
export function startFunctions(info: ModuleInfo): string[] {
  const started = info.hasStart ? [RESERVED_EXPORTS.start] : [];
  return [...started, ...["_initialize", "_start"].filter((name) => isStart(info, name))];
}

/**
 * Tells why a name of the manifest cannot be called.
 *
 * @param info the module.
 * @param name as the manifest writes it.
 * @returns half a sentence.
 */
export function whyNotCallable(info: ModuleInfo, name: string): string {
  const found = openSpellings(name)
    .map((spelling) => info.exports.find((entry) => entry.name === spelling))
    .find((entry) => entry !== undefined);
  if (found === undefined) return "there is no such export";
  return found.type === undefined
    ? `"${found.name}" is a ${found.kind}`
    : `"${found.name}" has the type ${typeText(found.type)}`;
}

/** The kernel's own exports are nobody's to call. */
function openSpellings(name: string): string[] {
  return name.startsWith(RESERVED_PREFIX) ? [] : spellings(name);
}

function isStart(info: ModuleInfo, name: string): boolean {
  const isIt = (entry: ModuleExport) => entry.name === name && entry.type !== undefined;
  const found = info.exports.find(isIt);
  return found?.type !== undefined && typeText(found.type) === "() -> ()";
}
