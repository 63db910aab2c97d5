/**
 * Schedules that addon code registers (contract/gonext.md §2.3). Keeping them is all that is done
 * here; firing them is not.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Database, Transaction } from "../../db/database.ts";
import { Refusal } from "./refusal.ts";

/** Whose schedules. */
export interface ScheduleOwner {
  readonly organizationId: string;
  readonly addonKey: string;
}

/** A schedule. */
export interface Schedule {
  /** What is called. */
  readonly handler: string;
  /** Cron expression of five fields, or one of the words such as `@hourly`. */
  readonly schedule: string;
}

/** Most schedules of an addon in an organization. */
export const MAX_SCHEDULES = 32;

/** Keeps schedules. */
export interface ScheduleStore {
  /**
   * Registers a schedule; one of the same handler is replaced.
   *
   * @param within a running transaction, which the schedule then is part of.
   * @throws {Refusal} quota
   */
  register(owner: ScheduleOwner, schedule: Schedule, within?: Transaction): Promise<void>;
  /** Lists schedules by handler. */
  list(owner: ScheduleOwner): Promise<Schedule[]>;
}

/**
 * Makes the store of a database.
 *
 * @param database where schedules are kept.
 * @param clock the time.
 * @returns the store.
 */
export function createScheduleStore(database: Database, clock: Clock): ScheduleStore {
  const list = async (owner: ScheduleOwner, tables = database.kysely) =>
    await tables.selectFrom("addon_schedules").select(["handler", "schedule"])
      .where("organization_id", "=", owner.organizationId)
      .where("addon_key", "=", owner.addonKey)
      .orderBy("handler")
      .execute();
  return {
    list: (owner) => list(owner),
    register: async (owner, { handler, schedule }, within) => {
      const work = async (tx: Transaction) => {
        await tx.lock(`schedules:${owner.organizationId}:${owner.addonKey}`);
        const standing = await list(owner, tx.kysely);
        const isNew = standing.every((one) => one.handler !== handler);
        if (isNew && standing.length >= MAX_SCHEDULES) {
          throw new Refusal("quota", `an addon has ${MAX_SCHEDULES} schedules at most`);
        }
        await tx.kysely.insertInto("addon_schedules").values({
          organization_id: owner.organizationId,
          addon_key: owner.addonKey,
          handler,
          schedule,
          created_at: new Date(clock.nowMs()).toISOString(),
        }).onConflict((conflict) =>
          conflict.columns(["organization_id", "addon_key", "handler"]).doUpdateSet({ schedule })
        ).execute();
      };
      await (within === undefined ? database.transaction(null, work) : work(within));
    },
  };
}
