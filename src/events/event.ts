/**
 * What an event is: something that happened to a record of an organization, past tense
 * (contract/metacore.md §8.3). Delivering events is not decided here.
 *
 * @module
 */

import type { Json } from "../base/json.ts";

/** What can happen to a record. */
export type RecordChange = "created" | "updated" | "deleted";

/** One entry of the event log. */
export interface EventRecord {
  /** Position in the log; rises within an organization. */
  readonly sequence: number;
  /** UUIDv7. */
  readonly id: string;
  /** The organization in which it happened; a UUID. */
  readonly organizationId: string;
  /** `<addonKey>.<model>.<created|updated|deleted>`. */
  readonly name: string;
  /** Addon that owns the model; `kernel` for models of the host and for addons themselves. */
  readonly addonKey: string;
  /** Key of the model; `addon` for the coming and going of addons. */
  readonly model: string;
  /** The record; null where the event is not about one. */
  readonly recordId: string | null;
  /** Of a record's event `{id, before?, after?}`. */
  readonly payload: Json;
  /** User who caused it; null for the system. */
  readonly actorId: string | null;
  /** The request that caused it, as in the log lines. */
  readonly requestId: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/**
 * Names the event of a change to a record (contract/metacore.md §8.3).
 *
 * @param addonKey addon that owns the model, or `kernel`.
 * @param model key of the model.
 * @param change what happened.
 * @returns such as `tickets.ticket.created`.
 */
export function recordEventName(addonKey: string, model: string, change: RecordChange): string {
  return `${addonKey}.${model}.${change}`;
}
