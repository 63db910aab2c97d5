/**
 * Decides whether a module may be installed: imports, features, figures and exports against a
 * policy. Everything that is wrong is said at once, so that an author need not come again for the next
 * reason.
 *
 * @module
 */

import type { Abi } from "../abi.ts";
import { RESERVED_PREFIX } from "../guest/reserved.ts";
import { levelOf } from "./abi_detection.ts";
import {
  type AdmissionPolicy,
  type AdmissionReport,
  DEFAULT_MODULE_LIMITS,
  type ModuleLimits,
} from "./admission_policy.ts";
import { findExport, startFunctions, whyNotCallable } from "./entry_points.ts";
import { ADMITTED_FEATURES } from "./features.ts";
import { capabilityKind, permittedTypes, typeText } from "./import_lists.ts";
import type { ExternKind, ModuleImport, ModuleInfo } from "./module_info.ts";
import { type ModuleProblem, refuse } from "./problems.ts";

/**
 * Admits a module or says everything that is against it.
 *
 * @param info the module's outline.
 * @param policy what it is held against.
 * @returns interface, level, start functions, warnings.
 * @throws {KernelError} sandbox.module_refused, with a list of {@link ModuleProblem} in
 *   `details.problems`.
 */
export function admitModule(info: ModuleInfo, policy: AdmissionPolicy): AdmissionReport {
  const problems: ModuleProblem[] = [];
  const warnings: string[] = [];
  checkFigures(info, policy, problems);
  checkFeatures(info, problems);
  checkReserved(info, problems);
  const abi = info.abi ?? policy.manifestAbi ?? policy.defaultAbi;
  if (abi === undefined) {
    problems.push({
      about: "abi",
      name: "abi",
      message: "Neither imports nor exports tell which interface the module speaks; it has to be " +
        "either metacore/1 or gonext/1.",
    });
    return refuse(problems);
  }
  if (policy.manifestAbi !== undefined && policy.manifestAbi !== abi) {
    const message = `Module speaks ${abi}, and the manifest implies ${policy.manifestAbi}.`;
    problems.push({ about: "abi", name: "abi", message });
  }
  for (const entry of info.imports) checkImport(abi, entry, policy, problems, warnings);
  if (abi === "metacore/1") checkMetacoreExports(info, policy, problems);
  else checkGonextExports(info, policy, problems);
  if (problems.length > 0) refuse(problems);
  return {
    abi,
    level: info.level ?? levelOf(abi, info.imports),
    startFunctions: startFunctions(info),
    warnings,
  };
}

/** Figure of the outline, its bound, and how it is called. */
const FIGURES: readonly (readonly [
  (info: ModuleInfo) => number,
  keyof ModuleLimits,
  string,
])[] = [
  [(info) => info.sizeBytes, "maxBytes", "bytes"],
  [(info) => info.imports.length, "maxImports", "imports"],
  [(info) => info.exports.length, "maxExports", "exports"],
  [(info) => info.typeCount, "maxTypes", "types"],
  [(info) => info.functionCount, "maxFunctions", "functions"],
  [(info) => info.maxBodyBytes, "maxBodyBytes", "bytes in one function"],
  [(info) => info.globalCount, "maxGlobals", "globals"],
  [(info) => info.tables.length, "maxTables", "tables"],
  [(info) => sum(info.tables.map(({ min }) => min)), "maxTableElements", "table elements"],
  [(info) => info.dataSegmentCount, "maxDataSegments", "data segments"],
  [(info) => info.elementSegmentCount, "maxElementSegments", "element segments"],
  [(info) => info.customSections.length, "maxCustomSections", "custom sections"],
];

function checkFigures(
  info: ModuleInfo,
  policy: AdmissionPolicy,
  problems: ModuleProblem[],
): void {
  const limits = { ...DEFAULT_MODULE_LIMITS, ...policy.limits };
  const check = (name: string, found: number, allowed: number) => {
    // Written so that a figure or bound that is no number refuses.
    if (found <= allowed) return;
    const message = `Module has ${found} ${name}; ${allowed} are allowed.`;
    problems.push({ about: "limit", name, message });
  };
  for (const [figure, limit, name] of FIGURES) check(name, figure(info), limits[limit]);
  for (const { min } of info.memories) check("memory pages", min, policy.memoryLimitPages);
}

