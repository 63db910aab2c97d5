/**
 * Checks what comes out of a guest worker before anything is done with it: the worker is on the other
 * side of the wall.
 *
 * @module
 */

import type {
  CallMessage,
  DoneMessage,
  FailedMessage,
  FromWorker,
  LogPart,
} from "./guest/protocol.ts";

const MAX_ARGUMENTS = 8;
const MAX_LINES = 256;
const MAX_LINE_CHARACTERS = 64_000;

const FAILURE_CODES: ReadonlySet<unknown> = new Set([
  "instantiation_failed",
  "trap",
  "stopped",
  "timeout",
  "fuel_exhausted",
  "out_of_memory",
  "missing_export",
  "unknown_target",
  "bad_payload",
  "bad_result",
  "payload_too_large",
  "guest_error",
  "worker_failed",
]);

/** Any object of another thread, with every property in doubt. */
type Doubtful<T> = { readonly [key in keyof T]?: unknown };

/**
 * Reads a message of a worker.
 *
 * @param data what arrived.
 * @returns the message, undefined when it does not fit the protocol.
 */
export function readMessage(data: unknown): FromWorker | undefined {
  if (typeof data !== "object" || data === null || !("t" in data)) return undefined;
  // Each case has looked at every property that the type promises.
  if (!fitsLogPart(data satisfies object as Doubtful<LogPart>)) return undefined;
  if (data.t === "call") return fitsCall(data) ? data as CallMessage : undefined;
  if (data.t === "done") return fitsDone(data) ? data as DoneMessage : undefined;
  if (data.t === "failed") return fitsFailed(data) ? data as FailedMessage : undefined;
  if (data.t === "loaded" && "memoryBytes" in data && isCount(data.memoryBytes)) {
    return { ...data, t: "loaded", memoryBytes: data.memoryBytes };
  }
  if (data.t === "ready" && "breaches" in data && isTexts(data.breaches)) {
    return { t: "ready", breaches: data.breaches };
  }
  return undefined;
}

function fitsLogPart(data: object & Doubtful<LogPart>): boolean {
  if (data.dropped !== undefined && !isCount(data.dropped)) return false;
  if (data.lines === undefined) return true;
  return Array.isArray(data.lines) && data.lines.length <= MAX_LINES &&
    data.lines.every((line: unknown) =>
      Array.isArray(line) && line.length === 2 && isCount(line[0]) &&
      typeof line[1] === "string" && line[1].length <= MAX_LINE_CHARACTERS
    );
}

function fitsCall(data: Doubtful<CallMessage>): boolean {
  return isCount(data.id) && typeof data.name === "string" && Array.isArray(data.args) &&
    data.args.length <= MAX_ARGUMENTS && data.args.every(isArgument);
}

function isArgument(value: unknown): boolean {
  return value instanceof Uint8Array || typeof value === "number" || typeof value === "bigint" ||
    value === "unreadable" || value === "too_large";
}

function fitsDone(data: Doubtful<DoneMessage>): boolean {
  return isCount(data.id) && data.output instanceof Uint8Array && isCount(data.memoryBytes) &&
    (data.fuelUsed === undefined || isCount(data.fuelUsed)) &&
    (data.keptFor === undefined || typeof data.keptFor === "string");
}

function fitsFailed(data: Doubtful<FailedMessage>): boolean {
  return isCount(data.id) && FAILURE_CODES.has(data.code) && typeof data.message === "string" &&
    typeof data.spent === "boolean" && isCount(data.memoryBytes) &&
    [data.reason, data.stack, data.guestMessage].every((text) =>
      text === undefined || typeof text === "string"
    );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
