/**
 * Maps positions in a rewritten module back to the original, for readable traps: source maps and
 * debug information count in the original's bytes. Recomputed when somebody asks.
 *
 * @module
 */

import type { CodePlan } from "./code_rewrite.ts";
import { localsGrowth } from "./code_rewrite.ts";
import { readModule } from "./instrument.ts";
import { type InstrumentOptions, rewriteModule, type Rewritten } from "./rewrite.ts";

/**
 * Maps one position.
 *
 * @param functionIndex as the engine prints it in `wasm-function[index]`.
 * @param offset in the rewritten module, as the engine prints it behind it.
 * @returns the offset in the original; undefined when the position lies in no function.
 */
export type OriginalOffset = (functionIndex: number, offset: number) => number | undefined;

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
  const rewritten = rewriteModule(declarations, notes, options);
  const imported = declarations.importedFunctionTypes.length;
  return (functionIndex, offset) => mapOffset(rewritten, functionIndex - imported, offset);
}

function mapOffset(
  { plan, newBodyStart }: Rewritten,
  index: number,
  offset: number,
): number | undefined {
  const { notes, bodyBytes } = plan;
  const start = newBodyStart[index];
  if (start === undefined || offset < start || offset >= start + bodyBytes[index]!) {
    return undefined;
  }
  // How much further behind a position is in the new bytes, up to what was looked at.
  let shift = start - notes.bodyStart[index]!;
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
