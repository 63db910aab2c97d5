/**
 * Removes a record, softly where the model says so, in one round trip: the event is inserted from
 * the row it locks, then the row goes. No row, no event.
 *
 * @module
 */

import { sql } from "kysely";
import { hookedInput } from "./hooked_input.ts";
import { type RecordContext, tableOf, templateOf } from "./context.ts";
import { refusedRemoval } from "./conflict.ts";
import { recordNotFound } from "./errors.ts";
import { checkId, oneRecord } from "./read.ts";
import { recordEvent, WRITE_SLOTS, writeValues } from "./record_event.ts";
import { slotValue, type Template } from "./template.ts";

/**
 * Removes a record.
 *
 * @param context the request; its permission has been checked.
 * @param id id of the record.
 * @throws {KernelError} record.invalid_id; record.not_found — also for what was removed before or
 *   belongs to others; record.reference — when other records point at it; and what hooks refuse with.
 */
export async function removeRecord(context: RecordContext, id: string): Promise<void> {
  checkId(id);
  await hookedInput(context, { change: "delete", recordId: id });
  const { live, ports, caller } = context;
  const softly = live.shape.model.softDelete;
  const event = templateOf(
    context,
    "deleted",
    () =>
      recordEvent(context, {
        change: "deleted",
        // A row that goes for good takes others along where foreign keys say so.
        changes: softly ? live.changes : live.wideChanges,
        stored: "before",
        lock: "row",
      }),
  );
  const removal = softly ? softRemoval(context) : hardRemoval(context);
  const values = writeValues(context, id.toLowerCase());
  try {
    const [told] = await ports.database.batch(caller.organizationId, [
      event.bind(values),
      removal.bind(values),
    ]);
    if (told?.changes !== 1) throw recordNotFound();
  } catch (thrown) {
    throw refusedRemoval(thrown);
  }
}

function hardRemoval(context: RecordContext): Template {
  return templateOf(
    context,
    "delete",
    () => sql`delete from ${tableOf(context)} as record where ${oneRecord(context)}`,
  );
}

function softRemoval(context: RecordContext): Template {
  const now = slotValue(context.ports.database.profile, WRITE_SLOTS.now, { kind: "timestamp" });
  return templateOf(
    context,
    "mark deleted",
    () =>
      sql`update ${tableOf(context)} as record set ${sql.ref("deleted_at")} = ${now}, ${
        sql.ref("updated_at")
      } = ${now} where ${oneRecord(context)}`,
  );
}
