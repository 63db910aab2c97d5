/**
 * What a change does to whoever uses the table meanwhile: what it locks, whether every row is written
 * anew, whether something is lost. It follows the statements of the renderers and the engines
 * documentation (Postgres §13.3 and ALTER TABLE; SQLite "Making other kinds of table schema changes").
 *
 * @module
 */

import { applyChange, tableOf } from "./apply.ts";
import { columnOf } from "./apply_table.ts";
import { sameType } from "./column_type.ts";
import { type EngineStatements, renderForEveryEngine } from "./render_both.ts";
import type { ColumnSpec, ColumnType, SchemaChange, SchemaState } from "./spec.ts";

/** What others cannot do to a table while a change is made. */
export type ChangeLock = "none" | "writes" | "everything";

/** A fact about a change on each engine. */
export interface ByEngine<T> {
  readonly postgres: T;
  readonly sqlite: T;
}

/** What is known of a change before it is made. */
export interface ChangeNotes {
  /** The statements that it is made with. */
  readonly sql: EngineStatements;
  /** The strongest lock on a table that others may be using. */
  readonly locks: ByEngine<ChangeLock>;
  /** Whether every row of a standing table is written anew. */
  readonly rewrites: ByEngine<boolean>;
  /** Whether values or rows are taken away that the change itself cannot bring back. */
  readonly destructive: boolean;
}

/**
 * Tells what a change does.
 *
 * @param change a change that `applyChange` accepts.
 * @param state what holds before it.
 * @returns its statements, locks and rewrites on both engines, and whether it destroys.
 * @throws {KernelError} schema.* — as `applyChange`.
 */
export function notesOf(change: SchemaChange, state: SchemaState): ChangeNotes {
  const sql = renderForEveryEngine(change, state);
  return {
    sql,
    locks: {
      postgres: sql.postgres.length === 0 ? "none" : postgresLock(change),
      // One writer at a time, and readers go on beside it: that is the write-ahead log.
      sqlite: sql.sqlite.length === 0 ? "none" : "writes",
    },
    rewrites: {
      postgres: rewritesOnPostgres(change, state),
      sqlite: rewritesOnSqlite(change, sql.sqlite),
    },
    destructive: isDestructive(change, state),
  };
}

function postgresLock(change: SchemaChange): ChangeLock {
  switch (change.kind) {
    case "createSchema":
      return "none";
    case "createTable":
      // Nobody else knows the new table yet; those that its keys point at take no writes meanwhile.
      return change.table.foreignKeys.some((key) => key.target !== change.table.name.table)
        ? "writes"
        : "none";
    case "createIndex":
    case "addForeignKey":
      return "writes";
    case "dropSchema":
    case "dropTable":
    case "renameTable":
    case "addColumn":
    case "dropColumn":
    case "renameColumn":
    case "alterColumn":
    case "setPrimaryKey":
    case "dropIndex":
    case "addCheck":
    case "dropConstraint":
    case "protectTable":
      return "everything";
  }
}

function rewritesOnPostgres(change: SchemaChange, state: SchemaState): boolean {
  // A constant default is kept once for all rows, and so is the start of the transaction; a random
  // value differs in each.
  if (change.kind === "addColumn") return change.column.default?.kind === "uuid";
  if (change.kind !== "alterColumn") return false;
  const [before, after] = columnForms(change, state);
  return !sameType(before.type, after.type) && !isRelabelling(before.type, after.type);
}

/** Conversions for which Postgres changes the catalog only: a limit that is lifted or raised. */
function isRelabelling(from: ColumnType, to: ColumnType): boolean {
  if (from.kind === "text" && to.kind === "text") return true;
  if (from.kind !== "numeric" || to.kind !== "numeric") return false;
  return to.precision === undefined || (from.scale ?? 0) === (to.scale ?? 0);
}

/** Rebuilding copies the rows, and SQLite purges a dropped column from each of them. */
function rewritesOnSqlite(change: SchemaChange, statements: readonly string[]): boolean {
  return change.kind === "dropColumn" ||
    statements.some((statement) => statement.startsWith("insert into "));
}

function isDestructive(change: SchemaChange, state: SchemaState): boolean {
  switch (change.kind) {
    case "dropSchema":
      return change.tables.length > 0;
    case "dropTable":
    case "dropColumn":
      return true;
    case "alterColumn": {
      const [before, after] = columnForms(change, state);
      return losesDigits(before.type, after.type);
    }
    default:
      return false;
  }
}

/**
 * Tells whether a conversion that changes may ask for loses digits of some values: beyond 2^53 a
 * floating-point number no longer holds every whole one.
 *
 * @param from canonical type the column has.
 * @param to canonical type it is to have.
 * @returns true when values may differ afterwards.
 */
export function losesDigits(from: ColumnType, to: ColumnType): boolean {
  return from.kind === "bigint" && to.kind === "double";
}

function columnForms(
  change: Extract<SchemaChange, { kind: "alterColumn" }>,
  state: SchemaState,
): readonly [before: ColumnSpec, after: ColumnSpec] {
  const { name } = change.column;
  return [
    columnOf(tableOf(state, change.table), name),
    columnOf(tableOf(applyChange(state, change), change.table), name),
  ];
}
