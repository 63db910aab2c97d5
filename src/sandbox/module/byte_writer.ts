/**
 * Writes WebAssembly's binary format into one buffer, which grows where more comes than was expected.
 *
 * @module
 */

/** Below so many bytes a loop is faster than a view and a native copy. */
const SHORT_COPY = 48;

/** A buffer that fills from its start. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  /** Where the next byte goes. */
  at = 0;

  /** @param capacity bytes to expect; it grows when there are more. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Makes room. @param length bytes that are about to be written */
  reserve(length: number): void {
    if (this.at + length <= this.#bytes.length) return;
    const larger = new Uint8Array((this.at + length) * 2);
    larger.set(this.#bytes.subarray(0, this.at));
    this.#bytes = larger;
  }

  /** Writes bytes. */
  put(bytes: ArrayLike<number>): void {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Writes an unsigned number of 32 bits in as few bytes as it takes. */
  u32(value: number): void {
    this.reserve(5);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.at++] = rest & 0x7f | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.at++] = rest;
  }

  /** Writes a part of other bytes. @param start its first byte @param end the first one behind it */
  copy(from: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.reserve(length);
    if (length >= SHORT_COPY) {
      this.#bytes.set(from.subarray(start, end), this.at);
      this.at += length;
      return;
    }
    const to = this.#bytes;
    let at = this.at;
    for (let next = start; next < end; next++) to[at++] = from[next]!;
    this.at = at;
  }

  /** Writes a name: its length in UTF-8, and that. */
  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u32(bytes.length);
    this.put(bytes);
  }

  /** Gives what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.at);
  }
}

/**
 * Encodes an unsigned number.
 *
 * @param value 0 to 2^32 - 1.
 * @returns its bytes, as few as it takes.
 */
export function encodeU32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push(rest & 0x7f | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

/**
 * Tells how many bytes an unsigned number takes.
 *
 * @param value 0 to 2^32 - 1.
 * @returns 1 to 5.
 */
export function sizeOfU32(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
