/**
 * BEGIN and COMMIT around a whole file. The kernel runs every file inside one transaction anyway, so
 * the frame changes nothing; anything else about transactions is refused.
 *
 * @module
 */

import type { RawStmt, TransactionStmt } from "libpg-query";
import type { Admission } from "./admission.ts";
import { onlyFields } from "./syntax_tree.ts";

const OPENING: ReadonlySet<string> = new Set(["TRANS_STMT_BEGIN", "TRANS_STMT_START"]);
const CLOSING = "TRANS_STMT_COMMIT";

/**
 * Accepts BEGIN as the first statement and COMMIT as the last, both or neither.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @param all every statement of the file.
 * @param index place of the statement in the file, from 0.
 * @throws {KernelError} schema.migration_refused — anything else about transactions.
 */
export function checkTransaction(
  admission: Admission,
  statement: TransactionStmt,
  all: readonly RawStmt[],
  index: number,
): void {
  onlyFields(admission, "BEGIN or COMMIT", statement, ["kind", "location"]);
  const isFramed = OPENING.has(kindAt(all, 0)) && kindAt(all, all.length - 1) === CLOSING;
  if (isFramed && (index === 0 || index === all.length - 1)) return;
  throw admission.refuse(
    `${admission.statementName} is not allowed: a file runs in one transaction already; ` +
      "only a BEGIN at its start with a COMMIT at its end is passed over",
  );
}

function kindAt(all: readonly RawStmt[], index: number): string {
  const statement = all[index]?.stmt;
  return statement !== undefined && "TransactionStmt" in statement
    ? statement.TransactionStmt.kind ?? ""
    : "";
}
