/**
 * What a migration of the kernel's own tables is.
 *
 * @module
 */

/** One step of the kernel's own tables. A step that has been released never changes. */
export interface Migration {
  /** Such as `0001_identity`; the number orders. */
  readonly name: string;
  /** Statements for each engine, in order, one statement per entry. */
  readonly sql: {
    readonly postgres: readonly string[];
    readonly sqlite: readonly string[];
  };
}
