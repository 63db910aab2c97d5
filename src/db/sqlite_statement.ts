/**
 * What kind of statement a text is, as far as SQLite's engine needs to know it: whether it only
 * reads, whether it counts changed rows, whether it opens or ends a transaction, whether it changes
 * the schema.
 *
 * @module
 */

/** Kind of a statement. */
export type StatementKind = "read" | "write" | "control" | "schema" | "other";

const FIRST_WORD = /^[\s(]*([a-z]+)/i;
const WRITES = /\b(insert|update|delete|replace)\b/i;

/**
 * Tells the kind of a statement by its words. A read that mentions a writing word is taken for a
 * write; nothing that writes is ever taken for a read.
 *
 * @param sql one statement.
 * @returns its kind.
 */
export function statementKind(sql: string): StatementKind {
  switch (FIRST_WORD.exec(sql)?.[1]?.toLowerCase()) {
    case "select":
    case "values":
      return "read";
    case "with":
      return WRITES.test(sql) ? "write" : "read";
    case "insert":
    case "update":
    case "delete":
    case "replace":
      return "write";
    case "begin":
    case "commit":
    case "rollback":
    case "savepoint":
    case "release":
      return "control";
    case "create":
    case "drop":
    case "alter":
      return "schema";
    default:
      return "other";
  }
}
