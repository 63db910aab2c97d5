/**
 * Creates a record: row and event in one round trip. The id is the kernel's own, never the client's.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import { JsonText } from "../base/json_text.ts";
import type { JsonObject } from "../base/json.ts";
import type { Statement } from "../db/database.ts";
import type { RequestClaim } from "../idempotency/idempotency.ts";
import { keepResult } from "../idempotency/keep_result.ts";
import { parseInput } from "../models/input.ts";
import { hookedInput } from "./hooked_input.ts";
import { type RecordContext, recordView, tableOf, templateOf } from "./context.ts";
import { refusedWrite } from "./conflict.ts";
import { organizationSlot } from "./query/render.ts";
import { ID_SLOT, readingTemplate, recordOf, storedTemplate } from "./read.ts";
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
 * @param claim a repeatable request that keeps the record.
 * @returns the record as stored.
 * @throws {KernelError} record.invalid_body, record.invalid, record.unknown_column,
 *   record.duplicate, record.reference, and what hooks refuse with
 */
export async function createRecord(
  context: RecordContext,
  input: unknown,
  claim?: RequestClaim,
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
  try {
    if (claim !== undefined) {
      const reading = storedTemplate(context, view).bind(values);
      return await createOnce(context, claim, [...statements, reading]);
    }
    if (!returning) statements.push(readingTemplate(context, view).bind(values));
    const results = await database.batch(context.caller.organizationId, statements);
    return recordOf(returning ? results[0] : results[2]);
  } catch (thrown) {
    throw refusedWrite(thrown);
  }
}

/** The last statement reads the record, which is kept before the transaction ends. */
async function createOnce(
  { ports, caller }: RecordContext,
  claim: RequestClaim,
  statements: readonly Statement[],
): Promise<JsonText<JsonObject>> {
  return await ports.database.transaction(caller.organizationId, async (tx) => {
    let record = new JsonText<JsonObject>("null");
    for (const statement of statements) {
      const { rows } = await tx.execute(statement);
      record = new JsonText<JsonObject>(String(rows[0]?.["json"]));
    }
    await keepResult(tx, claim, record.text);
    return record;
  });
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
