/**
 * Changes the columns that a body names, under a lock on the row, with an event that carries the row
 * before and after.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import { JsonText } from "../base/json_text.ts";
import type { JsonObject } from "../base/json.ts";
import { parseInput } from "../models/input.ts";
import { hookedInput } from "./hooked_input.ts";
import { type RecordContext, recordView, tableOf, templateOf } from "./context.ts";
import { refusedWrite } from "./conflict.ts";
import { recordNotFound } from "./errors.ts";
import { checkId, oneRecord, readRecord } from "./read.ts";
import {
  FIRST_WRITE_VALUE,
  inputValues,
  recordEvent,
  WRITE_SLOTS,
  writeValues,
} from "./record_event.ts";
import { recordJson, rowJson } from "./record_json.ts";
import { slotValue, type Template } from "./template.ts";

/** The statements of an update, in their order. */
interface UpdateTemplates {
  readonly before: Template;
  readonly update: Template;
  readonly event: Template;
  readonly after: Template;
}

/**
 * Changes a record. A body that names no column changes nothing and makes no event.
 *
 * @param context the request; its permission has been checked.
 * @param id id of the record.
 * @param input the parsed body.
 * @returns the record as stored.
 * @throws {KernelError} record.invalid_id, record.invalid_body, record.invalid,
 *   record.unknown_column, record.not_found, record.duplicate, record.reference, and what hooks
 *   refuse with
 */
export async function updateRecord(
  context: RecordContext,
  id: string,
  input: unknown,
): Promise<JsonText<JsonObject>> {
  checkId(id);
  const { model } = context.live.shape;
  const body = await hookedInput(context, { change: "update", recordId: id, input });
  const given = parseInput(model, body, "update", context.ports.validators);
  if (given.size === 0) return await readRecord(context, id);
  const names = [...given.keys()];
  const templates = await updateTemplates(context, names);
  const values = [...writeValues(context, id.toLowerCase()), ...inputValues(given)];
  try {
    return await context.ports.database.transaction(
      context.caller.organizationId,
      async (tx) => {
        const before = await tx.execute(templates.before.bind(values));
        const image = before.rows[0]?.["json"];
        if (image === undefined) throw recordNotFound();
        await tx.execute(templates.update.bind(values));
        await tx.execute(templates.event.bind([...values, image]));
        const after = await tx.execute(templates.after.bind(values));
        return new JsonText<JsonObject>(String(after.rows[0]?.["json"]));
      },
    );
  } catch (thrown) {
    throw refusedWrite(thrown);
  }
}

async function updateTemplates(
  context: RecordContext,
  names: readonly string[],
): Promise<UpdateTemplates> {
  const { profile } = context.ports.database;
  const { shape } = context.live;
  const view = await recordView(context);
  const select = (json: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql`select cast(${json} as text) as json from ${tableOf(context)} as record where ${
      oneRecord(context)
    }`;
  const before = templateOf(
    context,
    "before",
    () => sql`${select(rowJson(profile, shape, "record"))} ${profile.lockRows}`,
  );
  const after = templateOf(
    context,
    `after ${view.key}`,
    () => select(recordJson(view.json, "record")),
  );
  const update = templateOf(
    context,
    `update ${names.join(",")}`,
    () => updateQuery(context, names),
  );
  const image = FIRST_WRITE_VALUE + names.length;
  const event = templateOf(
    context,
    `updated ${image}`,
    () =>
      recordEvent(context, {
        change: "updated",
        changes: context.live.changes,
        before: profile.jsonValue(slotValue(profile, image, { kind: "json" }), { kind: "json" }),
        stored: "after",
        lock: "none",
      }),
  );
  return { before, update, event, after };
}

function updateQuery(
  context: RecordContext,
  names: readonly string[],
): RawBuilder<unknown> {
  const { profile } = context.ports.database;
  const { columns } = context.live.shape;
  const assignments = names.map((name, index) =>
    sql`${sql.ref(name)} = ${
      slotValue(profile, FIRST_WRITE_VALUE + index, columns.get(name)!.type)
    }`
  );
  assignments.push(
    sql`${sql.ref("updated_at")} = ${slotValue(profile, WRITE_SLOTS.now, { kind: "timestamp" })}`,
  );
  return sql`update ${tableOf(context)} as record set ${sql.join(assignments)} where ${
    oneRecord(context)
  }`;
}
