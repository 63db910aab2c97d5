/**
 * Version of the rewriter, apart from it: what is kept of a module is named by it, and finding that
 * takes no rewriter.
 *
 * @module
 */

/**
 * Raised with every change of what rewriting gives: kept modules of another version are made anew,
 * and fuel that was measured with another version is not comparable.
 */
export const REWRITER_VERSION = "2";
