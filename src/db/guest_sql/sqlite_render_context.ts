/**
 * What the parts of the renderer share: where tables are, the arguments' kinds, and how a SELECT
 * inside an expression is rendered.
 *
 * @module
 */

import type { RangeVar, SelectStmt } from "libpg-query";
import { invalidSql } from "./errors.ts";
import type { GuestArgument } from "./guest_sql.ts";
import type { NamedColumn, Scope } from "./sqlite_scope.ts";

/** A rendered query. */
export interface RenderedQuery {
  readonly sql: string;
  readonly columns: readonly NamedColumn[];
}

/** A table as the statement reads it. */
export interface RenderedTable {
  /** The view, quoted. */
  readonly sql: string;
  readonly columns: readonly NamedColumn[];
}

/** What the parts of the renderer share. */
export interface RenderContext {
  readonly arguments: readonly GuestArgument[];
  /** Finds the view of a table. */
  table(node: RangeVar): RenderedTable;
  /** Renders a query inside another. */
  query(statement: SelectStmt, outer: Scope): RenderedQuery;
  /** Notes that the statement sorts, groups or removes duplicates. */
  noteSort(): void;
}

/**
 * What Postgres has and SQLite cannot express.
 *
 * @param what it is, as the beginning of a sentence.
 * @param advice what to write instead.
 * @returns the error to throw.
 */
export function notOnSqlite(what: string, advice?: string): Error {
  return invalidSql(`${what} cannot run on SQLite${advice === undefined ? "" : `; ${advice}`}`);
}
