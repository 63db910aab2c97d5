/**
 * Keeps the circuit breakers of installations in the kernel's tables: a failing addon stays shut out
 * after a restart and on every replica. When they open is decided in the sandbox.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { isKernelError } from "../../base/error.ts";
import type { Database } from "../../db/database.ts";
import type { BreakerTable } from "../../db/tables.ts";
import type { BreakerStore } from "../../sandbox/breaker_records.ts";
import type { BreakerState } from "../../sandbox/breaker_state.ts";

/**
 * Makes the store.
 *
 * @param database holds the table.
 * @param clock tells when a state was written.
 * @returns the store.
 */
export function createBreakerStore(database: Database, clock: Clock): BreakerStore {
  return {
    read: async (installationId) => {
      const row = await database.kysely.selectFrom("breakers").selectAll()
        .where("installation_id", "=", installationId).executeTakeFirst();
      return row === undefined ? undefined : stateOf(row);
    },
    write: async (installationId, state) => {
      const values = rowOf(state, clock.nowMs());
      try {
        await database.kysely.insertInto("breakers")
          .values({ installation_id: installationId, ...values })
          .onConflict((conflict) => conflict.column("installation_id").doUpdateSet(values))
          .execute();
      } catch (thrown) {
        // The installation has gone meanwhile, and its breaker with it.
        if (!isKernelError(thrown, "record.reference")) throw thrown;
      }
    },
    claimProbe: async (installationId, expectedMs, nextMs) => {
      const result = await database.kysely.updateTable("breakers")
        .set({ retry_at: timeText(nextMs), updated_at: timeText(clock.nowMs()) })
        .where("installation_id", "=", installationId)
        .where("state", "=", "open")
        .where("retry_at", "=", timeText(expectedMs))
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
  };
}

function stateOf(row: BreakerTable): BreakerState {
  return {
    state: row.state === "open" ? "open" : "closed",
    // Border: the kernel wrote this text itself.
    failures: JSON.parse(row.failures) as number[],
    openedAtMs: timeOf(row.opened_at),
    retryAtMs: timeOf(row.retry_at),
    openings: row.openings,
  };
}

function rowOf(state: BreakerState, nowMs: number): Omit<BreakerTable, "installation_id"> {
  return {
    state: state.state,
    failures: JSON.stringify(state.failures),
    opened_at: state.openedAtMs === undefined ? null : timeText(state.openedAtMs),
    retry_at: state.retryAtMs === undefined ? null : timeText(state.retryAtMs),
    openings: state.openings,
    updated_at: timeText(nowMs),
  };
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function timeOf(text: string | null): number | undefined {
  return text === null ? undefined : Date.parse(text);
}
