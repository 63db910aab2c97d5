/**
 * Writes events of addon code to the outbox. Organization, actor and request come from the
 * invocation, never from the guest. Delivering is not done here.
 *
 * @module
 */

import type { Kysely } from "kysely";
import type { Statement } from "../../db/database.ts";
import type { KernelTables } from "../../db/tables.ts";
import type { HostInvocation } from "./host_function.ts";

/** An event of a guest. */
export interface GuestEvent {
  /** Checked: no name that belongs to others. */
  readonly name: string;
  /** Addon that it is of. @default the one that caused it */
  readonly addonKey?: string;
  readonly model: string;
  /** What change tokens are taken of; empty where no table changed. */
  readonly tableName: string;
  /** JSON text. */
  readonly payload: string;
}

/**
 * Composes the insert of an event.
 *
 * @param invocation who caused it.
 * @param event what happened.
 * @returns the statement, for the transaction of the change.
 */
export function eventStatement(invocation: HostInvocation, event: GuestEvent): Statement {
  return insert(invocation, event, invocation.services.database.kysely).compile();
}

/**
 * Appends an event: in the action's transaction where there is one, else in its own.
 *
 * @param invocation who caused it.
 * @param event what happened.
 */
export async function appendEvent(invocation: HostInvocation, event: GuestEvent): Promise<void> {
  const { context, services } = invocation;
  const tables = (context.transaction ?? services.database).kysely;
  await insert(invocation, event, tables).execute();
}

function insert(
  { context, services }: HostInvocation,
  event: GuestEvent,
  tables: Kysely<KernelTables>,
) {
  return tables.insertInto("events").values({
    id: services.ids.next(),
    organization_id: context.subject.organizationId,
    name: event.name,
    addon_key: event.addonKey ?? context.subject.addonKey,
    model: event.model,
    table_name: event.tableName,
    record_id: null,
    payload: event.payload,
    actor_id: context.actorId ?? null,
    request_id: context.subject.requestId,
    created_at: new Date(services.clock.nowMs()).toISOString(),
  });
}
