/**
 * Reads one record.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import { isUuid } from "../base/ids.ts";
import { JsonText } from "../base/json_text.ts";
import type { JsonObject } from "../base/json.ts";
import type { TextResult } from "../db/database.ts";
import { type RecordContext, recordView, tableOf, templateOf } from "./context.ts";
import { invalidId, recordNotFound } from "./errors.ts";
import { organizationSlot } from "./query/render.ts";
import { notRemoved, recordJson, type RecordView } from "./record_json.ts";
import { slotValue, type Template } from "./template.ts";

/** Slot of the record's id in every statement on one record. */
export const ID_SLOT = 1;

/**
 * Reads one record.
 *
 * @param context the request; its permission has been checked.
 * @param id id of the record.
 * @returns the record's JSON.
 * @throws {KernelError} record.invalid_id, record.not_found
 */
export async function readRecord(
  context: RecordContext,
  id: string,
): Promise<JsonText<JsonObject>> {
  checkId(id);
  const template = readingTemplate(context, await recordView(context));
  const { organizationId } = context.caller;
  const [result] = await context.ports.database.batch(organizationId, [
    template.bind([organizationId, id.toLowerCase()]),
  ]);
  return recordOf(result);
}

/**
 * Finds the statement that reads one record.
 *
 * @param context the request.
 * @param view what the caller sees.
 * @returns a template over the organization and {@link ID_SLOT}.
 */
export function readingTemplate(context: RecordContext, view: RecordView): Template {
  return templateOf(
    context,
    `get ${view.key}`,
    () =>
      sql`select ${recordJson(view.json, "record")} from ${tableOf(context)} as record where ${
        oneRecord(context)
      }`,
  );
}

/**
 * Finds the statement that reads one record inside a transaction.
 *
 * @param context the request.
 * @param view what the caller sees.
 * @returns a template over the organization and {@link ID_SLOT} that gives `json`, as text.
 */
export function storedTemplate(context: RecordContext, view: RecordView): Template {
  return templateOf(
    context,
    `after ${view.key}`,
    () =>
      sql`select cast(${recordJson(view.json, "record")} as text) as json from ${
        tableOf(context)
      } as record where ${oneRecord(context)}`,
  );
}

/**
 * Takes the record from what a statement gave.
 *
 * @param result one row of one value, or none.
 * @returns the record's JSON.
 * @throws {KernelError} record.not_found — when there is no row.
 */
export function recordOf(result: TextResult | undefined): JsonText<JsonObject> {
  const json = result?.rows[0]?.[0];
  if (json === undefined || json === null) throw recordNotFound();
  return new JsonText<JsonObject>(json);
}

/**
 * Refuses what is no id.
 *
 * @param id as given.
 * @throws {KernelError} record.invalid_id
 */
export function checkId(id: string): void {
  if (!isUuid(id)) throw invalidId();
}

/**
 * The condition that a row is the one that is meant: the tenant's, of that id, not removed.
 *
 * @param context the request.
 * @returns a condition over `record`, with the organization and {@link ID_SLOT} bound.
 */
export function oneRecord(context: RecordContext): RawBuilder<unknown> {
  const { profile } = context.ports.database;
  const parts = [
    context.ports.scope("record", organizationSlot(profile)),
    sql`${sql.ref("record.id")} = ${slotValue(profile, ID_SLOT, { kind: "uuid" })}`,
  ];
  const present = notRemoved(context.live.shape, "record");
  if (present !== undefined) parts.push(present);
  return sql.join(parts, sql` and `);
}
