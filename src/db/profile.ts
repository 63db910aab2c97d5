/**
 * The list of named differences between the engines. Adding a difference is one line here, two
 * implementations, one matrix test. Nothing outside `db/` asks which engine it talks to.
 *
 * @module
 */

import type { RawBuilder } from "kysely";
import type { Statement, StatementRunner } from "./statement.ts";
import type { SchemaChange, SchemaState, TableName } from "./schema/spec.ts";
import type { ColumnType } from "./schema/spec.ts";

/** How addon tables of several organizations are kept apart. */
export type Isolation = "shared" | "schema-per-tenant";

/** What the engines do differently. */
export interface DialectProfile {
  /** For logs and `/readyz` only; never branched on outside `db/`. */
  readonly name: "sqlite" | "postgres";
  /** Compiles a fragment to text and parameters. */
  compile(query: RawBuilder<unknown>): Statement;
  /** Physical schema of an addon's tables. */
  addonSchema(addonKey: string, isolation: Isolation, organizationId: string): string;
  /** A table as quoted SQL. */
  table(name: TableName): RawBuilder<unknown>;
  /** A kernel table as quoted SQL, for raw statements; e.g. `events`. */
  kernelTable(name: string): RawBuilder<unknown>;
  /** A bound value of a column's type, as SQL: casts and encodes (`$1::uuid`, ISO text, 0/1). */
  value(value: unknown, type: ColumnType): RawBuilder<unknown>;
  /**
   * A column's value as JSON-ready SQL: timestamps become RFC 3339 with `Z`, booleans true/false,
   * numerics numbers, JSON itself.
   */
  jsonValue(column: RawBuilder<unknown>, type: ColumnType): RawBuilder<unknown>;
  /** A JSON object of named values, in the given order: `json_build_object` or `json_object`. */
  jsonObject(entries: readonly (readonly [string, RawBuilder<unknown>])[]): RawBuilder<unknown>;
  /** A JSON array over the rows of a source in their order, `[]` when there is none. */
  jsonArray(element: RawBuilder<unknown>): RawBuilder<unknown>;
  /**
   * Case-insensitive "contains", also beyond ASCII; `pattern` is already escaped with a backslash,
   * the wildcards around it are added here.
   */
  containsText(column: RawBuilder<unknown>, pattern: string): RawBuilder<unknown>;
  /** The current instant as a value of a timestamp column. */
  now(): RawBuilder<unknown>;
  /** Locks rows that a select inside a transaction reads (`for update`, or nothing). */
  readonly lockRows: RawBuilder<unknown>;
  /**
   * A token for "what has been committed so far" on one table of one tenant, as SQL text, and the
   * condition that nothing has been committed since a token was taken. Exact across replicas, for a
   * token taken in the statement whose result is kept, or in an earlier one.
   */
  changeToken(organizationId: string, table: string): RawBuilder<unknown>;
  /** SQL text `1` when nothing was committed since `token`, else `0`; see {@link changeToken}. */
  unchangedSince(organizationId: string, table: string, token: string): RawBuilder<unknown>;
  /**
   * A query for the transactions of others that may have written to a kernel table and still run, one
   * text `writer` each. Once those of a moment are gone, nothing more can appear below the highest
   * sequence that was seen at that moment. No rows where writes commit in the order of their sequence.
   */
  runningWriters(kernelTable: string): RawBuilder<unknown>;
  /** Reads what a schema holds. */
  introspect(tx: StatementRunner, schema: string): Promise<SchemaState>;
  /** Renders one change; `state` is what holds before it (SQLite rebuilds tables from it). */
  render(change: SchemaChange, state: SchemaState): readonly Statement[];
}
