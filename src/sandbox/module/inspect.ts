/**
 * Gives the outline of a module from its bytes alone; nothing is compiled and nothing is judged.
 *
 * @module
 */

import { ABI_SECTION, type AbiLevel, declaredAbi, detectAbi } from "./abi_detection.ts";
import type { Declarations, RawExport } from "./declarations.ts";
import { featureNames } from "./features.ts";
import { type ReadModule, readModule } from "./instrument.ts";
import type { FunctionType, ModuleExport, ModuleInfo } from "./module_info.ts";
import { malformed } from "./problems.ts";
import { SECTION } from "./sections.ts";

/** Longest text that names an interface, in bytes. */
const MAX_ABI_BYTES = 64;

/**
 * Reads a module's outline.
 *
 * @param bytes the module. Function bodies are walked, not validated: that is the engine's.
 * @returns the outline.
 * @throws {KernelError} sandbox.invalid_module, with `details.offset` — the bytes are malformed;
 *   sandbox.module_refused — they hold what cannot even be read past.
 */
export function inspectModule(bytes: Uint8Array): ModuleInfo {
  return outlineOf(readModule(bytes));
}

/**
 * Gives the outline of a module that has been read.
 *
 * @param read the module.
 * @returns the outline.
 * @throws {KernelError} sandbox.invalid_module.
 */
export function outlineOf({ declarations, notes }: ReadModule): ModuleInfo {
  const exports = declarations.exports.map((entry) => exportOf(declarations, entry));
  const abi = abiOf(declarations, exports);
  let maxBodyBytes = 0;
  for (let index = 0; index < notes.bodyStart.length; index++) {
    maxBodyBytes = Math.max(maxBodyBytes, notes.bodyEnd[index]! - notes.bodyStart[index]!);
  }
  return {
    sizeBytes: declarations.bytes.length,
    imports: declarations.imports,
    exports,
    memories: declarations.memories,
    tables: declarations.tables,
    functionCount: declarations.functionTypes.length,
    globalCount: declarations.globalCount,
    dataSegmentCount: declarations.dataSegmentCount,
    elementSegmentCount: declarations.elementSegmentCount,
    typeCount: declarations.types.length,
    maxBodyBytes,
    hasStart: declarations.start !== undefined,
    features: featureNames(declarations.features | notes.features),
    customSections: declarations.sections.flatMap(({ name }) => name === undefined ? [] : [name]),
    ...abi,
  };
}

function exportOf(declarations: Declarations, { name, kind, index }: RawExport): ModuleExport {
  if (kind !== "function") return { name, kind };
  return { name, kind, type: functionType(declarations, index) };
}

function functionType(declarations: Declarations, index: number): FunctionType {
  const { importedFunctionTypes, functionTypes, types, bytes } = declarations;
  const imported = importedFunctionTypes.length;
  const type = index < imported ? importedFunctionTypes[index] : functionTypes[index - imported];
  return types[type ?? -1] ?? malformed(`function ${index} does not exist`, bytes.length);
}

function abiOf(
  { sections, imports, bytes }: Declarations,
  exports: readonly ModuleExport[],
): AbiLevel | undefined {
  const section = sections.find(({ id, name }) => id === SECTION.custom && name === ABI_SECTION);
  if (section === undefined) return detectAbi(imports, exports);
  if (section.end - section.start > MAX_ABI_BYTES) {
    malformed(`the section "${ABI_SECTION}" is too long`, section.start);
  }
  const text = new TextDecoder().decode(bytes.subarray(section.start, section.end));
  return declaredAbi(text, section.start);
}
