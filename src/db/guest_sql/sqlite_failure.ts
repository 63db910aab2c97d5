/**
 * What SQLite and its driver throw while a guest's statement runs, as errors that a guest may read.
 * Texts of the engine pass only where they speak of the statement, never of stored values.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import { toKernelError } from "../conflict.ts";
import {
  constraintBroken,
  type ConstraintKind,
  forbiddenSql,
  rowLimit,
  sqlFailed,
} from "./errors.ts";

/** What an error of `node:sqlite` carries. */
interface SqliteError extends Error {
  readonly errcode: number;
}

const CONSTRAINTS: Readonly<Record<number, ConstraintKind>> = {
  275: "check",
  787: "foreign_key",
  1811: "foreign_key",
  1299: "not_null",
  1555: "unique",
  2067: "unique",
  2579: "unique",
};
/** Messages about the text of a statement, and the SQLSTATE Postgres has for the like. */
const ABOUT_THE_TEXT: readonly (readonly [RegExp, string])[] = [
  [/^no such column: /, "42703"],
  [/^ambiguous column name: /, "42702"],
  [/^misuse of |aggregate/, "42803"],
  [/^circular reference: |^recursive /, "42P19"],
  [/^integer overflow$/, "22003"],
  [/^malformed JSON$/, "22P02"],
  [
    /columns? but \d+ values|same number of result columns|has \d+ (?:columns|values) |sub-select returns/,
    "42601",
  ],
];

/**
 * Makes an error for the guest of what was thrown.
 *
 * @param thrown anything caught around the engine.
 * @param prefix of the wall's views, taken out of messages.
 * @returns an error with a code of this room, or of the database.
 */
export function guestSqlError(thrown: unknown, prefix = ""): unknown {
  if (thrown instanceof RangeError) {
    // Arrays and objects inside each other use up the stack.
    return sqlFailed("A value is nested too deeply or too large", "54001", thrown);
  }
  if (thrown instanceof KernelError || !isSqliteError(thrown)) return thrown;
  const constraint = CONSTRAINTS[thrown.errcode];
  if (constraint !== undefined) return broken(constraint, thrown);
  switch (thrown.errcode & 0xff) {
    case 1:
      return aboutText(thrown, prefix);
    case 7:
    case 18:
      return rowLimit("A value is larger than a statement may touch, or the answer is too large");
    case 19:
      return constraintBroken({ kind: "check" }, thrown);
    case 20:
      return sqlFailed("A value does not fit where it is used", "22P02", thrown);
    case 23:
      return forbiddenSql("The statement touches what addons may not", thrown);
    default:
      return toKernelError(thrown);
  }
}

function isSqliteError(thrown: unknown): thrown is SqliteError {
  return thrown instanceof Error && "errcode" in thrown && typeof thrown.errcode === "number";
}

function aboutText(error: SqliteError, prefix: string): KernelError {
  const known = ABOUT_THE_TEXT.find(([pattern]) => pattern.test(error.message));
  if (known === undefined) return sqlFailed("The database refused the statement", "42000", error);
  const message = prefix === "" ? error.message : error.message.replaceAll(prefix, "");
  return sqlFailed(message.slice(0, 200), known[1], error);
}

/** `UNIQUE constraint failed: addon_x.tickets.organization_id, addon_x.tickets.code` */
function broken(kind: ConstraintKind, error: SqliteError): KernelError {
  const named = /constraint failed: (.*)$/s.exec(error.message)?.[1] ?? "";
  if (kind === "check") {
    return constraintBroken({ kind, ...named !== "" && { name: named } }, error);
  }
  const columns = named.split(", ").map((part) => /([^.]+)\.([^.]+)$/.exec(part));
  const own = columns.find((part) => part !== null && part[2] !== "organization_id") ?? columns[0];
  return constraintBroken({
    kind,
    ...own && { table: own[1]!, column: own[2]! },
  }, error);
}
