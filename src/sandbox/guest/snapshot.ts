/**
 * What an instance was when it was new, and setting it back to that. Taken before the first
 * invocation, so that nothing of any organization can be in it. Only for modules of which the
 * rewriter knows that memory and exported globals are all that their code can change.
 *
 * @module
 */

import type { GuestMemory } from "./memory.ts";
import { globalExport } from "./reserved.ts";

/**
 * Beyond this much memory instances are made anew: setting back takes 1 us for 64 KiB, 17 us for
 * 2 MiB and 33 us for 4 MiB, and makes all of it resident; a new instance takes 60 us in a worker.
 */
export const MAX_RESTORED_BYTES = 2 * 1_048_576;

/** The state of a new instance. */
export class Snapshot {
  readonly #memory: GuestMemory;
  readonly #byteLength: number;
  /** Memory up to the last byte that is not zero. */
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #globals: readonly (readonly [global: WebAssembly.Global, value: unknown])[];

  private constructor(
    memory: GuestMemory,
    globals: readonly (readonly [WebAssembly.Global, unknown])[],
  ) {
    this.#memory = memory;
    this.#byteLength = memory.byteLength;
    this.#bytes = memory.view(0, usedBytes(memory))!.slice();
    this.#globals = globals;
  }

  /**
   * Takes a snapshot.
   *
   * @param exported exports of the instance, which has been started and has served nobody.
   * @param memory its memory.
   * @param globals how many globals are exported under reserved names.
   * @returns the snapshot; undefined where a new instance is cheaper, or could be told apart.
   */
  static take(
    exported: WebAssembly.Exports,
    memory: GuestMemory,
    globals: number,
  ): Snapshot | undefined {
    if (memory.byteLength > MAX_RESTORED_BYTES) return undefined;
    const found: [WebAssembly.Global, unknown][] = [];
    for (let at = 0; at < globals; at++) {
      const global = exported[globalExport(at)];
      if (!(global instanceof WebAssembly.Global)) return undefined;
      const value: unknown = global.value;
      // JavaScript does not promise to keep the bits of a NaN, and a guest can look at them.
      if (Number.isNaN(value)) return undefined;
      found.push([global, value]);
    }
    return new Snapshot(memory, found);
  }

  /**
   * Sets the instance back.
   *
   * @returns false when that is impossible: its memory has grown and cannot shrink. It must not be
   *   used again then.
   */
  restore(): boolean {
    if (this.#memory.byteLength !== this.#byteLength) return false;
    const view = this.#memory.view(0, this.#byteLength)!;
    view.set(this.#bytes);
    view.fill(0, this.#bytes.length);
    for (const [global, value] of this.#globals) global.value = value;
    return true;
  }
}

/** Where the last byte is that is not zero, rounded up to whole words. */
function usedBytes(memory: GuestMemory): number {
  const bytes = memory.view(0, memory.byteLength)!;
  // Memories are whole pages.
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  let at = words.length;
  while (at > 0 && words[at - 1] === 0) at--;
  return at * 4;
}
