/**
 * Reads events that nothing can come before any more. Numbers are given out before transactions commit:
 * an event with a lower sequence may still appear after one with a higher has been read. So what is
 * there is only read once every transaction that ran meanwhile has ended.
 *
 * @module
 */

import type { Database } from "../db/database.ts";
import type { EventRecord } from "./event.ts";
import { readEvents } from "./log.ts";

/** Events that are settled. */
export interface SettledEvents {
  /** In the order of their sequence. */
  readonly events: readonly EventRecord[];
  /** True while there are later ones that are not settled, or that did not fit. */
  readonly more: boolean;
}

/** A part of the log to be read. */
export interface SettledRange {
  readonly organizationId: string;
  /** Only events of a greater sequence. */
  readonly after: number;
  /** Most events, 1 to 1,000. */
  readonly limit: number;
  /** Stops waiting. */
  readonly signal?: AbortSignal;
}

/** Waits of this length, and twice as long each time, for transactions to end. */
const FIRST_WAIT_MS = 2;
/** Longest time to wait in all: whoever has not ended by then is asked again another time. */
const MAX_WAIT_MS = 1_000;

/**
 * Reads settled events.
 *
 * @param database where the outbox is.
 * @param range which part of the log.
 * @returns the events; none while a transaction that may come before them runs on.
 */
export async function readSettledEvents(
  database: Database,
  range: SettledRange,
): Promise<SettledEvents> {
  const { organizationId, after, limit, signal } = range;
  const { last, writers } = await lookAhead(database, organizationId, after);
  if (last === undefined) return { events: [], more: false };
  let running = writers;
  for (let wait = FIRST_WAIT_MS, waited = 0; running.size > 0; wait *= 2) {
    if (waited >= MAX_WAIT_MS || signal?.aborted) return { events: [], more: true };
    await new Promise((resolve) => setTimeout(resolve, wait));
    waited += wait;
    running = (await runningWriters(database)).intersection(writers);
  }
  const events = await readEvents(database, { organizationId, after, through: last, limit });
  return { events, more: events.length === limit };
}

/** The highest sequence first, then who may still write below it: never the other way round. */
async function lookAhead(database: Database, organizationId: string, after: number) {
  const { profile, kysely } = database;
  const highest = kysely.selectFrom("events").select(({ fn }) => fn.max("sequence").as("last"))
    .where("organization_id", "=", organizationId).where("sequence", ">", after).compile();
  const writing = profile.compile(profile.runningWriters("events"));
  const [found, writers] = await database.batch(null, [highest, writing]);
  const last = found?.rows[0]?.[0];
  return {
    last: last === null || last === undefined ? undefined : Number(last),
    writers: new Set(writers?.rows.map(([writer]) => writer)),
  };
}

async function runningWriters(database: Database): Promise<Set<string | null | undefined>> {
  const { profile } = database;
  const [writers] = await database.batch(null, [profile.compile(profile.runningWriters("events"))]);
  return new Set(writers?.rows.map(([writer]) => writer));
}
