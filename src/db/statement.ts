/**
 * Statements and what they give. The least that whoever composes or runs SQL must agree on.
 *
 * @module
 */

/** One SQL statement, its parameters apart from its text. What `sql`…`.compile(db)` returns fits. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A row by column name. Postgres `numeric`/`bigint` arrive as text, times as RFC 3339. */
export type Row = Record<string, unknown>;

/** What one statement of a batch gave: every selected value in the engine's text form. */
export interface TextResult {
  readonly rows: readonly (readonly (string | null)[])[];
  /** Rows inserted, updated or deleted. */
  readonly changes: number;
}

/** What one statement gave inside a transaction. */
export interface RowResult {
  readonly rows: readonly Row[];
  /** Rows inserted, updated or deleted. */
  readonly changes: number;
}

/** Runs statements one after the other. */
export interface StatementRunner {
  /** Runs one statement. */
  execute(statement: Statement): Promise<RowResult>;
}
