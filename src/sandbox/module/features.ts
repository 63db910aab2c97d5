/**
 * Names of WebAssembly proposals, as bits while a module is scanned and as words afterwards, and
 * which of them are admitted.
 *
 * @module
 */

/** Every name, in the order of its bit; the five lowest bits of a mask belong to `opcodes.ts`. */
const NAMES = [
  "sign-ext",
  "sat-float",
  "bulk-memory",
  "reference-types",
  "multi-value",
  "simd",
  "relaxed-simd",
  "tail-call",
  "exceptions",
  "legacy-exceptions",
  "threads",
  "wide-arithmetic",
  "mutable-globals",
  "extended-const",
  "memory64",
  "multi-memory",
  "custom-page-sizes",
] as const;

/**
 * Bit beside those of the features: code that changes a table or drops a segment, which nothing can
 * set back from outside of the instance.
 */
export const LASTING = 1 << 30;

/** Name of a proposal that can be read past and is reported; others are refused on sight. */
export type Feature = typeof NAMES[number];

/** Lowest bit that stands for a feature. */
const FIRST_BIT = 5;

/**
 * Proposals that a guest may use. Left out: shared memory and atomics (they would let a guest wait
 * outside every check), memories of 64 bits and several memories (limits are kept for one memory of
 * 32 bits), wide arithmetic and page sizes (not settled). Garbage collected types, typed function
 * references, stack switching and custom descriptors are not even read: the memory of their objects
 * is bounded by nothing and exhausting it ends the process.
 */
export const ADMITTED_FEATURES: ReadonlySet<string> = new Set<Feature>([
  "sign-ext",
  "sat-float",
  "bulk-memory",
  "reference-types",
  "multi-value",
  "simd",
  "relaxed-simd",
  "tail-call",
  "exceptions",
  "legacy-exceptions",
  "mutable-globals",
  "extended-const",
]);

/**
 * Gives the bit of a feature.
 *
 * @param feature its name.
 * @returns a mask of one bit, above the five lowest.
 */
export function featureBit(feature: Feature): number {
  return 1 << (FIRST_BIT + NAMES.indexOf(feature));
}

/**
 * Gives the names in a mask.
 *
 * @param mask bits of {@link featureBit}; the five lowest are ignored.
 * @returns the names, in a fixed order.
 */
export function featureNames(mask: number): Feature[] {
  return NAMES.filter((name) => (mask & featureBit(name)) !== 0);
}
