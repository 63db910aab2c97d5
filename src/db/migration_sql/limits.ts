/**
 * How much one migration file may hold. Every bound is checked before the work that it bounds.
 *
 * @module
 */

/** Bytes of one file: the largest real migration seen is 20 KiB; 1 MiB parses in under a second. */
export const MAX_MIGRATION_BYTES = 1024 * 1024;
/** Statements of one file: each becomes at least one round trip inside the install's transaction. */
export const MAX_STATEMENTS = 2_000;
/** Columns of one table: Postgres holds 1,600, dropped ones counted, and the kernel adds its own. */
export const MAX_COLUMNS = 1_500;
/** Changes of one file: ALTER TABLE can ask for many in one statement. */
export const MAX_CHANGES = 2_000;
/** Tables of one addon: the largest addon seen has 13. Every change is checked against all names. */
export const MAX_TABLES = 300;
/** Indexes of one table: each costs every write; the most seen on one table is 9. */
export const MAX_TABLE_INDEXES = 64;
/** Indexes of one addon, so that checking a change stays in the milliseconds. */
export const MAX_INDEXES = 1_500;
/** Checks and foreign keys of one table: each costs every write. */
export const MAX_TABLE_RULES = 100;
/** Columns of one key or index: Postgres holds 32, and the tenant column takes one. */
export const MAX_KEY_COLUMNS = 31;
/** Longest name in bytes: Postgres cuts longer ones without asking. */
export const MAX_NAME_BYTES = 63;
/** Levels of a statement's tree, about five for each level of an expression; readers recurse. */
export const MAX_TREE_DEPTH = 250;
/** Parts of one expression, list values counted: enough for a long list of allowed words. */
export const MAX_EXPRESSION_PARTS = 2_000;
/** Characters of one literal: defaults and allowed words, not documents. */
export const MAX_LITERAL_CHARACTERS = 10_000;
