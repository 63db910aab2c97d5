/**
 * From an addon's bytes to bytes that may run: size, validity, admission, rewriting, in this order.
 * Done once at install; the result can be stored and taken up again without the original.
 *
 * @module
 */

import { sandboxError } from "../errors.ts";
import { type Abi, PAGE_BYTES } from "../abi.ts";
import type { ImportShape, Interrupt } from "../sandbox.ts";
import { admitModule } from "./admission.ts";
import { type AdmissionPolicy, DEFAULT_MODULE_LIMITS } from "./admission_policy.ts";
import { type EntryPoint, findExport } from "./entry_points.ts";
import { outlineOf } from "./inspect.ts";
import { readModule, requireValid, rewriteChecked } from "./instrument.ts";
import type { ModuleInfo } from "./module_info.ts";
import { refuse } from "./problems.ts";
import { REWRITER_VERSION } from "./rewriter_version.ts";
import type { Restorable } from "./restorable.ts";

/** Most elements that a guest's table may grow to, where nothing else is asked for. */
export const DEFAULT_TABLE_LIMIT = 200_000;

/** What is asked for. */
export interface PrepareRequest {
  readonly policy: AdmissionPolicy;
  readonly interrupt: Interrupt;
  /** Most elements of each table. @default DEFAULT_TABLE_LIMIT */
  readonly tableLimit?: number;
}

/** What is known of a prepared module; JSON as it is. */
export interface ModuleOutline {
  /** SHA-256 of the original, in lower-case hex. */
  readonly sha256: string;
  /** SHA-256 of the rewritten bytes. */
  readonly rewrittenSha256: string;
  /** Equal for equal originals under equal limits, by the same rewriter. */
  readonly id: string;
  readonly rewriterVersion: string;
  readonly abi: Abi;
  readonly level: string;
  /** Exports that run once in each instance before anything else, in order. */
  readonly startFunctions: readonly string[];
  readonly imports: readonly ImportShape[];
  readonly interrupt: Interrupt;
  readonly memoryLimitBytes: number;
  readonly tableLimit: number;
  /** How instances can be set back; absent when they cannot. */
  readonly restorable?: Restorable | undefined;
  /** Names of the manifest with the exports behind them; of metacore guests. */
  readonly entryPoints: Readonly<Record<string, EntryPoint>>;
  readonly warnings: readonly string[];
}

/** A module that is ready to be compiled. */
export interface PreparedModule extends ModuleOutline {
  /** The rewritten module. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Everything but the bytes, to be stored beside them. */
  readonly outline: ModuleOutline;
}

/**
 * Prepares a module.
 *
 * @param bytes the original.
 * @param request what it is held against, and how it is to be stopped.
 * @returns the rewritten module and its outline.
 * @throws {KernelError} sandbox.invalid_module; sandbox.module_refused, with `details.problems`.
 */
export async function prepareModule(
  bytes: Uint8Array<ArrayBuffer>,
  request: PrepareRequest,
): Promise<PreparedModule> {
  const { policy, interrupt, tableLimit = DEFAULT_TABLE_LIMIT } = request;
  checkSize(bytes, policy);
  requireValid(bytes);
  const read = readModule(bytes);
  const info = outlineOf(read);
  const report = admitModule(info, policy);
  const { memoryLimitPages } = policy;
  const rewritten = rewriteChecked(read, { memoryLimitPages, tableLimit, interrupt });
  const sha256 = await sha256Hex(bytes);
  const id = [
    sha256,
    `v${REWRITER_VERSION}`,
    `m${memoryLimitPages}`,
    `t${tableLimit}`,
    interrupt,
    // Both can come from the manifest.
    `${report.abi}-${report.level}`,
  ].join(":");
  return preparedOf({
    ...report,
    sha256,
    rewrittenSha256: await sha256Hex(rewritten.bytes),
    id,
    rewriterVersion: REWRITER_VERSION,
    imports: importShapes(info),
    interrupt,
    memoryLimitBytes: memoryLimitPages * PAGE_BYTES,
    tableLimit,
    restorable: rewritten.restorable,
    entryPoints: entryPoints(info, policy),
  }, rewritten.bytes);
}

/**
 * Takes up what was stored.
 *
 * @param outline as it was stored beside the bytes.
 * @param bytes the rewritten module.
 * @returns the prepared module; undefined when another version of the rewriter made it: prepare the
 *   original anew.
 * @throws {KernelError} sandbox.invalid_module — the bytes are not those that were stored.
 */
export async function reviveModule(
  outline: ModuleOutline,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<PreparedModule | undefined> {
  if (outline.rewriterVersion !== REWRITER_VERSION) return undefined;
  if (await sha256Hex(bytes) !== outline.rewrittenSha256) {
    throw sandboxError(
      "sandbox.invalid_module",
      "The stored module has been changed since it was prepared; install the addon again.",
    );
  }
  return preparedOf(outline, bytes);
}

function preparedOf(outline: ModuleOutline, bytes: Uint8Array<ArrayBuffer>): PreparedModule {
  return { ...outline, outline, bytes };
}

function checkSize(bytes: Uint8Array, policy: AdmissionPolicy): void {
  const most = policy.limits?.maxBytes ?? DEFAULT_MODULE_LIMITS.maxBytes;
  if (bytes.length <= most) return;
  const message = `Module has ${bytes.length} bytes; ${most} are allowed.`;
  refuse([{ about: "limit", name: "bytes", message }]);
}

function importShapes(info: ModuleInfo): ImportShape[] {
  return info.imports.map(({ module, name, type }) => ({
    module,
    name,
    parameters: type?.parameters ?? [],
    results: type?.results ?? [],
  }));
}

function entryPoints(
  info: ModuleInfo,
  { exports }: AdmissionPolicy,
): Readonly<Record<string, EntryPoint>> {
  // From entries, so that a name such as `__proto__` is a key like any other.
  return Object.fromEntries(exports.flatMap((name) => {
    const found = findExport(info, name);
    return found === undefined ? [] : [[name, found]];
  }));
}

async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
