/**
 * The table of instructions: what follows each opcode, and which proposal it belongs to. An opcode
 * that is not in the table is refused, never passed over.
 *
 * @module
 */

import { type Feature, featureBit, LASTING } from "./features.ts";

/**
 * What follows an opcode. The scanner's inner loop switches over these numbers as literals, because
 * only then does the engine's interpreter jump instead of comparing one after the other; whoever
 * changes one changes both.
 */
export const OPERANDS = {
  none: 0,
  /** An index or label: one number of 32 bits. */
  index: 1,
  /** A signed number. */
  constant: 2,
  memory: 3,
  block: 4,
  loop: 5,
  call: 6,
  callIndirect: 7,
  tailCall: 8,
  tailCallIndirect: 9,
  branchTable: 10,
  fourBytes: 11,
  eightBytes: 12,
  selectTyped: 13,
  heapType: 14,
  memoryGrow: 15,
  prefixFc: 16,
  prefixFd: 17,
  prefixFe: 18,
  /** Legacy `try`: a block in which exceptions are caught. */
  legacyTry: 19,
  tryTable: 20,
  refused: 31,
} as const;

type Operands = keyof typeof OPERANDS;

/** First code, last code, what follows, proposal. */
const RANGES: readonly (readonly [number, number, Operands, Feature?])[] = [
  [0x00, 0x01, "none"],
  [0x02, 0x02, "block"],
  [0x03, 0x03, "loop"],
  [0x04, 0x04, "block"],
  [0x05, 0x05, "none"],
  [0x06, 0x06, "legacyTry", "legacy-exceptions"],
  [0x07, 0x07, "index", "legacy-exceptions"],
  [0x08, 0x08, "index", "exceptions"],
  [0x09, 0x09, "index", "legacy-exceptions"],
  [0x0a, 0x0a, "none", "exceptions"],
  [0x0b, 0x0b, "none"],
  [0x0c, 0x0d, "index"],
  [0x0e, 0x0e, "branchTable"],
  [0x0f, 0x0f, "none"],
  [0x10, 0x10, "call"],
  [0x11, 0x11, "callIndirect"],
  [0x12, 0x12, "tailCall", "tail-call"],
  [0x13, 0x13, "tailCallIndirect", "tail-call"],
  [0x18, 0x18, "index", "legacy-exceptions"],
  [0x19, 0x19, "none", "legacy-exceptions"],
  [0x1a, 0x1b, "none"],
  [0x1c, 0x1c, "selectTyped", "reference-types"],
  [0x1f, 0x1f, "tryTable", "exceptions"],
  [0x20, 0x24, "index"],
  [0x25, 0x26, "index", "reference-types"],
  [0x28, 0x3e, "memory"],
  [0x3f, 0x3f, "index"],
  [0x40, 0x40, "memoryGrow"],
  [0x41, 0x42, "constant"],
  [0x43, 0x43, "fourBytes"],
  [0x44, 0x44, "eightBytes"],
  [0x45, 0xbf, "none"],
  [0xc0, 0xc4, "none", "sign-ext"],
  [0xd0, 0xd0, "heapType", "reference-types"],
  [0xd1, 0xd1, "none", "reference-types"],
  [0xd2, 0xd2, "index", "reference-types"],
  [0xfc, 0xfc, "prefixFc"],
  [0xfd, 0xfd, "prefixFd"],
  [0xfe, 0xfe, "prefixFe", "threads"],
];

const TABLE_SET = 0x26;

/** By opcode: what follows in the five lowest bits, the bit of the proposal and `LASTING` above. */
export const OPCODES: Int32Array = buildTable();

function buildTable(): Int32Array {
  const table = new Int32Array(256).fill(OPERANDS.refused);
  for (const [first, last, operands, feature] of RANGES) {
    const entry = OPERANDS[operands] | (feature === undefined ? 0 : featureBit(feature));
    table.fill(entry, first, last + 1);
  }
  table[TABLE_SET]! |= LASTING;
  return table;
}

/**
 * Names the proposal of an opcode that is refused.
 *
 * @param opcode the first byte.
 * @returns its name, or `unknown`.
 */
export function refusedProposal(opcode: number): string {
  if (opcode === 0xfb) return "gc";
  if (opcode >= 0xe0 && opcode <= 0xe6) return "stack-switching";
  if ([0x14, 0x15, 0xd4, 0xd5, 0xd6].includes(opcode)) return "typed-function-references";
  if (opcode === 0xd3) return "gc";
  return "unknown";
}
