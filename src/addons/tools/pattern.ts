/**
 * Patterns of tools' parameters: RE2, compiled once, and bounded in what one match may cost.
 *
 * @module
 */

import { RE2JS } from "re2js";
import { MAX_PATTERN_SIZE, patternSize } from "../../bundle/manifest/pattern.ts";

/** Steps of a pattern times characters of a text that one match may cost: some 60 ms. */
const MAX_MATCH_STEPS = 10_000_000;
const MAX_PATTERNS = 1_000;

interface Compiled {
  readonly pattern: RE2JS | undefined;
  readonly maxLength: number;
}

const known = new Map<string, Compiled>();

/**
 * Tells whether a text holds what a pattern describes, anywhere in it as in the original.
 *
 * @param pattern a pattern of RE2.
 * @param text what was given.
 * @returns false also for a pattern that is none, and for a text too long to look through.
 */
export function matches(pattern: string, text: string): boolean {
  const { pattern: compiled, maxLength } = compile(pattern);
  return compiled !== undefined && text.length <= maxLength && compiled.matcher(text).find();
}

function compile(pattern: string): Compiled {
  let compiled = known.get(pattern);
  if (compiled === undefined) {
    if (known.size >= MAX_PATTERNS) known.clear();
    known.set(pattern, compiled = compileAnew(pattern));
  }
  return compiled;
}

function compileAnew(pattern: string): Compiled {
  const size = patternSize(pattern);
  const maxLength = Math.floor(MAX_MATCH_STEPS / Math.max(1, size));
  try {
    return { pattern: size > MAX_PATTERN_SIZE ? undefined : RE2JS.compile(pattern), maxLength };
  } catch {
    return { pattern: undefined, maxLength };
  }
}
