/**
 * Walks every function body once, from instruction to instruction, and notes what the rewriter has
 * to know: where loops and bulk operations stand, who calls whom, which proposals are used. Nesting
 * is not followed, so nothing recurses; bodies have been validated by the engine before.
 *
 * @module
 */

import { BinaryReader, skipLeb } from "./binary_reader.ts";
import { skipBlockType, skipPrefixed, skipRare } from "./code_operands.ts";
import { CodeNotes, SITE } from "./code_notes.ts";
import { OPCODES, refusedProposal } from "./opcodes.ts";
import { hex, malformed, refuseConstruct } from "./problems.ts";
import type { Section } from "./sections.ts";
import { readValueType } from "./type_reader.ts";

/** Most local variables of one function that the engine accepts. */
export const MAX_LOCALS = 50_000;

/**
 * Walks the code section.
 *
 * @param bytes the module.
 * @param section the code section; absent when the module defines no functions.
 * @param functionCount as many bodies as the function section promises.
 * @returns what was found.
 * @throws {KernelError} sandbox.invalid_module, sandbox.module_refused.
 */
export function scanCode(
  bytes: Uint8Array,
  section: Section | undefined,
  functionCount: number,
): CodeNotes {
  const notes = new CodeNotes(functionCount, bytes.length);
  if (section === undefined) {
    if (functionCount > 0) malformed("it declares functions without bodies", bytes.length);
    return notes;
  }
  const reader = new BinaryReader(bytes, section.start, section.end);
  const count = reader.count("function bodies", 2);
  if (count !== functionCount) {
    malformed(`${functionCount} functions are declared and ${count} have a body`, section.start);
  }
  for (let index = 0; index < count; index++) {
    const size = reader.u32();
    const start = reader.at;
    reader.skip(size);
    const end = reader.at;
    notes.begin(index, start, end);
    const body = new BinaryReader(bytes, start, end);
    notes.localCount[index] = readLocals(body);
    notes.codeStart[index] = body.at;
    scanBody(notes, bytes, body.at, end);
  }
  reader.finish("the code section");
  notes.finish();
  return notes;
}

function readLocals(body: BinaryReader): number {
  let total = 0;
  for (let left = body.count("groups of locals", 2); left > 0; left--) {
    const at = body.at;
    total += body.u32();
    if (total > MAX_LOCALS) malformed("a function has too many locals", at);
    readValueType(body);
  }
  return total;
}

/** The literals are those of OPERANDS in `opcodes.ts`. */
function scanBody(notes: CodeNotes, bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  let seen = 0;
  while (at < end) {
    const opcodeAt = at;
    const entry = OPCODES[bytes[at++]!]!;
    seen |= entry;
    switch (entry & 31) {
      case 0:
        break;
      case 1:
        if (bytes[at++]! > 0x7f) at = skipLeb(bytes, at, 4);
        break;
      case 2:
        if (bytes[at++]! > 0x7f) at = skipLeb(bytes, at, 9);
        break;
      case 3:
        // Bit 6 of the alignment says that the index of a memory follows.
        if ((bytes[at++]! & 0xc0) !== 0) at = skipRare(notes, bytes, at - 1, end, 3);
        else if (bytes[at++]! > 0x7f) at = skipLeb(bytes, at, 9);
        break;
      case 4:
        if (bytes[at++] !== 0x40) at = skipBlockType(notes, bytes, at - 1);
        break;
      case 5:
        if (bytes[at++] !== 0x40) at = skipBlockType(notes, bytes, at - 1);
        notes.addSite(at, SITE.loop);
        break;
      case 6:
        at = notes.addCall(bytes, at);
        break;
      case 11:
        at += 4;
        break;
      case 12:
        at += 8;
        break;
      case 15:
        if (bytes[at++]! > 0x7f) at = skipLeb(bytes, at, 4);
        notes.addSite(opcodeAt, SITE.grow);
        break;
      case 16:
      case 17:
      case 18:
        at = skipPrefixed(notes, bytes, opcodeAt);
        break;
      case 31:
        refuseOpcode(bytes, opcodeAt);
        break;
      default:
        at = skipRare(notes, bytes, at, end, entry & 31);
    }
  }
  if (at !== end || bytes[end - 1] !== 0x0b) malformed("a function body does not end", end - 1);
  notes.features |= seen;
}

function refuseOpcode(bytes: Uint8Array, at: number): never {
  const opcode = bytes[at]!;
  refuseConstruct(refusedProposal(opcode), `Instruction ${hex(opcode)}`, at);
}
