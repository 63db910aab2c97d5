/**
 * Patterns of columns (RE2, contract/metacore.md §3.4). RE2 matches in linear time, but compiling
 * unrolls counted repetitions: `(a{30}){30}` is 900 steps, and a short text can ask for a million. So
 * the size is estimated before anything is compiled, and bounded for each pattern and for all.
 *
 * @module
 */

import { RE2JS } from "re2js";
import { MAX_PATTERN_LENGTH } from "./limits.ts";
import { type ManifestNode, shown } from "./node.ts";

/** Greatest estimated size of one pattern, in steps. */
export const MAX_PATTERN_SIZE = 20_000;
/** Greatest estimated size of all different patterns of a manifest, in steps. */
export const MAX_PATTERNS_SIZE = 100_000;

const ATOM =
  /\\Q(?:(?!\\E)[^])*(?:\\E)?|\\[pP]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|\[:[^:]*:\]|[^\]\\])*\]|[^]/uy;
const REPEAT = /\{(\d{1,4})(?:,(\d{0,4}))?\}/y;
/** A class of Unicode may compile into many ranges. */
const CLASS_SIZE = 8;

/**
 * Estimates how many steps a pattern compiles into; never less than what it does, by more than a few.
 *
 * @param pattern a pattern of RE2.
 * @returns its size with counted repetitions unrolled.
 */
export function patternSize(pattern: string): number {
  const open = [0];
  let at = 0;
  while (at < pattern.length) {
    ATOM.lastIndex = at;
    const atom = ATOM.exec(pattern)?.[0] ?? pattern[at]!;
    at += atom.length;
    if (atom === "(") {
      open.push(1);
      continue;
    }
    const isEnd = atom === ")" && open.length > 1;
    let size = isEnd ? open.pop()! + 1 : atomSize(atom);
    REPEAT.lastIndex = at;
    for (let repeat = REPEAT.exec(pattern); repeat !== null; repeat = REPEAT.exec(pattern)) {
      at = REPEAT.lastIndex;
      size *= Math.max(Number(repeat[1]), Number(repeat[2] || 0)) + 1;
      REPEAT.lastIndex = at;
    }
    open.push(open.pop()! + size);
  }
  return open.reduce((total, size) => total + size, 0);
}

function atomSize(atom: string): number {
  if (atom.startsWith("\\Q")) return atom.length;
  return atom.length === 1 ? 1 : CLASS_SIZE;
}

/** Reads the patterns of one manifest. */
export class PatternReader {
  readonly #sound = new Set<string>();
  #size = 0;

  /**
   * Reads a pattern; complains when it does not compile or is too large.
   *
   * @param node where it stands.
   * @returns the pattern, or undefined where there is none or it was complained about.
   */
  read(node: ManifestNode): string | undefined {
    const pattern = node.filledText(MAX_PATTERN_LENGTH);
    if (pattern === undefined || this.#sound.has(pattern)) return pattern;
    const size = patternSize(pattern);
    if (size > MAX_PATTERN_SIZE) {
      return node.complain(
        `regex ${shown(pattern)} unrolls to ${size} steps; ${MAX_PATTERN_SIZE} are allowed`,
      );
    }
    this.#size += size;
    if (this.#size > MAX_PATTERNS_SIZE) {
      return node.complain(
        `the regexes up to here unroll to more than ${MAX_PATTERNS_SIZE} steps together`,
      );
    }
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "it does not compile";
      return node.complain(
        `regex ${shown(pattern)} is not an RE2 pattern: ${reason.slice(0, 200)}`,
      );
    }
    this.#sound.add(pattern);
    return pattern;
  }
}
