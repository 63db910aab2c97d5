/**
 * Collects what a guest logs until the next message to the main thread takes it along. Bounded per
 * invocation in lines and bytes; what is over a bound is counted and not even read.
 *
 * @module
 */

import type { LogPart } from "./protocol.ts";
import { decodeText } from "./own_globals.ts";

/** Numbers of the levels, as `gn_log` has them (contract/gonext.md §2.1). */
export const LEVEL = { debug: 0, info: 1, warn: 2, error: 3 } as const;

const MAX_LINES = 256;
const MAX_TEXT_BYTES = 65_536;
const MAX_LINE_BYTES = 4_096;

/** Control and format characters: they could forge lines, move a cursor or turn text around. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Lines of one invocation. */
export class LogBuffer {
  #lines: [number, string][] = [];
  #dropped = 0;
  #linesLeft = MAX_LINES;
  #bytesLeft = MAX_TEXT_BYTES;

  /** Starts the bounds afresh, for a new invocation. */
  reset(): void {
    this.#lines = [];
    this.#dropped = 0;
    this.#linesLeft = MAX_LINES;
    this.#bytesLeft = MAX_TEXT_BYTES;
  }

  /**
   * Takes a line.
   *
   * @param level number of the level; any unknown one is `info`.
   * @param bytes UTF-8 in guest memory, read before this returns; undefined when out of bounds.
   */
  add(level: number, bytes: Uint8Array | undefined): void {
    if (this.#linesLeft === 0 || this.#bytesLeft <= 0) {
      this.#dropped += 1;
      return;
    }
    this.#linesLeft -= 1;
    if (bytes === undefined) {
      this.#lines.push([LEVEL.warn, "(a log line outside of the guest's memory)"]);
      return;
    }
    const cut = bytes.length > MAX_LINE_BYTES ? bytes.slice(0, MAX_LINE_BYTES) : bytes;
    this.#bytesLeft -= cut.length;
    const known = level === LEVEL.debug || level === LEVEL.warn || level === LEVEL.error;
    const text = printable(cut) + (cut === bytes ? "" : ` … (${bytes.length} bytes)`);
    this.#lines.push([known ? level : LEVEL.info, text]);
  }

  /** Gives what has come together since the last time. */
  take(): LogPart {
    if (this.#lines.length === 0 && this.#dropped === 0) return NO_LINES;
    const part = { lines: this.#lines, dropped: this.#dropped };
    this.#lines = [];
    this.#dropped = 0;
    return part;
  }
}

const NO_LINES: LogPart = {};

/**
 * Makes text that is safe to show: everything that is no visible character becomes an escape.
 *
 * @param bytes UTF-8.
 * @returns one line.
 */
export function printable(bytes: Uint8Array): string {
  return decodeText(bytes).replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  if (character === "\r") return "\\r";
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
