/**
 * Reads WebAssembly's binary format bit by bit: bytes, LEB128 numbers of strict length, names,
 * counts. Knows no sections and no instructions.
 *
 * @module
 */

import { malformed, refuse } from "./problems.ts";

// A byte order mark is part of a name.
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A position in a module that moves forward up to an end. */
export class BinaryReader {
  /** The whole module. */
  readonly bytes: Uint8Array;
  /** First byte that does not belong to what is read. */
  readonly end: number;
  /** Next byte to be read. */
  at: number;

  /**
   * @param bytes the whole module: offsets in complaints count from its first byte.
   * @param start first byte to read.
   * @param end first byte not to read.
   */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.end - this.at;
  }

  /** Reads one byte. @throws {KernelError} sandbox.invalid_module at the end */
  byte(): number {
    if (this.at >= this.end) malformed("it ends too early", this.at);
    return this.bytes[this.at++]!;
  }

  /** Reads an unsigned number of 32 bits, of at most five bytes. */
  u32(): number {
    const start = this.at;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) malformed("a number is longer than 32 bits", start);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return malformed("a number is longer than 32 bits", start);
  }

  /** Reads an unsigned number of 64 bits; above 2^53 it is rounded. */
  u64(): number {
    const start = this.at;
    let value = 0;
    for (let place = 0; place < 10; place++) {
      const byte = this.byte();
      if (place === 9 && byte > 0x01) malformed("a number is longer than 64 bits", start);
      value += (byte & 0x7f) * 2 ** (7 * place);
      if (byte < 0x80) return value;
    }
    return malformed("a number is longer than 64 bits", start);
  }

  /**
   * Reads how many items follow.
   *
   * @param items what they are, for the complaint.
   * @param leastBytes what one of them takes at least: a count that cannot be true is refused before
   *   anything is allocated for it.
   * @param most how many may be read at all, where something is allocated for each of them.
   * @throws {KernelError} sandbox.invalid_module; sandbox.module_refused — there are more.
   */
  count(items: string, leastBytes: number, most = Infinity): number {
    const start = this.at;
    const count = this.u32();
    if (count * leastBytes > this.remaining) {
      malformed(`${count} ${items} cannot fit into the ${this.remaining} bytes that follow`, start);
    }
    if (count > most) {
      const message = `Module has ${count} ${items}; no more than ${most} are read.`;
      refuse([{ about: "limit", name: items, message }]);
    }
    return count;
  }

  /** Moves on. @param length in bytes */
  skip(length: number): void {
    if (length > this.remaining) malformed("it ends too early", this.at);
    this.at += length;
  }

  /** Reads a name. */
  name(): string {
    const start = this.at;
    const length = this.u32();
    if (length > this.remaining) malformed("a name is longer than what holds it", start);
    const from = this.at;
    this.at += length;
    try {
      return UTF8.decode(this.bytes.subarray(from, this.at));
    } catch {
      return malformed("a name is not UTF-8", start);
    }
  }

  /** Makes sure that everything was read. @param what what has been read, for the complaint */
  finish(what: string): void {
    if (this.at !== this.end) malformed(`${what} is longer than its content`, this.at);
  }
}

/**
 * Skips the rest of a LEB128 number whose first byte said that it goes on.
 *
 * @param bytes the module.
 * @param at the second byte of the number.
 * @param most how many bytes may follow the first: 4 for 32 bits, 9 for 64 bits.
 * @returns where the next thing begins.
 * @throws {KernelError} sandbox.invalid_module — it is longer.
 */
export function skipLeb(bytes: Uint8Array, at: number, most: number): number {
  for (let place = 0; place < most; place++) {
    if (bytes[at + place]! < 0x80) return at + place + 1;
  }
  return malformed("a number is too long", at - 1);
}
