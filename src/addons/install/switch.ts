/**
 * Lets an addon take part in an organization, or take none: its row, the columns it puts on models of
 * others, its hooks. Data and bundle stay as they are.
 *
 * @module
 */

import type { Transaction } from "../../db/database.ts";
import type { InstallationRow } from "../installation_store.ts";
import { raiseCatalogVersion } from "../installation_store.ts";
import type { LiveInstallation } from "../live_installations.ts";
import { checkNotNeeded, requirementObstacles } from "../plan/requirements.ts";
import { otherOf } from "./gather.ts";
import { demandUnchanged, extend, type InstallSurroundings, lockInstallation } from "./install.ts";
import { hearsEvents, placeCursor } from "../subscriptions/cursor_store.ts";

/** Which way. */
export type Switch = "enable" | "disable";

/** One switch. */
export interface SwitchOrder
  extends Pick<InstallSurroundings, "hostModels" | "installations" | "hooks"> {
  readonly organizationId: string;
  readonly to: Switch;
  /** The installation as it was looked at. */
  readonly before: LiveInstallation;
  /** RFC 3339 time. */
  readonly at: string;
}

/**
 * Makes the row after a switch.
 *
 * @param row the row before.
 * @param to which way.
 * @param at RFC 3339 time.
 * @returns the row after it.
 */
export function switchedRow(row: InstallationRow, to: Switch, at: string): InstallationRow {
  return {
    ...row,
    ...(to === "enable"
      ? { status: "enabled", enabled_at: at, disabled_at: null }
      : { status: "disabled", disabled_at: at }),
    revision: Number(row.revision) + 1,
    updated_at: at,
  };
}

/**
 * Switches inside a transaction that may change schemas.
 *
 * @param tx the transaction.
 * @param order which way.
 * @returns what is to be told.
 * @throws {KernelError} addon.changed_meanwhile; addon.needed_by_others, addon.requirement_missing,
 *   addon.requirement_version; addon.extension_conflict
 */
export async function switchInTransaction(
  tx: Transaction,
  order: SwitchOrder,
): Promise<readonly string[]> {
  const { organizationId, to, before: { row, manifest }, at, installations } = order;
  const { schema_name: schema, addon_key: addonKey } = row;
  await lockInstallation(tx, { ...order, schema, addonKey, manifest });
  await demandUnchanged(tx, organizationId, row.addon_key, row);
  const others = (await installations.list(tx.kysely, organizationId)).map(otherOf)
    .filter(({ key }) => key !== row.addon_key);
  if (to === "disable") checkNotNeeded(row.addon_key, others);
  else {
    const [obstacle] = requirementObstacles(manifest, others);
    if (obstacle !== undefined) throw obstacle;
  }
  const { status, enabled_at, disabled_at, revision, updated_at } = switchedRow(row, to, at);
  await tx.kysely.updateTable("installations")
    .set({ status, enabled_at, disabled_at, revision, updated_at })
    .where("id", "=", row.id).execute();
  const surroundings = { ...order, tables: "not locked yet" } as const;
  const warnings = to === "enable"
    ? await extend(tx, row.addon_key, organizationId, surroundings)
    : [];
  if (to === "enable" && hearsEvents(manifest)) {
    // What happened while it took no part is not heard of.
    await placeCursor(tx.kysely, { organizationId, addonKey: row.addon_key }, at, "move");
  }
  await order.hooks(tx);
  await raiseCatalogVersion(tx.kysely, organizationId);
  return warnings;
}
