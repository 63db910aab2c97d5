/**
 * The first wall of guests' SQL: one statement, of which every node, field, relation, function and
 * type is on a list. It runs nothing.
 *
 * @module
 */

import type { Node } from "libpg-query";
import { loadSqlParser } from "../migration_sql/sql_parser.ts";
import { statementName } from "../migration_sql/statement_name.ts";
import type { CheckedSql } from "./checked.ts";
import { argumentCount, invalidSql } from "./errors.ts";
import type { GuestRelations, GuestSqlRequest } from "./guest_sql.ts";
import { TreeCheck } from "./tree_check.ts";

const KINDS: Readonly<Record<GuestSqlRequest["access"], readonly string[]>> = {
  read: ["SelectStmt"],
  write: ["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"],
};

/** Together some tens of megabytes of trees. */
const MAX_KEPT = 1_000;
const MAX_KEPT_CHARACTERS = 1_000_000;

const encoder = new TextEncoder();
const kept = new Map<string, Promise<CheckedSql>>();
let keptCharacters = 0;
const numbers = new WeakMap<GuestRelations, number>();
let lastNumber = 0;

/**
 * Checks a statement. What the check of a text gave is kept, by the text and by the identity of
 * `request.relations`: callers give the same object for as long as the same tables may be used.
 *
 * @param request text, arguments and what it may touch.
 * @returns the checked tree, shared by all that ask: it must not be changed.
 * @throws {KernelError} guest_sql.invalid, guest_sql.forbidden, guest_sql.argument_count;
 *   schema.parser_unavailable — the parser could not be loaded.
 */
export async function checkGuestSql(request: GuestSqlRequest): Promise<CheckedSql> {
  refuseOutsize(request);
  const key = `${numberOf(request.relations)} ${request.access} ${request.sql}`;
  let checking = kept.get(key);
  if (checking === undefined) {
    checking = check(request.sql, request.access, request.relations);
    keep(key, checking);
  }
  const checked = await checking;
  const given = request.arguments.length;
  if (checked.parameterCount !== given) throw argumentCount(checked.parameterCount, given);
  return checked;
}

/**
 * Refuses a text that is not even read.
 *
 * @param request text, arguments and their limits.
 * @throws {KernelError} guest_sql.invalid.
 */
export function refuseOutsize({ sql, arguments: given, limits }: GuestSqlRequest): void {
  // First of all: NUL ends texts in C, so that parser and server would read different ones.
  if (sql.includes("\0")) throw invalidSql("it holds the character NUL");
  if (!sql.isWellFormed()) throw invalidSql("it is not well-formed Unicode");
  // A character has at least one byte: texts far too long are not encoded.
  if (sql.length > limits.textBytes || encoder.encode(sql).length > limits.textBytes) {
    throw invalidSql(`it is longer than ${limits.textBytes} bytes`);
  }
  if (given.length > limits.arguments) {
    throw invalidSql(`it has more than ${limits.arguments} arguments`);
  }
}

async function check(
  sql: string,
  access: GuestSqlRequest["access"],
  allowed: GuestRelations,
): Promise<CheckedSql> {
  const statement = await parseOne(sql);
  const [kind = ""] = Object.keys(statement);
  if (!KINDS[access].includes(kind)) {
    const expected = access === "read" ? "SELECT" : "INSERT, UPDATE, DELETE or MERGE";
    throw invalidSql(`${statementName(statement)} where ${expected} is expected`);
  }
  const walk = new TreeCheck(allowed);
  walk.check(statement);
  return {
    statement,
    access,
    relations: walk.relations,
    parameterCount: walk.parameterCount,
    returnsRows: access === "read" || isReturning(statement),
  };
}

/**
 * Reads a text that must be one statement.
 *
 * @param sql without NUL.
 * @returns the parser's tree.
 * @throws {KernelError} guest_sql.invalid.
 */
export async function parseOne(sql: string): Promise<Node> {
  const outcome = (await loadSqlParser()).parse(sql);
  if (outcome.kind === "exhausted") throw invalidSql("it is nested too deeply");
  if (outcome.kind === "syntax") {
    throw invalidSql(`${outcome.problem}, at character ${outcome.character + 1}`);
  }
  const [statement, ...others] = outcome.statements;
  if (statement?.stmt === undefined) throw invalidSql("it is empty");
  if (others.length > 0) throw invalidSql("it has more than one statement");
  return statement.stmt;
}

function isReturning(statement: Node): boolean {
  return Object.values(statement).some((fields) => Object.hasOwn(fields, "returningClause"));
}

function numberOf(relations: GuestRelations): number {
  const known = numbers.get(relations);
  if (known !== undefined) return known;
  numbers.set(relations, ++lastNumber);
  return lastNumber;
}

function keep(key: string, checking: Promise<CheckedSql>): void {
  kept.set(key, checking);
  keptCharacters += key.length;
  // A refusal is not worth the place of a statement that runs.
  checking.catch(() => drop(key));
  for (const oldest of kept.keys()) {
    if (kept.size <= MAX_KEPT && keptCharacters <= MAX_KEPT_CHARACTERS) break;
    drop(oldest);
  }
}

function drop(key: string): void {
  if (kept.delete(key)) keptCharacters -= key.length;
}
