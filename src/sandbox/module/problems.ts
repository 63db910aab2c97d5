/**
 * How this folder complains: malformed bytes with their offset, and what is valid but not admitted
 * as a list of problems.
 *
 * @module
 */

import { sandboxError } from "../errors.ts";

/** One thing about a module that is not admitted. */
export interface ModuleProblem {
  /** What sort of thing it is about. */
  readonly about: "abi" | "import" | "export" | "feature" | "limit";
  /** The import (`module.name`), export, feature or figure. */
  readonly name: string;
  /** One sentence: what was found and what was expected. */
  readonly message: string;
}

/**
 * Says that bytes are no valid module.
 *
 * @param what what is wrong, as a half sentence.
 * @param offset of the first byte that is wrong.
 * @throws {KernelError} sandbox.invalid_module, always.
 */
export function malformed(what: string, offset: number): never {
  throw sandboxError("sandbox.invalid_module", `Module is malformed at byte ${offset}: ${what}.`, {
    details: { offset },
  });
}

/**
 * Says that a module holds what is not admitted.
 *
 * @param problems everything that was found; at least one.
 * @throws {KernelError} sandbox.module_refused, always.
 */
export function refuse(problems: readonly ModuleProblem[]): never {
  const more = problems.length - 1;
  const rest = more > 0 ? ` (and ${more} more)` : "";
  throw sandboxError(
    "sandbox.module_refused",
    `Module is not admitted: ${problems[0]?.message ?? "no reason given"}${rest}`,
    { details: { problems } },
  );
}

/**
 * Refuses what cannot even be read past: an instruction, type or section of a proposal that is not
 * admitted, or of none that is known.
 *
 * @param feature name of the proposal, or `unknown`.
 * @param what the construct, with its code.
 * @param offset where it stands.
 * @throws {KernelError} sandbox.module_refused, always.
 */
export function refuseConstruct(feature: string, what: string, offset: number): never {
  const of = feature === "unknown" ? "which is unknown" : `of the proposal "${feature}"`;
  refuse([{
    about: "feature",
    name: feature,
    message: `${what} at byte ${offset}, ${of}, is not admitted.`,
  }]);
}

/**
 * Writes a number the way binaries are read.
 *
 * @param value a whole number, 0 or above.
 * @returns such as `0x1f`.
 */
export function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}
