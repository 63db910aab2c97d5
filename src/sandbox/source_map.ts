/**
 * Reads source maps (revision 3) of WebAssembly modules: one generated line, whose columns are bytes
 * of the module as its author built it. The text is an addon's: everything is bounded, and a map
 * that breaks the rules is no map.
 *
 * @module
 */

import { shown } from "./stack_frames.ts";

/** A place in a source file. */
export interface SourcePosition {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** A source map. */
export interface SourceMap {
  /** @returns the place of the last entry at or before a byte; undefined when nothing is mapped there */
  lookup(offset: number): SourcePosition | undefined;
}

/** Largest text that is read, in characters. */
export const MAX_SOURCE_MAP = 16 * 1024 * 1024;
const MAX_SOURCES = 10_000;
const MAX_SEGMENTS = 1_000_000;
const MAX_FILE_NAME = 300;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NOT_A_DIGIT = 255;
const VALUES = new Uint8Array(128).fill(NOT_A_DIGIT);
for (let at = 0; at < DIGITS.length; at++) VALUES[DIGITS.charCodeAt(at)] = at;

/** Four numbers for each segment: byte, source (-1 for none), line, column; both from 0. */
const FIELDS = 4;

/**
 * Reads a source map.
 *
 * @param text JSON.
 * @returns the map; undefined when it is too large or breaks the rules.
 */
export function readSourceMap(text: string): SourceMap | undefined {
  if (text.length > MAX_SOURCE_MAP) return undefined;
  const map = parse(text);
  if (map === undefined || map["version"] !== 3 || typeof map["mappings"] !== "string") {
    return undefined;
  }
  const sources = readSources(map);
  const segments = sources && readMappings(map["mappings"], sources.length);
  if (sources === undefined || segments === undefined) return undefined;
  return { lookup: (offset) => lookup(segments, sources, offset) };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readSources(map: Readonly<Record<string, unknown>>): string[] | undefined {
  const { sources, sourceRoot } = map;
  if (!Array.isArray(sources) || sources.length > MAX_SOURCES) return undefined;
  const root = typeof sourceRoot === "string" && sourceRoot !== ""
    ? sourceRoot.endsWith("/") ? sourceRoot : `${sourceRoot}/`
    : "";
  return sources.map((source: unknown) =>
    typeof source === "string" ? shown(`${root}${source}`, MAX_FILE_NAME) : "unknown"
  );
}

function readMappings(text: string, sourceCount: number): Int32Array | undefined {
  // A further line would belong to another generated file.
  const end = text.indexOf(";");
  const mappings = end < 0 ? text : text.slice(0, end);
  const segments: number[] = [];
  const current = [0, 0, 0, 0];
  for (let at = 0; at < mappings.length;) {
    const fields: number[] = [];
    while (at < mappings.length && mappings[at] !== ",") {
      const field = readNumber(mappings, at);
      if (field === undefined || fields.push(field.value) > 5) return undefined;
      at = field.next;
    }
    at++;
    if (fields.length === 0) continue;
    if (![1, 4, 5].includes(fields.length)) return undefined;
    // The name of the fifth field is not used: functions have theirs.
    fields.slice(0, FIELDS).forEach((value, index) => current[index]! += value);
    const [byte, source, line, column] = current as [number, number, number, number];
    const last = segments.length === 0 ? 0 : segments[segments.length - FIELDS]!;
    if (byte < last || line < 0 || column < 0 || current.some((value) => value > 0x7fffffff)) {
      return undefined;
    }
    if (source < 0 || (fields.length > 1 && source >= sourceCount)) return undefined;
    segments.push(byte, fields.length === 1 ? -1 : source, line, column);
    if (segments.length > MAX_SEGMENTS * FIELDS) return undefined;
  }
  return Int32Array.from(segments);
}

/** Base 64, five bits a digit, the lowest first; the lowest bit of all is the sign. */
function readNumber(text: string, from: number): { value: number; next: number } | undefined {
  let value = 0;
  let scale = 1;
  for (let at = from; at < text.length && at < from + 7; at++) {
    const digit = VALUES[text.charCodeAt(at)] ?? NOT_A_DIGIT;
    if (digit === NOT_A_DIGIT) return undefined;
    value += (digit & 31) * scale;
    scale *= 32;
    if (digit & 32) continue;
    const magnitude = Math.floor(value / 2);
    return { value: value % 2 === 1 ? -magnitude : magnitude, next: at + 1 };
  }
  return undefined;
}

function lookup(
  segments: Int32Array,
  sources: readonly string[],
  offset: number,
): SourcePosition | undefined {
  let low = 0;
  let high = segments.length / FIELDS;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle * FIELDS]! <= offset) low = middle + 1;
    else high = middle;
  }
  const at = (low - 1) * FIELDS;
  const source = at < 0 ? -1 : segments[at + 1]!;
  const file = sources[source];
  if (file === undefined) return undefined;
  return { file, line: segments[at + 2]! + 1, column: segments[at + 3]! + 1 };
}