function checkFeatures(info: ModuleInfo, problems: ModuleProblem[]): void {
  for (const name of info.features.filter((feature) => !ADMITTED_FEATURES.has(feature))) {
    const message = `Module uses the proposal "${name}", which is not admitted.`;
    problems.push({ about: "feature", name, message });
  }
}

function checkReserved(info: ModuleInfo, problems: ModuleProblem[]): void {
  for (const { name } of info.exports) {
    if (!name.startsWith(RESERVED_PREFIX)) continue;
    const message = `Export "${name}" has a reserved name; names must not begin with ` +
      `"${RESERVED_PREFIX}".`;
    problems.push({ about: "export", name, message });
  }
}

function checkImport(
  abi: Abi,
  entry: ModuleImport,
  policy: AdmissionPolicy,
  problems: ModuleProblem[],
  warnings: string[],
): void {
  const name = `${entry.module}.${entry.name}`;
  const problem = (message: string) => problems.push({ about: "import", name, message });
  if (entry.type === undefined) {
    problem(`Import "${name}" is a ${entry.kind}; only functions can be imported.`);
    return;
  }
  const types = permittedTypes(abi, name);
  if (types === undefined) {
    problem(`Import "${name}" is not part of ${abi}.`);
    return;
  }
  if (types === "not_offered") {
    problem(`Import "${name}" is not offered by this kernel.`);
    return;
  }
  const found = typeText(entry.type);
  if (!types.includes(found)) {
    problem(`Import "${name}" has the type ${found}; expected ${types.join(" or ")}.`);
    return;
  }
  const kind = capabilityKind(name);
  if (kind === undefined || policy.holds(kind)) return;
  // GoNext's SDKs link every function whether it is used or not; a call is refused all the same.
  if (abi === "gonext/1") warnings.push(lacking(name, kind.replace(":", ".")));
  else problem(lacking(name, kind));
}

function lacking(name: string, capability: string): string {
  return `Import "${name}" needs the capability "${capability}", which the manifest lacks.`;
}

function checkMetacoreExports(
  info: ModuleInfo,
  policy: AdmissionPolicy,
  problems: ModuleProblem[],
): void {
  requireExport(info, "memory", "memory", problems);
  requireExport(info, "alloc", "(i32) -> i32", problems);
  for (const name of policy.exports) {
    if (findExport(info, name) !== undefined) continue;
    const message = `Export "${name}" is named by the manifest and cannot be called: ` +
      `${whyNotCallable(info, name)}; expected (i32, i32) -> i64 or (i64) -> i64.`;
    problems.push({ about: "export", name, message });
  }
}

function checkGonextExports(
  info: ModuleInfo,
  policy: AdmissionPolicy,
  problems: ModuleProblem[],
): void {
  requireExport(info, "memory", "memory", problems);
  requireExport(info, "gn_alloc", "(i32) -> i32", problems);
  requireExport(info, "gn_free", "(i32, i32) -> ()", problems);
  for (const what of new Set(policy.handles)) {
    requireExport(info, `gn_handle_${what}`, "(i32, i32, i32, i32) -> i64", problems);
  }
}

/** @param expected a kind other than a function, or the type of a function. */
function requireExport(
  info: ModuleInfo,
  name: string,
  expected: Exclude<ExternKind, "function"> | `(${string}`,
  problems: ModuleProblem[],
): void {
  const found = info.exports.find((entry) => entry.name === name);
  const actual = found?.type === undefined ? found?.kind : typeText(found.type);
  if (actual === expected) return;
  const message = actual === undefined
    ? `Export "${name}" is missing; expected ${expected}.`
    : `Export "${name}" is ${actual}; expected ${expected}.`;
  problems.push({ about: "export", name, message });
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
