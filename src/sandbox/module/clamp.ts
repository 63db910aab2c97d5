/**
 * Writes the bounds of memories and tables so that no instance can pass its limits: the greatest
 * size becomes the limit where it was larger or absent, and growing beyond it answers -1.
 *
 * @module
 */

import type { BinaryReader } from "./binary_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import type { Declarations } from "./declarations.ts";
import type { Bounds } from "./module_info.ts";
import { type ModuleProblem, refuse } from "./problems.ts";
import { skipConstantExpression } from "./segments.ts";
import { readBounds, readValueType } from "./type_reader.ts";

/**
 * Writes the memories a module defines.
 *
 * @param declarations of the module.
 * @param limitPages most pages of each.
 * @param into takes them.
 * @throws {KernelError} sandbox.module_refused — one begins larger, is shared or of 64 bits.
 */
export function writeClampedMemories(
  { memories }: Declarations,
  limitPages: number,
  into: ByteWriter,
): void {
  for (const memory of memories) {
    if (memory.shared || memory.index === "i64") {
      const name = memory.shared ? "threads" : "memory64";
      const message = `A memory is ${memory.shared ? "shared" : "of 64 bits"}; it must not be.`;
      refuse([{ about: "feature", name, message }]);
    }
    writeBounds(memory, limitPages, into, "memory pages");
  }
}

/**
 * Writes the tables a module defines.
 *
 * @param content the table section behind its count.
 * @param declarations of the module.
 * @param limit most elements of each.
 * @param into takes them.
 * @throws {KernelError} sandbox.module_refused — one begins larger, or is of 64 bits.
 */
export function writeClampedTables(
  content: BinaryReader,
  { tables }: Declarations,
  limit: number,
  into: ByteWriter,
): void {
  for (const table of tables) {
    const start = content.at;
    const hasInit = content.bytes[start] === 0x40;
    if (hasInit) content.skip(2);
    readValueType(content);
    into.copy(content.bytes, start, content.at);
    if (readBounds(content, "table").is64) {
      const message = "A table is of 64 bits; it must not be.";
      refuse([{ about: "feature", name: "memory64", message }]);
    }
    writeBounds(table, limit, into, "table elements");
    if (!hasInit) continue;
    const init = content.at;
    skipConstantExpression(content);
    into.copy(content.bytes, init, content.at);
  }
}

function writeBounds(bounds: Bounds, limit: number, into: ByteWriter, what: string): void {
  if (bounds.min > limit) {
    const problem: ModuleProblem = {
      about: "limit",
      name: what,
      message: `Module begins with ${bounds.min} ${what}; ${limit} are allowed.`,
    };
    refuse([problem]);
  }
  into.put([0x01]);
  into.u32(bounds.min);
  into.u32(Math.min(bounds.max ?? limit, limit));
}
