/**
 * The part of WASI preview 1 that guests may import (contract/metacore.md §18.3): a clock, random
 * bytes, standard output and error as log lines, an exit. No argument, no environment, no file.
 *
 * @module
 */

import { fillRandom, nowMs, unixMs, type WasmValue } from "./own_globals.ts";
import { WASI_IMPORTS } from "./abi_tables.ts";
import { LEVEL, type LogBuffer } from "./log.ts";
import type { GuestMemory } from "./memory.ts";
import type { StopState } from "./stop.ts";

/** Error numbers of WASI preview 1. */
const ERRNO = { success: 0, badf: 8, fault: 21, inval: 28 } as const;

const MAX_RANDOM_BYTES = 65_536;
const MAX_VECTORS = 1_024;
const MAX_SUBSCRIPTIONS = 64;
const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const NS_PER_MS = 1_000_000n;

/** What the calls work on; the memory is the one of the instance that runs. */
export interface WasiScope {
  readonly memory: () => GuestMemory;
  readonly log: LogBuffer;
  readonly stop: StopState;
  /** Milliseconds that are left to the running code. */
  readonly leftMs: () => number;
  /** Takes what goes to standard error: the last words before a trap. */
  readonly lastWords: (bytes: Uint8Array) => void;
}

/** A call: its parameters as unsigned numbers, 64-bit ones as bigint. */
type Call = (scope: WasiScope, ...args: WasmValue[]) => number | void;

const badDescriptor: Call = () => ERRNO.badf;

/** The calls by name; their types are in `abi_tables.ts`. */
const CALLS: Readonly<Record<string, Call>> = {
  args_get: () => ERRNO.success,
  args_sizes_get: noEntries,
  environ_get: () => ERRNO.success,
  environ_sizes_get: noEntries,
  clock_time_get: clockTime,
  random_get: random,
  fd_write: write,
  fd_read: badDescriptor,
  fd_close: badDescriptor,
  fd_seek: badDescriptor,
  fd_fdstat_get: describe,
  fd_fdstat_set_flags: badDescriptor,
  fd_prestat_get: badDescriptor,
  fd_prestat_dir_name: badDescriptor,
  poll_oneoff: poll,
  sched_yield: () => ERRNO.success,
  proc_exit: exit,
};

/**
 * Finds the function behind an import of WASI.
 *
 * @param shape full name with type.
 * @param scope what it works on.
 * @returns the function, undefined when there is none of this shape.
 */
export function wasiImport(
  shape: string,
  scope: WasiScope,
): ((...args: WasmValue[]) => number | void) | undefined {
  if (!WASI_IMPORTS.includes(shape)) return undefined;
  const call = CALLS[shape.slice(shape.indexOf(".") + 1, shape.indexOf("("))]!;
  return (...args) => call(scope, ...args);
}

function noEntries(scope: WasiScope, count: WasmValue, size: WasmValue): number {
  const memory = scope.memory();
  return memory.writeU32(Number(count), 0) && memory.writeU32(Number(size), 0)
    ? ERRNO.success
    : ERRNO.fault;
}

/** Whole milliseconds only: a finer clock would be a side channel into other code of the process. */
function clockTime(scope: WasiScope, id: WasmValue, _precision: WasmValue, at: WasmValue): number {
  if (id !== 0 && id !== 1) return ERRNO.inval;
  const ms = BigInt(id === 0 ? unixMs() : Math.floor(nowMs()));
  return scope.memory().writeU64(Number(at), ms * NS_PER_MS) ? ERRNO.success : ERRNO.fault;
}

function random(scope: WasiScope, pointer: WasmValue, length: WasmValue): number {
  let at = Number(pointer) >>> 0;
  let left = Number(length) >>> 0;
  if (scope.memory().view(at, left) === undefined) return ERRNO.fault;
  while (left > 0) {
    scope.stop.check();
    const part = scope.memory().view(at, Math.min(left, MAX_RANDOM_BYTES))!;
    fillRandom(part);
    at += part.length;
    left -= part.length;
  }
  return ERRNO.success;
}

/** Standard output and error are character devices that may be written; nothing else is open. */
function describe(scope: WasiScope, fd: WasmValue, at: WasmValue): number {
  if (fd !== 1 && fd !== 2) return ERRNO.badf;
  const view = scope.memory().view(Number(at), 24);
  if (view === undefined) return ERRNO.fault;
  view.fill(0);
  view[0] = 2;
  view[8] = 64;
  return ERRNO.success;
}

