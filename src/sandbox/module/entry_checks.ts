/**
 * Decides which functions need a check at their entry. A function may go without when calling it can
 * only cost a bounded amount: it has no loop, hands control to nobody it does not name, lies on no
 * cycle of calls, and it and what it calls without a check are small. That every loop and every
 * recursion passes a check would not be enough: sixty functions that each call the next one twice
 * have neither, and run for ever.
 *
 * @module
 */

import { type CodeNotes, FLAG } from "./code_notes.ts";

/** Bytes of code that a call may run through without a check. */
const UNCHECKED_BYTES = 200;
/** Bytes of code that all calls in one function may run through before its next own check. */
const UNCHECKED_BYTES_OF_CALLER = 200_000;

const NEW = 0;
const OPEN = 1;
const DONE = 2;

/**
 * Marks the functions whose entry is checked.
 *
 * @param notes the module's code.
 * @param importedFunctions imports come first among the indices of functions; calls of them are
 *   bounded by whoever offers them.
 * @returns for every defined function 1 when it is checked, else 0.
 */
export function checkedEntries(notes: CodeNotes, importedFunctions: number): Uint8Array {
  return new EntryChecks(notes, importedFunctions).run();
}

/** A walk in depth over who calls whom, on a stack of its own: call chains can be long. */
class EntryChecks {
  readonly #notes: CodeNotes;
  readonly #imported: number;
  readonly #count: number;
  readonly #isChecked: Uint8Array;
  readonly #state: Uint8Array;
  readonly #cost: Int32Array;
  /** Next call to look at, by function. */
  readonly #next: Int32Array;

  constructor(notes: CodeNotes, importedFunctions: number) {
    this.#notes = notes;
    this.#imported = importedFunctions;
    this.#count = notes.bodyStart.length;
    this.#isChecked = new Uint8Array(this.#count);
    this.#state = new Uint8Array(this.#count);
    this.#cost = new Int32Array(this.#count);
    this.#next = notes.firstCall.slice(0, this.#count);
  }

  run(): Uint8Array {
    const stack = new Int32Array(this.#count);
    for (let root = 0; root < this.#count; root++) {
      if (this.#state[root] !== NEW) continue;
      let depth = 0;
      stack[depth++] = root;
      this.#state[root] = OPEN;
      while (depth > 0) {
        const callee = this.#step(stack[depth - 1]!);
        if (callee === undefined) depth--;
        else stack[depth++] = callee;
      }
    }
    return this.#isChecked;
  }

  /** @returns a callee to look at first; undefined when the function is decided. */
  #step(caller: number): number | undefined {
    const { firstCall, callTarget } = this.#notes;
    const last = firstCall[caller + 1]!;
    while (this.#next[caller]! < last) {
      const callee = callTarget[this.#next[caller]!++]! - this.#imported;
      if (callee < 0 || callee >= this.#count || this.#state[callee] === DONE) continue;
      // A call back to what is still open closes a cycle: every cycle has such a call.
      if (this.#state[callee] === OPEN) this.#isChecked[caller] = 1;
      else {
        this.#state[callee] = OPEN;
        return callee;
      }
    }
    this.#decide(caller);
    this.#state[caller] = DONE;
    return undefined;
  }

  #decide(caller: number): void {
    const { flags, bodyStart, bodyEnd } = this.#notes;
    const called = this.#costOfCallees(caller);
    if (called > UNCHECKED_BYTES_OF_CALLER) this.#checkCallees(caller);
    const cost = bodyEnd[caller]! - bodyStart[caller]! + called;
    const mustBe = (flags[caller]! & FLAG.needsCheck) !== 0 || cost > UNCHECKED_BYTES;
    if (mustBe) this.#isChecked[caller] = 1;
    else this.#cost[caller] = cost;
  }

  #costOfCallees(caller: number): number {
    const { firstCall, callTarget } = this.#notes;
    let sum = 0;
    for (let at = firstCall[caller]!; at < firstCall[caller + 1]!; at++) {
      const callee = callTarget[at]! - this.#imported;
      if (callee >= 0 && callee < this.#count && this.#isChecked[callee] === 0) {
        sum += this.#cost[callee]!;
      }
    }
    return sum;
  }

  /** Straight-line code may hold millions of calls: then each of them is a place to stop. */
  #checkCallees(caller: number): void {
    const { firstCall, callTarget } = this.#notes;
    for (let at = firstCall[caller]!; at < firstCall[caller + 1]!; at++) {
      const callee = callTarget[at]! - this.#imported;
      if (callee >= 0 && callee < this.#count) this.#isChecked[callee] = 1;
    }
  }
}
