/**
 * What is kept of an invocation that failed by the guest's fault, for its author to read: reason, the
 * guest's own words, frames with names and source positions. No payloads.
 *
 * @module
 */

import { isKernelError } from "../base/error.ts";
import type { Target } from "./abi.ts";
import type { OriginalOffset } from "./module/positions.ts";
import type { SourceMap } from "./source_map.ts";
import { readStackFrames, shown, type StackFrame } from "./stack_frames.ts";

/** Where and for whom it ran. */
export interface TrapContext {
  readonly id: string;
  /** Unix time in milliseconds. */
  readonly atMs: number;
  readonly target: Target;
  readonly addonKey: string;
  readonly installationId: string;
  readonly organizationId: string;
  readonly requestId: string | undefined;
  /** `GuestCode.id`. */
  readonly moduleId: string;
}

/** What is known of a module's inside; each part may be missing. */
export interface ModuleSymbols {
  /** Maps positions back to the module as its author built it. */
  readonly originalOffset?: OriginalOffset;
  /** Of `functionNames`. */
  readonly functionNames?: ReadonlyMap<number, string>;
  /** Counts in bytes of the module as its author built it. */
  readonly sourceMap?: SourceMap;
}

/** One frame of a guest. */
export interface TrapFrame {
  /** In the module as its author built it. */
  readonly functionIndex?: number;
  /** Name of the function, where the module has one. */
  readonly function?: string;
  /** Byte in the module as its author built it. */
  readonly offset?: number;
  /** File of the source, where the addon brings a source map. */
  readonly file?: string;
  /** Line in the file, from 1. */
  readonly line?: number;
  /** Column in the line, from 1. */
  readonly column?: number;
}

/** A failed invocation. */
export interface TrapReport {
  /** Its own id, a UUIDv7. */
  readonly id: string;
  /** Time in ISO 8601. */
  readonly at: string;
  /** Code of the failure, such as `sandbox.trap`. */
  readonly code: string;
  /** A stable word, such as `unreachable`, `out_of_bounds`, `timeout`. */
  readonly reason: string;
  /** What the engine or the kernel says about it. */
  readonly message: string;
  /** What the guest said itself. */
  readonly guestMessage?: string;
  /** The innermost first. */
  readonly frames: readonly TrapFrame[];
  /** What of the addon was called. */
  readonly target: Target;
  /** Key of the addon. */
  readonly addonKey: string;
  /** The addon's installation. */
  readonly installationId: string;
  /** The organization in which it ran. */
  readonly organizationId: string;
  /** The request in which it ran, as in the log. */
  readonly requestId?: string;
  /** Identity of the module; changes with its bytes. */
  readonly moduleId: string;
}

const MAX_MESSAGE = 1_000;
const MAX_NAME = 200;

/**
 * Describes a failed invocation.
 *
 * @param thrown what the sandbox threw.
 * @param context where and for whom it ran.
 * @param symbols what is known of the module; without it frames have the names the engine printed.
 * @returns the report; never throws, whatever the failure holds.
 */
export function trapReport(
  thrown: unknown,
  context: TrapContext,
  symbols: ModuleSymbols = {},
): TrapReport {
  const { atMs, requestId, target, ...rest } = context;
  const details = isKernelError(thrown) ? thrown.details : undefined;
  const code = isKernelError(thrown) ? thrown.code : "unknown";
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const guestMessage = textIn(cause, "guestMessage");
  const message = textIn(details, "message") ?? (thrown instanceof Error ? thrown.message : "");
  return {
    ...rest,
    at: new Date(atMs).toISOString(),
    code,
    reason: shown(textIn(details, "reason") ?? code.slice(code.indexOf(".") + 1), MAX_NAME),
    message: shown(message, MAX_MESSAGE),
    ...(guestMessage === undefined ? {} : { guestMessage: shown(guestMessage, MAX_MESSAGE) }),
    frames: readStackFrames(textIn(cause, "stack") ?? "").map((frame) => frameOf(frame, symbols)),
    target: { kind: target.kind, name: shown(target.name, MAX_NAME) },
    ...(requestId === undefined ? {} : { requestId }),
  };
}

function frameOf(frame: StackFrame, symbols: ModuleSymbols): TrapFrame {
  const { originalOffset, functionNames, sourceMap } = symbols;
  const original = originalOffset?.(frame.offset);
  // The printed index and offset are those of the rewritten module: without a map back they mislead.
  if (original === undefined) return frame.name === undefined ? {} : { function: frame.name };
  const name = functionNames?.get(original.functionIndex) ?? frame.name;
  return {
    ...original,
    ...(name === undefined ? {} : { function: shown(name, MAX_NAME) }),
    ...sourceMap?.lookup(original.offset),
  };
}

function textIn(value: unknown, name: string): string | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  const text: unknown = Reflect.get(value, name);
  return typeof text === "string" ? text : undefined;
}
