/**
 * Counts the rows of one organization that a plan would lose or alter. It reads only.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { Transaction } from "../../db/database.ts";
import { TENANT_COLUMN } from "../../db/schema/tenant_rules.ts";
import type { DataAtRisk } from "./installation_plan.ts";
import type { RiskQuestion } from "./risks.ts";

/** Greatest number up to which a floating-point number holds every whole one. */
const LAST_EXACT = Number.MAX_SAFE_INTEGER + 1;

/**
 * Answers the questions of a plan.
 *
 * @param tx a transaction that acts for the organization, with the tables as they stand before.
 * @param organizationId whose rows.
 * @param questions what to count.
 * @returns what is at risk; questions with nothing to lose give no entry.
 */
export async function countRisks(
  tx: Pick<Transaction, "execute" | "profile">,
  organizationId: string,
  questions: readonly RiskQuestion[],
): Promise<readonly DataAtRisk[]> {
  const found: DataAtRisk[] = [];
  for (const question of questions) {
    const { table, column, reason } = question;
    const tenant = tx.profile.value(organizationId, { kind: "uuid" });
    const query = sql`select count(*) as n from ${tx.profile.table(table)}
      where ${sql.ref(TENANT_COLUMN)} = ${tenant} and ${conditionOf(question)}`;
    const { rows: [row] } = await tx.execute(tx.profile.compile(query));
    const rows = Number(row?.["n"] ?? 0);
    if (rows === 0) continue;
    found.push({ table: table.table, ...(column === undefined ? {} : { column }), rows, reason });
  }
  return found;
}

function conditionOf({ question, column }: RiskQuestion): RawBuilder<unknown> {
  if (question === "rows" || column === undefined) return sql`1 = 1`;
  const value = sql.ref(column);
  switch (question) {
    case "non-null values":
      return sql`${value} is not null`;
    case "null values":
      return sql`${value} is null`;
    case "values that do not fit":
      return sql`(${value} > ${sql.lit(LAST_EXACT)} or ${value} < ${sql.lit(-LAST_EXACT)})`;
  }
}
