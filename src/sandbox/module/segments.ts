/**
 * Reads past element segments, data segments and the constant expressions in them: only how many
 * there are, and which proposals they use, is kept.
 *
 * @module
 */

import { type BinaryReader, skipLeb } from "./binary_reader.ts";
import { featureBit } from "./features.ts";
import { hex, malformed, refuseConstruct } from "./problems.ts";
import { readValueType } from "./type_reader.ts";

/** What is kept of a section of segments. */
export interface SegmentSummary {
  readonly count: number;
  /** Bits of `features.ts`. */
  readonly features: number;
}

const V128_CONST = 12;

/**
 * Reads past an initial value or an offset.
 *
 * @param reader where it stands.
 * @returns bits of the proposals it uses.
 * @throws {KernelError} sandbox.invalid_module, sandbox.module_refused — an instruction that may not
 *   stand in a constant expression, or one that is not admitted.
 */
export function skipConstantExpression(reader: BinaryReader): number {
  let features = 0;
  while (true) {
    const at = reader.at;
    const opcode = reader.byte();
    switch (opcode) {
      case 0x0b:
        return features;
      case 0x41:
      case 0x42:
        if (reader.byte() > 0x7f) {
          reader.at = skipLeb(reader.bytes, reader.at, opcode === 0x41 ? 4 : 9);
        }
        if (reader.at > reader.end) malformed("an expression ends too early", at);
        break;
      case 0x43:
        reader.skip(4);
        break;
      case 0x44:
        reader.skip(8);
        break;
      case 0x23:
        reader.u32();
        break;
      case 0x6a:
      case 0x6b:
      case 0x6c:
      case 0x7c:
      case 0x7d:
      case 0x7e:
        features |= featureBit("extended-const");
        break;
      case 0xd0:
        readValueType(reader);
        features |= featureBit("reference-types");
        break;
      case 0xd2:
        reader.u32();
        features |= featureBit("reference-types");
        break;
      case 0xfd:
        if (reader.u32() !== V128_CONST) malformed("a vector expression is not constant", at);
        reader.skip(16);
        features |= featureBit("simd");
        break;
      case 0xfb:
        refuseConstruct("gc", `Instruction ${hex(opcode)}`, at);
        break;
      default:
        malformed(`instruction ${hex(opcode)} may not stand in a constant expression`, at);
    }
  }
}

/**
 * Reads past the element section.
 *
 * @param reader its content.
 * @returns how many segments there are.
 */
export function readElementSegments(reader: BinaryReader): SegmentSummary {
  const count = reader.count("element segments", 2);
  let features = 0;
  for (let left = count; left > 0; left--) features |= skipElementSegment(reader);
  return { count, features };
}

/** Flags: 1 passive or declared, 2 explicit table or declared, 4 expressions instead of indices. */
function skipElementSegment(reader: BinaryReader): number {
  const at = reader.at;
  const flags = reader.u32();
  if (flags > 7) malformed(`element segment of kind ${flags} is unknown`, at);
  let features = flags === 0 ? 0 : featureBit("reference-types");
  const isActive = (flags & 1) === 0;
  if (isActive && (flags & 2) !== 0) reader.u32();
  if (isActive) features |= skipConstantExpression(reader);
  const holdsExpressions = (flags & 4) !== 0;
  if ((flags & 3) !== 0) {
    if (holdsExpressions) readValueType(reader);
    else if (reader.byte() !== 0) malformed("an element segment holds no functions", at);
  }
  for (let left = reader.count("elements", 1); left > 0; left--) {
    if (holdsExpressions) features |= skipConstantExpression(reader);
    else reader.u32();
  }
  return features;
}

/**
 * Reads past the data section.
 *
 * @param reader its content.
 * @returns how many segments there are.
 */
export function readDataSegments(reader: BinaryReader): SegmentSummary {
  const count = reader.count("data segments", 2);
  let features = 0;
  for (let left = count; left > 0; left--) {
    const at = reader.at;
    const flags = reader.u32();
    if (flags > 2) malformed(`data segment of kind ${flags} is unknown`, at);
    if (flags === 1) features |= featureBit("bulk-memory");
    if (flags === 2) reader.u32();
    if (flags !== 1) features |= skipConstantExpression(reader);
    reader.skip(reader.u32());
  }
  return { count, features };
}
