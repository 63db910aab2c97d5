/**
 * The event of an addon coming, going or changing, appended to the log in the transaction of the change.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Transaction } from "../db/database.ts";
import { schemaChanges } from "../events/change_scope.ts";

/** What the event tells. */
export interface AddonEvent {
  /** Addon key. */
  readonly key: string;
  readonly version: string;
  /** Version that was left, where one was. */
  readonly fromVersion?: string;
  /** Physical schema of its tables. */
  readonly schema: string;
  /** Change scope of what was changed. @default everything in the schema */
  readonly scope?: string;
  /** Identifier of the event. */
  readonly id: string;
  /** RFC 3339 time. */
  readonly at: string;
}

/** What can happen to an addon. */
export type AddonHappening =
  | "installed"
  | "upgraded"
  | "rolled_back"
  | "enabled"
  | "disabled"
  | "configured"
  | "secret_rotated"
  | "uninstalled"
  /** Its values went from columns that it had put on a model of somebody else. */
  | "cleared";

/**
 * Appends `kernel.addon.<happening>`.
 *
 * @param tx the transaction of the change.
 * @param caller who did it.
 * @param happening what happened to the addon.
 * @param event what the event tells.
 */
export async function appendAddonEvent(
  tx: Transaction,
  caller: Caller,
  happening: AddonHappening,
  event: AddonEvent,
): Promise<void> {
  await tx.kysely.insertInto("events").values({
    id: event.id,
    organization_id: caller.organizationId,
    name: `kernel.addon.${happening}`,
    addon_key: "kernel",
    model: "addon",
    // Whatever was counted of the addon's tables is counted anew, on every replica.
    table_name: event.scope ?? schemaChanges(event.schema),
    record_id: null,
    payload: JSON.stringify({
      addon_key: event.key,
      version: event.version,
      ...(event.fromVersion === undefined ? {} : { from_version: event.fromVersion }),
    }),
    actor_id: caller.kind === "user" ? caller.userId : null,
    request_id: caller.requestId,
    created_at: event.at,
  }).execute();
}
