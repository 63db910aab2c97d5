/**
 * The wall that a bundle's SQL migrations pass (threat model §2 row 15). A file is read by Postgres's
 * own grammar, and every statement is translated into the kernel's closed set of changes or ends the
 * admission. The author's text never reaches a database: only the values made here do.
 *
 * @module
 */

import type { Node, RawStmt } from "libpg-query";
import type { KernelError } from "../../base/error.ts";
import type { SchemaChange } from "../schema/spec.ts";
import { Admission, type MigrationContext } from "./admission.ts";
import { alterTable } from "./alter_table.ts";
import { createIndex } from "./create_index.ts";
import { createTable } from "./create_table.ts";
import { dropObject } from "./drop_object.ts";
import { migrationRefused, migrationSyntax } from "./errors.ts";
import { MAX_MIGRATION_BYTES, MAX_NAME_BYTES, MAX_STATEMENTS } from "./limits.ts";
import { rename } from "./rename.ts";
import { SourceText } from "./source_text.ts";
import { loadSqlParser, type SqlParser } from "./sql_parser.ts";
import { refusalOf, statementName } from "./statement_name.ts";
import { isTooDeep } from "./syntax_tree.ts";
import { checkTransaction } from "./transaction_frame.ts";
import { comment, createExtension, createPolicy, createSchema, setVariable } from "./unchanged.ts";

export type { MigrationContext } from "./admission.ts";

/**
 * Admits one migration file.
 *
 * @param sql text of the file, at most 1 MiB in UTF-8.
 * @param context the addon, the file's name and the tables there are.
 * @returns the changes in order, not yet completed by `schema/complete.ts`; empty when every
 *   statement asks for what is there already.
 * @throws {KernelError} schema.migration_syntax — the text is not SQL; names file and line.
 * @throws {KernelError} schema.migration_refused — a statement is outside the closed set, names
 *   something that is not the addon's, or cannot hold; names file, line and statement.
 * @throws {KernelError} schema.parser_unavailable — the parser's package is missing.
 */
export async function admitMigration(
  sql: string,
  context: MigrationContext,
): Promise<readonly SchemaChange[]> {
  const source = new SourceText(sql);
  checkText(sql, context.file, source);
  if (sql.trim() === "") return [];
  const parser = await loadSqlParser();
  checkNameLengths(sql, context.file, source, parser);
  const statements = parseStatements(sql, context.file, source, parser);
  const admission = new Admission(context, source);
  statements.forEach(({ stmt, stmt_location }, index) => {
    if (stmt === undefined) return;
    admission.begin({ name: statementName(stmt), offset: stmt_location ?? 0 });
    if (isTooDeep(stmt)) throw admission.refuse("the statement is nested too deeply");
    admitStatement(admission, stmt, statements, index);
  });
  return admission.changes;
}

function checkText(sql: string, file: string, source: SourceText): void {
  const start = { file, line: 1, column: 1 };
  const fits = sql.length <= MAX_MIGRATION_BYTES &&
    new TextEncoder().encode(sql).length <= MAX_MIGRATION_BYTES;
  if (!fits) {
    throw migrationRefused(start, "", `the file has more than ${MAX_MIGRATION_BYTES} bytes`);
  }
  const nul = sql.indexOf("\0");
  if (nul !== -1) {
    const place = { file, ...source.atCharacter([...sql.slice(0, nul)].length) };
    throw migrationRefused(place, "", "the file holds a NUL character");
  }
  if (!sql.isWellFormed()) throw migrationRefused(start, "", "the file is not well-formed Unicode");
}

/** Postgres cuts longer names in silence; two of them could then be one. */
function checkNameLengths(
  sql: string,
  file: string,
  source: SourceText,
  parser: SqlParser,
): void {
  // Names too long to keep are rare, long runs of these characters too: only then the scanner runs.
  if (!/[\w$\u0080-\uffff]{64}|"[^"]{63}/.test(sql)) return;
  const names = parser.names(sql);
  if (names === undefined) throw exhausted(file);
  const encoder = new TextEncoder();
  const long = names.find(({ name }) => encoder.encode(name).length > MAX_NAME_BYTES);
  if (long === undefined) return;
  const place = { file, ...source.atByte(long.offset) };
  throw migrationRefused(place, "", `a name may have at most ${MAX_NAME_BYTES} bytes`);
}

function parseStatements(
  sql: string,
  file: string,
  source: SourceText,
  parser: SqlParser,
): readonly RawStmt[] {
  const outcome = parser.parse(sql);
  if (outcome.kind === "syntax") {
    throw migrationSyntax({ file, ...source.atCharacter(outcome.character) }, outcome.problem);
  }
  if (outcome.kind === "exhausted") throw exhausted(file);
  const { statements } = outcome;
  if (statements.length <= MAX_STATEMENTS) return statements;
  const place = { file, ...source.atByte(statements[MAX_STATEMENTS]?.stmt_location ?? 0) };
  throw migrationRefused(place, "", `a file may have at most ${MAX_STATEMENTS} statements`);
}

function exhausted(file: string): KernelError {
  const place = { file, line: 1, column: 1 };
  return migrationRefused(place, "", "the file is nested too deeply or too large to be read");
}

function admitStatement(
  admission: Admission,
  statement: Node,
  all: readonly RawStmt[],
  index: number,
): void {
  if ("CreateStmt" in statement) return createTable(admission, statement.CreateStmt);
  if ("IndexStmt" in statement) return createIndex(admission, statement.IndexStmt);
  if ("AlterTableStmt" in statement) return alterTable(admission, statement.AlterTableStmt);
  if ("RenameStmt" in statement) return rename(admission, statement.RenameStmt);
  if ("DropStmt" in statement) return dropObject(admission, statement.DropStmt);
  if ("CommentStmt" in statement) return comment(admission, statement.CommentStmt);
  if ("CreateSchemaStmt" in statement) return createSchema(admission, statement.CreateSchemaStmt);
  if ("VariableSetStmt" in statement) return setVariable(admission, statement.VariableSetStmt);
  if ("CreatePolicyStmt" in statement) return createPolicy(admission, statement.CreatePolicyStmt);
  if ("CreateExtensionStmt" in statement) {
    return createExtension(admission, statement.CreateExtensionStmt);
  }
  if ("TransactionStmt" in statement) {
    return checkTransaction(admission, statement.TransactionStmt, all, index);
  }
  throw admission.refuse(refusalOf(statement));
}
