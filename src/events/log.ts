/**
 * Reads the event log of an organization by cursor. On Postgres a transaction that commits late can
 * add an event with a lower sequence than one already read: what must not miss any reads overlapping
 * ranges, or what is settled (`settled.ts`).
 *
 * @module
 */

import type { SystemCaller } from "../base/caller.ts";
import type { Database } from "../db/database.ts";
import { isJsonObject, type Json } from "../base/json.ts";
import type { EventRecord } from "./event.ts";

/** Most events of one reading. */
export const MAX_EVENTS = 1000;

/** Reads events in the order of their sequence. */
export interface EventLog {
  /**
   * Reads events of one organization.
   *
   * @param caller the host application itself, inside that organization: the log holds whole rows.
   * @param after only events of a greater sequence. @default 0
   * @param limit most events, 1 to {@link MAX_EVENTS}. @default 100
   */
  read(caller: SystemCaller, after?: number, limit?: number): Promise<EventRecord[]>;
}

/**
 * Makes the log of a database.
 *
 * @param database where the outbox is.
 * @returns the log.
 */
export function createEventLog(database: Database): EventLog {
  return {
    read: ({ organizationId }, after = 0, limit = 100) =>
      readEvents(database, {
        organizationId,
        after,
        limit: Math.min(Math.max(limit, 1), MAX_EVENTS),
      }),
  };
}

/** A part of the log of an organization. */
export interface EventRange {
  readonly organizationId: string;
  /** Only events of a greater sequence. */
  readonly after: number;
  /** Only events of this sequence or a lower one. @default all */
  readonly through?: number;
  readonly limit: number;
}

/**
 * Reads a part of the log.
 *
 * @param database where the outbox is.
 * @param range which part.
 * @returns its events in the order of their sequence.
 */
export async function readEvents(database: Database, range: EventRange): Promise<EventRecord[]> {
  const { organizationId, after, through, limit } = range;
  let query = database.kysely.selectFrom("events").selectAll()
    .where("organization_id", "=", organizationId)
    .where("sequence", ">", after);
  if (through !== undefined) query = query.where("sequence", "<=", through);
  const rows = await query.orderBy("sequence").limit(limit).execute();
  return rows.map((row) => ({
    sequence: Number(row.sequence),
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    addonKey: row.addon_key,
    model: row.model,
    recordId: row.record_id,
    payload: payloadOf(row.payload),
    actorId: row.actor_id,
    requestId: row.request_id,
    createdAt: row.created_at,
  }));
}

/** The column holds JSON; a driver may have parsed it already. */
function payloadOf(stored: unknown): Json {
  if (typeof stored === "string") return JSON.parse(stored) as Json;
  return isJsonObject(stored) ? stored : null;
}
