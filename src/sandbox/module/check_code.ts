/**
 * The instructions that are inserted: what a check looks like for the epoch, for the counter and for
 * both. Every sequence leaves the stack as it found it.
 *
 * @module
 */

import { CHECK_SLOT } from "../guest/reserved.ts";
import type { Interrupt } from "../sandbox.ts";
import { encodeU32 } from "./byte_writer.ts";
import { SITE } from "./code_notes.ts";

/** Indices of what is appended to a module. */
export interface AppendedIndices {
  /** Of the epoch's memory. */
  readonly epochMemory: number;
  readonly counterGlobal: number;
  readonly checkTable: number;
  /** Of the type `() -> ()`. */
  readonly checkType: number;
}

/** Growing costs the engine far more than a check; taken off the counter. */
const GROW_CHARGE = 4_096;
/** A bulk operation on memory is charged one for so many bytes, as a power of two. */
const BYTES_SHIFT = 6;
const ELEMENTS_SHIFT = 2;

const I32 = { const: 0x41, sub: 0x6b, ltS: 0x48, shrU: 0x76 };
const GET_LOCAL = 0x20;
const TEE_LOCAL = 0x22;
const GET_GLOBAL = 0x23;
const SET_GLOBAL = 0x24;
const IF = [0x04, 0x40];
const UNREACHABLE = 0x00;
const CALL_INDIRECT = 0x11;
const END = 0x0b;

/** Makes the sequences for one module. */
export class CheckCode {
  readonly #interrupt: Interrupt;
  readonly #indices: AppendedIndices;
  readonly #bulk = new Map<number, readonly [Uint8Array, Uint8Array]>();
  /** At function entries and loop heads. */
  readonly plain: Uint8Array;
  /** Before `memory.grow` and `table.grow`. */
  readonly grow: Uint8Array;

  constructor(interrupt: Interrupt, indices: AppendedIndices) {
    this.#interrupt = interrupt;
    this.#indices = indices;
    this.plain = this.#sequence([I32.const, 0x01, I32.sub]);
    this.grow = this.#sequence([I32.const, ...encodeS32(GROW_CHARGE), I32.sub]);
  }

  /** Whether bulk operations are charged by length, which takes a scratch local. */
  get takesScratch(): boolean {
    return this.#interrupt !== "epoch";
  }

  /**
   * Gives the sequence for a place.
   *
   * @param kind one of SITE.
   * @param scratch index of the function's scratch local; unused where none is taken.
   * @returns its bytes.
   */
  at(kind: number, scratch: number): Uint8Array {
    if (kind === SITE.loop) return this.plain;
    if (kind === SITE.grow) return this.grow;
    if (!this.takesScratch) return this.plain;
    let pair = this.#bulk.get(scratch);
    if (pair === undefined) {
      pair = [this.#charge(scratch, BYTES_SHIFT), this.#charge(scratch, ELEMENTS_SHIFT)];
      this.#bulk.set(scratch, pair);
    }
    return kind === SITE.memoryBulk ? pair[0] : pair[1];
  }

  /** Takes the length, which stays on the stack, off the counter. One more, so that nothing is free. */
  #charge(scratch: number, shift: number): Uint8Array {
    const local = encodeU32(scratch);
    const amount = [GET_LOCAL, ...local, I32.const, shift, I32.shrU, I32.sub];
    return this.#sequence([...amount, I32.const, 0x01, I32.sub], [TEE_LOCAL, ...local]);
  }

  /** @param subtract with the counter on the stack, leaves the new one. */
  #sequence(subtract: readonly number[], before: readonly number[] = []): Uint8Array {
    const epoch = this.#interrupt === "counter" ? [] : this.#epoch();
    const counter = this.#interrupt === "epoch" ? [] : [...before, ...this.#counter(subtract)];
    return Uint8Array.from([...epoch, ...counter]);
  }

  /** `if (i32.atomic.load(0)) unreachable`: an atomic load may not be moved out of a loop. */
  #epoch(): number[] {
    const memory = this.#indices.epochMemory;
    const operand = memory === 0 ? [0x02] : [0x42, ...encodeU32(memory)];
    const load = [I32.const, 0x00, 0xfe, 0x10, ...operand, 0x00];
    return [...load, ...IF, UNREACHABLE, END];
  }

  #counter(subtract: readonly number[]): number[] {
    const global = encodeU32(this.#indices.counterGlobal);
    const type = encodeU32(this.#indices.checkType);
    const table = encodeU32(this.#indices.checkTable);
    return [
      ...[GET_GLOBAL, ...global, ...subtract, SET_GLOBAL, ...global],
      ...[GET_GLOBAL, ...global, I32.const, 0x00, I32.ltS, ...IF],
      ...[I32.const, CHECK_SLOT, CALL_INDIRECT, ...type, ...table, END],
    ];
  }
}

function encodeS32(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value;; rest >>= 7) {
    const low = rest & 0x7f;
    const isLast = rest >> 7 === 0 && (low & 0x40) === 0;
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}
