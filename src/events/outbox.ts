/**
 * The outbox: an event is inserted by the same transaction as the change it tells of, and its
 * payload is read from the stored row, so that the two can neither part nor differ. Delivering is
 * not done here.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { DialectProfile } from "../db/profile.ts";

/** An event as SQL: expressions, so that values may be parameters or come from a row. */
export interface EventSource {
  readonly id: RawBuilder<unknown>;
  readonly organizationId: RawBuilder<unknown>;
  /** `<addonKey>.<model>.<created|updated|deleted>`. */
  readonly name: RawBuilder<unknown>;
  readonly addonKey: RawBuilder<unknown>;
  readonly model: RawBuilder<unknown>;
  /** What change tokens are taken of, see `change_scope.ts`. */
  readonly tableName: RawBuilder<unknown>;
  readonly recordId: RawBuilder<unknown>;
  /** JSON text. */
  readonly payload: RawBuilder<unknown>;
  readonly actorId: RawBuilder<unknown>;
  readonly requestId: RawBuilder<unknown>;
  readonly createdAt: RawBuilder<unknown>;
}

/**
 * Composes the insert of one event.
 *
 * @param profile the engine.
 * @param event what is inserted.
 * @param from what stands behind `from`, where expressions read rows; no row, no event.
 * @returns a statement for the transaction of the change.
 */
export function insertEvent(
  profile: DialectProfile,
  event: EventSource,
  from?: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const columns: readonly (readonly [string, RawBuilder<unknown>])[] = [
    ["id", event.id],
    ["organization_id", event.organizationId],
    ["name", event.name],
    ["addon_key", event.addonKey],
    ["model", event.model],
    ["table_name", event.tableName],
    ["record_id", event.recordId],
    ["payload", event.payload],
    ["actor_id", event.actorId],
    ["request_id", event.requestId],
    ["created_at", event.createdAt],
  ];
  const names = sql.join(columns.map(([name]) => sql.ref(name)));
  const values = sql.join(columns.map(([, value]) => value));
  return sql`insert into ${profile.kernelTable("events")} (${names}) select ${values}${
    from === undefined ? sql`` : sql` from ${from}`
  }`;
}
