/**
 * Reads and writes a guest's memory: every pointer and length is an unsigned 32-bit number, every
 * range is checked against the memory as it is now, every read is a copy.
 *
 * @module
 */

/** A range as guests pack it into one i64. */
export interface Packed {
  /** High 32 bits, unsigned. */
  readonly pointer: number;
  /** Low 32 bits, unsigned. */
  readonly length: number;
}

/** Linear memory of one instance, or none: a module need not export one. */
export class GuestMemory {
  readonly #memory: WebAssembly.Memory | undefined;

  /** @param exported what the module exports as `memory`. */
  constructor(exported: unknown) {
    this.#memory = exported instanceof WebAssembly.Memory ? exported : undefined;
  }

  /** Its size now, in bytes; 0 without a memory. */
  get byteLength(): number {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /**
   * Copies a range.
   *
   * @param pointer address, any number as a guest gives it.
   * @param length in bytes, likewise.
   * @returns the bytes, undefined when any of them is outside. Nothing is read for length 0.
   */
  read(pointer: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const view = this.view(pointer, length);
    return view === undefined ? undefined : new Uint8Array(view);
  }

  /**
   * Looks at a range without copying: valid until the guest runs again.
   *
   * @param pointer address.
   * @param length in bytes.
   * @returns the view, undefined when any of it is outside.
   */
  view(pointer: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const size = length >>> 0;
    if (size === 0) return new Uint8Array(0);
    const start = pointer >>> 0;
    if (this.#memory === undefined) return undefined;
    // A fresh one every time: growing the memory detaches the buffer.
    const buffer = this.#memory.buffer as ArrayBuffer;
    if (start + size > buffer.byteLength) return undefined;
    return new Uint8Array(buffer, start, size);
  }

  /**
   * Writes bytes.
   *
   * @param pointer address.
   * @param bytes what to write.
   * @returns whether all of it fits.
   */
  write(pointer: number, bytes: Uint8Array): boolean {
    const view = this.view(pointer, bytes.length);
    if (view === undefined) return false;
    view.set(bytes);
    return true;
  }

  /** Writes an unsigned 32-bit number. @returns whether it fits */
  writeU32(pointer: number, value: number): boolean {
    const view = this.view(pointer, 4);
    if (view === undefined) return false;
    new DataView(view.buffer, view.byteOffset).setUint32(0, value, true);
    return true;
  }

  /** Writes an unsigned 64-bit number. @returns whether it fits */
  writeU64(pointer: number, value: bigint): boolean {
    const view = this.view(pointer, 8);
    if (view === undefined) return false;
    new DataView(view.buffer, view.byteOffset).setBigUint64(0, value, true);
    return true;
  }

  /** Reads an unsigned 32-bit number. @returns it, undefined when it is outside */
  readU32(pointer: number): number | undefined {
    const view = this.view(pointer, 4);
    if (view === undefined) return undefined;
    return new DataView(view.buffer, view.byteOffset).getUint32(0, true);
  }
}

/** Packs a range the way both interfaces do: pointer in the high half. */
export function pack(pointer: number, length: number): bigint {
  return (BigInt(pointer >>> 0) << 32n) | BigInt(length >>> 0);
}

/** Takes a packed range apart. */
export function unpack(value: bigint): Packed {
  const bits = BigInt.asUintN(64, value);
  return { pointer: Number(bits >> 32n), length: Number(bits & 0xffff_ffffn) };
}
