/**
 * Statements that the server does not interrupt: some of its functions (LIKE, strpos, translate on
 * texts of megabytes) look for an interrupt only when they are done. Their connection is cut, but
 * the server's process goes on; its place is free again when it has gone.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import { wireStatement } from "../postgres_exchange.ts";
import type { PostgresSession } from "../postgres_session.ts";
import { STATEMENT_TEXT_START } from "./postgres_guest_exchange.ts";

/** Between two looks. */
const LOOK_MS = 500;
/** The number alone may be another process's by now. */
const RUNS_ON = "select 1 from pg_stat_activity where pid = $1::int and state = 'active' " +
  "and starts_with(query, $2)";

/**
 * Waits until a server's process no longer runs a guest's statement.
 *
 * @param processId of the server.
 * @param lend lends a session of the pool.
 * @returns when it has gone, or the pool is closed.
 */
export async function untilGone(
  processId: number,
  lend: <T>(work: (session: PostgresSession) => Promise<T>) => Promise<T>,
): Promise<void> {
  const look = wireStatement({
    sql: RUNS_ON,
    parameters: [String(processId), STATEMENT_TEXT_START],
  });
  for (;;) {
    await new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, LOOK_MS)));
    try {
      const [answer] = await lend((session) => session.exchange([look], "values only"));
      if (answer?.rows.length === 0) return;
    } catch (thrown) {
      // A server that does not answer now is asked again.
      if (isKernelError(thrown, "db.closed")) return;
    }
  }
}
