/**
 * Writes the code section anew, with the checks in it. Sizes are worked out first, then everything
 * is written once, in order.
 *
 * @module
 */

import { BinaryReader } from "./binary_reader.ts";
import { type ByteWriter, sizeOfU32 } from "./byte_writer.ts";
import type { CheckCode } from "./check_code.ts";
import { type CodeNotes, SITE } from "./code_notes.ts";
import { MAX_LOCALS } from "./code_scan.ts";
import type { Declarations } from "./declarations.ts";
import { refuse } from "./problems.ts";

/** Largest body of a function that the engine accepts, in bytes. */
const MAX_BODY_BYTES = 7_654_321;
/** A group of one i32. */
const SCRATCH_GROUP = [0x01, 0x7f];

/** What the code section is made from. */
export interface CodePlan {
  readonly declarations: Declarations;
  readonly notes: CodeNotes;
  readonly isChecked: Uint8Array;
  readonly checks: CheckCode;
  /** Scratch local by function; -1 where it has none. */
  readonly scratch: Int32Array;
  /** Sizes of the new bodies. */
  readonly bodyBytes: Int32Array;
  /** Size of the new section's content. */
  readonly contentBytes: number;
}

/**
 * Works out where checks go and how large everything becomes.
 *
 * @param declarations of the module.
 * @param notes on its code.
 * @param isChecked functions whose entry is checked.
 * @param checks the sequences.
 * @returns the plan.
 * @throws {KernelError} sandbox.module_refused — a function would be larger than the engine accepts.
 */
export function planCode(
  declarations: Declarations,
  notes: CodeNotes,
  isChecked: Uint8Array,
  checks: CheckCode,
): CodePlan {
  const count = notes.bodyStart.length;
  const scratch = new Int32Array(count).fill(-1);
  const bodyBytes = new Int32Array(count);
  const plan = { declarations, notes, isChecked, checks, scratch, bodyBytes };
  let contentBytes = sizeOfU32(count);
  for (let index = 0; index < count; index++) {
    if (checks.takesScratch && hasBulk(notes, index)) scratch[index] = scratchLocal(plan, index);
    const size = newBodyBytes(plan, index);
    if (size > MAX_BODY_BYTES) {
      const message = `Function ${functionIndex(plan, index)} would have ${size} bytes of code ` +
        `with the checks in it; ${MAX_BODY_BYTES} are possible.`;
      refuse([{ about: "limit", name: "body bytes", message }]);
    }
    bodyBytes[index] = size;
    contentBytes += sizeOfU32(size) + size;
  }
  return { ...plan, contentBytes };
}

/**
 * Writes the content of the new code section.
 *
 * @param plan of {@link planCode}.
 * @param writer takes it.
 * @returns where each new body begins in what is written.
 */
export function writeCode(plan: CodePlan, writer: ByteWriter): Int32Array {
  const { declarations: { bytes }, notes, checks, scratch } = plan;
  const count = notes.bodyStart.length;
  const newStart = new Int32Array(count);
  writer.reserve(plan.contentBytes);
  writer.u32(count);
  for (let index = 0; index < count; index++) {
    writer.u32(plan.bodyBytes[index]!);
    newStart[index] = writer.at;
    let from = writeLocals(plan, index, writer);
    if (plan.isChecked[index] === 1) writer.put(checks.plain);
    for (let site = notes.firstSite[index]!; site < notes.firstSite[index + 1]!; site++) {
      const offset = notes.siteOffset[site]!;
      writer.copy(bytes, from, offset);
      writer.put(checks.at(notes.siteKind[site]!, scratch[index]!));
      from = offset;
    }
    writer.copy(bytes, from, notes.bodyEnd[index]!);
  }
  return newStart;
}

/**
 * Tells by how much a function's declarations of locals grow.
 *
 * @param plan scratch locals of it.
 * @param index of the function among the defined ones.
 * @returns bytes; negative when a padded count is written in fewer.
 */
export function localsGrowth(
  plan: Pick<CodePlan, "declarations" | "notes" | "scratch">,
  index: number,
): number {
  if (plan.scratch[index]! < 0) return 0;
  const { groups, behindCount } = readGroups(plan, index);
  const oldCountBytes = behindCount - plan.notes.bodyStart[index]!;
  return sizeOfU32(groups + 1) - oldCountBytes + SCRATCH_GROUP.length;
}

function writeLocals(plan: CodePlan, index: number, writer: ByteWriter): number {
  const { declarations: { bytes }, notes } = plan;
  const codeStart = notes.codeStart[index]!;
  if (plan.scratch[index]! < 0) {
    writer.copy(bytes, notes.bodyStart[index]!, codeStart);
    return codeStart;
  }
  const { groups, behindCount } = readGroups(plan, index);
  writer.u32(groups + 1);
  writer.copy(bytes, behindCount, codeStart);
  writer.put(SCRATCH_GROUP);
  return codeStart;
}

function readGroups(plan: Pick<CodePlan, "declarations" | "notes">, index: number) {
  const { declarations: { bytes }, notes } = plan;
  const reader = new BinaryReader(bytes, notes.bodyStart[index]!, notes.codeStart[index]!);
  return { groups: reader.u32(), behindCount: reader.at };
}

function hasBulk(notes: CodeNotes, index: number): boolean {
  for (let site = notes.firstSite[index]!; site < notes.firstSite[index + 1]!; site++) {
    const kind = notes.siteKind[site];
    if (kind === SITE.memoryBulk || kind === SITE.tableBulk) return true;
  }
  return false;
}

function scratchLocal(plan: Pick<CodePlan, "declarations" | "notes">, index: number): number {
  const { declarations, notes } = plan;
  const type = declarations.types[declarations.functionTypes[index]!]!;
  const locals = notes.localCount[index]!;
  if (locals >= MAX_LOCALS) {
    const message = `Function ${functionIndex(plan, index)} has ${locals} locals; ` +
      `${MAX_LOCALS - 1} are possible where it uses bulk operations.`;
    refuse([{ about: "limit", name: "locals", message }]);
  }
  return type.parameters.length + locals;
}

function newBodyBytes(
  plan: Omit<CodePlan, "contentBytes">,
  index: number,
): number {
  const { notes, checks } = plan;
  let size = notes.bodyEnd[index]! - notes.bodyStart[index]! + localsGrowth(plan, index);
  if (plan.isChecked[index] === 1) size += checks.plain.length;
  for (let site = notes.firstSite[index]!; site < notes.firstSite[index + 1]!; site++) {
    size += checks.at(notes.siteKind[site]!, plan.scratch[index]!).length;
  }
  return size;
}

function functionIndex(plan: Pick<CodePlan, "declarations">, index: number): number {
  return plan.declarations.importedFunctionTypes.length + index;
}
