/**
 * SQL that an addon's code brings along, confined by two walls (decision D6): a parser with
 * allow-lists of statements, relations and functions, and the engine itself.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { Statement } from "../statement.ts";
import type { Transaction } from "../transaction.ts";

/** A value for `$1`, `$2` and so on (contract/metacore.md §5.3, "argument decoding"). */
export type GuestArgument =
  | null
  | boolean
  | number
  | bigint
  | string
  | { readonly kind: "uuid"; readonly text: string }
  /** RFC 3339. */
  | { readonly kind: "timestamp"; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** Which tables a statement may touch, and where they are. */
export interface GuestRelations {
  /** Physical schema (or prefix) that unqualified names mean: the addon's own. */
  readonly ownSchema: string;
  /**
   * Finds a table that a text names.
   *
   * @param schema as written, undefined when unqualified.
   * @param table as written.
   * @param access what the statement does to it.
   * @returns where it is, or why it may not be used.
   */
  find(
    schema: string | undefined,
    table: string,
    access: "read" | "write",
  ): { readonly schema: string; readonly table: string } | { readonly refused: string };
  /** Every physical schema whose tables may be read, for the engine's own wall. */
  readonly readable: readonly string[];
  /** Every physical schema whose tables may be written. */
  readonly writable: readonly string[];
}

/** One statement to run. */
export interface GuestSqlRequest {
  readonly organizationId: string;
  /** `read` admits SELECT, VALUES and WITH … SELECT; `write` INSERT, UPDATE, DELETE and MERGE. */
  readonly access: "read" | "write";
  readonly sql: string;
  readonly arguments: readonly GuestArgument[];
  readonly relations: GuestRelations;
  readonly limits: GuestSqlLimits;
  /** Aborts the statement. */
  readonly signal?: AbortSignal;
  /**
   * Statements of the kernel that run in the same transaction, with the kernel's rights, after a
   * statement that changed rows: the events of the change.
   *
   * @param tables physical names of the tables that were written.
   * @param changes rows that were changed.
   */
  readonly epilogue?: (
    tables: readonly { readonly schema: string; readonly table: string }[],
    changes: number,
  ) => readonly Statement[];
}

/** Bounds of one statement. */
export interface GuestSqlLimits {
  /** Most bytes of SQL text. */
  readonly textBytes: number;
  /** Most arguments. */
  readonly arguments: number;
  /** Most rows. */
  readonly rows: number;
  /** Most bytes of the rows as JSON. */
  readonly responseBytes: number;
  /** After this the statement is interrupted, in milliseconds. */
  readonly timeoutMs: number;
}

/** A column of a result. */
export interface GuestColumn {
  readonly name: string;
  /** Lower-case type name as Postgres says it: `int4`, `text`, `numeric`, `timestamptz`, …; on
   * SQLite the nearest of these, absent where nothing is known. */
  readonly type?: string;
}

/** What a statement gave. Values are encoded as contract/metacore.md §5.3 has it. */
export interface GuestSqlResult {
  readonly columns: readonly GuestColumn[];
  readonly rows: readonly (readonly Json[])[];
  /** Rows inserted, updated or deleted; 0 for a read. */
  readonly changes: number;
}

/** Runs guests' SQL. */
export interface GuestSql {
  /**
   * Says whether guests' SQL can run here.
   *
   * @returns undefined when it can, else one sentence that says what an operator has to do.
   */
  unavailableBecause(): Promise<string | undefined>;
  /**
   * Runs a statement in a transaction of its own, a read in a read-only one.
   *
   * @throws {KernelError} guest_sql.*: invalid (text, statement kind, function, type), forbidden
   *   (relation, another organization), argument_count, row_limit, timeout, constraint,
   *   serialization, failed (names and values, without texts that show other tenants), unavailable.
   */
  run(request: GuestSqlRequest): Promise<GuestSqlResult>;
  /**
   * Runs a statement in a running transaction, under a savepoint of its own: a statement that fails
   * leaves the transaction as it was. Sees what the transaction has written.
   */
  runIn(tx: Transaction, request: GuestSqlRequest): Promise<GuestSqlResult>;
}
