/**
 * A change as the statements of each engine, whichever of them runs here, for plans that people read
 * before they say yes.
 *
 * @module
 */

import { renderPostgres } from "./render_postgres.ts";
import { renderSqlite } from "./render_sqlite.ts";
import type { SchemaChange, SchemaState } from "./spec.ts";

/** Statements of each engine. */
export interface EngineStatements {
  /** In order; empty where the engine has nothing to do. */
  readonly postgres: readonly string[];
  /** In order; empty where the engine has nothing to do. */
  readonly sqlite: readonly string[];
}

/**
 * Renders one change for every engine. Changes bind no parameters, so the texts are complete.
 *
 * @param change a change that `applyChange` accepts.
 * @param state what holds before it.
 * @returns the statements as the engines get them.
 * @throws {KernelError} schema.* — as `applyChange`.
 */
export function renderForEveryEngine(change: SchemaChange, state: SchemaState): EngineStatements {
  return {
    postgres: renderPostgres(change, state).map((statement) => statement.sql),
    sqlite: renderSqlite(change, state).map((statement) => statement.sql),
  };
}