function write(
  scope: WasiScope,
  fd: WasmValue,
  vectors: WasmValue,
  count: WasmValue,
  written: WasmValue,
): number {
  if (fd !== 1 && fd !== 2) return ERRNO.badf;
  const memory = scope.memory();
  const entries = Number(count) >>> 0;
  if (entries > MAX_VECTORS) return ERRNO.inval;
  let total = 0;
  for (let index = 0; index < entries; index++) {
    const at = (Number(vectors) >>> 0) + index * 8;
    const pointer = memory.readU32(at);
    const length = memory.readU32(at + 4);
    const part = pointer === undefined || length === undefined
      ? undefined
      : memory.view(pointer, length);
    if (part === undefined) return ERRNO.fault;
    total += part.length;
    addLines(scope, fd === 2 ? LEVEL.warn : LEVEL.info, part);
    if (fd === 2) scope.lastWords(part);
  }
  return memory.writeU32(Number(written), total) ? ERRNO.success : ERRNO.fault;
}

/** Each line of a write is a log line; an unfinished one counts as finished. */
function addLines(scope: WasiScope, level: number, text: Uint8Array): void {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf(10, start);
    const stop = end < 0 ? text.length : end;
    if (stop > start) scope.log.add(level, text.subarray(start, stop));
    start = stop + 1;
    scope.stop.check();
  }
}

/** Waits for the earliest clock; files are never ready. */
function poll(
  scope: WasiScope,
  subscriptions: WasmValue,
  events: WasmValue,
  count: WasmValue,
  stored: WasmValue,
): number {
  const memory = scope.memory();
  const entries = Number(count) >>> 0;
  if (entries === 0 || entries > MAX_SUBSCRIPTIONS) return ERRNO.inval;
  const asked = memory.read(Number(subscriptions), entries * SUBSCRIPTION_BYTES);
  const answers = memory.view(Number(events), entries * EVENT_BYTES);
  if (asked === undefined || answers === undefined) return ERRNO.fault;
  const waits = clockWaits(new DataView(asked.buffer), entries);
  const files = waits.filter((wait) => wait === undefined).length;
  const ms = files > 0 ? 0 : Math.min(...waits.map((wait) => wait ?? 0));
  if (ms > 0) scope.stop.sleep(Math.min(ms, Math.max(0, scope.leftMs()) + 1));
  let at = 0;
  const out = new DataView(answers.buffer, answers.byteOffset);
  for (const [index, wait] of waits.entries()) {
    if (wait !== undefined && wait > ms) continue;
    answers.fill(0, at, at + EVENT_BYTES);
    answers.set(asked.subarray(index * SUBSCRIPTION_BYTES, index * SUBSCRIPTION_BYTES + 8), at);
    out.setUint16(at + 8, wait === undefined ? ERRNO.badf : ERRNO.success, true);
    answers[at + 10] = asked[index * SUBSCRIPTION_BYTES + 8]!;
    at += EVENT_BYTES;
  }
  return memory.writeU32(Number(stored), at / EVENT_BYTES) ? ERRNO.success : ERRNO.fault;
}

/** Milliseconds that each subscription waits for, undefined for what is no clock. */
function clockWaits(asked: DataView, entries: number): (number | undefined)[] {
  const waits: (number | undefined)[] = [];
  for (let index = 0; index < entries; index++) {
    const at = index * SUBSCRIPTION_BYTES;
    if (asked.getUint8(at + 8) !== 0) {
      waits.push(undefined);
      continue;
    }
    const clockNow = asked.getUint32(at + 16, true) === 0 ? unixMs() : nowMs();
    const ms = Number(asked.getBigUint64(at + 24, true)) / 1e6;
    const isAbsolute = (asked.getUint16(at + 40, true) & 1) === 1;
    waits.push(Math.max(0, isAbsolute ? ms - clockNow : ms));
  }
  return waits;
}

function exit(scope: WasiScope, code: WasmValue): void {
  scope.stop.end({
    code: "trap",
    reason: "exit",
    message: `the guest ended itself with exit code ${Number(code) >>> 0}`,
    exitCode: Number(code) >>> 0,
  });
}
