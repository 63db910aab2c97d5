/**
 * What a walk over function bodies notes: flat arrays of numbers, because a large module has
 * hundreds of thousands of entries.
 *
 * @module
 */

import { skipLeb } from "./binary_reader.ts";

/** Kinds of places where a check is inserted. */
export const SITE = {
  /** Behind the type of a `loop`. */
  loop: 0,
  /** Before a bulk operation on memory; its length in bytes is on top of the stack. */
  memoryBulk: 1,
  /** Before a bulk operation on a table; its length is on top of the stack. */
  tableBulk: 2,
  /** Before `memory.grow` or `table.grow`. */
  grow: 3,
} as const;

/** What is true of a function, as bits. */
export const FLAG = {
  /** It can run long, or go on elsewhere, without a direct call: its entry is always checked. */
  needsCheck: 1,
} as const;

/** Notes on all functions that a module defines, in order. */
export class CodeNotes {
  /** First byte of a body, behind its size. */
  readonly bodyStart: Int32Array;
  /** First byte behind a body. */
  readonly bodyEnd: Int32Array;
  /** First instruction, behind the declarations of locals. */
  readonly codeStart: Int32Array;
  /** Declared locals, parameters not included. */
  readonly localCount: Int32Array;
  readonly flags: Uint8Array;
  /** Sites of function n are those from `firstSite[n]` up to `firstSite[n + 1]`. */
  readonly firstSite: Int32Array;
  /** The same for calls. */
  readonly firstCall: Int32Array;
  siteOffset: Int32Array;
  siteKind: Uint8Array;
  callTarget: Int32Array;
  siteCount = 0;
  callCount = 0;
  /** Bits of `features.ts`, `LASTING` among them; the five lowest mean nothing. */
  features = 0;
  #current = -1;

  /**
   * @param functionCount functions that are defined; checked against the size of the module before.
   * @param moduleBytes size of the module.
   */
  constructor(functionCount: number, moduleBytes: number) {
    this.bodyStart = new Int32Array(functionCount);
    this.bodyEnd = new Int32Array(functionCount);
    this.codeStart = new Int32Array(functionCount);
    this.localCount = new Int32Array(functionCount);
    this.flags = new Uint8Array(functionCount);
    this.firstSite = new Int32Array(functionCount + 1);
    this.firstCall = new Int32Array(functionCount + 1);
    const guess = 64 + (moduleBytes >> 6);
    this.siteOffset = new Int32Array(guess);
    this.siteKind = new Uint8Array(guess);
    this.callTarget = new Int32Array(guess);
  }

  /** Turns to the next function. */
  begin(index: number, bodyStart: number, bodyEnd: number): void {
    this.#current = index;
    this.bodyStart[index] = bodyStart;
    this.bodyEnd[index] = bodyEnd;
    this.firstSite[index] = this.siteCount;
    this.firstCall[index] = this.callCount;
  }

  /** Closes the last function. */
  finish(): void {
    this.firstSite[this.#current + 1] = this.siteCount;
    this.firstCall[this.#current + 1] = this.callCount;
  }

  /** Notes that the current function's entry has to be checked. */
  needCheck(): void {
    this.flags[this.#current]! |= FLAG.needsCheck;
  }

  /** Notes a place for a check. @param offset where it goes @param kind one of SITE */
  addSite(offset: number, kind: number): void {
    if (this.siteCount === this.siteOffset.length) {
      this.siteOffset = grown(this.siteOffset);
      const kinds = new Uint8Array(this.siteOffset.length);
      kinds.set(this.siteKind);
      this.siteKind = kinds;
    }
    this.siteOffset[this.siteCount] = offset;
    this.siteKind[this.siteCount++] = kind;
    if (kind === SITE.loop) this.flags[this.#current]! |= FLAG.needsCheck;
  }

  /** Notes a direct call. @param at where the index of the callee stands @returns what is behind it */
  addCall(bytes: Uint8Array, at: number): number {
    let target = bytes[at]!;
    let next = at + 1;
    if (target > 0x7f) {
      next = skipLeb(bytes, at + 1, 4);
      target &= 0x7f;
      for (let place = 1; at + place < next; place++) {
        target |= (bytes[at + place]! & 0x7f) << (7 * place);
      }
    }
    if (this.callCount === this.callTarget.length) this.callTarget = grown(this.callTarget);
    this.callTarget[this.callCount++] = target;
    return next;
  }
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
