/**
 * What a module is held against at admission, and its bounds by default.
 *
 * @module
 */

import type { Abi } from "../abi.ts";

/** Bounds of a module. */
export interface ModuleLimits {
  /** Size of the binary. */
  readonly maxBytes: number;
  readonly maxImports: number;
  readonly maxExports: number;
  readonly maxTypes: number;
  readonly maxFunctions: number;
  /** Of one function. */
  readonly maxBodyBytes: number;
  readonly maxGlobals: number;
  readonly maxTables: number;
  /** Elements of all tables in a new instance together. */
  readonly maxTableElements: number;
  readonly maxDataSegments: number;
  readonly maxElementSegments: number;
  readonly maxCustomSections: number;
}

/**
 * Bounds where a policy gives none: several times what the largest real modules need (a compiler of
 * 14 MB has 5,307 functions, the longest of 200 KB; a Postgres parser one of 264 KB).
 */
export const DEFAULT_MODULE_LIMITS: ModuleLimits = {
  maxBytes: 20 * 1024 * 1024,
  maxImports: 200,
  maxExports: 10_000,
  maxTypes: 20_000,
  maxFunctions: 100_000,
  maxBodyBytes: 2 * 1024 * 1024,
  maxGlobals: 50_000,
  maxTables: 8,
  maxTableElements: 200_000,
  maxDataSegments: 100_000,
  maxElementSegments: 10_000,
  maxCustomSections: 1_000,
};

/** What a module is held against. */
export interface AdmissionPolicy {
  /** Most memory an instance may have, in pages. 1 to 65,536 */
  readonly memoryLimitPages: number;
  /** Names the manifest says can be called, of metacore guests. */
  readonly exports: readonly string[];
  /** What the manifest says is handled, of GoNext guests. */
  readonly handles: readonly ("hook" | "job")[];
  /** Interface the manifest implies: decides where the module shows none or both. */
  readonly manifestAbi?: Abi;
  /** Interface that is taken where neither module nor manifest decides, so that it hears all reasons. */
  readonly defaultAbi?: Abi;
  /** Bounds other than {@link DEFAULT_MODULE_LIMITS}. */
  readonly limits?: Partial<ModuleLimits>;
  /**
   * Tells whether the manifest asks for any right of a kind.
   *
   * @param kind such as `http:fetch`.
   */
  holds(kind: string): boolean;
}

/** What is known of an admitted module. */
export interface AdmissionReport {
  readonly abi: Abi;
  readonly level: string;
  /** Exports that run once in each instance before anything else, in order. */
  readonly startFunctions: readonly string[];
  /** What is admitted and may still surprise its author. */
  readonly warnings: readonly string[];
}
