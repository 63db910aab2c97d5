/**
 * What a module is, read from its bytes alone: nothing is compiled and nothing is judged here.
 *
 * @module
 */

import type { Abi } from "../abi.ts";

/** Type of a value. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128" | "funcref" | "externref" | "exnref";

/** Type of a function. */
export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** What can cross a module's border. */
export type ExternKind = "function" | "table" | "memory" | "global" | "tag";

/** Bounds of a memory or table, in pages or elements. */
export interface Bounds {
  readonly min: number;
  readonly max?: number;
}

/** A memory. */
export interface MemoryInfo extends Bounds {
  readonly shared: boolean;
  readonly index: "i32" | "i64";
}

/** Something a module asks for. */
export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Of functions. */
  readonly type?: FunctionType;
}

/** Something a module offers. */
export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternKind;
  /** Of functions. */
  readonly type?: FunctionType;
}

/** A module's outline. */
export interface ModuleInfo {
  readonly sizeBytes: number;
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  /** Defined memories; imported ones are among the imports. */
  readonly memories: readonly MemoryInfo[];
  /** Defined tables. */
  readonly tables: readonly Bounds[];
  /** Defined functions. */
  readonly functionCount: number;
  readonly globalCount: number;
  readonly dataSegmentCount: number;
  readonly elementSegmentCount: number;
  readonly typeCount: number;
  /** Size of the greatest function body. */
  readonly maxBodyBytes: number;
  /** Whether there is a start section. */
  readonly hasStart: boolean;
  /** Names of proposals beyond the MVP that the module uses, such as `simd` or `threads`. */
  readonly features: readonly string[];
  /** Names of custom sections in order. */
  readonly customSections: readonly string[];
  /** Which interface the module names, else shows by its border; undefined for neither or both. */
  readonly abi?: Abi;
  /** Level of the interface, such as `1.3`: as the module names it, else of its newest import. */
  readonly level?: string;
}
