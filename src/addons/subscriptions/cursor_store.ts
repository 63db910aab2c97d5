/**
 * Rows of cursors: how far an addon of an organization has come in the log, who is delivering just now,
 * and what went wrong at the next event. A claim is known by the time until which it holds: whoever
 * claims later claims for longer, so no two are alike.
 *
 * @module
 */

import { type Selectable, sql, type Updateable } from "kysely";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import type { SubscriptionCursorTable } from "../../db/tables.ts";
import type { Tables } from "../installation_store.ts";

/** A cursor as it was read. */
export type CursorRow = Selectable<SubscriptionCursorTable>;

/** Whose cursor. */
export interface CursorOwner {
  readonly organizationId: string;
  readonly addonKey: string;
}

/** The right to move a cursor, for a time. */
export interface CursorClaim extends CursorOwner {
  readonly position: number;
  /** RFC 3339 time. */
  readonly until: string;
}

/** How a claimed cursor goes on. */
export interface CursorMove {
  readonly position: number;
  /** Null gives the claim back. */
  readonly until: string | null;
  readonly failures: number;
  readonly lastError: string | null;
  readonly retryAt: string | null;
  readonly at: string;
}

/**
 * Puts a cursor at the end of the log as it is: what happened before is not heard of.
 *
 * @param tables the transaction of an install or an enabling, or the database.
 * @param owner whose cursor.
 * @param at RFC 3339 time.
 * @param standing what happens to a cursor that is there: `move` it to the end, or `keep` it, for an
 *   upgrade.
 */
export async function placeCursor(
  tables: Tables,
  owner: CursorOwner,
  at: string,
  standing: "move" | "keep",
): Promise<void> {
  const { organizationId, addonKey } = owner;
  const end = await tables.selectFrom("events")
    .select(({ fn }) => fn.max("sequence").as("last"))
    .where("organization_id", "=", organizationId).executeTakeFirst();
  const placed = {
    position: Number(end?.last ?? 0),
    failures: 0,
    last_error: null,
    retry_at: null,
    claimed_until: null,
    updated_at: at,
  };
  await tables.insertInto("subscription_cursors")
    .values({ organization_id: organizationId, addon_key: addonKey, ...placed })
    .onConflict((conflict) => {
      const known = conflict.columns(["organization_id", "addon_key"]);
      return standing === "keep" ? known.doNothing() : known.doUpdateSet(placed);
    }).execute();
}

/**
 * Tells whether an addon hears of events at all, and so needs a cursor.
 *
 * @param manifest its manifest.
 * @returns true where it subscribes to some, or has hooks after changes of records.
 */
export function hearsEvents(
  { subscriptions, lifecycle_hooks }: Pick<Manifest, "subscriptions" | "lifecycle_hooks">,
): boolean {
  return subscriptions.length > 0 ||
    lifecycle_hooks.some(({ event }) => event.startsWith("after_"));
}

/**
 * Reads a cursor.
 *
 * @param tables where to look.
 * @param owner whose cursor.
 * @returns the cursor, if there is one.
 */
export async function readCursor(
  tables: Tables,
  owner: CursorOwner,
): Promise<CursorRow | undefined> {
  return await tables.selectFrom("subscription_cursors").selectAll()
    .where("organization_id", "=", owner.organizationId)
    .where("addon_key", "=", owner.addonKey).executeTakeFirst();
}

/**
 * Claims a cursor that nobody else has claimed and that stands where it was read.
 *
 * @param tables where to write.
 * @param claim the claim.
 * @param now RFC 3339 time; claims until then have ended.
 * @returns whether it was given.
 */
export async function claimCursor(
  tables: Tables,
  claim: CursorClaim,
  now: string,
): Promise<boolean> {
  const { numUpdatedRows } = await tables.updateTable("subscription_cursors")
    .set({ claimed_until: claim.until, updated_at: now })
    .where("organization_id", "=", claim.organizationId)
    .where("addon_key", "=", claim.addonKey)
    .where("position", "=", claim.position)
    .where((row) => row.or([row("claimed_until", "is", null), row("claimed_until", "<=", now)]))
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/**
 * Holds a claim for longer; failures at the next event stay counted.
 *
 * @param tables where to write.
 * @param claim the claim that is held.
 * @param move where to, and until when.
 * @returns false where the claim was lost: somebody else delivers now.
 */
export async function renewClaim(
  tables: Tables,
  claim: CursorClaim,
  move: Pick<CursorMove, "position" | "until" | "at">,
): Promise<boolean> {
  return await write(tables, claim, {
    position: move.position,
    claimed_until: move.until,
    updated_at: move.at,
  });
}

/**
 * Moves a claimed cursor.
 *
 * @param tables where to write.
 * @param claim the claim that is held.
 * @param move where to.
 * @returns false where the claim was lost: somebody else delivers now.
 */
export async function moveCursor(
  tables: Tables,
  claim: CursorClaim,
  move: CursorMove,
): Promise<boolean> {
  return await write(tables, claim, {
    position: move.position,
    failures: move.failures,
    last_error: move.lastError,
    retry_at: move.retryAt,
    claimed_until: move.until,
    updated_at: move.at,
  });
}

/** Only while the claim is held, and the cursor stands where it was claimed. */
async function write(
  tables: Tables,
  claim: CursorClaim,
  values: Updateable<SubscriptionCursorTable>,
): Promise<boolean> {
  const { numUpdatedRows } = await tables.updateTable("subscription_cursors")
    .set(values)
    .where("organization_id", "=", claim.organizationId)
    .where("addon_key", "=", claim.addonKey)
    .where("position", "=", claim.position)
    .where("claimed_until", "=", claim.until)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/**
 * Lists organizations in which an enabled addon has events ahead of it.
 *
 * @param tables where to look.
 * @param now RFC 3339 time; what is to be retried later is left out.
 * @param limit most organizations.
 * @returns their ids.
 */
export async function organizationsDue(
  tables: Tables,
  now: string,
  limit: number,
): Promise<string[]> {
  const rows = await tables.selectFrom("subscription_cursors as cursors")
    .innerJoin(
      "installations",
      (join) =>
        join.onRef("installations.organization_id", "=", "cursors.organization_id")
          .onRef("installations.addon_key", "=", "cursors.addon_key"),
    )
    .select("cursors.organization_id").distinct()
    .where("installations.status", "=", "enabled")
    .where((row) =>
      row.or([row("cursors.retry_at", "is", null), row("cursors.retry_at", "<=", now)])
    )
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom("events").select(sql`1`.as("one"))
          .whereRef("events.organization_id", "=", "cursors.organization_id")
          .whereRef("events.sequence", ">", "cursors.position"),
      )
    )
    .limit(limit).execute();
  return rows.map(({ organization_id }) => organization_id);
}
