/**
 * Reads the names of functions from a module's name section, for readable traps. The section is not
 * validated by anybody, so what is wrong with it is passed over.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import { BinaryReader } from "./binary_reader.ts";
import { readSections } from "./sections.ts";

const FUNCTION_NAMES = 1;
const MAX_NAMES = 100_000;
const MAX_NAME_LENGTH = 200;

/**
 * Reads the names.
 *
 * @param bytes the original or the rewritten module: indices are the same in both.
 * @returns names by index of the function; at most 100,000, each cut to 200 characters.
 * @throws {KernelError} sandbox.invalid_module — the bytes are no module.
 */
export function functionNames(bytes: Uint8Array): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const section = readSections(bytes).find(({ name }) => name === "name");
  if (section === undefined) return names;
  try {
    readNames(new BinaryReader(bytes, section.start, section.end), names);
  } catch (error) {
    if (!isKernelError(error)) throw error;
  }
  return names;
}

function readNames(reader: BinaryReader, into: Map<number, string>): void {
  while (reader.remaining > 0) {
    const kind = reader.byte();
    const size = reader.u32();
    const start = reader.at;
    reader.skip(size);
    if (kind !== FUNCTION_NAMES) continue;
    const content = new BinaryReader(reader.bytes, start, reader.at);
    for (let left = content.count("names", 2); left > 0 && into.size < MAX_NAMES; left--) {
      const index = content.u32();
      into.set(index, content.name().slice(0, MAX_NAME_LENGTH));
    }
    return;
  }
}
