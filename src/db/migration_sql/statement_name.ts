/**
 * What kinds of statements are called in SQL, for messages.
 *
 * @module
 */

import type { Node } from "libpg-query";
import { kindOf } from "./syntax_tree.ts";

/** Kinds whose name in the tree does not read as SQL. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["CreateStmt", "CREATE TABLE"],
  ["CreateTableAsStmt", "CREATE TABLE AS"],
  ["IndexStmt", "CREATE INDEX"],
  ["AlterTableStmt", "ALTER TABLE"],
  ["RenameStmt", "RENAME"],
  ["CommentStmt", "COMMENT"],
  ["VariableSetStmt", "SET"],
  ["VariableShowStmt", "SHOW"],
  ["TransactionStmt", "BEGIN, COMMIT and the like"],
  ["ViewStmt", "CREATE VIEW"],
  ["RuleStmt", "CREATE RULE"],
  ["CreateTrigStmt", "CREATE TRIGGER"],
  ["CreateEventTrigStmt", "CREATE EVENT TRIGGER"],
  ["CreatePLangStmt", "CREATE LANGUAGE"],
  ["CreateSeqStmt", "CREATE SEQUENCE"],
  ["AlterSeqStmt", "ALTER SEQUENCE"],
  ["CreateEnumStmt", "CREATE TYPE … AS ENUM"],
  ["CompositeTypeStmt", "CREATE TYPE"],
  ["CreateRangeStmt", "CREATE TYPE … AS RANGE"],
  ["DefineStmt", "CREATE TYPE, OPERATOR or AGGREGATE"],
  ["GrantStmt", "GRANT or REVOKE"],
  ["GrantRoleStmt", "GRANT or REVOKE of a role"],
  ["AlterDefaultPrivilegesStmt", "ALTER DEFAULT PRIVILEGES"],
  ["AlterOwnerStmt", "ALTER … OWNER TO"],
  ["AlterObjectSchemaStmt", "ALTER … SET SCHEMA"],
  ["AlterSystemStmt", "ALTER SYSTEM"],
  ["CreatedbStmt", "CREATE DATABASE"],
  ["DropdbStmt", "DROP DATABASE"],
  ["CreateTableSpaceStmt", "CREATE TABLESPACE"],
  ["CreateFdwStmt", "CREATE FOREIGN DATA WRAPPER"],
  ["RefreshMatViewStmt", "REFRESH MATERIALIZED VIEW"],
  ["ConstraintsSetStmt", "SET CONSTRAINTS"],
  ["ClosePortalStmt", "CLOSE"],
  ["DeclareCursorStmt", "DECLARE CURSOR"],
  ["SecLabelStmt", "SECURITY LABEL"],
  ["CreateStatsStmt", "CREATE STATISTICS"],
  ["CreateAmStmt", "CREATE ACCESS METHOD"],
  ["LockStmt", "LOCK TABLE"],
  ["CheckPointStmt", "CHECKPOINT"],
  ["ReturnStmt", "RETURN"],
  ["DropOwnedStmt", "DROP OWNED"],
  ["ReassignOwnedStmt", "REASSIGN OWNED"],
]);

/**
 * The name of a statement.
 *
 * @param statement the statement as the parser gives it.
 * @returns such as `CREATE FUNCTION`; kinds unknown here are named after the tree.
 */
export function statementName(statement: Node): string {
  const kind = kindOf(statement);
  if ("DropStmt" in statement) {
    const type = statement.DropStmt.removeType ?? "OBJECT_";
    return `DROP ${type.replace("OBJECT_", "").replaceAll("_", " ")}`;
  }
  if ("CreateFunctionStmt" in statement && statement.CreateFunctionStmt.is_procedure) {
    return "CREATE PROCEDURE";
  }
  const words = kind.replace(/Stmt$/, "").replace(/([a-z])([A-Z])/g, "$1 $2");
  return NAMES.get(kind) ?? words.toUpperCase();
}

const DATA_STATEMENTS: ReadonlySet<string> = new Set([
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "SelectStmt",
  "CopyStmt",
  "TruncateStmt",
]);

/**
 * Why a statement is refused and what to do instead.
 *
 * @param statement a statement outside the closed set.
 * @returns one sentence.
 */
export function refusalOf(statement: Node): string {
  const name = statementName(statement);
  if (DATA_STATEMENTS.has(kindOf(statement))) {
    return `${name} is not allowed: a migration may only change the addon's own tables, not read ` +
      "or write rows; rows are written through the records of an organization";
  }
  if ("CreateEnumStmt" in statement || "CreateDomainStmt" in statement) {
    return `${name} is not allowed: use a varchar column with CHECK (… IN (…))`;
  }
  if ("CreateSeqStmt" in statement) {
    return `${name} is not allowed: use uuid default gen_random_uuid()`;
  }
  return `${name} is not allowed: a migration may only change the addon's own tables`;
}
