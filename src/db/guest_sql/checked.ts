/**
 * What the check of a guest's SQL gives: the parser's own tree, cut down to the node kinds that are
 * listed here, each relation named by its physical schema and table. Engines render from it; the
 * author's text never runs.
 *
 * @module
 */

import type { Node, RangeVar } from "libpg-query";
import type { TenantValue } from "./tenant_insert.ts";

/** A checked statement. */
export interface CheckedSql {
  /**
   * The statement: `SelectStmt`, or for a write `InsertStmt`, `UpdateStmt`, `DeleteStmt` or
   * `MergeStmt`. Each `RangeVar` that is a table has `schemaname` and `relname` as they are stored,
   * and an alias (the table's written name where the author gave none), so that `table.column`
   * means what it meant. A `RangeVar` without `schemaname` is a CTE. `ColumnRef`s have at most two
   * names: a leading schema has been taken off.
   */
  readonly statement: Node;
  readonly access: "read" | "write";
  /** Every table of the statement, in order of the text. */
  readonly relations: readonly CheckedRelation[];
  /** What an INSERT writes into the tenant column; its values are compared for each request. */
  readonly tenantValues: readonly TenantValue[];
  /** Highest `$n` of the text; equal to the number of arguments. */
  readonly parameterCount: number;
  /** True for a read, and for a write with RETURNING. */
  readonly returnsRows: boolean;
}

/** A table that a checked statement uses. */
export interface CheckedRelation {
  /** The node in the tree, the same object. */
  readonly node: RangeVar;
  /** Schema (Postgres) or prefix (SQLite) as stored. */
  readonly schema: string;
  /** Table as stored. */
  readonly table: string;
  readonly access: "read" | "write";
  /** As the author wrote it. */
  readonly written: { readonly schema: string | undefined; readonly table: string };
}

/** Every kind of node that a checked tree may hold; `node_rules.ts` has the fields of each. */
const CHECKED_NODES = [
  // Statements and their parts.
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "MergeWhenClause",
  "OnConflictClause",
  "InferClause",
  "IndexElem",
  "WithClause",
  "CommonTableExpr",
  "ReturningClause",
  "MultiAssignRef",
  "SetToDefault",
  // What stands in FROM.
  "RangeVar",
  "RangeSubselect",
  "RangeFunction",
  "JoinExpr",
  "Alias",
  "ColumnDef",
  // Lists and clauses.
  "ResTarget",
  "SortBy",
  "GroupingSet",
  "WindowDef",
  "List",
  "String",
  // Expressions.
  "A_Const",
  "A_Expr",
  "A_ArrayExpr",
  "A_Indices",
  "A_Indirection",
  "A_Star",
  "BoolExpr",
  "BooleanTest",
  "CaseExpr",
  "CaseWhen",
  "CoalesceExpr",
  "CollateClause",
  "ColumnRef",
  "FuncCall",
  "GroupingFunc",
  "MinMaxExpr",
  "NamedArgExpr",
  "NullTest",
  "ParamRef",
  "RowExpr",
  "SQLValueFunction",
  "SubLink",
  "TypeCast",
  "TypeName",
] as const;

/** A kind of node that a checked tree may hold. */
export type CheckedNodeKind = (typeof CHECKED_NODES)[number];
