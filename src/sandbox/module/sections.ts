/**
 * Cuts a module into its sections: header, order, sizes. What is inside is read elsewhere.
 *
 * @module
 */

import { BinaryReader } from "./binary_reader.ts";
import { hex, malformed, refuseConstruct } from "./problems.ts";

/** Codes of the sections. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** The order that sections other than custom ones have to stand in; each at most once. */
export const SECTION_ORDER: readonly number[] = [
  SECTION.type,
  SECTION.import,
  SECTION.function,
  SECTION.table,
  SECTION.memory,
  SECTION.tag,
  SECTION.global,
  SECTION.export,
  SECTION.start,
  SECTION.element,
  SECTION.dataCount,
  SECTION.code,
  SECTION.data,
];

/** A section. */
export interface Section {
  readonly id: number;
  /** Of custom sections. */
  readonly name?: string;
  /** First byte of the content; in custom sections behind the name. */
  readonly start: number;
  /** Where the header stands: the section as a whole goes from here to the end. */
  readonly headerStart: number;
  readonly end: number;
}

/** `\0asm` and version 1. */
export const HEADER: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/**
 * Cuts a module into sections.
 *
 * @param bytes the module.
 * @returns its sections in order.
 * @throws {KernelError} sandbox.invalid_module — the header, a size or the order is wrong;
 *   sandbox.module_refused — a section is unknown.
 */
export function readSections(bytes: Uint8Array): Section[] {
  checkHeader(bytes);
  const reader = new BinaryReader(bytes, HEADER.length, bytes.length);
  const sections: Section[] = [];
  let last = -1;
  while (reader.remaining > 0) {
    const headerStart = reader.at;
    const id = reader.byte();
    const size = reader.u32();
    if (size > reader.remaining) malformed("a section is longer than the module", headerStart);
    const start = reader.at;
    const end = start + size;
    reader.skip(size);
    if (id === SECTION.custom) {
      const content = new BinaryReader(bytes, start, end);
      sections.push({ id, name: content.name(), start: content.at, headerStart, end });
      continue;
    }
    const place = SECTION_ORDER.indexOf(id);
    if (place < 0) refuseConstruct("unknown", `Section ${hex(id)}`, headerStart);
    if (place <= last) malformed(`section ${id} is out of order or stands twice`, headerStart);
    last = place;
    sections.push({ id, start, headerStart, end });
  }
  return sections;
}

function checkHeader(bytes: Uint8Array): void {
  const wrong = HEADER.findIndex((byte, at) => bytes[at] !== byte);
  if (wrong < 0) return;
  if (wrong < 4) malformed("it does not begin with the mark of a WebAssembly module", wrong);
  // Components have the same mark and another version.
  malformed("it is no core module of version 1", wrong);
}
