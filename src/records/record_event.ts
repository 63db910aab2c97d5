/**
 * The event of a write, as a statement of the same transaction: its payload is read from the stored
 * row (contract/metacore.md §8.3).
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import { JsonText } from "../base/json_text.ts";
import type { RecordInput } from "../models/input.ts";
import { type RecordChange, recordEventName } from "../events/event.ts";
import { insertEvent } from "../events/outbox.ts";
import { type RecordContext, tableOf } from "./context.ts";
import { organizationSlot } from "./query/render.ts";
import { ID_SLOT, oneRecord } from "./read.ts";
import { rowJson } from "./record_json.ts";
import { slotValue } from "./template.ts";

/** Slots that every write binds, behind the organization and the record's id. */
export const WRITE_SLOTS = { actor: 2, now: 3, event: 4, request: 5 } as const;
/** First slot of a write's own values. */
export const FIRST_WRITE_VALUE = 6;

/** What the event of a write tells. */
export interface RecordEventOptions {
  readonly change: RecordChange;
  /** What is counted as changed: one table, or whatever its foreign keys reach. */
  readonly changes: string;
  /** `before` as JSON, where it is not the stored row. */
  readonly before?: RawBuilder<unknown>;
  /** Which part of the payload the stored row is. */
  readonly stored: "before" | "after";
  /** Keeps the row as it is until the transaction ends. */
  readonly lock: "row" | "none";
}

/**
 * Binds what every write binds.
 *
 * @param context the request.
 * @param id id of the record.
 * @returns values by slot.
 */
export function writeValues(context: RecordContext, id: string): unknown[] {
  const { caller, ports } = context;
  return [
    caller.organizationId,
    id,
    caller.kind === "user" ? caller.userId : null,
    new Date(ports.clock.nowMs()).toISOString(),
    ports.ids.next(),
    caller.requestId,
  ];
}

/**
 * Puts the values of a body into their final form.
 *
 * @param input values by column.
 * @returns what is bound, in the same order.
 */
export function inputValues(input: RecordInput): unknown[] {
  const values: unknown[] = [];
  for (const value of input.values()) {
    values.push(value instanceof JsonText ? value.text : value);
  }
  return values;
}

/**
 * Composes the event of a write. Where the row is missing nothing is inserted.
 *
 * @param context the request.
 * @param options what happened.
 * @returns a statement over the slots of {@link writeValues}.
 */
export function recordEvent(
  context: RecordContext,
  options: RecordEventOptions,
): RawBuilder<unknown> {
  const { profile } = context.ports.database;
  const { model } = context.live.shape;
  const id = slotValue(profile, ID_SLOT, { kind: "uuid" });
  const payload: [string, RawBuilder<unknown>][] = [["id", id]];
  if (options.before !== undefined) payload.push(["before", options.before]);
  payload.push([options.stored, rowJson(profile, context.live.shape, "record")]);
  const text = (value: string): RawBuilder<unknown> => profile.value(value, { kind: "text" });
  const slotText = (index: number): RawBuilder<unknown> =>
    slotValue(profile, index, { kind: "text" });
  return insertEvent(
    profile,
    {
      id: slotValue(profile, WRITE_SLOTS.event, { kind: "uuid" }),
      organizationId: organizationSlot(profile),
      name: text(recordEventName(model.addonKey, model.key, options.change)),
      addonKey: text(model.addonKey),
      model: text(model.key),
      tableName: text(options.changes),
      recordId: slotText(ID_SLOT),
      payload: profile.jsonObject(payload),
      actorId: slotText(WRITE_SLOTS.actor),
      requestId: slotText(WRITE_SLOTS.request),
      createdAt: slotValue(profile, WRITE_SLOTS.now, { kind: "timestamp" }),
    },
    sql`${tableOf(context)} as record where ${oneRecord(context)}${
      options.lock === "row" ? sql` ${profile.lockRows}` : sql``
    }`,
  );
}
