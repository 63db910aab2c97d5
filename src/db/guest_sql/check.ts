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
import { argumentCount, forbiddenSql, invalidSql } from "./errors.ts";
import type { GuestRelations, GuestSqlRequest } from "./guest_sql.ts";
import { refuseOtherTenant } from "./tenant_insert.ts";
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

/**
 * Checks a statement. What the check of a text gave is kept by the text; whether its tables may be
 * used, and where they are, is asked anew each time.
 *
 * @param request text, arguments and what it may touch.
 * @returns the checked tree, shared by all that ask: it must not be changed.
 * @throws {KernelError} guest_sql.invalid, guest_sql.forbidden, guest_sql.argument_count;
 *   schema.parser_unavailable — the parser could not be loaded.
 */
export async function checkGuestSql(request: GuestSqlRequest): Promise<CheckedSql> {
  refuseOutsize(request);
  const checked = await admitted(request);
  const given = request.arguments.length;
  if (checked.parameterCount !== given) throw argumentCount(checked.parameterCount, given);
  refuseOtherTenant(checked.tenantValues, request);
  return checked;
}

async function admitted({ sql, access, relations }: GuestSqlRequest): Promise<CheckedSql> {
  const key = `${access} ${relations.ownSchema} ${sql}`;
  const standing = await kept.get(key)?.catch(() => undefined);
  if (standing !== undefined && isStillMeant(standing, relations)) return standing;
  const checking = check(sql, access, relations);
  keep(key, checking);
  return await checking;
}

/**
 * Two addons may name the same table and mean different ones. A refusal ends it here: asking again
 * would count the decision twice.
 */
function isStillMeant(checked: CheckedSql, allowed: GuestRelations): boolean {
  return checked.relations.every(({ written, schema, table, access }) => {
    const found = allowed.find(written.schema, written.table, access);
    if ("refused" in found) throw forbiddenSql(found.refused);
    return found.schema === schema && found.table === table;
  });
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
    tenantValues: walk.tenantValues,
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

function keep(key: string, checking: Promise<CheckedSql>): void {
  drop(key);
  kept.set(key, checking);
  keptCharacters += key.length;
  // A refusal is not worth the place of a statement that runs.
  checking.catch(() => kept.get(key) === checking && drop(key));
  for (const oldest of kept.keys()) {
    if (kept.size <= MAX_KEPT && keptCharacters <= MAX_KEPT_CHARACTERS) break;
    drop(oldest);
  }
}

function drop(key: string): void {
  if (kept.delete(key)) keptCharacters -= key.length;
}
