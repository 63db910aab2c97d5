/**
 * Tells from a module's own word, or else its border, which interface it speaks and of which level
 * (contract/two_abis.md §2). The manifest only breaks a tie; that is `admission.ts`.
 *
 * @module
 */

import type { Abi } from "../abi.ts";
import type { ModuleExport, ModuleImport } from "./module_info.ts";
import { malformed } from "./problems.ts";

/** An interface and its level. */
export interface AbiLevel {
  readonly abi: Abi;
  /** Such as `1.3`. */
  readonly level: string;
}

/** Custom section with which a module says what it was built for, such as `metacore/1.3`. */
export const ABI_SECTION = "kernel.abi";

/**
 * Level at which a function of `metacore_host` appeared. `http_request` and `connector_get` lie
 * between 1.3 and the record functions of 1.5; no document numbers them.
 */
const METACORE_LEVELS: ReadonlyMap<string, string> = new Map([
  ["db_query", "1.1"],
  ["db_exec", "1.2"],
  ["event_emit", "1.3"],
  ["http_request", "1.4"],
  ["connector_get", "1.4"],
  ["data_mutate", "1.5"],
  ["data_query", "1.6"],
  ["data_batch", "1.7"],
  ["sequence_next", "1.7"],
]);

const GONEXT_EXPORTS: ReadonlySet<string> = new Set([
  "gn_handle_hook",
  "gn_handle_job",
  "gn_alloc",
]);

const DECLARED = /^(?:metacore\/(1\.[0-7])|gonext\/(1))$/;

/**
 * Detects the interface.
 *
 * @param imports of the module.
 * @param exports of the module.
 * @returns it; undefined when the border shows neither, or both.
 */
export function detectAbi(
  imports: readonly ModuleImport[],
  exports: readonly ModuleExport[],
): AbiLevel | undefined {
  const isGonext = imports.some(isGonextImport) ||
    exports.some(({ name }) => GONEXT_EXPORTS.has(name));
  const importsMetacore = imports.some(({ module }) => module === "metacore_host");
  if (isGonext) return importsMetacore ? undefined : { abi: "gonext/1", level: "1" };
  const allocates = exports.some(({ name, kind }) => name === "alloc" && kind === "function");
  return importsMetacore || allocates
    ? { abi: "metacore/1", level: levelOf("metacore/1", imports) }
    : undefined;
}

/**
 * Tells the level of an interface by the newest function that is imported.
 *
 * @param abi the interface.
 * @param imports of the module.
 * @returns such as `1.3`.
 */
export function levelOf(abi: Abi, imports: readonly ModuleImport[]): string {
  if (abi === "gonext/1") return "1";
  return imports
    .filter(({ module }) => module === "metacore_host")
    .map(({ name }) => METACORE_LEVELS.get(name) ?? "1.0")
    .reduce((highest, level) => level > highest ? level : highest, "1.0");
}

/**
 * Reads the custom section in which a module names its interface itself.
 *
 * @param text content of the section.
 * @param offset where it stands.
 * @returns the interface.
 * @throws {KernelError} sandbox.invalid_module — it is none that is known.
 */
export function declaredAbi(text: string, offset: number): AbiLevel {
  const found = DECLARED.exec(text.trim());
  if (found === null) {
    return malformed(`the section "${ABI_SECTION}" names no interface that is known`, offset);
  }
  return found[1] === undefined
    ? { abi: "gonext/1", level: "1" }
    : { abi: "metacore/1", level: found[1] };
}

function isGonextImport({ module, name }: ModuleImport): boolean {
  if (module === "env") return name.startsWith("gn_");
  return module === "gonext_data" || module === "env_net" || module === "env_platform";
}
