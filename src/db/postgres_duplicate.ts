/**
 * Names the columns of a duplicate. Postgres keeps them to itself where row-level security is on
 * (its error carries the constraint only), so the catalog is asked afterwards.
 *
 * @module
 */

import { isKernelError, type KernelError } from "../base/error.ts";
import { duplicate } from "./conflict_errors.ts";
import { wireStatement } from "./postgres_exchange.ts";
import type { PostgresSession } from "./postgres_session.ts";

const COLUMNS_OF_INDEX = `select a.attname
  from pg_class x
    join pg_namespace n on n.oid = x.relnamespace
    join pg_index i on i.indexrelid = x.oid
    cross join unnest(i.indkey) with ordinality as k (attnum, position)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
  where n.nspname = $1 and x.relname = $2 and a.attname <> 'organization_id'
  order by k.position`;

/**
 * Completes an error of the code `record.duplicate` that names no columns.
 *
 * @param thrown anything thrown by work on the session.
 * @param session usable again: outside any transaction.
 * @returns the completed error, or what was thrown.
 */
export async function nameDuplicateColumns(
  thrown: unknown,
  session: PostgresSession,
): Promise<unknown> {
  if (!isKernelError(thrown, "record.duplicate") || thrown.fields !== undefined) return thrown;
  const { schema, constraint } = sourceOf(thrown);
  if (schema === undefined || constraint === undefined) return thrown;
  try {
    const query = { sql: COLUMNS_OF_INDEX, parameters: [schema, constraint] };
    const [result] = await session.exchange([wireStatement(query)], "values only");
    const columns = result!.rows.map(([name]) => name!);
    const table = thrown.details?.table as string | undefined;
    return duplicate({
      columns,
      constraint,
      ...(table !== undefined && { table }),
      cause: thrown.cause,
    });
  } catch {
    // The duplicate stays the news; what went wrong while asking is not.
    return thrown;
  }
}

function sourceOf(error: KernelError): { schema?: string; constraint?: string } {
  return error.cause as { schema?: string; constraint?: string };
}
