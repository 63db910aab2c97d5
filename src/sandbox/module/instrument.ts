/**
 * Makes modules that can be stopped: validate, rewrite, validate again. What is inserted, and how an
 * instance is stopped through it, is in `guest/reserved.ts`.
 *
 * @module
 */

import { sandboxError } from "../errors.ts";
import type { CodeNotes } from "./code_notes.ts";
import { scanCode } from "./code_scan.ts";
import { type Declarations, readDeclarations } from "./declarations.ts";
import { type InstrumentOptions, rewriteModule, type Rewritten } from "./rewrite.ts";
import { SECTION } from "./sections.ts";

/** A module that has been read. */
export interface ReadModule {
  readonly declarations: Declarations;
  readonly notes: CodeNotes;
}

/**
 * Rewrites a module so that it can be stopped and cannot pass its limits. Valid in, valid out, the
 * same results.
 *
 * @param bytes the original.
 * @param options limits and the way it is stopped.
 * @returns the rewritten module.
 * @throws {KernelError} sandbox.invalid_module — the original is no valid module;
 *   sandbox.module_refused — it cannot be rewritten, or passes a limit.
 */
export function instrumentModule(
  bytes: Uint8Array<ArrayBuffer>,
  options: InstrumentOptions,
): Uint8Array<ArrayBuffer> {
  requireValid(bytes);
  return rewriteChecked(readModule(bytes), options).bytes;
}

/**
 * Refuses what the engine does not accept. A guest may name the index that something appended will
 * get: invalid before, valid after, so the original has to be validated first.
 *
 * @param bytes the original.
 * @throws {KernelError} sandbox.invalid_module, with the offset; sandbox.module_refused — it is of a
 *   proposal that is not even read.
 */
export function requireValid(bytes: Uint8Array<ArrayBuffer>): void {
  if (WebAssembly.validate(bytes)) return;
  // Our own reading gives the same words on every version of the engine.
  readModule(bytes);
  const reason = engineReason(bytes);
  const at = /@\+(\d+)/.exec(reason)?.[1];
  throw sandboxError(
    "sandbox.invalid_module",
    `Module is not valid: ${reason}`,
    { details: at === undefined ? {} : { offset: Number(at) } },
  );
}

/**
 * Reads a module as far as the rewriter has to know it.
 *
 * @param bytes the module.
 * @returns its declarations and notes on its code.
 * @throws {KernelError} sandbox.invalid_module, sandbox.module_refused.
 */
export function readModule(bytes: Uint8Array): ReadModule {
  const declarations = readDeclarations(bytes);
  const code = declarations.sections.find((section) => section.id === SECTION.code);
  return { declarations, notes: scanCode(bytes, code, declarations.functionTypes.length) };
}

/**
 * Rewrites what has been read and validates the result.
 *
 * @param read the original, which is valid.
 * @param options limits and the way it is stopped.
 * @returns the new module and its plan.
 * @throws {KernelError} sandbox.module_refused.
 */
export function rewriteChecked(read: ReadModule, options: InstrumentOptions): Rewritten {
  const rewritten = rewriteModule(read.declarations, read.notes, options);
  if (WebAssembly.validate(rewritten.bytes)) return rewritten;
  throw sandboxError(
    "sandbox.module_refused",
    `Module cannot be made interruptible: ${engineReason(rewritten.bytes)}`,
    { details: { problems: [] } },
  );
}

function engineReason(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    new WebAssembly.Module(bytes);
    return "the engine gives no reason.";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
