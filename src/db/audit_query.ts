/**
 * What both audits ask the catalog with.
 *
 * @module
 */

import type { Row, Transaction } from "./database.ts";

/**
 * Runs a query of the catalog.
 *
 * @param tx the transaction it runs in.
 * @param sql the query.
 * @param parameters values of `$1`, `$2` and so on.
 * @returns its rows.
 */
export async function select(
  tx: Transaction,
  sql: string,
  ...parameters: string[]
): Promise<readonly Row[]> {
  return (await tx.execute({ sql, parameters })).rows;
}
