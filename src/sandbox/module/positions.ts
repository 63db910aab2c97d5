/**
 * Maps positions in a rewritten module back to the original, for readable traps: source maps and
 * debug information count in the original's bytes. Recomputed when somebody asks.
 *
 * @module
 */

import { type CodePlan, localsGrowth } from "./code_rewrite.ts";
import { readModule } from "./instrument.ts";
import { type InstrumentOptions, rewriteModule } from "./rewrite.ts";

/** A position in the original. */
export interface OriginalPosition {
  /** Index of the function, imports counted: the same in the original and the rewritten module. */
  readonly functionIndex: number;
  /** Byte in the original module. */
  readonly offset: number;
}

/**
 * Maps one position.
 *
 * @param offset byte in the rewritten module, as the engine prints it behind `wasm-function[…]:`. The
 *   index it prints there is not taken: Deno 2.9 prints 0 for every function.
 * @returns the position in the original; undefined when it lies in no function.
 */
export type OriginalOffset = (offset: number) => OriginalPosition | undefined;

/**
 * Makes the map of a module.
 *
 * @param bytes the original.
 * @param options those it was rewritten with.
 * @returns the map. What lies in a check maps to the instruction behind the check.
 * @throws {KernelError} sandbox.invalid_module, sandbox.module_refused — it could not have been
 *   rewritten with these.
 */
export function originalOffsets(bytes: Uint8Array, options: InstrumentOptions): OriginalOffset {
  const { declarations, notes } = readModule(bytes);
  const { plan, newBodyStart } = rewriteModule(declarations, notes, options);
  const imported = declarations.importedFunctionTypes.length;
  return (offset) => {
    const index = functionAt(newBodyStart, offset);
    const start = newBodyStart[index];
    if (start === undefined || offset >= start + plan.bodyBytes[index]!) return undefined;
    return { functionIndex: imported + index, offset: mapOffset(plan, start, index, offset) };
  };
}

/** @returns index of the last body that begins at or before an offset; -1 when none does. */
function functionAt(newBodyStart: Int32Array, offset: number): number {
  let low = 0;
  let high = newBodyStart.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (newBodyStart[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function mapOffset(plan: CodePlan, start: number, index: number, offset: number): number {
  // How much further behind a position is in the new bytes, up to what was looked at.
  let shift = start - plan.notes.bodyStart[index]!;
  for (const [at, inserted] of insertions(plan, index)) {
    if (offset < at + shift) break;
    if (offset < at + shift + inserted) return at;
    shift += inserted;
  }
  return offset - shift;
}

/** Where something was inserted in a function, in the original's offsets, and how many bytes. */
function* insertions(plan: CodePlan, index: number): Generator<readonly [number, number]> {
  const { notes, checks, isChecked, scratch } = plan;
  const codeStart = notes.codeStart[index]!;
  const entry = isChecked[index] === 1 ? checks.plain.length : 0;
  yield [codeStart, localsGrowth(plan, index) + entry];
  for (let site = notes.firstSite[index]!; site < notes.firstSite[index + 1]!; site++) {
    const sequence = checks.at(notes.siteKind[site]!, scratch[index]!);
    yield [notes.siteOffset[site]!, sequence.length];
  }
}
