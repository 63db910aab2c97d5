/**
 * Brings what a guest or a stranger wrote into a form that logs and audit records can hold: cut, and
 * without characters that forge lines, drive a terminal or turn text around. It redacts nothing.
 *
 * @module
 */

import type { AuditRecord } from "./audit.ts";

/** Most characters of a record's details as JSON text. */
export const MAX_DETAILS_LENGTH = 4_096;
const MAX_VALUE_LENGTH = 1_024;
const MAX_NAME_LENGTH = 64;

/** Control, formatting and lone surrogate characters, and the two separators of lines. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/**
 * Makes a text printable.
 *
 * @param text anything.
 * @param maxLength characters of it that are kept, 1 or more.
 * @returns the text with `\u{…}` for what is not printable, and `…` where it was cut.
 */
export function printable(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(
    UNPRINTABLE,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/**
 * Writes the details of a record as JSON text of a bounded size.
 *
 * @param details facts, of any size.
 * @returns at most {@link MAX_DETAILS_LENGTH} bytes; `cut: true` stands for what did not fit.
 */
export function detailsText(details: AuditRecord["details"]): string {
  const kept: Record<string, string | number | boolean | null> = {};
  let length = 32;
  for (const [name, value] of Object.entries(details ?? {})) {
    const shown = typeof value === "string" ? printable(value, MAX_VALUE_LENGTH) : value;
    const key = printable(name, MAX_NAME_LENGTH);
    length += byteLength(JSON.stringify(key)) + byteLength(JSON.stringify(shown)) + 2;
    if (length > MAX_DETAILS_LENGTH) return JSON.stringify({ ...kept, cut: true });
    kept[key] = shown;
  }
  return JSON.stringify(kept);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
