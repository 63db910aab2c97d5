/**
 * Creates a record: row and event in one round trip. The id is the kernel's own, never the client's.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { JsonText } from "../base/json_text.ts";
import type { JsonObject } from "../base/json.ts";
import { parseInput } from "../models/input.ts";
import { hookedInput } from "./hooked_input.ts";
import { type RecordContext, recordView, tableOf, templateOf } from "./context.ts";
import { refusedWrite } from "./conflict.ts";
import { organizationSlot } from "./query/render.ts";
import { ID_SLOT, readingTemplate, recordOf } from "./read.ts";
import {
  FIRST_WRITE_VALUE,
  inputValues,
  recordEvent,
  WRITE_SLOTS,
  writeValues,
} from "./record_event.ts";
import { type RecordView, rowJson } from "./record_json.ts";
import { slotValue } from "./template.ts";

/**
 * Creates a record.
 *
 * @param context the request; its permission has been checked.
 * @param input the parsed body.
 * @returns the record as stored.
 * @throws {KernelError} record.invalid_body, record.invalid, record.unknown_column,
 *   record.duplicate, record.reference, and what hooks refuse with
 */
export async function createRecord(
  context: RecordContext,
  input: unknown,
): Promise<JsonText<JsonObject>> {
  const { database, ids } = context.ports;
  const { shape } = context.live;
  const body = await hookedInput(context, { change: "create", input });
  const given = parseInput(shape.model, body, "create", context.ports.validators);
  const view = await recordView(context);
  const names = [...given.keys()];
  const returning = view.source === "row";
  const insert = templateOf(
    context,
    `insert ${view.key} ${names.join(",")}`,
    () => insertQuery(context, names, view),
  );
  const event = templateOf(
    context,
    "created",
    () =>
      recordEvent(context, {
        change: "created",
        changes: context.live.changes,
        stored: "after",
        lock: "none",
      }),
  );
  const values = [...writeValues(context, ids.next()), ...inputValues(given)];
  const statements = [insert.bind(values), event.bind(values)];
  if (!returning) statements.push(readingTemplate(context, view).bind(values));
  try {
    const results = await database.batch(context.caller.organizationId, statements);
    return recordOf(returning ? results[0] : results[2]);
  } catch (thrown) {
    throw refusedWrite(thrown);
  }
}

function insertQuery(
  context: RecordContext,
  names: readonly string[],
  view: RecordView,
): RawBuilder<unknown> {
  const { profile } = context.ports.database;
  const { columns: types } = context.live.shape;
  const now = slotValue(profile, WRITE_SLOTS.now, { kind: "timestamp" });
  const entries: [string, RawBuilder<unknown>][] = [
    ["id", slotValue(profile, ID_SLOT, { kind: "uuid" })],
    ["organization_id", organizationSlot(profile)],
    ["created_by_id", slotValue(profile, WRITE_SLOTS.actor, { kind: "uuid" })],
    ["created_at", now],
    ["updated_at", now],
  ];
  names.forEach((name, index) => {
    entries.push([name, slotValue(profile, FIRST_WRITE_VALUE + index, types.get(name)!.type)]);
  });
  const columns = sql.join(entries.map(([name]) => sql.ref(name)));
  const values = sql.join(entries.map(([, value]) => value));
  const insert = sql`insert into ${tableOf(context)} (${columns}) values (${values})`;
  if (view.source === "row and others") return insert;
  return sql`${insert} returning ${rowJson(profile, context.live.shape)}`;
}
