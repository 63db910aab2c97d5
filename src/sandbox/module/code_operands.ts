/**
 * Skips operands that are rare or long: block types, branch tables, catch lists, everything behind
 * a prefix. The frequent ones are skipped in the loop of `code_scan.ts`.
 *
 * @module
 */

import { BinaryReader } from "./binary_reader.ts";
import { type CodeNotes, SITE } from "./code_notes.ts";
import { featureBit, LASTING } from "./features.ts";
import { OPERANDS } from "./opcodes.ts";
import { hex, malformed, refuseConstruct } from "./problems.ts";
import { readValueType, readValueTypes } from "./type_reader.ts";

const MULTI_VALUE = featureBit("multi-value");
const SAT_FLOAT = featureBit("sat-float");
const BULK = featureBit("bulk-memory");
const REFERENCES = featureBit("reference-types");
const WIDE = featureBit("wide-arithmetic");
const SIMD = featureBit("simd");
const RELAXED = featureBit("relaxed-simd");

/** Behind 0xFC: how many indices follow, the kind of site, the proposal and whether it lasts. */
const FC: readonly (readonly [number, number | undefined, number])[] = [
  ...Array.from({ length: 8 }, () => [0, undefined, SAT_FLOAT] as const),
  [2, SITE.memoryBulk, BULK],
  [1, undefined, BULK | LASTING],
  [2, SITE.memoryBulk, BULK],
  [1, SITE.memoryBulk, BULK],
  [2, SITE.tableBulk, BULK | LASTING],
  [1, undefined, BULK | LASTING],
  [2, SITE.tableBulk, BULK | LASTING],
  [1, SITE.grow, REFERENCES | LASTING],
  [1, undefined, REFERENCES],
  [1, SITE.tableBulk, REFERENCES | LASTING],
];

/**
 * Skips the type of a block.
 *
 * @param notes takes the proposal.
 * @param bytes the module.
 * @param at first byte of the type.
 * @returns what is behind it.
 */
export function skipBlockType(notes: CodeNotes, bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first >= 0x40 && first < 0x80) {
    if (first !== 0x40) readValueType(new BinaryReader(bytes, at, bytes.length));
    return at + 1;
  }
  notes.features |= MULTI_VALUE;
  const reader = new BinaryReader(bytes, at, bytes.length);
  // Indices are written as signed numbers of 33 bits; those of existing types are far shorter.
  reader.u32();
  return reader.at;
}

/**
 * Skips what follows an opcode that has operands of a rare sort.
 *
 * @param notes takes what is found.
 * @param bytes the module.
 * @param at first byte behind the opcode.
 * @param end of the body.
 * @param operands one of OPERANDS.
 * @returns what is behind the operands.
 */
export function skipRare(
  notes: CodeNotes,
  bytes: Uint8Array,
  at: number,
  end: number,
  operands: number,
): number {
  const reader = new BinaryReader(bytes, at, end);
  switch (operands) {
    case OPERANDS.memory:
      skipMemoryOperand(reader);
      break;
    case OPERANDS.callIndirect:
    case OPERANDS.tailCallIndirect:
      notes.needCheck();
      reader.u32();
      reader.u32();
      break;
    case OPERANDS.tailCall:
      notes.needCheck();
      reader.u32();
      break;
    case OPERANDS.branchTable:
      for (let left = reader.count("labels", 1); left >= 0; left--) reader.u32();
      break;
    case OPERANDS.selectTyped:
      readValueTypes(reader);
      break;
    case OPERANDS.heapType:
      readValueType(reader);
      break;
    case OPERANDS.legacyTry:
      notes.needCheck();
      return skipBlockType(notes, bytes, at);
    case OPERANDS.tryTable:
      notes.needCheck();
      reader.at = skipBlockType(notes, bytes, at);
      skipCatches(reader);
      break;
    default:
      malformed(`operands of the sort ${operands} are not known`, at);
  }
  return reader.at;
}

/** Kinds 0 and 1 name a tag, 2 and 3 catch all. */
function skipCatches(reader: BinaryReader): void {
  for (let left = reader.count("catch clauses", 2); left > 0; left--) {
    const at = reader.at;
    const kind = reader.byte();
    if (kind > 3) malformed(`a catch clause of kind ${kind} is unknown`, at);
    if (kind < 2) reader.u32();
    reader.u32();
  }
}

function skipMemoryOperand(reader: BinaryReader): void {
  const at = reader.at;
  const alignment = reader.u32();
  if (alignment >= 0x80) malformed("an alignment is too large", at);
  if ((alignment & 0x40) !== 0) reader.u32();
  reader.u64();
}

/**
 * Skips an instruction behind one of the prefixes 0xFC, 0xFD, 0xFE.
 *
 * @param notes takes sites and proposals.
 * @param bytes the module.
 * @param at where the prefix stands.
 * @returns what is behind the instruction.
 */
export function skipPrefixed(notes: CodeNotes, bytes: Uint8Array, at: number): number {
  const reader = new BinaryReader(bytes, at + 1, bytes.length);
  const code = reader.u32();
  const prefix = bytes[at]!;
  if (prefix === 0xfd) skipVector(notes, reader, code, at);
  else if (prefix === 0xfe) skipAtomic(reader, code, at);
  else skipNumbered(notes, reader, code, at);
  return reader.at;
}

function skipNumbered(notes: CodeNotes, reader: BinaryReader, code: number, at: number): void {
  if (code >= 0x13 && code <= 0x16) {
    notes.features |= WIDE;
    return;
  }
  const entry = FC[code];
  if (entry === undefined) refuseConstruct("unknown", `Instruction 0xfc ${hex(code)}`, at);
  const [indices, site, feature] = entry;
  for (let left = indices; left > 0; left--) reader.u32();
  if (site !== undefined) notes.addSite(at, site);
  notes.features |= feature;
}

function skipVector(notes: CodeNotes, reader: BinaryReader, code: number, at: number): void {
  notes.features |= SIMD;
  if (code <= 11 || code === 92 || code === 93) skipMemoryOperand(reader);
  else if (code === 12 || code === 13) reader.skip(16);
  else if (code >= 21 && code <= 34) reader.skip(1);
  else if (code >= 84 && code <= 91) {
    skipMemoryOperand(reader);
    reader.skip(1);
  } else if (code >= 0x100) {
    if (code > 0x113) refuseConstruct("unknown", `Instruction 0xfd ${hex(code)}`, at);
    notes.features |= RELAXED;
  }
}

function skipAtomic(reader: BinaryReader, code: number, at: number): void {
  if (code === 3) reader.skip(1);
  else if (code <= 2 || code >= 0x10 && code <= 0x4e) skipMemoryOperand(reader);
  else refuseConstruct("unknown", `Instruction 0xfe ${hex(code)}`, at);
}
